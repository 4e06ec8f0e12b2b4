/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_query.h - how long the threads of a query waited in its window, as far as it is known: the
 * sums of the stored waits and the ledger beside them make one estimate (estimate.h) for the whole
 * window and group asked for. Rows are then read a second time and scaled by it (wait_rows.h).
 */
#ifndef PROFD_WAIT_QUERY_H
#define PROFD_WAIT_QUERY_H

#include "estimate.h"
#include "query.h"

struct wait_query {
	enum sample_type type;
	struct estimate estimate;
	struct store_summary summary; /* of the rows as they are stored, not scaled */
	bool has_ledger;	      /* any row of it in the window */
	double ledger_ns;	      /* of the group: blocked less idle, or run-queue time */
	uint64_t max_ns; /* the longest wait in the ledger that ended or goes on, exact; 0: none */
	uint64_t last_pass;  /* number of the last bucket with a ledger of any thread; 0: none */
	uint64_t machine_ns; /* of all threads: by the ledger, or by the rows where that is less */
};

/*
 * Reads the sums and the ledger of `type`, whatever the query's own type is. Without a ledger (an
 * older store, another collector) nothing is scaled. EXIT_ANSWERED, and then wait_query_done() must
 * follow, or an error that was said.
 */
enum exit_code wait_query_read(const struct query *query, enum sample_type type,
			       struct wait_query *ret);

void wait_query_done(struct wait_query *waits);

/* What a ledger row has of a type: blocked less idle, or run-queue time; 0 for other types. */
uint64_t wait_query_ledger_ns(enum sample_type type, const struct profile_ledger *row);
uint64_t wait_query_ledger_max_ns(enum sample_type type, const struct profile_ledger *row);

#endif
