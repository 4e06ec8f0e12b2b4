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

#endif
