// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * latency_answer.c - the answer of profctl latency as JSON lines or CSV: the keys that all rows
 * have, and its own behind them. They are a contract with scripts (profctl(1)).
 */
#include "latency_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack_text.h"

/* What was not sampled has no waits that anything is known of. */
static json_t *known(const struct latency_row *row, uint64_t value)
{
	return row->who.is_rest ? json_null() : output_json_uint(value);
}

/* No wait lasts 0 ns: nothing ended. */
static json_t *bound(uint64_t ns)
{
	return ns > 0 ? output_json_uint(ns) : json_null();
}

static json_t *bins(const struct latency *latency)
{
	json_t *array = json_array();
	int r = array ? 0 : -ENOMEM;

	for (uint32_t i = 0; r == 0 && i < latency->n_bins; i++) {
		const struct latency_bin *bin = &latency->bins[i];
		json_t *o = json_object();

		output_json_set(o, "from_ns", output_json_uint(latency_bin_from_ns(bin->bin)), &r);
		output_json_set(o, "until_ns", output_json_uint(latency_bin_until_ns(bin->bin)),
				&r);
		output_json_set(o, "count", output_json_uint(query_whole_samples(bin->count)), &r);
		if (json_array_append_new(array, o) < 0)
			r = -ENOMEM;
	}
	if (r == 0)
		return array;
	json_decref(array);
	return NULL;
}

static int print_json_row(const struct latency_answer *a, const struct latency_row *row)
{
	const struct latency *l = &row->latency;
	bool has_stack = a->stacks && !row->who.is_rest;
	json_t *o = json_object();
	int r = top_answer_json_keys(o, &row->who, a->answer->summary.value,
				     has_stack ? stack_text_json(a->stacks, l->node) : json_null());

	output_json_set(o, "open_count", known(row, l->open_count), &r);
	output_json_set(o, "open_ns", known(row, l->open_ns), &r);
	output_json_set(o, "p50_ns", bound(l->p50_ns), &r);
	output_json_set(o, "p95_ns", bound(l->p95_ns), &r);
	output_json_set(o, "p99_ns", bound(l->p99_ns), &r);
	output_json_set(o, "max_ns", bound(l->max_ns), &r);
	output_json_set(o, "bins",
			a->options->histogram && !row->who.is_rest ? bins(l) : json_null(), &r);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

int latency_answer_json(const struct latency_answer *a)
{
	int r = window_json("latency", a->query, &a->answer->summary, &a->parts);

	for (size_t i = 0; r == 0 && i < a->n_shown; i++)
		r = print_json_row(a, &a->rows[i]);
	return r;
}

/* ---- CSV ---- */

enum { CSV_OPEN_COUNT = TOP_N_CSV, CSV_OPEN, CSV_P50, CSV_P95, CSV_P99, CSV_MAX, CSV_STACK, N_CSV };

static int print_csv_header(void)
{
	const char *header[N_CSV] = {
		[CSV_OPEN_COUNT] = "open_count",
		[CSV_OPEN] = "open_ns",
		[CSV_P50] = "p50_ns",
		[CSV_P95] = "p95_ns",
		[CSV_P99] = "p99_ns",
		[CSV_MAX] = "max_ns",
		[CSV_STACK] = "stack",
	};

	memcpy(header, top_answer_csv_header(), TOP_N_CSV * sizeof(header[0]));
	return output_csv_row(header, N_CSV);
}

static int print_csv_row(const struct latency_answer *a, const struct latency_row *row)
{
	const struct latency *l = &row->latency;
	const struct {
		unsigned int cell;
		uint64_t value;
		bool is_known;
	} numbers[] = {
		{CSV_OPEN_COUNT, l->open_count, !row->who.is_rest},
		{CSV_OPEN, l->open_ns, !row->who.is_rest},
		{CSV_P50, l->p50_ns, l->p50_ns > 0},
		{CSV_P95, l->p95_ns, l->p95_ns > 0},
		{CSV_P99, l->p99_ns, l->p99_ns > 0},
		{CSV_MAX, l->max_ns, l->max_ns > 0},
	};
	_cleanup_free_ char *stack = NULL;
	char texts[ARRAY_SIZE(numbers)][24];
	const char *cells[N_CSV] = {0};
	struct top_csv csv;
	int r = 0;

	top_answer_csv_cells(&row->who, a->answer->summary.value, &csv);
	memcpy(cells, csv.cells, sizeof(csv.cells));
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (!numbers[i].is_known)
			continue;
		(void)snprintf(texts[i], sizeof(texts[i]), "%" PRIu64, numbers[i].value);
		cells[numbers[i].cell] = texts[i];
	}
	if (a->stacks && !row->who.is_rest)
		r = stack_text_all(a->stacks, l->node, &stack);
	cells[CSV_STACK] = stack;
	return r < 0 ? r : output_csv_row(cells, N_CSV);
}

int latency_answer_csv(const struct latency_answer *a)
{
	int r = print_csv_header();

	for (size_t i = 0; r == 0 && i < a->n_shown; i++)
		r = print_csv_row(a, &a->rows[i]);
	return r;
}
