// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * latency_read.c - see latency_read.h. By function a row is what a stack ends in. By process,
 * thread or unit series_totals.h knows the names, and the ledger the longest wait of each.
 */
#include "latency_read.h"

#include <errno.h>
#include <stdlib.h>

#include "latency_table.h"
#include "leaf_function.h"
#include "series_totals.h"
#include "wait_query.h"

struct reading {
	const struct latency_options *options;
	enum sample_type type;
	struct latency_groups *groups;
	struct series_totals *totals; /* by process, thread or unit */
	struct stack_table *stacks;   /* by stack */
	struct totals_keys functions; /* by function */
	/* of the partition at hand */
	const struct dictionary *dictionary;
	uint32_t *by_series; /* the groups of series; 0 = not looked up yet */
	uint32_t *by_node;   /* those of nodes, by function */
};

static void reading_done(struct reading *reading)
{
	latency_groups_free(reading->groups);
	series_totals_free(reading->totals);
	stack_table_free(reading->stacks);
	totals_keys_done(&reading->functions);
	free(reading->by_series);
	free(reading->by_node);
}

static int reading_init(struct reading *reading, const struct latency_options *options)
{
	static const enum series_totals_by by[] = {
		[LATENCY_BY_PROCESS] = SERIES_TOTALS_BY_PROCESS,
		[LATENCY_BY_THREAD] = SERIES_TOTALS_BY_THREAD,
		[LATENCY_BY_UNIT] = SERIES_TOTALS_BY_UNIT,
	};
	int r = latency_groups_new(&reading->groups);

	reading->options = options;
	reading->type = options->event.event == EVENT_RUNQ	? SAMPLE_RUNQ
			: options->event.event == EVENT_BLOCKIO ? SAMPLE_BLOCKIO
								: SAMPLE_OFFCPU;
	totals_keys_init(&reading->functions);
	if (r < 0 || options->by == LATENCY_BY_REASON || options->by == LATENCY_BY_FUNCTION)
		return r;
	if (options->by == LATENCY_BY_STACK)
		return stack_table_new(&reading->stacks);
	return series_totals_new(by[options->by], &reading->totals);
}

/* ---- rows ---- */

static int begin_series(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;

	reading->dictionary = dictionary;
	free(reading->by_series);
	reading->by_series = calloc((size_t)dictionary->n_series + 1, sizeof(uint32_t));
	return reading->by_series ? 0 : -ENOMEM;
}

static int begin_nodes(struct reading *reading)
{
	free(reading->by_node);
	reading->by_node = calloc((size_t)reading->dictionary->n_nodes + 1, sizeof(uint32_t));
	return reading->by_node ? 0 : -ENOMEM;
}

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;
	int r = begin_series(reading, dictionary);

	if (r == 0 && reading->options->by == LATENCY_BY_FUNCTION)
		r = begin_nodes(reading);
	if (r == 0 && reading->stacks)
		r = stack_table_begin(reading->stacks, dictionary);
	if (r == 0 && reading->totals)
		r = series_totals_visitor.begin(reading->totals, dictionary);
	return r;
}

/* The key of a thread, process or unit: what series_totals.h tells apart. */
static struct latency_key series_key(enum latency_by by, uint64_t start_boot_ns, uint32_t pid,
				     uint32_t tid, const char *unit, const char *container)
{
	if (by == LATENCY_BY_UNIT)
		return (struct latency_key){.unit = unit, .container = container};
	return (struct latency_key){.start_boot_ns = start_boot_ns,
				    .pid = pid,
				    .tid = by == LATENCY_BY_THREAD ? tid : 0,
				    .unit = "",
				    .container = ""};
}

static int find_series(struct reading *reading, uint32_t id, uint32_t *ret)
{
	const struct profile_series *series;
	struct latency_key key;
	int r;

	if (id == 0 || id >= reading->dictionary->n_series)
		return -EBADMSG;
	*ret = reading->by_series[id];
	if (*ret)
		return 0;
	series = &reading->dictionary->series[id];
	key = series_key(reading->options->by, series->start_boot_ns, series->pid, series->tid,
			 series->unit, series->container);
	r = latency_groups_find(reading->groups, &key, ret);
	if (r == 0)
		reading->by_series[id] = *ret;
	return r;
}

