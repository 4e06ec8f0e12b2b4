// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_answer.c - see ledger_answer.h.
 */
#include "ledger_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "output.h"
#include "top_answer.h"

static struct top_row who(const struct ledger_totals_row *row)
{
	struct top_row who = top_row_none;

	who.module = row->exe;
	who.pid = row->pid;
	who.tid = row->tid;
	who.comm = row->comm;
	who.unit = row->unit;
	who.container = row->container;
	who.self = who.total = row->sum.oncpu_ns;
	return who;
}

static struct top_row why(const struct reason_sum *sum)
{
	struct top_row row = top_row_none;

	row.wait_reason = reason_sum_name(sum);
	row.count = sum->count;
	return row;
}

static int print_json(json_t *o, int r)
{
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

int ledger_answer_json_window(const struct ledger_view *view, const struct window_parts *parts)
{
	return window_json(view->command, view->query, &view->summary, parts);
}

int ledger_answer_json_row(const struct ledger_view *view, const struct ledger_totals_row *row)
{
	const struct top_row named = who(row);
	json_t *o = json_object();
	int r = top_answer_json_keys(o, &named, view->summary.value, json_null());

	/* Nothing was counted. */
	output_json_set(o, "count", json_null(), &r);
	for (unsigned int i = 0; i < LEDGER_N_KEYS; i++)
		output_json_set(o, ledger_column_key((enum ledger_column)i),
				ledger_column_json((enum ledger_column)i, row), &r);
	return print_json(o, r);
}

int ledger_answer_json_reason(const struct reason_sum *sum)
{
	static const char *const unknown[] = {"self_ns", "total_ns", "self_pct", "total_pct"};
	const struct top_row named = why(sum);
	json_t *o = json_object();
	int r = top_answer_json_keys(o, &named, 0, json_null());

	for (size_t i = 0; i < ARRAY_SIZE(unknown); i++)
		output_json_set(o, unknown[i], json_null(), &r);
	for (unsigned int i = 0; i < LEDGER_N_KEYS; i++)
		output_json_set(o, ledger_column_key((enum ledger_column)i),
				i == LEDGER_BLOCKED ? output_json_uint(sum->value) : json_null(),
				&r);
	return print_json(o, r);
}

/* ---- CSV ---- */

enum { N_CSV = TOP_N_CSV + LEDGER_N_KEYS };

int ledger_answer_csv_header(void)
{
	const char *header[N_CSV];

	memcpy(header, top_answer_csv_header(), TOP_N_CSV * sizeof(header[0]));
	for (unsigned int i = 0; i < LEDGER_N_KEYS; i++)
		header[TOP_N_CSV + i] = ledger_column_key((enum ledger_column)i);
	return output_csv_row(header, N_CSV);
}

int ledger_answer_csv_row(const struct ledger_view *view, const struct ledger_totals_row *row)
{
	char texts[LEDGER_N_KEYS][LEDGER_COLUMN_TEXT_MAX];
	const struct top_row named = who(row);
	const char *cells[N_CSV];
	struct top_csv csv;

	top_answer_csv_cells(&named, view->summary.value, &csv);
	memcpy(cells, csv.cells, sizeof(csv.cells));
	cells[TOP_CSV_COUNT] = NULL;
	for (unsigned int i = 0; i < LEDGER_N_KEYS; i++) {
		ledger_column_digits((enum ledger_column)i, row, texts[i]);
		cells[TOP_N_CSV + i] = texts[i];
	}
	return output_csv_row(cells, N_CSV);
}

int ledger_answer_csv_reason(const struct reason_sum *sum)
{
	const struct top_row named = why(sum);
	const char *cells[N_CSV] = {0};
	char blocked[24];
	struct top_csv csv;

	top_answer_csv_cells(&named, 0, &csv);
	cells[TOP_CSV_REASON] = csv.cells[TOP_CSV_REASON];
	cells[TOP_CSV_COUNT] = csv.cells[TOP_CSV_COUNT];
	(void)snprintf(blocked, sizeof(blocked), "%" PRIu64, sum->value);
	cells[TOP_N_CSV + LEDGER_BLOCKED] = blocked;
	return output_csv_row(cells, N_CSV);
}
