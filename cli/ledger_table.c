// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_table.c - see ledger_table.h.
 */
#include "ledger_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "answer_text.h"
#include "container_name.h"
#include "frame_name.h"
#include "output.h"
#include "units.h"

#define NAMES_MAX   5
#define COLUMNS_MAX (LEDGER_N_COLUMNS + 1 + NAMES_MAX)

/* What most people look at; a column that is sorted by comes first when it is none of these. */
static const enum ledger_column usual[] = {
	LEDGER_ONCPU,	 LEDGER_RUNQ, LEDGER_BLOCKED, LEDGER_OTHER,
	LEDGER_SWITCHES, LEDGER_RSS,  LEDGER_READ,    LEDGER_WRITE,
};

static const struct output_column process_names[] = {
	{.title = "THREADS", .right = true}, {.title = "PID", .right = true},	 {.title = "COMM"},
	{.title = "EXE", .shrinks = true},   {.title = "UNIT", .shrinks = true},
};
static const struct output_column thread_names[] = {
	{.title = "PID", .right = true},
	{.title = "TID", .right = true},
	{.title = "COMM"},
	{.title = "UNIT", .shrinks = true},
};
static const struct output_column unit_names[] = {
	{.title = "THREADS", .right = true},
	{.title = "UNIT", .shrinks = true},
	{.title = "CONTAINER", .shrinks = true},
};

static const struct names {
	const struct output_column *columns;
	unsigned int n;
} all_names[] = {
	[SERIES_TOTALS_BY_PROCESS] = {process_names, ARRAY_SIZE(process_names)},
	[SERIES_TOTALS_BY_THREAD] = {thread_names, ARRAY_SIZE(thread_names)},
	[SERIES_TOTALS_BY_UNIT] = {unit_names, ARRAY_SIZE(unit_names)},
};

/* The columns of a table, and what is in them. */
struct layout {
	const struct ledger_view *view;
	enum series_totals_by by;
	enum ledger_column figures[LEDGER_N_COLUMNS];
	unsigned int n_figures;
	struct output_column columns[COLUMNS_MAX];
	unsigned int n_columns;
};

static void add_figure(struct layout *layout, enum ledger_column column)
{
	layout->figures[layout->n_figures++] = column;
	layout->columns[layout->n_columns++] =
		(struct output_column){.title = ledger_column_title(column), .right = true};
	if (column == LEDGER_ONCPU)
		layout->columns[layout->n_columns++] =
			(struct output_column){.title = "CPU%", .right = true};
}

static bool is_usual(enum ledger_column column)
{
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (usual[i] == column)
			return true;
	return false;
}

/* Containers are shown when there is one. */
static unsigned int count_names(const struct layout *layout, size_t n_rows)
{
	unsigned int n = all_names[layout->by].n;

	if (layout->by != SERIES_TOTALS_BY_UNIT)
		return n;
	for (size_t i = 0; i < n_rows; i++)
		if (*layout->view->rows[i].container)
			return n;
	return n - 1;
}

static void make_layout(struct layout *layout, size_t n_rows, enum ledger_column sort)
{
	const struct names *names = &all_names[layout->by];
	unsigned int n = count_names(layout, n_rows);

	/* Threads are beside the names already. */
	if (!is_usual(sort) && (sort != LEDGER_THREADS || layout->by == SERIES_TOTALS_BY_THREAD))
		add_figure(layout, sort);
	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		add_figure(layout, usual[i]);
	memcpy(layout->columns + layout->n_columns, names->columns, n * sizeof(names->columns[0]));
	layout->n_columns += n;
}

/* The texts of a row; those that are made for it lie behind them. */
struct cells {
	const char *cells[COLUMNS_MAX];
	char figures[LEDGER_N_COLUMNS][LEDGER_COLUMN_TEXT_MAX];
	char percent[16], pid[16], tid[16], threads[24];
	char container[CONTAINER_NAME_DIGITS + 1];
};

