// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stackid.bpf.c - the kernel's own walk by frame pointers, which the walker is measured against:
 * one bpf_get_stackid() for each tick, and nothing else.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_STACK_TRACE);
	__uint(max_entries, 1024);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, 127 * sizeof(__u64));
} stacks SEC(".maps");

SEC("perf_event")
int stackid_tick(void *ctx)
{
	bpf_get_stackid(ctx, &stacks, BPF_F_USER_STACK | BPF_F_REUSE_STACKID);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
