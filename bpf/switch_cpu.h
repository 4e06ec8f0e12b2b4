/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * switch_cpu.h - what the off-CPU collector knows of each CPU: the array `switch_cpus`, which the
 * daemon maps (daemon/capture/offcpu_programs.c).
 *
 * Only the CPU itself writes to its entry, but for the mode, which is the daemon's.
 */
#ifndef PROFD_SWITCH_CPU_H
#define PROFD_SWITCH_CPU_H

#include <linux/types.h>

/* Gate mode draws one in 2^k of the switches, k at least 1; a weight has no more than 10. */
#define SWITCH_GATE_MAX 10

struct switch_cpu {
	__u32 gate_log2;     /* written by the daemon: k of gate mode, 0 outside of it */
	__u32 random;	     /* state of the generator; 0 before the first window */
	__u64 window_end_ns; /* by the run queue's clock */
	__u64 n_switches;    /* ever; read by the daemon */
	__u32 multiplier;    /* DRAW_ONE = 1.0: what makes a draw more or less likely */
	__u32 captures;	     /* of this window: threads drawn */
	__u32 halve_at;	     /* captures at which the multiplier is halved */
	__u32 is_halved;
	__u32 begins_left;  /* of this window, for waits that are expected to be long */
	__u32 stacks_left;  /* of this window, for long waits that were not drawn */
	__u32 records_left; /* of this window, likewise */
} __attribute__((aligned(128)));

_Static_assert(sizeof(struct switch_cpu) == 128, "two lines of cache, because they come in pairs");

#endif