static int find_function(struct reading *reading, uint32_t node, uint32_t *ret)
{
	struct latency_key key = {.unit = "", .container = ""};
	struct totals_key function;
	int r = leaf_function_of(reading->dictionary, node, &function);

	if (r < 0)
		return r;
	*ret = reading->by_node[node];
	if (*ret)
		return 0;
	key.node = totals_keys_find(&reading->functions, &function);
	if (!key.node)
		return -ENOMEM;
	r = latency_groups_find(reading->groups, &key, ret);
	if (r == 0)
		reading->by_node[node] = *ret;
	return r;
}

static int find_group(struct reading *reading, const struct event_row *row, uint32_t *ret)
{
	struct latency_key key = {.unit = "", .container = ""};
	int r = 0;

	if (reading->totals)
		return find_series(reading, row->row.series, ret);
	if (reading->by_node)
		return find_function(reading, row->row.node, ret);
	if (reading->stacks)
		r = stack_table_node(reading->stacks, row->row.node, &key.node);
	else
		key.reason = (uint32_t)row->reason;
	return r < 0 ? r : latency_groups_find(reading->groups, &key, ret);
}

static int add_row(void *ctx, const struct event_row *row)
{
	struct reading *reading = ctx;
	uint32_t series = row->row.series, group = 0;
	int r;

	if (series == 0 || series >= reading->dictionary->n_series)
		return -EBADMSG;
	r = find_group(reading, row, &group);
	if (r == 0)
		r = latency_groups_add(reading->groups, group, row,
				       &reading->dictionary->series[series]);
	if (r == 0 && reading->totals)
		r = series_totals_visitor.row(reading->totals, &row->row);
	return r;
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;

	if (reading->stacks)
		stack_table_end(reading->stacks);
	return reading->totals ? series_totals_visitor.end(reading->totals, dictionary) : 0;
}

/* ---- the longest waits ---- */

static int add_ledger(void *ctx, const struct store_bucket *bucket,
		      const struct profile_ledger *row)
{
	struct reading *reading = ctx;
	uint32_t group;
	int r;

	(void)bucket;
	/* Having nothing to do may be the longest wait of a kernel thread, and has no rows. */
	if (row->idle_ns > 0)
		return 0;
	r = find_series(reading, row->series, &group);
	if (r == 0)
		latency_groups_set_max(reading->groups, group,
				       wait_query_ledger_max_ns(reading->type, row));
	return r;
}

static enum exit_code read_longest(struct reading *reading, const struct query *query)
{
	static const struct store_ledger_visitor visitor = {begin_series, add_ledger, NULL};
	_cleanup_(store_summary_done) struct store_summary summary = {0};

	/* Of waits for some reasons only the ledger does not know the longest. */
	if (!reading->totals || reading->options->event.reasons || reading->type == SAMPLE_BLOCKIO)
		return EXIT_ANSWERED;
	return query_read_ledger(query, &visitor, reading, &summary);
}

/* ---- the answer ---- */

static void set_latency(const struct reading *reading, uint32_t group, struct latency_row *row)
{
	latency_groups_get(reading->groups, group, &row->latency);
	row->who.self = row->who.total = row->latency.total_ns;
	row->who.count = row->latency.count;
}

static int make_series_rows(struct reading *reading, struct latency_row **ret, size_t *ret_n)
{
	const struct series_totals_row *from;
	struct latency_row *rows;
	int r = series_totals_rows(reading->totals, &from, ret_n);

	if (r < 0)
		return r;
	*ret = rows = calloc(*ret_n + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < *ret_n; i++) {
		const struct latency_key key =
			series_key(reading->options->by, from[i].start_boot_ns, from[i].pid,
				   from[i].tid, from[i].unit, from[i].container);
		struct top_row *who = &rows[i].who;
		uint32_t group;

		r = latency_groups_find(reading->groups, &key, &group);
		if (r < 0)
			return r;
		*who = top_row_none;
		who->module = from[i].exe;
		who->pid = from[i].pid;
		who->tid = from[i].tid;
		who->comm = from[i].comm;
		who->unit = from[i].unit;
		who->container = from[i].container;
		set_latency(reading, group, &rows[i]);
	}
	return 0;
}

static void set_name(const struct reading *reading, struct latency_row *row)
{
	const struct totals_key *function;

	if (reading->options->by == LATENCY_BY_REASON) {
		row->who.wait_reason = wait_reason_name((enum wait_reason)row->latency.reason);
	} else if (reading->options->by == LATENCY_BY_FUNCTION) {
		function = &reading->functions.keys[row->latency.node];
		row->who.function = function->function;
		row->who.module = function->module;
		row->who.source = function->source;
		row->who.reason = function->reason;
	}
}

