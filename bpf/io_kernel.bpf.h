/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_kernel.bpf.h - what a request or a bio is asked for, and of which device, on the kernels that
 * profd knows; for the block I/O collector (blockio.bpf.c).
 */
#ifndef PROFD_IO_KERNEL_BPF_H
#define PROFD_IO_KERNEL_BPF_H

#include "kernel.h"
#include "wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

static __always_inline enum wire_io_op io_op(__u32 cmd_flags)
{
	switch (cmd_flags & KERNEL_REQ_OP_MASK) {
	case KERNEL_REQ_OP_READ:
		return WIRE_IO_OP_READ;
	case KERNEL_REQ_OP_WRITE:
	case KERNEL_REQ_OP_ZONE_APPEND:
		return WIRE_IO_OP_WRITE;
	case KERNEL_REQ_OP_FLUSH:
		return WIRE_IO_OP_FLUSH;
	case KERNEL_REQ_OP_DISCARD:
	case KERNEL_REQ_OP_SECURE_ERASE:
		return WIRE_IO_OP_DISCARD;
	case KERNEL_REQ_OP_WRITE_ZEROES:
		return WIRE_IO_OP_WRITE_ZEROES;
	default:
		return (cmd_flags & KERNEL_REQ_OP_MASK) < KERNEL_REQ_OP_DRV_IN ? WIRE_IO_OP_OTHER
									       : WIRE_IO_OP_NONE;
	}
}

static __always_inline __u8 io_flags(__u32 cmd_flags)
{
	return (cmd_flags & KERNEL_REQ_SYNC ? WIRE_IO_SYNC : 0) |
	       (cmd_flags & KERNEL_REQ_META ? WIRE_IO_META : 0) |
	       (cmd_flags & KERNEL_REQ_RAHEAD ? WIRE_IO_READAHEAD : 0) |
	       (cmd_flags & KERNEL_REQ_FUA ? WIRE_IO_FUA : 0);
}

static __always_inline struct gendisk *io_disk_of_request(const struct request *rq)
{
	const struct request___before_5_17 *before = (const void *)rq;

	if (bpf_core_field_exists(before->rq_disk))
		return before->rq_disk;
	return rq->q->disk;
}

static __always_inline struct gendisk *io_disk_of_bio(const struct bio *bio)
{
	const struct bio___before_5_12 *before = (const void *)bio;

	if (bpf_core_field_exists(before->bi_disk))
		return before->bi_disk;
	return bio->bi_bdev->bd_disk;
}

static __always_inline void io_device(const struct gendisk *disk, struct wire_io_device *ret)
{
	ret->major = disk->major;
	ret->minor = disk->first_minor;
	ret->diskseq = bpf_core_field_exists(disk->diskseq) ? disk->diskseq : 0;
}

/* It has no requests: its driver takes bios, as those of dm, md, zram and pmem do. */
static __always_inline bool io_is_bio_based(const struct gendisk *disk)
{
	return disk->fops->submit_bio != NULL;
}

/* Whom the kernel charges: the id of a cgroup of version 2 below its root, or 0. */
static __always_inline __u64 io_charged_cgroup(const struct bio *bio,
					       const struct task_struct *task)
{
	const struct cgroup *charged;

	if (!bpf_core_field_exists(bio->bi_blkg))
		return 0;
	charged = bio->bi_blkg->blkcg->css.cgroup;
	if (!charged || !charged->level || charged->root != task->cgroups->dfl_cgrp->root)
		return 0;
	return charged->kn->id;
}

/* Later less earlier; none when they are of clocks that differ. */
static __always_inline __u64 io_between(__u64 from_ns, __u64 until_ns)
{
	return until_ns > from_ns ? until_ns - from_ns : 0;
}

#endif
