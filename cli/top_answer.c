// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top_answer.c - the answer of profctl top as JSON lines or CSV. The keys and their order are a
 * contract with scripts (profctl(1)): all of them, always, and new ones at the end.
 */
#include "top_answer.h"

#include <inttypes.h>
#include <stdio.h>

double top_percent(const struct top *top, uint64_t part)
{
	uint64_t whole = top->summary->value;

	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
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

static int print_json_row(const struct top *top, const struct top_row *row)
{
	json_t *o = json_object();
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
	output_json_set(o, "device", json_null(), &r);
	output_json_set(o, "op", json_null(), &r);
	output_json_set(o, "reason", output_json_text(reason_of(row)), &r);
	output_json_set(o, "self_ns", output_json_uint(row->self), &r);
	output_json_set(o, "total_ns", output_json_uint(row->total), &r);
	output_json_set(o, "self_pct", json_real(top_percent(top, row->self)), &r);
	output_json_set(o, "total_pct", json_real(top_percent(top, row->total)), &r);
	output_json_set(o, "count", output_json_uint(query_whole_samples(row->count)), &r);
	output_json_set(o, "bytes", json_null(), &r);
	output_json_set(o, "stack", json_null(), &r);
	output_json_set(o, "container", output_json_text(row->container), &r);
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

enum {
	CSV_FUNCTION,
	CSV_MODULE,
	CSV_FILE,
	CSV_LINE,
	CSV_PID,
	CSV_TID,
	CSV_COMM,
	CSV_UNIT,
	CSV_DEVICE,
	CSV_OP,
	CSV_REASON,
	CSV_SELF,
	CSV_TOTAL,
	CSV_SELF_PCT,
	CSV_TOTAL_PCT,
	CSV_COUNT,
	CSV_BYTES,
	CSV_CONTAINER,
	N_CSV
};

static const char *const csv_header[N_CSV] = {
	[CSV_FUNCTION] = "function",
	[CSV_MODULE] = "module",
	[CSV_FILE] = "file",
	[CSV_LINE] = "line",
	[CSV_PID] = "pid",
	[CSV_TID] = "tid",
	[CSV_COMM] = "comm",
	[CSV_UNIT] = "unit",
	[CSV_DEVICE] = "device",
	[CSV_OP] = "op",
	[CSV_REASON] = "reason",
	[CSV_SELF] = "self_ns",
	[CSV_TOTAL] = "total_ns",
	[CSV_SELF_PCT] = "self_pct",
	[CSV_TOTAL_PCT] = "total_pct",
	[CSV_COUNT] = "count",
	[CSV_BYTES] = "bytes",
	[CSV_CONTAINER] = "container",
};

static void print_number(char *buf, size_t size, uint32_t number_or_none)
{
	buf[0] = '\0';
	if (number_or_none)
		(void)snprintf(buf, size, "%" PRIu32, number_or_none);
}

static int print_csv_row(const struct top *top, const struct top_row *row)
{
	char pid[16], tid[16], self[24], total[24], self_pct[24], total_pct[24], count[24];
	const char *const cells[N_CSV] = {
		[CSV_FUNCTION] = row->function,
		[CSV_MODULE] = row->module,
		[CSV_FILE] = row->source,
		[CSV_PID] = pid,
		[CSV_TID] = tid,
		[CSV_COMM] = row->comm,
		[CSV_UNIT] = row->unit,
		[CSV_REASON] = reason_of(row),
		[CSV_SELF] = self,
		[CSV_TOTAL] = total,
		[CSV_SELF_PCT] = self_pct,
		[CSV_TOTAL_PCT] = total_pct,
		[CSV_COUNT] = count,
		[CSV_CONTAINER] = row->container,
	};

	print_number(pid, sizeof(pid), row->pid);
	print_number(tid, sizeof(tid), row->tid);
	(void)snprintf(self, sizeof(self), "%" PRIu64, row->self);
	(void)snprintf(total, sizeof(total), "%" PRIu64, row->total);
	(void)snprintf(self_pct, sizeof(self_pct), "%.4f", top_percent(top, row->self));
	(void)snprintf(total_pct, sizeof(total_pct), "%.4f", top_percent(top, row->total));
	(void)snprintf(count, sizeof(count), "%" PRIu64, query_whole_samples(row->count));
	return output_csv_row(cells, N_CSV);
}

int top_answer_csv(const struct top *top)
{
	int r = output_csv_row(csv_header, N_CSV);

	for (size_t i = 0; r == 0 && i < top->n_shown; i++)
		r = print_csv_row(top, &top->rows[i]);
	return r;
}
