// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_view.c - see ledger_view.h. What a filter leaves out is read a second time for what the
 * machine did, and to know whether there was a ledger at all.
 */
#include "ledger_view.h"

#include <errno.h>
#include <stdio.h>

#include "window_text.h"

/* What is known of rows without telling them apart. */
struct ledger_read {
	struct ledger_totals *totals; /* NULL: not told apart */
	uint64_t oncpu_ns, n_buckets;
	uint64_t last_bucket; /* a bucket's rows come one after the other */
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct ledger_read *read = ctx;

	return read->totals ? ledger_totals_visitor.begin(read->totals, dictionary) : 0;
}

static int add_row(void *ctx, const struct store_bucket *bucket, const struct profile_ledger *row)
{
	struct ledger_read *read = ctx;

	read->n_buckets += bucket->number != read->last_bucket;
	read->last_bucket = bucket->number;
	if (__builtin_add_overflow(read->oncpu_ns, row->oncpu_ns, &read->oncpu_ns))
		return -EBADMSG;
	return read->totals ? ledger_totals_visitor.row(read->totals, bucket, row) : 0;
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct ledger_read *read = ctx;

	return read->totals ? ledger_totals_visitor.end(read->totals, dictionary) : 0;
}

static const struct store_ledger_visitor visitor = {begin, add_row, end};

static enum exit_code read_machine(const struct query *query, struct ledger_read *ret)
{
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	struct query machine = *query;

	machine.filter = (struct store_filter){
		.since_real_ns = query->filter.since_real_ns,
		.until_real_ns = query->filter.until_real_ns,
		.type = query->filter.type,
	};
	return query_read_ledger(&machine, &visitor, ret, &summary);
}

static void explain_empty(const struct ledger_view *view)
{
	const struct query *query = view->query;
	char range[WINDOW_TEXT_MAX], kinds[64];

	if (view->summary.n_buckets == 0) {
		query_explain_empty(query, &view->summary);
		return;
	}
	window_text_range(query->filter.since_real_ns, query->filter.until_real_ns, range,
			  sizeof(range));
	if (view->n_buckets > 0) {
		query_args_print_kinds(query->args, kinds, sizeof(kinds));
		(void)fputs("-- no threads --\n", stderr);
		note("no thread in %s passes %s", range, kinds);
	} else {
		(void)fputs("-- no ledger --\n", stderr);
		note("what threads did was not kept in %s: [offcpu] is off in profd.conf, or "
		     "profd was older or had just been started; 'profctl top' has CPU time by "
		     "samples",
		     range);
	}
	query_explain_data(query);
}

static enum exit_code sort_rows(struct ledger_view *view, enum ledger_column sort)
{
	int r = ledger_totals_rows(view->totals, ledger_column_value(sort), &view->rows,
				   &view->n_rows);

	if (r == -ENOMEM)
		return query_no_memory();
	if (r < 0)
		return fail(EXIT_FAILED, "the sums of this window are out of range; ask for a "
					 "shorter one");
	for (size_t i = 0; i < view->n_rows; i++)
		view->gate_ns += view->rows[i].gate_ns;
	return EXIT_ANSWERED;
}

enum exit_code ledger_view_read(struct ledger_view *view, enum series_totals_by by,
				enum ledger_column sort)
{
	struct store_summary *s = &view->summary;
	struct ledger_read group = {0}, machine = {0};
	enum exit_code code;

	if (ledger_totals_new(by, &view->totals) < 0)
		return query_no_memory();
	group.totals = view->totals;
	code = query_read_ledger(view->query, &visitor, &group, s);
	machine = group;
	if (code == EXIT_ANSWERED && query_is_filtered(view->query)) {
		machine = (struct ledger_read){0};
		code = read_machine(view->query, &machine);
	}
	if (code == EXIT_ANSWERED)
		code = sort_rows(view, sort);
	if (code != EXIT_ANSWERED)
		return code;
	s->value = group.oncpu_ns;
	s->machine_value = machine.oncpu_ns;
	view->n_buckets = machine.n_buckets;
	if (s->n_buckets > 0)
		view->covered_ns = (uint64_t)((double)s->covered_ns * (double)view->n_buckets /
					      (double)s->n_buckets);
	if (view->n_rows == 0)
		explain_empty(view);
	return EXIT_ANSWERED;
}

void ledger_view_done(struct ledger_view *view)
{
	view->totals = ledger_totals_free(view->totals);
	store_summary_done(&view->summary);
}

double ledger_view_share(const struct ledger_view *view, int64_t ns)
{
	return view->covered_ns > 0 ? (double)ns / (double)view->covered_ns : 0;
}
