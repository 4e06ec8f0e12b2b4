/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_sums.bpf.h - the exact half of the block I/O collector (blockio.bpf.c): what each device did
 * of each operation since the start, counts and histograms, per CPU.
 *
 * What is added is added atomically: an interrupt may end a request between two instructions of a
 * program that ends another one on the same CPU. An entry stays until the daemon removes it, which
 * it does when the device is gone.
 */
#ifndef PROFD_IO_SUMS_BPF_H
#define PROFD_IO_SUMS_BPF_H

#include "emit.bpf.h"
#include "io_kernel.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 512); /* set before loading */
	__type(key, struct wire_io_key);
	__type(value, struct wire_io_sums);
} io_sums SEC(".maps");

/* What an entry begins as: it is too large for a program's stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_io_sums);
} io_no_sums SEC(".maps");

static __attribute__((noinline)) struct wire_io_sums *io_sums_add(const struct wire_io_key *key)
{
	__u32 zero = 0;
	struct wire_io_sums *sums = bpf_map_lookup_elem(&io_no_sums, &zero);

	/* Another CPU may be first; then its entry is found. */
	if (sums)
		bpf_map_update_elem(&io_sums, key, sums, BPF_NOEXIST);
	sums = bpf_map_lookup_elem(&io_sums, key);
	if (!sums) {
		count_drop(WIRE_DROP_IO_SUMS, 0);
		return NULL;
	}
	return sums;
}

/* This CPU's entry, made when it is new; NULL when there is no room, which is counted. */
static __always_inline struct wire_io_sums *io_sums_of(const struct gendisk *disk, __u32 cmd_flags)
{
	struct wire_io_key key = {.op = io_op(cmd_flags), .flags = io_flags(cmd_flags)};
	struct wire_io_sums *sums;

	io_device(disk, &key.device);
	sums = bpf_map_lookup_elem(&io_sums, &key);
	if (!sums)
		sums = io_sums_add(&key);
	if (sums && !sums->name[0])
		bpf_probe_read_kernel_str(sums->name, sizeof(sums->name), disk->disk_name);
	return sums;
}

static __always_inline __u32 io_bin(__u64 ns)
{
	__u32 octave = 0, bin;
	__u64 rest = ns;

	if (rest >> 32) {
		rest >>= 32;
		octave += 32;
	}
	if (rest >> 16) {
		rest >>= 16;
		octave += 16;
	}
	if (rest >> 8) {
		rest >>= 8;
		octave += 8;
	}
	if (rest >> 4) {
		rest >>= 4;
		octave += 4;
	}
	if (rest >> 2) {
		rest >>= 2;
		octave += 2;
	}
	octave += rest >> 1;
	bin = 1 + 2 * octave + (octave ? ns >> (octave - 1) & 1 : 0);
	if (bin <= WIRE_IO_BIN_FIRST)
		return 0;
	bin -= WIRE_IO_BIN_FIRST;
	return bin < WIRE_IO_BINS ? bin : WIRE_IO_BINS - 1;
}

static __always_inline void io_time_add(struct wire_io_time *time, __u64 ns)
{
	__sync_fetch_and_add(&time->known, 1);
	__sync_fetch_and_add(&time->sum_ns, ns);
	__sync_fetch_and_add(&time->bins[io_bin(ns) & (WIRE_IO_BINS - 1)], 1);
}

#endif
