/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * query.h - a question to one store: opens it, checks that it can be answered, and says why when it
 * cannot or when the answer is empty. What to do with the rows is the command's.
 */
#ifndef PROFD_QUERY_H
#define PROFD_QUERY_H

#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "exit_code.h"
#include "query_args.h"
#include "store.h"

/* Counts are fixed point (profile.h); people and files want whole samples. */
static inline uint64_t query_whole_samples(uint64_t count)
{
	return count / PROFILE_COUNT_ONE + (count % PROFILE_COUNT_ONE >= PROFILE_COUNT_ONE / 2);
}

struct query {
	const struct query_args *args;
	struct store *store;
	struct store_span span;	    /* of the newest partition (store_span_newest) */
	struct store_filter filter; /* borrows from args */
	uint64_t now_ns;	    /* CLOCK_REALTIME when asked */
	enum event event;	    /* EVENT_CPU until a command sets another one */
};

/* Opens the store only, for what asks about no window. EXIT_ANSWERED, or an error that was said:
 * EXIT_NO_STORE also for a store in which no bucket was written yet. */
enum exit_code query_open_store(struct query *query, const struct query_args *args);

/* The whole store's span, which query.span is not; an error is said. */
enum exit_code query_span(const struct query *query, struct store_span *ret);

/* Opens the store, resolves the window, and looks for the pids, tids, units and containers asked
 * for: also EXIT_USAGE and EXIT_NOT_FOUND. */
enum exit_code query_open(struct query *query, const struct query_args *args);

void query_done(struct query *query);

/* Whether it asks for less than the whole machine. */
bool query_is_filtered(const struct query *query);

/* Reads the query's window; an error is said. `visitor` may be NULL. */
enum exit_code query_read(const struct query *query, const struct store_visitor *visitor, void *ctx,
			  struct store_summary *ret);

/* The same for the ledger. */
enum exit_code query_read_ledger(const struct query *query,
				 const struct store_ledger_visitor *visitor, void *ctx,
				 struct store_summary *ret);

/* The same for what block devices did. */
enum exit_code query_read_io(const struct query *query, const struct store_io_visitor *visitor,
			     void *ctx, struct store_summary *ret);

/* Says on stderr why nothing was found, and from when to when there is data. */
void query_explain_empty(const struct query *query, const struct store_summary *summary);

/* Of these only the last: from when to when there is data. */
void query_explain_data(const struct query *query);

/* What is wrong with memory, said. */
enum exit_code query_no_memory(void);

#endif
