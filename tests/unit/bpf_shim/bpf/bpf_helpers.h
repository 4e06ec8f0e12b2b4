/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_helpers.h - stands for libbpf's header of that name when the walker is compiled for user
 * space: definitions of maps are types and nothing more, and the helpers are functions of
 * walked_memory.c.
 */
#ifndef TEST_BPF_HELPERS_H
#define TEST_BPF_HELPERS_H

#include <linux/types.h>
#include <sys/cdefs.h>

#define SEC(name)
#define __uint(name, value)  int(*name)[value]
#define __type(name, value)  __typeof__(value) *name
#define __array(name, value) __typeof__(value) *name[]

/* An attribute that only the BPF compiler knows. */
#define preserve_access_index

struct task_struct;

void *bpf_map_lookup_elem(const void *map, const void *key);
long bpf_probe_read_user(void *to, __u32 n, const void *from);
long bpf_copy_from_user_task(void *to, __u32 n, const void *from, struct task_struct *task,
			     __u64 flags);

/* Like the kernel's: `step` is called until it returns something else than 0, `n` times at most.
 * Returns how often. */
#define bpf_loop(n, step, ctx, flags)                                                              \
	({                                                                                         \
		__u32 bpf_loop_n = (n), bpf_loop_i = 0;                                            \
                                                                                                   \
		(void)(flags);                                                                     \
		while (bpf_loop_i < bpf_loop_n && !step(bpf_loop_i++, (ctx)))                      \
			;                                                                          \
		(long)bpf_loop_i;                                                                  \
	})

#endif
