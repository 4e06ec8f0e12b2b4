/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_view.h - the ledger of a query's window by process, thread, unit or in all: reads it, and
 * says why there is none. How it looks is ledger_answer.h's and ledger_table.h's.
 */
#ifndef PROFD_LEDGER_VIEW_H
#define PROFD_LEDGER_VIEW_H

#include "ledger_column.h"
#include "query.h"
#include "window_json.h"

struct ledger_view {
	const char *command;
	const struct query *query;
	/* value and machine_value are time on a CPU, by the ledger; counts are 0 */
	struct store_summary summary;
	uint64_t n_buckets;  /* that have a ledger, of summary.n_buckets */
	uint64_t covered_ns; /* sampled, of those: what a share of a core is of */
	struct ledger_totals *totals;
	const struct ledger_totals_row *rows; /* in totals */
	size_t n_rows;			      /* in all */
	uint64_t gate_ns;		      /* of all of them */
};

/* `view` has command and query. Errors were said, and so is an empty answer (n_rows 0). */
enum exit_code ledger_view_read(struct ledger_view *view, enum series_totals_by by,
				enum ledger_column sort);
void ledger_view_done(struct ledger_view *view);

/* Time as a share of the covered window: 1 is one core all the time, or one thread. */
double ledger_view_share(const struct ledger_view *view, int64_t ns);

#endif
