// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stat_text.c - see stat_text.h. A line a figure: its name, the figure, and what it is of the
 * window or of a greater figure.
 */
#include "stat_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "answer_text.h"
#include "ledger_table.h"
#include "output.h"
#include "units.h"

/* What stands behind a figure. */
enum beside {
	NOTHING,
	CORES,	    /* the time as so many cores all the time */
	THREADS,    /* or as threads */
	PER_SECOND, /* of the window */
	BYTES_PER_SECOND,
	OF_CPU,
	OF_BLOCKED,
};

struct line {
	const char *name;
	enum ledger_column column;
	enum beside beside;
};

static const struct line times[] = {
	{"CPU", LEDGER_ONCPU, CORES},	      {"  user", LEDGER_USER, OF_CPU},
	{"  system", LEDGER_SYSTEM, OF_CPU},  {"run queue", LEDGER_RUNQ, THREADS},
	{"blocked", LEDGER_BLOCKED, THREADS},
};

/* The reasons stand between. */
static const struct line others[] = {
	{"other", LEDGER_OTHER, THREADS},
	{"in all", LEDGER_ELAPSED, THREADS},
	{"threads seen", LEDGER_THREADS, NOTHING},
	{"switches", LEDGER_SWITCHES, PER_SECOND},
	{"  voluntary", LEDGER_VOLUNTARY, PER_SECOND},
	{"  involuntary", LEDGER_INVOLUNTARY, PER_SECOND},
	{"page faults", LEDGER_FAULTS, PER_SECOND},
	{"  minor", LEDGER_MINOR, PER_SECOND},
	{"  major", LEDGER_MAJOR, PER_SECOND},
	{"RSS, last", LEDGER_RSS, NOTHING},
	{"RSS, peak", LEDGER_PEAK, NOTHING},
	{"read", LEDGER_READ, BYTES_PER_SECOND},
	{"written", LEDGER_WRITE, BYTES_PER_SECOND},
};

static void print_part(char *buf, size_t size, uint64_t part, uint64_t whole)
{
	if (whole > 0)
		(void)snprintf(buf, size, "%.1f%%", 100 * (double)part / (double)whole);
}

static void print_beside(const struct ledger_view *view, const struct line *line, char *buf,
			 size_t size)
{
	const struct profile_ledger *sum = &view->rows[0].sum;
	int64_t value = ledger_column_value(line->column)(&view->rows[0]);
	double share = ledger_view_share(view, value), per_second = share * (double)NSEC_PER_SEC;
	char bytes[24];

	buf[0] = '\0';
	switch (line->beside) {
	case CORES:
		(void)snprintf(buf, size, "%.2f cores", share);
		break;
	case THREADS:
		/* Not "-0.00". */
		(void)snprintf(buf, size, "%.2f threads", share > -0.005 && share < 0 ? 0 : share);
		break;
	case PER_SECOND:
		(void)snprintf(buf, size, "%.1f/s", per_second);
		break;
	case BYTES_PER_SECOND:
		units_format_bytes((uint64_t)per_second, bytes, sizeof(bytes));
		(void)snprintf(buf, size, "%s/s", bytes);
		break;
	case OF_CPU:
		print_part(buf, size, (uint64_t)value, sum->oncpu_ns);
		break;
	case OF_BLOCKED:
		print_part(buf, size, (uint64_t)value, sum->blocked_ns);
		break;
	default:
		break;
	}
}

static int add_lines(const struct ledger_view *view, const struct line *lines, size_t n,
		     struct output_table *table)
{
	char figure[LEDGER_COLUMN_TEXT_MAX], beside[32];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const char *const cells[] = {lines[i].name, figure, beside};

		ledger_column_text(lines[i].column, &view->rows[0], figure);
		print_beside(view, &lines[i], beside, sizeof(beside));
		r = output_table_row(table, cells);
	}
	return r;
}

static int add_reason(const struct stat_answer *stat, const char *reason, uint64_t ns,
		      struct output_table *table)
{
	char name[48], figure[24], beside[32] = "";
	const char *const cells[] = {name, figure, beside};

	(void)snprintf(name, sizeof(name), "  %s", reason);
	units_format_seconds(ns, figure, sizeof(figure));
	print_part(beside, sizeof(beside), ns, stat->view->rows[0].sum.blocked_ns);
	return output_table_row(table, cells);
}

/* What blocked time was waited for; with what no sample stands for, and idle kernel threads, it is
 * all of it. */
static int add_reasons(const struct stat_answer *stat, struct output_table *table)
{
	static const struct line idle[] = {{"  [idle]", LEDGER_IDLE, OF_BLOCKED}};
	int r = 0;

	for (size_t i = 0; r == 0 && i < stat->n_reasons; i++)
		r = add_reason(stat, reason_sum_name(&stat->reasons[i]), stat->reasons[i].value,
			       table);
	if (r == 0 && stat->waits->not_sampled_ns > 0)
		r = add_reason(stat, EVENT_NOT_SAMPLED, stat->waits->not_sampled_ns, table);
	if (r == 0 && stat->view->rows[0].sum.idle_ns > 0)
		r = add_lines(stat->view, idle, 1, table);
	return r;
}

int stat_text_print(const struct stat_answer *stat)
{
	static const struct output_column columns[] = {{0}, {.right = true}, {.right = true}};
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	const struct ledger_view *view = stat->view;
	char again[512];
	int r;

	if (view->n_rows == 0)
		return stat_io_text(stat->io);
	r = output_table_new(columns, ARRAY_SIZE(columns), &table);
	if (r == 0)
		r = add_lines(view, times, ARRAY_SIZE(times), table);
	if (r == 0)
		r = add_reasons(stat, table);
	if (r == 0)
		r = add_lines(view, others, ARRAY_SIZE(others), table);
	if (r < 0)
		return r;
	ledger_table_head(view);
	r = output_table_print(table);
	if (r == 0)
		r = stat_io_text(stat->io);
	if (r < 0)
		return r;
	putchar('\n');
	ledger_table_notes(view);
	answer_text_foot(stat->waits);
	if (output_is_terminal()) {
		query_args_print(view->query->args, again, sizeof(again));
		printf("Next: profctl top%s --event wall   |   profctl latency%s\n", again, again);
	}
	return 0;
}
