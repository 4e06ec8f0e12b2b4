/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_totals.h - what processes, threads, units or the machine did in a window, by the ledger,
 * over any number of partitions.
 */
#ifndef PROFD_LEDGER_TOTALS_H
#define PROFD_LEDGER_TOTALS_H

#include "series_totals.h"

/* Names and numbers are those of struct series_totals_row, where of several names of one thread it
 * has those that it had for longest at a stretch. */
struct ledger_totals_row {
	uint32_t pid, tid;
	uint64_t start_boot_ns;
	const char *comm, *exe, *unit, *container;
	uint64_t n_threads; /* that were there at any time of the window */
	/*
	 * Sums over the group's threads. Of these are no sums over buckets: rss_bytes, which is
	 * that of the group's processes at the end of the last bucket that has any; peak_rss_bytes,
	 * the most that they had together at the end of a bucket, or one of them alone at any time;
	 * the longest waits. series is 0; flags are those of any row.
	 */
	struct profile_ledger sum;
	bool has_memory;  /* a main thread is in the group: sizes are with it */
	int64_t other_ns; /* elapsed less oncpu, runq and blocked: below 0 where they overlap */
	uint64_t gate_ns; /* of blocked_ns: what was left and not measured (PROFILE_LEDGER_GATE) */
};

struct ledger_totals;

int ledger_totals_new(enum series_totals_by by, struct ledger_totals **ret);
struct ledger_totals *ledger_totals_free(struct ledger_totals *totals);
DEFINE_CLEANUP(struct ledger_totals *, ledger_totals_free);

/* Fills totals, which are its context, in one reading. Rows are refused with -EBADMSG when their
 * series is out of range or a sum overflows. */
extern const struct store_ledger_visitor ledger_totals_visitor;

/* What rows are sorted by. */
typedef int64_t (*ledger_totals_key)(const struct ledger_totals_row *row);

/*
 * The rows, by falling key (ties: by numbers, then names), valid until ledger_totals_free or the
 * next call. Returns 0, -ENOMEM, or -EBADMSG when other_ns is out of range.
 */
int ledger_totals_rows(struct ledger_totals *totals, ledger_totals_key key,
		       const struct ledger_totals_row **ret, size_t *ret_n);

#endif
