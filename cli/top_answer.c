// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top_answer.c - the answer of profctl top as JSON lines or CSV. The keys and their order are a
 * contract with scripts (profctl(1)): all of them, always, and new ones at the end.
 */
#include "top_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const struct top_row top_row_none = {
	.function = "",
	.module = "",
	.source = "",
	.comm = "",
	.unit = "",
	.container = "",
	.wait_reason = "",
	.device = "",
	.op = "",
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

double top_percent(const struct top *top, uint64_t part)
{
	return percent(part, top->summary->value);
}

/* What was waited for, or why a row has no function; "" when it has one, or when functions are not
 * told apart. */
static const char *reason_of(const struct top_row *row)
{
	if (*row->wait_reason)
		return row->wait_reason;
	return *row->function ? "" : unknown_reason_text(row->reason);
}

/* ---- JSON lines ---- */

/* No process or thread is number 0. */
static json_t *number(uint32_t number_or_none)
{
	return number_or_none ? json_integer(number_or_none) : json_null();
}

int top_answer_json_keys(json_t *o, const struct top_row *row, uint64_t whole_ns, json_t *stack)
{
	int r = 0;

	output_json_set(o, "schema", json_integer(1), &r);
	output_json_set(o, "kind", json_string("row"), &r);
	output_json_set(o, "function", output_json_text(row->function), &r);
	output_json_set(o, "module", output_json_text(row->module), &r);
	output_json_set(o, "file", output_json_text(row->source), &r);
	output_json_set(o, "line", json_null(), &r);
	output_json_set(o, "pid", number(row->pid), &r);
	output_json_set(o, "tid", number(row->tid), &r);
	output_json_set(o, "comm", output_json_text(row->comm), &r);
	output_json_set(o, "unit", output_json_text(row->unit), &r);
	output_json_set(o, "device", output_json_text(row->device), &r);
	output_json_set(o, "op", output_json_text(row->op), &r);
	output_json_set(o, "reason", output_json_text(reason_of(row)), &r);
	output_json_set(o, "self_ns", output_json_uint(row->self), &r);
	output_json_set(o, "total_ns", output_json_uint(row->total), &r);
	output_json_set(o, "self_pct", json_real(percent(row->self, whole_ns)), &r);
	output_json_set(o, "total_pct", json_real(percent(row->total, whole_ns)), &r);
	output_json_set(o, "count", output_json_uint(query_whole_samples(row->count)), &r);
	output_json_set(o, "bytes", json_null(), &r);
	output_json_set(o, "stack", stack, &r);
	output_json_set(o, "container", output_json_text(row->container), &r);
	return r;
}

/* Of blockio_bytes there is no time: the row's bytes are all that it has, its own and its callees'.
 */
static void put_bytes(json_t *o, const struct top_row *row, int *r)
{
	output_json_set(o, "self_ns", json_null(), r);
	output_json_set(o, "total_ns", json_null(), r);
	output_json_set(o, "bytes", output_json_uint(row->total), r);
}

