/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.h - the few kernel structures that profd reads, by CO-RE: only the fields in use, in any
 * order; libbpf moves the accesses to where the running kernel has them. Replaces a vmlinux.h.
 */
#ifndef PROFD_KERNEL_H
#define PROFD_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

/* include/linux/sched.h; the same values since 2.6, 4.13 and 3.10 */
#define KERNEL_PF_KTHREAD	0x00200000
#define KERNEL_PF_MEMALLOC_NOIO 0x00080000
#define KERNEL_PF_WQ_WORKER	0x00000020

/* include/linux/percpu_counter.h; the sum of all CPUs as far as it was folded in. */
struct percpu_counter {
	__s64 count;
} __attribute__((preserve_access_index));

/* include/linux/mm_types_task.h: what the sizes of a process are counted in, pages. */
enum kernel_rss {
	KERNEL_FILEPAGES = 0,
	KERNEL_ANONPAGES = 1,
	KERNEL_SHMEMPAGES = 3,
	KERNEL_RSS = 4
};

/* include/linux/mm_types.h */
struct mm_struct {
	unsigned long start_code, end_code;
	unsigned long hiwater_rss; /* pages; set late, so that what is resident now may be above */
	struct percpu_counter rss_stat[KERNEL_RSS];
} __attribute__((preserve_access_index));

/* Before 6.2. */
struct mm_rss_stat___before_6_2 {
	struct {
		__s64 counter;
	} count[KERNEL_RSS];
} __attribute__((preserve_access_index));

struct mm_struct___before_6_2 {
	struct mm_rss_stat___before_6_2 rss_stat;
} __attribute__((preserve_access_index));

/* include/linux/kernfs.h, cgroup-defs.h */
struct kernfs_node {
	__u64 id; /* since 5.5 */
} __attribute__((preserve_access_index));

struct cgroup_root;

struct cgroup {
	struct kernfs_node *kn;
	int level; /* 0: the root of its hierarchy */
	struct cgroup_root *root;
} __attribute__((preserve_access_index));

struct cgroup_subsys_state {
	struct cgroup *cgroup;
} __attribute__((preserve_access_index));

struct css_set {
	struct cgroup *dfl_cgrp; /* of cgroup v2 */
} __attribute__((preserve_access_index));

/* kernel/sched/sched.h */
struct rq {
	__u64 clock;	  /* as of the last update, which every switch on the CPU begins with */
	__u64 clock_task; /* less interrupts and steal */
	int cpu;
} __attribute__((preserve_access_index));

struct cfs_rq {
	struct rq *rq; /* with CONFIG_FAIR_GROUP_SCHED */
} __attribute__((preserve_access_index));

/* include/linux/sched.h. All times are those of a run queue's clock. */
struct sched_info {
	unsigned long pcount; /* how often it arrived on a CPU; counted behind the tracepoint */
	unsigned long long run_delay; /* waits for a CPU, those that ended */
	unsigned long long last_arrival;
	unsigned long long last_queued; /* 0: it is not queued, or runs */
} __attribute__((preserve_access_index));

struct sched_entity {
	__u64 exec_start; /* by clock_task: sum_exec_runtime is counted up to here */
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* of the thread's CPU, also when it is of another class */
} __attribute__((preserve_access_index));

/* include/linux/sched/signal.h */
struct signal_struct {
	unsigned long maxrss; /* pages; the peak, once the last thread ends */
} __attribute__((preserve_access_index));

struct task_io_accounting {
	__u64 read_bytes, write_bytes; /* of block devices */
} __attribute__((preserve_access_index));

/* include/linux/sched.h */
struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	unsigned int __state; /* since 5.14 */
	int on_cpu;
	int on_rq; /* 0: not in a run queue */
	int exit_state;
	unsigned in_iowait : 1;
	struct task_struct *group_leader, *real_parent;
	struct mm_struct *mm; /* NULL in a kernel thread; a load through it then gives 0 */
	struct css_set *cgroups;
	struct signal_struct *signal;
	struct sched_entity se;
	struct sched_info sched_info;
	struct task_io_accounting ioac; /* with CONFIG_TASK_IO_ACCOUNTING */
	__u64 utime, stime;
	unsigned long nvcsw, nivcsw;
	unsigned long min_flt, maj_flt;
	__u64 start_boottime; /* since 5.5, before it real_start_time */
	__u32 self_exec_id;   /* fs/exec.c, begin_new_exec() counts it up */
	char comm[16];
} __attribute__((preserve_access_index));

