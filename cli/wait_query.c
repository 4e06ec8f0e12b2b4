// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_query.c - see wait_query.h. Neither reading looks at a stack.
 */
#include "wait_query.h"

#include <errno.h>

#include "event.h"

uint64_t wait_query_ledger_ns(enum sample_type type, const struct profile_ledger *row)
{
	if (type == SAMPLE_RUNQ)
		return row->runq_ns;
	if (type != SAMPLE_OFFCPU)
		return 0;
	return row->blocked_ns > row->idle_ns ? row->blocked_ns - row->idle_ns : 0;
}

uint64_t wait_query_ledger_max_ns(enum sample_type type, const struct profile_ledger *row)
{
	if (type == SAMPLE_RUNQ)
		return row->max_runq_ns;
	return type == SAMPLE_OFFCPU ? row->max_blocked_ns : 0;
}

struct ledger_sums {
	enum sample_type type;
	bool any;
	double ns;
	uint64_t max_ns;
	uint64_t last_bucket; /* that has rows */
};

static int add_ledger(void *ctx, const struct store_bucket *bucket,
		      const struct profile_ledger *row)
{
	struct ledger_sums *sums = ctx;
	uint64_t max_ns = wait_query_ledger_max_ns(sums->type, row);

	sums->any = true;
	if (bucket->number > sums->last_bucket)
		sums->last_bucket = bucket->number;
	sums->ns += (double)wait_query_ledger_ns(sums->type, row);
	if (max_ns > sums->max_ns)
		sums->max_ns = max_ns;
	return 0;
}

static enum exit_code read_ledger(const struct query *query, struct ledger_sums *sums)
{
	static const struct store_ledger_visitor visitor = {.row = add_ledger};
	_cleanup_(store_summary_done) struct store_summary summary = {0};

	return query_read_ledger(query, &visitor, sums, &summary);
}

static int add_row(void *ctx, const struct store_row *row)
{
	return estimate_add(ctx, row->bin, row->count, row->value);
}

static enum exit_code read_machine(const struct query *query, struct wait_query *waits)
{
	struct ledger_sums sums = {.type = waits->type};
	struct query machine = *query;
	enum exit_code code;

	machine.filter = (struct store_filter){
		.since_real_ns = query->filter.since_real_ns,
		.until_real_ns = query->filter.until_real_ns,
		.type = waits->type,
	};
	code = read_ledger(&machine, &sums);
	if (code == EXIT_ANSWERED && sums.ns > (double)waits->machine_ns)
		waits->machine_ns = (uint64_t)sums.ns;
	waits->last_pass = sums.last_bucket;
	return code;
}

enum exit_code wait_query_read(const struct query *query, enum sample_type type,
			       struct wait_query *ret)
{
	static const struct store_visitor visitor = {.row = add_row, .series_only = true};
	_cleanup_(wait_query_done) struct wait_query waits = {.type = type};
	struct ledger_sums ledger = {.type = type};
	struct estimate_sums sums = {0};
	struct query of_type = *query;
	enum exit_code code;

	of_type.filter.type = type;
	code = query_read(&of_type, &visitor, &sums, &waits.summary);
	if (code == EXIT_ANSWERED && event_has_ledger(type))
		code = read_ledger(&of_type, &ledger);
	if (code != EXIT_ANSWERED)
		return code;
	waits.has_ledger = ledger.any;
	waits.ledger_ns = ledger.ns;
	waits.max_ns = ledger.max_ns;
	waits.last_pass = ledger.last_bucket;
	estimate_init(&waits.estimate, &sums, waits.has_ledger, waits.ledger_ns);
	waits.machine_ns = waits.summary.machine_value;
	if (waits.has_ledger && !query_is_filtered(query) &&
	    waits.ledger_ns > (double)waits.machine_ns)
		waits.machine_ns = (uint64_t)waits.ledger_ns;
	else if (waits.has_ledger && query_is_filtered(query))
		code = read_machine(query, &waits);
	if (code != EXIT_ANSWERED)
		return code;
	*ret = waits;
	waits = (struct wait_query){0};
	return EXIT_ANSWERED;
}

void wait_query_done(struct wait_query *waits)
{
	store_summary_done(&waits->summary);
}
