// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * empty_switch.bpf.c - nothing, at every switch: what a program at this hook costs in any case.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("tp_btf/sched_switch")
int empty_switch(void *ctx)
{
	(void)ctx;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
