// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top_table.c - the answer of profctl top as a person reads it: which window, how busy, a line a
 * row with the columns of its grouping, and what is not known.
 */
#include "top_table.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer_text.h"
#include "container_name.h"
#include "frame_name.h"
#include "units.h"

static void print_foot(const struct top *top)
{
	const struct store_summary *s = top->summary;
	char lost[24], again[512], event[128];

	if (top->n_rows > top->n_shown)
		printf("...%zu more rows. ", top->n_rows - top->n_shown);
	if (s->lost_ns > 0)
		units_format_seconds(s->lost_ns, lost, sizeof(lost));
	else
		(void)snprintf(lost, sizeof(lost), "0");
	if (top->parts.has_stacks)
		printf("%.1f %% unnamed, %.1f %% truncated, ",
		       top_percent(top, top->parts.unnamed_ns),
		       top_percent(top, top->parts.truncated_ns));
	printf("%s lost%s.\n", lost,
	       s->value != s->machine_value && s->lost_ns > 0 ? " on the machine" : "");
	answer_text_foot(top->answer);
	if (output_is_terminal()) {
		query_args_print(top->query->args, again, sizeof(again));
		event_args_print(&top->options->event, EVENT_CPU, event, sizeof(event));
		if (top->parts.has_stacks)
			printf("Next: profctl top%s%s --sort %s   |   profctl export%s%s\n", again,
			       event, top->options->by_self ? "total" : "self", again, event);
		else
			printf("Next: profctl top%s%s   |   profctl export%s%s\n", again, event,
			       again, event);
	}
}

#define COLUMNS_MAX 8

/* The texts of a row; those that are made for it lie behind them. */
struct cells {
	const char *cells[COLUMNS_MAX];
	char self[24], total[24], self_pct[16], total_pct[16];
	char pid[16], tid[16], count[24], container[CONTAINER_NAME_DIGITS + 1],
		unknown[FRAME_NAME_MAX];
};

static const struct output_column function_columns[] = {
	{.title = "SELF", .right = true},	{.title = "SELF%", .right = true},
	{.title = "TOTAL", .right = true},	{.title = "TOTAL%", .right = true},
	{.title = "FUNCTION", .shrinks = true}, {.title = "MODULE", .shrinks = true},
};

static void function_cells(const struct top_row *row, struct cells *c)
{
	frame_name_unknown(row->reason, c->unknown);
	c->cells[4] = *row->function ? row->function : c->unknown;
	c->cells[5] = frame_name_module(row->module);
}

/* The whole path where the module is all there is. */
static const struct output_column module_columns[] = {
	{.title = "SELF", .right = true},     {.title = "SELF%", .right = true},
	{.title = "TOTAL", .right = true},    {.title = "TOTAL%", .right = true},
	{.title = "MODULE", .shrinks = true},
};

static void module_cells(const struct top_row *row, struct cells *c)
{
	c->cells[4] = *row->module ? row->module : "[no module]";
}

/* Of what has no stack self is total, and one of them is enough. */
static const struct output_column process_columns[] = {
	{.title = "TOTAL", .right = true}, {.title = "TOTAL%", .right = true},
	{.title = "PID", .right = true},   {.title = "COMM"},
	{.title = "EXE", .shrinks = true}, {.title = "UNIT", .shrinks = true},
};

static void process_cells(const struct top_row *row, struct cells *c)
{
	c->cells[2] = c->pid;
	c->cells[3] = row->comm;
	c->cells[4] = frame_name_module(row->module);
	c->cells[5] = row->unit;
}

static const struct output_column thread_columns[] = {
	{.title = "TOTAL", .right = true},
	{.title = "TOTAL%", .right = true},
	{.title = "PID", .right = true},
	{.title = "TID", .right = true},
	{.title = "COMM"},
	{.title = "UNIT", .shrinks = true},
};

static void thread_cells(const struct top_row *row, struct cells *c)
{
	c->cells[2] = c->pid;
	c->cells[3] = c->tid;
	c->cells[4] = row->comm;
	c->cells[5] = row->unit;
}

static const struct output_column unit_columns[] = {
	{.title = "TOTAL", .right = true},
	{.title = "TOTAL%", .right = true},
	{.title = "UNIT", .shrinks = true},
	{.title = "CONTAINER", .shrinks = true},
};

