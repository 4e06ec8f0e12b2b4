/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * switch_sum.h - what switch_sum.bpf.c and switch_sum.c share.
 */
#ifndef TEST_SWITCH_SUM_H
#define TEST_SWITCH_SUM_H

#include <linux/types.h>

#define SWITCH_SUM_THREADS 64
#define SWITCH_SUM_SLOT_NS 1000000

/* By the bits of the state (include/linux/sched.h). */
enum switch_class {
	SWITCH_NONE, /* it runs, or nothing is known yet */
	SWITCH_RUNQ,
	SWITCH_SLEEP,
	SWITCH_DISK, /* uninterruptible, whatever for */
	SWITCH_STOPPED,
	SWITCH_CLASSES
};

/*
 * Waits of one class that began less those that ended within a slot, and the sums of these times,
 * since the beginning. The time in that class up to the end t of a slot is the sum over all slots
 * until then of n * t - at_ns: no wait has to be cut where slots meet.
 */
struct switch_moments {
	__s64 n;
	__s64 at_ns;
};

struct switch_slot {
	struct switch_moments classes[SWITCH_CLASSES];
};

/* CLOCK_MONOTONIC less a run queue's clock, which is older by the way from its last update to the
 * tracepoint, or by milliseconds where a switch skips the update (kernel/sched/core.c,
 * update_rq_clock()): the least of a while and of some is the best. Of all CPUs, as all read the
 * same scheduler's clock: two offsets would differ by a microsecond, for each of a thousand waits.
 */
struct switch_offset {
	__u64 ns, least_ns, period_end_ns, n;
};

/* Short waits by their length: those of [2^i, 2^(i+1)) times 2^16 ns, the first from 0 on; long
 * ones, which are never drawn, are in none. */
#define SWITCH_SUM_LENGTHS 7

/* What the draws of short waits can tell: how many are drawn of so many, on average, and the
 * variance of the sum of those drawn, each with its weight. */
struct switch_draws {
	__u64 n;
	__u64 expected; /* in 1/1024 */
	__u64 variance_us2;
};

struct switch_thread {
	__u32 index;
	__u32 class;	     /* enum switch_class */
	__u64 birth_mono_ns; /* 0: it was there before */
	__u64 end_mono_ns;   /* its last switch; 0: not yet */
	__u64 out_ns;	     /* begin of the wait that may be drawn, by its CPU's clock; 0: none */
	__u32 weight_log2;   /* of it */
	__u32 n_mended;	     /* wake-ups of it and switches to it that no program was told of */
	__u64 run_delay_ns;  /* sched_info.run_delay at the begin of the wait */
	struct switch_draws draws[SWITCH_SUM_LENGTHS];
};

#endif
