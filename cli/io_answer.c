// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_answer.c - see io_answer.h: JSON lines and CSV; the table is io_table.c's. The keys and their
 * order are a contract with scripts (profctl(1)).
 */
#include "io_answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "top_answer.h"

void io_answer_flags(uint32_t flags, char buf[IO_FLAGS_TEXT_MAX])
{
	static const struct {
		uint32_t flag;
		const char *name;
	} names[] = {{PROFILE_IO_SYNC, "sync"},
		     {PROFILE_IO_META, "meta"},
		     {PROFILE_IO_READAHEAD, "readahead"},
		     {PROFILE_IO_FUA, "fua"}};
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			used += (size_t)snprintf(buf + used, IO_FLAGS_TEXT_MAX - used, "%s%s",
						 used ? "," : "", names[i].name);
}

static struct top_row who(const struct io_row *row)
{
	struct top_row who = top_row_none;

	who.module = row->exe;
	who.pid = row->pid;
	who.tid = row->tid;
	who.comm = row->is_rest ? EVENT_NOT_SAMPLED : row->comm;
	who.unit = row->unit;
	who.container = row->container;
	who.device = row->device;
	who.op = io_op_name(row->op);
	who.self = who.total = row->total_ns;
	who.count = row->ios * PROFILE_COUNT_ONE;
	return who;
}

/* ---- JSON lines ---- */

static json_t *known(bool is_known, uint64_t value)
{
	return is_known ? output_json_uint(value) : json_null();
}

static int print_row(const struct io_answer *a, const struct io_row *row)
{
	const struct top_row named = who(row);
	char flags[IO_FLAGS_TEXT_MAX];
	json_t *o = json_object();
	int r = top_answer_json_keys(o, &named, row->device_ns, json_null());

	io_answer_flags(row->flags, flags);
	output_json_set(o, "self_ns", known(row->has_total, row->total_ns), &r);
	output_json_set(o, "total_ns", known(row->has_total, row->total_ns), &r);
	output_json_set(o, "bytes", output_json_uint(row->bytes), &r);
	output_json_set(o, "ios", output_json_uint(row->ios), &r);
	output_json_set(o, "queue_ns", known(row->has_queue, row->queue_ns), &r);
	output_json_set(o, "device_ns", known(row->has_service, row->service_ns), &r);
	output_json_set(o, "errors", known(row->is_exact, row->errors), &r);
	output_json_set(o, "exact", json_boolean(row->is_exact), &r);
	output_json_set(o, "flags",
			a->by == IO_BY_OP && row->is_exact ? json_string(flags) : json_null(), &r);
	output_json_set(o, "half_width_ns",
			known(!row->is_exact && !row->is_rest, row->half_width_ns), &r);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

int io_answer_json(const struct io_answer *a)
{
	int r = window_json("io", a->query, &a->io->summary, NULL);

	for (size_t i = 0; r == 0 && i < a->n_shown; i++)
		r = print_row(a, &a->rows->rows[i]);
	return r;
}

/* ---- CSV ---- */

enum {
	CSV_IOS = TOP_N_CSV,
	CSV_QUEUE,
	CSV_SERVICE,
	CSV_ERRORS,
	CSV_EXACT,
	CSV_FLAGS,
	CSV_HALF,
	N_CSV
};

struct numbers {
	char ios[24], bytes[24], queue[24], service[24], errors[24], flags[IO_FLAGS_TEXT_MAX],
		half[24];
};

static void digits(char buf[24], uint64_t value)
{
	(void)snprintf(buf, 24, "%" PRIu64, value);
}

static int csv_row(const struct io_answer *a, const struct io_row *row)
{
	const struct top_row named = who(row);
	const char *cells[N_CSV] = {0};
	struct numbers n;
	struct top_csv csv;

	digits(n.ios, row->ios);
	digits(n.bytes, row->bytes);
	digits(n.queue, row->queue_ns);
	digits(n.service, row->service_ns);
	digits(n.errors, row->errors);
	digits(n.half, row->half_width_ns);
	io_answer_flags(row->flags, n.flags);
	top_answer_csv_cells(&named, row->device_ns, &csv);
	memcpy(cells, csv.cells, sizeof(csv.cells));
	cells[TOP_CSV_BYTES] = n.bytes;
	if (!row->has_total)
		cells[TOP_CSV_SELF] = cells[TOP_CSV_TOTAL] = NULL;
	cells[CSV_IOS] = n.ios;
	cells[CSV_QUEUE] = row->has_queue ? n.queue : NULL;
	cells[CSV_SERVICE] = row->has_service ? n.service : NULL;
	cells[CSV_ERRORS] = row->is_exact ? n.errors : NULL;
	cells[CSV_EXACT] = row->is_exact ? "true" : "false";
	cells[CSV_HALF] = row->is_exact || row->is_rest ? NULL : n.half;
	cells[CSV_FLAGS] = a->by == IO_BY_OP ? n.flags : NULL;
	return output_csv_row(cells, N_CSV);
}

int io_answer_csv(const struct io_answer *a)
{
	const char *header[N_CSV] = {
		[CSV_IOS] = "ios",	 [CSV_QUEUE] = "queue_ns", [CSV_SERVICE] = "device_ns",
		[CSV_ERRORS] = "errors", [CSV_EXACT] = "exact",	   [CSV_HALF] = "half_width_ns",
		[CSV_FLAGS] = "flags"};
	int r;

	memcpy(header, top_answer_csv_header(), TOP_N_CSV * sizeof(header[0]));
	r = output_csv_row(header, N_CSV);
	for (size_t i = 0; r == 0 && i < a->n_shown; i++)
		r = csv_row(a, &a->rows->rows[i]);
	return r;
}