static void name_cells(enum series_totals_by by, const struct ledger_totals_row *row,
		       struct cells *c, const char **next)
{
	(void)snprintf(c->pid, sizeof(c->pid), "%" PRIu32, row->pid);
	(void)snprintf(c->tid, sizeof(c->tid), "%" PRIu32, row->tid);
	(void)snprintf(c->threads, sizeof(c->threads), "%" PRIu64, row->n_threads);
	switch (by) {
	case SERIES_TOTALS_BY_PROCESS:
		next[0] = c->threads;
		next[1] = c->pid;
		next[2] = row->comm;
		next[3] = frame_name_module(row->exe);
		next[4] = row->unit;
		break;
	case SERIES_TOTALS_BY_THREAD:
		next[0] = c->pid;
		next[1] = c->tid;
		next[2] = row->comm;
		next[3] = row->unit;
		break;
	default:
		next[0] = c->threads;
		next[1] = *row->unit ? row->unit : "[no unit]";
		next[2] = container_name_short(row->container, c->container);
	}
}

static void make_cells(const struct layout *layout, const struct ledger_totals_row *row,
		       struct cells *c)
{
	const char **next = c->cells;

	for (unsigned int i = 0; i < layout->n_figures; i++) {
		enum ledger_column column = layout->figures[i];

		ledger_column_text(column, row, c->figures[i]);
		*next++ = c->figures[i];
		if (column != LEDGER_ONCPU)
			continue;
		(void)snprintf(
			c->percent, sizeof(c->percent), "%.1f%%",
			100 * ledger_view_share(layout->view, ledger_column_value(column)(row)));
		*next++ = c->percent;
	}
	name_cells(layout->by, row, c, next);
}

void ledger_table_head(const struct ledger_view *view)
{
	const struct store_summary *s = &view->summary;

	answer_text_window(view->query, s, "ledger");
	if (view->covered_ns > 0) {
		double covered = (double)view->covered_ns;

		printf("%.2f cores busy of %" PRIu32, (double)s->value / covered, s->n_cpus);
		if (s->value != s->machine_value)
			printf(" (machine: %.2f)", (double)s->machine_value / covered);
	}
	puts("\n");
}

void ledger_table_notes(const struct ledger_view *view)
{
	char gate[24];

	if (view->n_buckets < view->summary.n_buckets)
		printf("%" PRIu64 " of %" PRIu64 " buckets have a ledger; shares are of these.\n",
		       view->n_buckets, view->summary.n_buckets);
	if (view->gate_ns > 0) {
		units_format_seconds(view->gate_ns, gate, sizeof(gate));
		printf("Of BLOCKED %s are what was left: switches were too many to measure.\n",
		       gate);
	}
}

static void print_foot(const struct ledger_view *view, enum series_totals_by by, size_t n)
{
	const struct event_answer answer = {.summary = view->summary};
	char again[512];

	if (view->n_rows > n)
		printf("...%zu more rows.\n", view->n_rows - n);
	if (by != SERIES_TOTALS_BY_THREAD)
		puts("CPU% is of one core; RSS is the last one.");
	else
		puts("CPU% is of one core; RSS is the process's.");
	ledger_table_notes(view);
	answer_text_foot(&answer);
	if (!output_is_terminal())
		return;
	query_args_print(view->query->args, again, sizeof(again));
	printf("Next: profctl stat%s   |   profctl top%s --event wall\n", again, again);
}

int ledger_table_print(const struct ledger_view *view, enum series_totals_by by, size_t n,
		       enum ledger_column sort)
{
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	struct layout layout = {.view = view, .by = by};
	int r;

	if (view->n_rows == 0)
		return 0;
	make_layout(&layout, n, sort);
	r = output_table_new(layout.columns, layout.n_columns, &table);
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct cells c = {0};

		make_cells(&layout, &view->rows[i], &c);
		r = output_table_row(table, c.cells);
	}
	if (r < 0)
		return r;
	ledger_table_head(view);
	r = output_table_print(table);
	if (r < 0)
		return r;
	putchar('\n');
	print_foot(view, by, n);
	return 0;
}