static int print_json_row(const struct top *top, const struct top_row *row)
{
	json_t *o = json_object();
	int r = top_answer_json_keys(o, row, top->summary->value, json_null());

	if (top->options->event.event == EVENT_BLOCKIO_BYTES)
		put_bytes(o, row, &r);
	output_json_set(o, "half_width_ns",
			row->has_interval ? output_json_uint(row->half_width_ns) : json_null(), &r);

	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

int top_answer_json(const struct top *top)
{
	int r = window_json("top", top->query, top->summary, &top->parts);

	for (size_t i = 0; r == 0 && i < top->n_shown; i++)
		r = print_json_row(top, &top->rows[i]);
	return r;
}

/* ---- CSV ---- */

static const char *const csv_header[TOP_N_CSV] = {
	[TOP_CSV_FUNCTION] = "function",
	[TOP_CSV_MODULE] = "module",
	[TOP_CSV_FILE] = "file",
	[TOP_CSV_LINE] = "line",
	[TOP_CSV_PID] = "pid",
	[TOP_CSV_TID] = "tid",
	[TOP_CSV_COMM] = "comm",
	[TOP_CSV_UNIT] = "unit",
	[TOP_CSV_DEVICE] = "device",
	[TOP_CSV_OP] = "op",
	[TOP_CSV_REASON] = "reason",
	[TOP_CSV_SELF] = "self_ns",
	[TOP_CSV_TOTAL] = "total_ns",
	[TOP_CSV_SELF_PCT] = "self_pct",
	[TOP_CSV_TOTAL_PCT] = "total_pct",
	[TOP_CSV_COUNT] = "count",
	[TOP_CSV_BYTES] = "bytes",
	[TOP_CSV_CONTAINER] = "container",
};

static void print_number(char *buf, size_t size, uint32_t number_or_none)
{
	buf[0] = '\0';
	if (number_or_none)
		(void)snprintf(buf, size, "%" PRIu32, number_or_none);
}

void top_answer_csv_cells(const struct top_row *row, uint64_t whole_ns, struct top_csv *csv)
{
	const char *const cells[TOP_N_CSV] = {
		[TOP_CSV_FUNCTION] = row->function, [TOP_CSV_MODULE] = row->module,
		[TOP_CSV_FILE] = row->source,	    [TOP_CSV_PID] = csv->pid,
		[TOP_CSV_DEVICE] = row->device,	    [TOP_CSV_OP] = row->op,
		[TOP_CSV_TID] = csv->tid,	    [TOP_CSV_COMM] = row->comm,
		[TOP_CSV_UNIT] = row->unit,	    [TOP_CSV_REASON] = reason_of(row),
		[TOP_CSV_SELF] = csv->self,	    [TOP_CSV_TOTAL] = csv->total,
		[TOP_CSV_SELF_PCT] = csv->self_pct, [TOP_CSV_TOTAL_PCT] = csv->total_pct,
		[TOP_CSV_COUNT] = csv->count,	    [TOP_CSV_CONTAINER] = row->container,
	};

	memcpy(csv->cells, cells, sizeof(cells));
	print_number(csv->pid, sizeof(csv->pid), row->pid);
	print_number(csv->tid, sizeof(csv->tid), row->tid);
	(void)snprintf(csv->self, sizeof(csv->self), "%" PRIu64, row->self);
	(void)snprintf(csv->total, sizeof(csv->total), "%" PRIu64, row->total);
	(void)snprintf(csv->self_pct, sizeof(csv->self_pct), "%.4f", percent(row->self, whole_ns));
	(void)snprintf(csv->total_pct, sizeof(csv->total_pct), "%.4f",
		       percent(row->total, whole_ns));
	(void)snprintf(csv->count, sizeof(csv->count), "%" PRIu64, query_whole_samples(row->count));
}

const char *const *top_answer_csv_header(void)
{
	return csv_header;
}

int top_answer_csv(const struct top *top)
{
	const char *cells[TOP_N_CSV + 1];
	int r;

	memcpy(cells, csv_header, sizeof(csv_header));
	cells[TOP_N_CSV] = "half_width_ns";
	r = output_csv_row(cells, TOP_N_CSV + 1);

	for (size_t i = 0; r == 0 && i < top->n_shown; i++) {
		const struct top_row *row = &top->rows[i];
		char half_width[24] = "";
		struct top_csv csv;

		top_answer_csv_cells(row, top->summary->value, &csv);
		memcpy(cells, csv.cells, sizeof(csv.cells));
		if (top->options->event.event == EVENT_BLOCKIO_BYTES) {
			cells[TOP_CSV_BYTES] = csv.total;
			cells[TOP_CSV_SELF] = cells[TOP_CSV_TOTAL] = NULL;
		}
		if (row->has_interval)
			(void)snprintf(half_width, sizeof(half_width), "%" PRIu64,
				       row->half_width_ns);
		cells[TOP_N_CSV] = half_width;
		r = output_csv_row(cells, TOP_N_CSV + 1);
	}
	return r;
}