struct task_struct___before_5_14 {
	long state;
} __attribute__((preserve_access_index));

/* The same values since 2.6 or, TASK_NOLOAD and TASK_PARKED, 4.14; frozen: 6.1. */
#define KERNEL_TASK_INTERRUPTIBLE   0x0001
#define KERNEL_TASK_UNINTERRUPTIBLE 0x0002
#define KERNEL_TASK_HALTED	    0x800c /* stopped, traced or frozen */
#define KERNEL_TASK_PARKED	    0x0040 /* a kernel thread, of a CPU that is off */
#define KERNEL_TASK_DEAD	    0x0080
#define KERNEL_TASK_NOLOAD	    0x0400

/* include/linux/blkdev.h. A whole device; partitions have it in common. */
struct block_device_operations {
	void *submit_bio; /* of devices without requests; since 5.9 */
} __attribute__((preserve_access_index));

struct gendisk {
	int major, first_minor;
	char disk_name[32];
	const struct block_device_operations *fops;
	__u64 diskseq; /* since 5.15 */
} __attribute__((preserve_access_index));

struct block_device {
	struct gendisk *bd_disk;
} __attribute__((preserve_access_index));

struct request_queue {
	struct gendisk *disk; /* since 5.15 */
} __attribute__((preserve_access_index));

/* block/blk-cgroup.h; with CONFIG_BLK_CGROUP */
struct blkcg {
	struct cgroup_subsys_state css;
} __attribute__((preserve_access_index));

struct blkcg_gq {
	struct blkcg *blkcg;
} __attribute__((preserve_access_index));

/* include/linux/bvec.h, blk_types.h, blk-mq.h */
struct bvec_iter {
	unsigned int bi_size;
} __attribute__((preserve_access_index));

struct bio {
	struct bio *bi_next; /* of the request */
	struct block_device *bi_bdev;
	unsigned int bi_opf;
	__u8 bi_status;
	struct bvec_iter bi_iter;
	struct blkcg_gq *bi_blkg;
} __attribute__((preserve_access_index));

struct bio___before_5_12 {
	struct gendisk *bi_disk;
} __attribute__((preserve_access_index));

struct request {
	struct request_queue *q;
	unsigned int cmd_flags, rq_flags;
	unsigned int __data_len; /* what is left of it */
	struct bio *bio;
	__u64 start_time_ns, io_start_time_ns; /* CLOCK_MONOTONIC; 0 = not taken */
} __attribute__((preserve_access_index));

struct request___before_5_17 {
	struct gendisk *rq_disk;
} __attribute__((preserve_access_index));

/* include/linux/blk_types.h: the operation is in the low byte, the others are flags. The same
 * values since 4.10. */
#define KERNEL_REQ_OP_MASK	   0xff
#define KERNEL_REQ_OP_READ	   0
#define KERNEL_REQ_OP_WRITE	   1
#define KERNEL_REQ_OP_FLUSH	   2
#define KERNEL_REQ_OP_DISCARD	   3
#define KERNEL_REQ_OP_SECURE_ERASE 5
#define KERNEL_REQ_OP_ZONE_APPEND  7
#define KERNEL_REQ_OP_WRITE_ZEROES 9
#define KERNEL_REQ_OP_DRV_IN	   34 /* from here on it is the driver's own */
#define KERNEL_REQ_SYNC		   (1u << 11)
#define KERNEL_REQ_META		   (1u << 12)
#define KERNEL_REQ_FUA		   (1u << 17)
#define KERNEL_REQ_RAHEAD	   (1u << 19)

/* include/linux/seq_file.h, include/linux/bpf.h: the context of an iterator over tasks */
struct seq_file {
	unsigned long size, count; /* bytes of its buffer, and those in use */
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task; /* NULL behind the last */
} __attribute__((preserve_access_index));

/* arch/x86/include/asm/ptrace.h; cs is 16 bits in newer kernels, and libbpf then moves the load. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	unsigned long ip, cs, flags, sp, ss;
} __attribute__((preserve_access_index));

/*
 * Programs of type perf_event are given this context (include/uapi/linux/bpf_perf_event.h); its
 * registers are written out here because the verifier takes only 8-byte loads from it, and newer
 * kernels declare `cs` as 16 bits.
 */
struct perf_context {
	struct {
		__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
		__u64 ip, cs, flags, sp, ss;
	} regs;
	__u64 sample_period;
	__u64 addr;
};

#endif
