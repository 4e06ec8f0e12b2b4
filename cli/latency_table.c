// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * latency_table.c - the answer of profctl latency as a person reads it: a line a row, and where
 * asked for a histogram each.
 */
#include "latency_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer_text.h"
#include "frame_name.h"
#include "stack_text.h"
#include "units.h"

#define N_FIGURES   8
#define COLUMNS_MAX (N_FIGURES + 4)
#define BAR_MAX	    40

#define FIGURES                                                                                    \
	{.title = "TOTAL", .right = true}, {.title = "TOTAL%", .right = true},                     \
		{.title = "COUNT", .right = true}, {.title = "OPEN", .right = true},               \
		{.title = "P50", .right = true}, {.title = "P95", .right = true},                  \
		{.title = "P99", .right = true},                                                   \
	{                                                                                          \
		.title = "MAX", .right = true                                                      \
	}

static const struct output_column reason_columns[] = {FIGURES, {.title = "REASON"}};
static const struct output_column function_columns[] = {
	FIGURES, {.title = "FUNCTION", .shrinks = true}, {.title = "MODULE", .shrinks = true}};
static const struct output_column stack_columns[] = {FIGURES, {.title = "STACK", .shrinks = true}};
static const struct output_column process_columns[] = {FIGURES,
						       {.title = "PID", .right = true},
						       {.title = "COMM"},
						       {.title = "EXE", .shrinks = true},
						       {.title = "UNIT", .shrinks = true}};
static const struct output_column thread_columns[] = {FIGURES,
						      {.title = "PID", .right = true},
						      {.title = "TID", .right = true},
						      {.title = "COMM"},
						      {.title = "UNIT", .shrinks = true}};
static const struct output_column unit_columns[] = {
	FIGURES, {.title = "UNIT", .shrinks = true}, {.title = "CONTAINER", .shrinks = true}};

static const struct output_column device_columns[] = {FIGURES, {.title = "DEVICE"}};
static const struct output_column op_columns[] = {FIGURES, {.title = "DEVICE"}, {.title = "OP"}};

static const struct layout {
	const struct output_column *columns;
	unsigned int n_columns;
	unsigned int name_column; /* what a row is called */
} layouts[] = {
	[LATENCY_BY_REASON] = {reason_columns, ARRAY_SIZE(reason_columns), N_FIGURES},
	[LATENCY_BY_FUNCTION] = {function_columns, ARRAY_SIZE(function_columns), N_FIGURES},
	[LATENCY_BY_STACK] = {stack_columns, ARRAY_SIZE(stack_columns), N_FIGURES},
	[LATENCY_BY_PROCESS] = {process_columns, ARRAY_SIZE(process_columns), N_FIGURES + 1},
	[LATENCY_BY_THREAD] = {thread_columns, ARRAY_SIZE(thread_columns), N_FIGURES + 2},
	[LATENCY_BY_UNIT] = {unit_columns, ARRAY_SIZE(unit_columns), N_FIGURES},
	[LATENCY_BY_DEVICE] = {device_columns, ARRAY_SIZE(device_columns), N_FIGURES},
	[LATENCY_BY_OP] = {op_columns, ARRAY_SIZE(op_columns), N_FIGURES},
};

/* The texts of a row; those that are made for it lie behind them. */
struct cells {
	const char *cells[COLUMNS_MAX];
	char figures[N_FIGURES][24], pid[16], tid[16], unknown[FRAME_NAME_MAX];
	char *stack;
};

static void cells_done(struct cells *c)
{
	free(c->stack);
}

static void figure_cells(const struct latency_answer *a, const struct latency_row *row,
			 struct cells *c)
{
	const struct latency *l = &row->latency;
	const uint64_t bounds[] = {l->p50_ns, l->p95_ns, l->p99_ns, l->max_ns};
	uint64_t whole = a->answer->summary.value;

	units_format_seconds(row->who.total, c->figures[0], sizeof(c->figures[0]));
	(void)snprintf(c->figures[1], sizeof(c->figures[1]), "%.1f%%",
		       whole > 0 ? 100.0 * (double)row->who.total / (double)whole : 0);
	if (!row->who.is_rest) {
		(void)snprintf(c->figures[2], sizeof(c->figures[2]), "%" PRIu64,
			       query_whole_samples(row->who.count));
		(void)snprintf(c->figures[3], sizeof(c->figures[3]), "%" PRIu64, l->open_count);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		if (bounds[i] > 0)
			units_format_duration(bounds[i], c->figures[4 + i], sizeof(c->figures[0]));
	for (size_t i = 0; i < N_FIGURES; i++)
		c->cells[i] = c->figures[i];
}

static int name_cells(const struct latency_answer *a, const struct latency_row *row,
		      struct cells *c)
{
	const struct top_row *who = &row->who;
	const char **next = c->cells + N_FIGURES;