static void unit_cells(const struct top_row *row, struct cells *c)
{
	c->cells[2] = *row->unit ? row->unit : "[no unit]";
	c->cells[3] = container_name_short(row->container, c->container);
}

static const struct output_column reason_columns[] = {
	{.title = "TOTAL", .right = true},
	{.title = "TOTAL%", .right = true},
	{.title = "COUNT", .right = true},
	{.title = "REASON"},
};

static void reason_cells(const struct top_row *row, struct cells *c)
{
	c->cells[2] = c->count;
	c->cells[3] = row->wait_reason;
}

static const struct layout {
	const struct output_column *columns;
	unsigned int n_columns;
	unsigned int name_column;				   /* what a row is called */
	void (*cells)(const struct top_row *row, struct cells *c); /* those after the figures */
	bool has_self;
} layouts[] = {
	[TOP_BY_FUNCTION] = {function_columns, ARRAY_SIZE(function_columns), 4, function_cells,
			     true},
	[TOP_BY_MODULE] = {module_columns, ARRAY_SIZE(module_columns), 4, module_cells, true},
	[TOP_BY_PROCESS] = {process_columns, ARRAY_SIZE(process_columns), 3, process_cells, false},
	[TOP_BY_THREAD] = {thread_columns, ARRAY_SIZE(thread_columns), 4, thread_cells, false},
	[TOP_BY_UNIT] = {unit_columns, ARRAY_SIZE(unit_columns), 2, unit_cells, false},
	[TOP_BY_REASON] = {reason_columns, ARRAY_SIZE(reason_columns), 3, reason_cells, false},
};

static void format_value(const struct top *top, uint64_t value, char *buf, size_t size)
{
	if (top->options->event.event == EVENT_BLOCKIO_BYTES)
		units_format_bytes(value, buf, size);
	else
		units_format_seconds(value, buf, size);
}

static void make_cells(const struct top *top, const struct layout *layout,
		       const struct top_row *row, struct cells *c)
{
	const char **next = c->cells;

	format_value(top, row->self, c->self, sizeof(c->self));
	format_value(top, row->total, c->total, sizeof(c->total));
	(void)snprintf(c->self_pct, sizeof(c->self_pct), "%.1f%%", top_percent(top, row->self));
	(void)snprintf(c->total_pct, sizeof(c->total_pct), "%.1f%%", top_percent(top, row->total));
	(void)snprintf(c->pid, sizeof(c->pid), "%" PRIu32, row->pid);
	(void)snprintf(c->tid, sizeof(c->tid), "%" PRIu32, row->tid);
	(void)snprintf(c->count, sizeof(c->count), "%" PRIu64, query_whole_samples(row->count));
	if (layout->has_self) {
		*next++ = c->self;
		*next++ = c->self_pct;
	}
	*next++ = c->total;
	*next = c->total_pct;
	layout->cells(row, c);
	if (!row->is_rest)
		return;
	/* It is nobody's: there are the figures and what it is. */
	for (unsigned int i = layout->has_self ? 4 : 2; i < layout->n_columns; i++)
		c->cells[i] = i == layout->name_column ? row->function : "";
}

/* Units have the container beside them when one is in one. */
static unsigned int count_columns(const struct top *top, const struct layout *layout)
{
	if (top->options->by != TOP_BY_UNIT)
		return layout->n_columns;
	for (size_t i = 0; i < top->n_shown; i++)
		if (*top->rows[i].container)
			return layout->n_columns;
	return layout->n_columns - 1;
}

int top_table_print(const struct top *top)
{
	const struct layout *layout = &layouts[top->options->by];
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	int r;

	if (event_answer_is_empty(top->answer))
		return 0;
	r = output_table_new(layout->columns, count_columns(top, layout), &table);
	for (size_t i = 0; r == 0 && i < top->n_shown; i++) {
		struct cells c = {0};

		make_cells(top, layout, &top->rows[i], &c);
		r = output_table_row(table, c.cells);
	}
	if (r < 0)
		return r;
	answer_text_head(top->query, top->answer);
	r = output_table_print(table);
	if (r < 0)
		return r;
	putchar('\n');
	print_foot(top);
	return 0;
}