/* By reason, function or stack: every group is a row. */
static int make_rows(const struct reading *reading, struct latency_row **ret, size_t *ret_n)
{
	uint32_t n = latency_groups_n(reading->groups);
	struct latency_row *rows = calloc((size_t)n + 1, sizeof(*rows));

	*ret = rows;
	*ret_n = n - 1;
	if (!rows)
		return -ENOMEM;
	for (uint32_t id = 1; id < n; id++) {
		struct latency_row *row = &rows[id - 1];

		row->who = top_row_none;
		set_latency(reading, id, row);
		set_name(reading, row);
	}
	return 0;
}

static int by_total_falling(const void *a, const void *b)
{
	const struct latency_row *x = a, *y = b;

	if (x->who.total != y->who.total)
		return x->who.total > y->who.total ? -1 : 1;
	if (x->who.pid != y->who.pid)
		return x->who.pid < y->who.pid ? -1 : 1;
	if (x->who.tid != y->who.tid)
		return x->who.tid < y->who.tid ? -1 : 1;
	if (x->latency.reason != y->latency.reason)
		return x->latency.reason < y->latency.reason ? -1 : 1;
	return x->latency.node < y->latency.node ? -1 : x->latency.node > y->latency.node;
}

static int print(const struct latency_answer *a)
{
	switch (a->options->format) {
	case OUTPUT_JSON:
		return latency_answer_json(a);
	case OUTPUT_CSV:
		return latency_answer_csv(a);
	default:
		return latency_table_print(a);
	}
}

static int show(struct reading *reading, const struct query *query, const struct event_answer *from)
{
	const struct latency_options *options = reading->options;
	uint64_t rest = event_answer_has_rest(from) ? from->not_sampled_ns : 0;
	_cleanup_free_ struct latency_row *rows = NULL;
	struct latency_answer a = {
		.options = options,
		.query = query,
		.answer = from,
		.stacks = reading->stacks,
		.parts = {.has_ledger = from->has_ledger,
			  .not_sampled_ns = from->not_sampled_ns,
			  .resolution_pct = latency_groups_resolution(reading->groups)},
	};
	int r = reading->totals ? make_series_rows(reading, &rows, &a.n_rows)
				: make_rows(reading, &rows, &a.n_rows);

	if (r < 0)
		return r;
	if (rest > 0) {
		struct latency_row *row = &rows[a.n_rows++];

		row->who = top_row_none;
		row->who.function = EVENT_NOT_SAMPLED;
		row->who.is_rest = true;
		row->who.self = row->who.total = rest;
	}
	qsort(rows, a.n_rows, sizeof(*rows), by_total_falling);
	a.rows = rows;
	a.n_shown =
		options->n_lines > 0 && options->n_lines < a.n_rows ? options->n_lines : a.n_rows;
	return print(&a);
}

enum exit_code latency_read(const struct latency_options *options, const struct query *query)
{
	const struct event_sink sink = {
		begin,
		add_row,
		end,
		.series_only =
			options->by != LATENCY_BY_STACK && options->by != LATENCY_BY_FUNCTION,
		.reasons = options->by == LATENCY_BY_REASON,
	};
	_cleanup_(event_answer_done) struct event_answer answer = {0};
	_cleanup_(reading_done) struct reading reading = {0};
	enum exit_code code;
	int r;

	if (reading_init(&reading, options) < 0)
		return query_no_memory();
	code = event_read(query, &options->event, &sink, &reading, &answer);
	if (code == EXIT_ANSWERED)
		code = read_longest(&reading, query);
	if (code != EXIT_ANSWERED)
		return code;
	/* A bucket that was cut off by a restart, say, had no pass to find what goes on. */
	r = latency_groups_finish(reading.groups,
				  answer.last_pass ? answer.last_pass : answer.summary.n_buckets,
				  answer.max_ns);
	if (r == 0)
		r = show(&reading, query, &answer);
	if (r == -EBADMSG)
		return fail(EXIT_FAILED, "the sums of this window are out of range; ask for a "
					 "shorter one");
	if (r < 0)
		return query_no_memory();
	code = output_finish();
	if (code == EXIT_ANSWERED && event_answer_is_empty(&answer))
		query_explain_empty(query, &answer.summary);
	return code;
}
