/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * switch_records.h - the programs behind waiting time and the ledger without profd: loaded by the
 * daemon's own code, their records added up by thread.
 *
 * A failure fails the cmocka test at once.
 */
#ifndef TEST_SWITCH_RECORDS_H
#define TEST_SWITCH_RECORDS_H

#include "capture/offcpu_programs.h"
#include "wire.h"

#define SWITCH_RECORDS_THREADS 4096

struct switch_thread {
	uint32_t tid;
	/* Of the ledger's records, those of passes and the last one. */
	struct wire_ledger sum;
	uint32_t n_ledger, ledger_flags;
	uint64_t ledger_mono_ns; /* of the last one */
	uint64_t last_elapsed_ns;
	uint64_t first_mono_ns, until_mono_ns; /* all that they are about */
	uint64_t open_charge_ns, open_since_mono_ns;
	/* Of the ends of waits. */
	uint32_t n_ends, n_exact, n_drawn, n_void, n_gate, n_unpaired;
	/* Those after a record of the ledger, by time and by what they say of it. */
	uint32_t n_after, n_says_after;
	uint64_t longest_ns, longest_charged_ns, longest_begin_mono_ns;
	double off_ns, variance; /* weighted, and its variance */
	/* Of the begins: the last ones, and those with a user stack. */
	uint64_t begins[64];
	uint32_t n_begins, n_user_stacks;
	/* Of who woke it. */
	uint32_t n_wakers, n_interrupts, n_known; /* known: of a begin */
	uint32_t waker_tid;
	uint64_t waker_leaf; /* of its kernel stack */
};

struct switch_records;

struct switch_records *switch_records_new(const struct offcpu_options *options);
void switch_records_free(struct switch_records *records);

/* Takes out what is in the ring, waiting for at most `timeout_ms` for more. */
void switch_records_poll(struct switch_records *records, int timeout_ms);
/* One pass of the ledger over all threads. */
void switch_records_pass(struct switch_records *records);
/* One pass for user stacks of waits that go on. */
void switch_records_stacks(struct switch_records *records);
/* Sets the gates by what the CPUs switched since the last time. */
void switch_records_watch(struct switch_records *records, uint64_t now_mono_ns);
/* What found no room, or cannot happen. Switches of threads without storage are not in it: a kernel
 * may keep some from iterators, and a thread that is followed has no ledger then. */
uint64_t switch_records_drops(const struct switch_records *records);

/* The process whose threads are kept; others' records are only looked at. */
void switch_records_follow(struct switch_records *records, uint32_t pid);
/* NULL when there is none. */
struct switch_thread *switch_records_find(struct switch_records *records, uint32_t tid);

uint32_t switch_records_n(const struct switch_records *records);
/* The waits of all threads but the process's first one and another one, added up. Returns how many
 * threads that are. */
uint32_t switch_records_rest(const struct switch_records *records, uint32_t but_tid,
			     struct switch_thread *ret);
/* How many threads have records of the ledger that are not each about the time since the one
 * before: about some time twice, or about some not at all. */
uint32_t switch_records_overlaps(const struct switch_records *records);

/* Whether a begin of that time was told of, among the last ones. */
bool switch_thread_has_begin(const struct switch_thread *thread, uint64_t mono_ns);

#endif
