/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * series_totals.h - value per process, thread or unit, over any number of partitions. Stacks are
 * not looked at: totals.h has functions and modules.
 */
#ifndef PROFD_SERIES_TOTALS_H
#define PROFD_SERIES_TOTALS_H

#include "cleanup.h"
#include "estimate.h"
#include "store.h"

enum series_totals_by {
	SERIES_TOTALS_BY_PROCESS, /* pid and start time: a pid's lives are told apart; where there
				     is none, by unit */
	SERIES_TOTALS_BY_THREAD,  /* and tid */
	SERIES_TOTALS_BY_UNIT,	  /* unit and container */
	SERIES_TOTALS_BY_NOTHING, /* all are one */
};

/*
 * What the grouping does not tell apart is "" or 0. The names of a process are those of its main
 * thread, or when that is not in the window of any other; of several names of one thread, as before
 * and after an exec, those with the most time at a stretch.
 */
struct series_totals_row {
	uint32_t pid, tid;
	uint64_t start_boot_ns;
	const char *comm, *exe, *unit, *container;
	uint64_t value;		       /* nanoseconds or bytes */
	uint64_t count;		       /* in 1/PROFILE_COUNT_ONE */
	struct estimate_spread spread; /* of what was said of its rows */
};

struct series_totals;

int series_totals_new(enum series_totals_by by, struct series_totals **ret);
struct series_totals *series_totals_free(struct series_totals *totals);
DEFINE_CLEANUP(struct series_totals *, series_totals_free);

/* Fills totals, which are its context. Rows are refused with -EBADMSG when their series is out of
 * range or a sum overflows. */
extern const struct store_visitor series_totals_visitor;

/* Says how unsure a row is that the visitor was given. Returns 0, -ENOMEM, or -EBADMSG for a series
 * that is out of range. */
int series_totals_add_spread(struct series_totals *totals, uint32_t series,
			     const struct estimate_spread *spread);

/* The rows, by falling value (ties: by numbers, then names), valid until series_totals_free or the
 * next reading. Returns 0 or -ENOMEM. */
int series_totals_rows(struct series_totals *totals, const struct series_totals_row **ret,
		       size_t *ret_n);

#endif
