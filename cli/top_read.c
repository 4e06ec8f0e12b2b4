// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top_read.c - see top_read.h. By function or module it adds the rows up per node of each
 * partition's trie and leaves the walk to totals.h; by process, thread or unit no trie is read, and
 * series_totals.h adds up; by reason there is one sum each.
 */
#include "top_read.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "reason_sums.h"
#include "series_totals.h"
#include "top_table.h"
#include "totals.h"

/* ---- by function or module ---- */

/* What the samples whose leaf is a node add up to, in the partition being read. */
struct node_sums {
	struct totals *totals;
	bool has_intervals; /* what is read may be waits */
	uint64_t *value, *count;
	struct estimate_spread *spread;
	uint32_t n_nodes;
};

static void node_sums_done(struct node_sums *sums)
{
	free(sums->value);
	free(sums->count);
	free(sums->spread);
	sums->value = sums->count = NULL;
	sums->spread = NULL;
}

static int begin_nodes(void *ctx, const struct dictionary *dictionary)
{
	struct node_sums *sums = ctx;

	node_sums_done(sums);
	sums->n_nodes = dictionary->n_nodes;
	sums->value = calloc(dictionary->n_nodes, sizeof(*sums->value));
	sums->count = calloc(dictionary->n_nodes, sizeof(*sums->count));
	if (sums->has_intervals)
		sums->spread = calloc(dictionary->n_nodes, sizeof(*sums->spread));
	return sums->value && sums->count && (sums->spread || !sums->has_intervals) ? 0 : -ENOMEM;
}

static int add_node(void *ctx, const struct event_row *event_row)
{
	const struct store_row *row = &event_row->row;
	struct node_sums *sums = ctx;

	if (row->node >= sums->n_nodes ||
	    __builtin_add_overflow(sums->value[row->node], row->value, &sums->value[row->node]) ||
	    __builtin_add_overflow(sums->count[row->node], row->count, &sums->count[row->node]))
		return -EBADMSG;
	if (sums->spread)
		estimate_spread_add(&sums->spread[row->node], &event_row->spread);
	return 0;
}

static int end_nodes(void *ctx, const struct dictionary *dictionary)
{
	struct node_sums *sums = ctx;
	int r = totals_add_sampled(sums->totals, dictionary, sums->value, sums->count,
				   sums->spread);

	node_sums_done(sums);
	return r;
}

/* ---- by process, thread or unit ---- */

static int begin_series(void *ctx, const struct dictionary *dictionary)
{
	return series_totals_visitor.begin(ctx, dictionary);
}

static int add_series(void *ctx, const struct event_row *row)
{
	int r = series_totals_visitor.row(ctx, &row->row);

	/* Time on a CPU has none. */
	if (r < 0 || row->spread.sampled_ns == 0)
		return r;
	return series_totals_add_spread(ctx, row->row.series, &row->spread);
}

static int end_series(void *ctx, const struct dictionary *dictionary)
{
	return series_totals_visitor.end(ctx, dictionary);
}

/* ---- rows ---- */

/* Rows of whatever kind, by falling self or total. */
struct source {
	const void *rows;
	size_t n;
	void (*get)(const void *rows, size_t i, struct top_row *ret);
};

static void get_total(const void *rows, size_t i, struct top_row *ret)
{
	const struct totals_row *from = (const struct totals_row *)rows + i;

	ret->function = from->function;
	ret->module = from->module;
	ret->source = from->source;
	ret->reason = from->reason;
	ret->self = from->self;
	ret->total = from->total;
	ret->count = from->self_count;
	ret->spread = from->spread;
}

static void get_series(const void *rows, size_t i, struct top_row *ret)
{
	const struct series_totals_row *from = (const struct series_totals_row *)rows + i;

	ret->module = from->exe;
	ret->pid = from->pid;
	ret->tid = from->tid;
	ret->comm = from->comm;
	ret->unit = from->unit;
	ret->container = from->container;
	ret->self = ret->total = from->value;
	ret->count = from->count;
	ret->spread = from->spread;
}

static void get_reason(const void *rows, size_t i, struct top_row *ret)
{
	const struct reason_sum *from = (const struct reason_sum *)rows + i;

	ret->wait_reason = reason_sum_name(from);
	ret->spread = from->spread;
	ret->self = ret->total = from->value;
	ret->count = from->count;
}

static void set_interval(const struct event_answer *answer, struct top_row *row)
{
	if (!event_answer_has_intervals(answer) || row->is_rest)
		return;
	row->has_interval = true;
	row->half_width_ns =
		(uint64_t)llround(estimate_half_width_ns(&answer->estimate, &row->spread));
}