	(void)snprintf(c->pid, sizeof(c->pid), "%" PRIu32, who->pid);
	(void)snprintf(c->tid, sizeof(c->tid), "%" PRIu32, who->tid);
	switch (a->options->by) {
	case LATENCY_BY_REASON:
		next[0] = who->wait_reason;
		return 0;
	case LATENCY_BY_FUNCTION:
		frame_name_unknown(who->reason, c->unknown);
		next[0] = *who->function ? who->function : c->unknown;
		next[1] = frame_name_module(who->module);
		return 0;
	case LATENCY_BY_STACK:
		next[0] = "";
		if (stack_text_few(a->stacks, row->latency.node, &c->stack) < 0)
			return -ENOMEM;
		next[0] = *c->stack ? c->stack : "[no stack]";
		return 0;
	case LATENCY_BY_PROCESS:
		next[0] = c->pid;
		next[1] = who->comm;
		next[2] = frame_name_module(who->module);
		next[3] = who->unit;
		return 0;
	case LATENCY_BY_THREAD:
		next[0] = c->pid;
		next[1] = c->tid;
		next[2] = who->comm;
		next[3] = who->unit;
		return 0;
	case LATENCY_BY_DEVICE:
	case LATENCY_BY_OP:
		next[0] = who->device;
		next[1] = who->op;
		return 0;
	default:
		next[0] = *who->unit ? who->unit : "[no unit]";
		next[1] = who->container;
		return 0;
	}
}

static int make_cells(const struct latency_answer *a, const struct latency_row *row,
		      struct cells *c)
{
	const struct layout *layout = &layouts[a->options->by];

	figure_cells(a, row, c);
	if (!row->who.is_rest)
		return name_cells(a, row, c);
	for (unsigned int i = N_FIGURES; i < layout->n_columns; i++)
		c->cells[i] = i == layout->name_column ? row->who.function : "";
	return 0;
}

/* ---- histograms ---- */

static const struct output_column bin_columns[] = {
	{.title = "FROM", .right = true},
	{.title = "UNTIL", .right = true},
	{.title = "COUNT", .right = true},
	{.title = "", .shrinks = true},
};

static int add_bin(struct output_table *table, uint32_t bin, uint64_t count, uint64_t most)
{
	static const char bar[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
	_Static_assert(sizeof(bar) == BAR_MAX + 1, "the longest bar");
	char from[24], until[24], number[24];
	double share = most > 0 ? (double)count / (double)most : 0;
	size_t length = (size_t)(share * BAR_MAX + 0.5);
	const char *const cells[] = {from, until, number, bar + BAR_MAX - length};

	units_format_duration(latency_bin_from_ns(bin), from, sizeof(from));
	units_format_duration(latency_bin_until_ns(bin), until, sizeof(until));
	(void)snprintf(number, sizeof(number), "%" PRIu64, query_whole_samples(count));
	return output_table_row(table, cells);
}

/* All bins from the first to the last that has a wait. */
static int print_bins(const struct latency *latency)
{
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	const struct latency_bin *bins = latency->bins;
	uint32_t i = 0, bin = bins[0].bin;
	uint64_t most = 0;
	int r = output_table_new(bin_columns, ARRAY_SIZE(bin_columns), &table);

	for (uint32_t k = 0; k < latency->n_bins; k++)
		if (bins[k].count > most)
			most = bins[k].count;
	for (; r == 0 && i < latency->n_bins; bin++) {
		bool is_there = bins[i].bin == bin;

		r = add_bin(table, bin, is_there ? bins[i].count : 0, most);
		i += is_there;
	}
	return r < 0 ? r : output_table_print(table);
}

static int print_histogram(const struct latency_answer *a, const struct latency_row *row)
{
	const struct layout *layout = &layouts[a->options->by];
	_cleanup_(output_table_freep) struct output_table *title = NULL;
	_cleanup_(cells_done) struct cells c = {0};
	int r;

	if (row->latency.n_bins == 0)
		return 0;
	r = make_cells(a, row, &c);
	/* As a table of the names alone, for what is no fit text in them. */
	if (r == 0) {
		struct output_column columns[COLUMNS_MAX];
		unsigned int n = layout->n_columns - N_FIGURES;

		for (unsigned int i = 0; i < n; i++)
			columns[i] = (struct output_column){.shrinks = i + 1 == n};
		r = output_table_new(columns, n, &title);
		if (r == 0)
			r = output_table_row(title, c.cells + N_FIGURES);
		putchar('\n');
		if (r == 0)
			r = output_table_print(title);
	}
	return r < 0 ? r : print_bins(&row->latency);
}

/* ---- all of it ---- */

static void print_foot(const struct latency_answer *a)
{
	char again[512], event[128], top_event[128];

	if (a->n_rows > a->n_shown)
		printf("...%zu more rows. ", a->n_rows - a->n_shown);
	printf("P50 to P99 are upper bounds of bins, at most %.0f %% too high.\n",
	       a->parts.resolution_pct);
	answer_text_foot(a->answer);
	if (!output_is_terminal())
		return;
	query_args_print(a->query->args, again, sizeof(again));
	event_args_print(&a->options->event, EVENT_OFFCPU, event, sizeof(event));
	event_args_print(&a->options->event, EVENT_CPU, top_event, sizeof(top_event));
	printf("Next: profctl latency%s%s --by %s   |   profctl top%s%s\n", again, event,
	       a->options->by == LATENCY_BY_STACK ? "thread" : "stack", again, top_event);
}

int latency_table_print(const struct latency_answer *a)
{
	const struct layout *layout = &layouts[a->options->by];
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	int r;

	if (event_answer_is_empty(a->answer))
		return 0;
	r = output_table_new(layout->columns, layout->n_columns, &table);
	for (size_t i = 0; r == 0 && i < a->n_shown; i++) {
		_cleanup_(cells_done) struct cells c = {0};

		r = make_cells(a, &a->rows[i], &c);
		if (r == 0)
			r = output_table_row(table, c.cells);
	}
	if (r < 0)
		return r;
	answer_text_head(a->query, a->answer);
	r = output_table_print(table);
	for (size_t i = 0; r == 0 && a->options->histogram && i < a->n_shown; i++)
		r = print_histogram(a, &a->rows[i]);
	if (r < 0)
		return r;
	putchar('\n');
	print_foot(a);
	return 0;
}
