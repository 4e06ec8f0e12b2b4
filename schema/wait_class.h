/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_class.h - what is known of the waits in a row besides their sum: how long they were (a
 * log-linear bin, two per octave), whether they were all seen or stand for others, and in which
 * state the thread was. Packed into profile_row.bin, so that waits that differ in it are different
 * rows. The layout is stored; never change it.
 */
#ifndef PROFD_WAIT_CLASS_H
#define PROFD_WAIT_CLASS_H

#include <stdbool.h>
#include <stdint.h>

/* Bins count from 1: bin 1 + 2k is [2^k, 1.5 * 2^k) ns, bin 2 + 2k is [1.5 * 2^k, 2^(k+1)) ns; 0 ns
 * is in bin 1. */
#define LATENCY_BIN_NONE 0
#define LATENCY_BIN_MAX	 128
#define LATENCY_BIN_OPEN 255 /* charged at a bucket's end, the wait goes on: count 0 */

uint32_t latency_bin_of(uint64_t ns);
/* The least value above the bin, 0 for no bin; UINT64_MAX for the last. */
uint64_t latency_bin_until_ns(uint32_t bin);
uint64_t latency_bin_from_ns(uint32_t bin);

/* Stored; never renumber. The same numbers as enum wire_wait_state. */
enum wait_state {
	WAIT_STATE_NONE = 0,	/* preempted: it waits for a CPU only */
	WAIT_STATE_SLEEP = 1,	/* interruptible */
	WAIT_STATE_DISK = 2,	/* uninterruptible, in_iowait */
	WAIT_STATE_BLOCKED = 3, /* uninterruptible for something else */
	WAIT_STATE_STOPPED = 4, /* by a signal or a tracer */
	WAIT_STATE_IDLE = 5,	/* a kernel thread with nothing to do: not stored */
	WAIT_STATE_MAX
};

struct wait_class {
	uint32_t bin; /* of the whole wait */
	enum wait_state state;
	bool exact;	  /* all such waits were seen: values and counts are no estimates */
	bool gate;	  /* seen while switches were too many for more than a coin each */
	bool kernel_only; /* the user stack was not taken */
	/* Each sample stands for 2^weight_log2 waits, in count and value; 0 when exact, at most 15.
	 */
	uint32_t weight_log2;
};

uint32_t wait_class_pack(const struct wait_class *class);
/* Returns 0, or -EBADMSG for what no wait_class_pack() returned. */
int wait_class_unpack(uint32_t packed, struct wait_class *ret);

#endif