/* Puts the row of what was not sampled where it belongs among the others. */
static int fill(struct top *top, const struct source *source, struct top_row **ret)
{
	uint64_t rest = event_answer_has_rest(top->answer) ? top->answer->not_sampled_ns : 0;
	const struct top_options *options = top->options;
	struct top_row *rows;
	size_t n = 0;

	top->n_rows = source->n + (rest > 0);
	top->n_shown = options->n_lines > 0 && options->n_lines < top->n_rows ? options->n_lines
									      : top->n_rows;
	rows = calloc(top->n_shown + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; n < top->n_shown; n++) {
		struct top_row *row = &rows[n];

		*row = top_row_none;
		if (i < source->n)
			source->get(source->rows, i, row);
		if (rest > 0 &&
		    (i == source->n || rest > (options->by_self ? row->self : row->total))) {
			*row = top_row_none;
			row->function = EVENT_NOT_SAMPLED;
			row->is_rest = true;
			row->self = row->total = rest;
			rest = 0;
		} else {
			i++;
		}
		set_interval(top->answer, row);
	}
	*ret = rows;
	return 0;
}

static int print(struct top *top, const struct source *source)
{
	_cleanup_free_ struct top_row *rows = NULL;
	int r = fill(top, source, &rows);

	if (r < 0)
		return r;
	top->rows = rows;
	switch (top->options->format) {
	case OUTPUT_JSON:
		return top_answer_json(top);
	case OUTPUT_CSV:
		return top_answer_csv(top);
	default:
		return top_table_print(top);
	}
}

/* ---- reading ---- */

static enum exit_code read_stacks(struct top *top, struct event_answer *answer)
{
	static const struct event_sink sink = {begin_nodes, add_node, end_nodes,
					       .wait_leaves = true};
	bool by_module = top->options->by == TOP_BY_MODULE;
	_cleanup_(totals_freep) struct totals *totals = NULL;
	_cleanup_(node_sums_done) struct node_sums sums = {0};
	struct source source = {.get = get_total};
	const struct totals_row *rows;
	enum exit_code code;

	if (totals_new(by_module ? TOTALS_BY_MODULE : TOTALS_BY_FUNCTION, &totals) < 0)
		return query_no_memory();
	sums.totals = totals;
	sums.has_intervals = top->options->event.event != EVENT_CPU;
	code = event_read(top->query, &top->options->event, &sink, &sums, answer);
	if (code != EXIT_ANSWERED)
		return code;
	if (totals_rows(totals, top->options->by_self, &rows, &source.n) < 0)
		return query_no_memory();
	source.rows = rows;
	top->parts.has_stacks = true;
	top->parts.truncated_ns = totals_truncated(totals);
	top->parts.unnamed_ns = totals_unnamed(totals);
	top_set_answer(top, answer);
	return print(top, &source) < 0 ? query_no_memory() : output_finish();
}

static enum exit_code read_series(struct top *top, struct event_answer *answer)
{
	static const enum series_totals_by by[] = {
		[TOP_BY_PROCESS] = SERIES_TOTALS_BY_PROCESS,
		[TOP_BY_THREAD] = SERIES_TOTALS_BY_THREAD,
		[TOP_BY_UNIT] = SERIES_TOTALS_BY_UNIT,
	};
	static const struct event_sink sink = {begin_series, add_series, end_series,
					       .series_only = true};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	struct source source = {.get = get_series};
	const struct series_totals_row *rows;
	enum exit_code code;

	if (series_totals_new(by[top->options->by], &totals) < 0)
		return query_no_memory();
	code = event_read(top->query, &top->options->event, &sink, totals, answer);
	if (code != EXIT_ANSWERED)
		return code;
	if (series_totals_rows(totals, &rows, &source.n) < 0)
		return query_no_memory();
	source.rows = rows;
	top_set_answer(top, answer);
	return print(top, &source) < 0 ? query_no_memory() : output_finish();
}

static enum exit_code read_reasons(struct top *top, struct event_answer *answer)
{
	struct reason_sums sums = {0};
	struct source source = {.rows = sums.sums, .get = get_reason};
	enum exit_code code =
		event_read(top->query, &top->options->event, &reason_sums_sink, &sums, answer);

	if (code != EXIT_ANSWERED)
		return code;
	source.n = reason_sums_sort(&sums);
	top_set_answer(top, answer);
	return print(top, &source) < 0 ? query_no_memory() : output_finish();
}

enum exit_code top_read(const struct top *asked)
{
	_cleanup_(event_answer_done) struct event_answer answer = {0};
	struct top top = *asked;
	enum exit_code code;

	switch (top.options->by) {
	case TOP_BY_FUNCTION:
	case TOP_BY_MODULE:
		code = read_stacks(&top, &answer);
		break;
	case TOP_BY_REASON:
		code = read_reasons(&top, &answer);
		break;
	default:
		code = read_series(&top, &answer);
	}
	if (code == EXIT_ANSWERED && event_answer_is_empty(&answer))
		query_explain_empty(top.query, &answer.summary);
	return code;
}
