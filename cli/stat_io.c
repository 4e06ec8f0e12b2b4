// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stat_io.c - see stat_io.h. Of the whole machine all of it is exact; of a part there are shares,
 * and no one knows how long these took beside the device's mean.
 */
#include "stat_io.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "io_sum.h"
#include "ledger_column.h"
#include "top_answer.h"
#include "units.h"

/* A device and operation, whichever way it is known. */
struct line {
	const char *device;
	enum io_op op;
	bool is_exact;
	uint64_t ios, bytes, total_ns;
	uint64_t p50_ns, p95_ns, p99_ns; /* 0: not known */
};

enum exit_code stat_io_read(const struct query *query, struct stat_io *ret)
{
	enum exit_code code;

	*ret = (struct stat_io){.is_part = query_is_filtered(query)};
	code = io_query_read(query, NULL, 0, &ret->io);
	if (code == EXIT_ANSWERED && ret->is_part)
		code = io_rows_read(query, &ret->io, IO_BY_OP, IO_SORT_TIME, &ret->shares);
	if (code != EXIT_ANSWERED)
		stat_io_done(ret);
	return code;
}

void stat_io_done(struct stat_io *io)
{
	io_rows_done(&io->shares);
	io_query_done(&io->io);
	*io = (struct stat_io){0};
}

static uint32_t n_lines(const struct stat_io *io)
{
	return io->is_part ? io->shares.n_rows : io->io.n_groups;
}

static struct line get_line(const struct stat_io *io, uint32_t i)
{
	const struct io_group *group = io->is_part ? NULL : &io->io.groups[i];
	const struct io_row *row = io->is_part ? &io->shares.rows[i] : NULL;
	const struct profile_io_time *total;

	if (row)
		return (struct line){.device = row->device,
				     .op = row->op,
				     .ios = row->ios,
				     .bytes = row->bytes,
				     .total_ns = row->total_ns};
	total = &group->exact.total;
	return (struct line){.device = io->io.devices[group->device].name,
			     .op = group->exact.op,
			     .is_exact = true,
			     .ios = group->exact.ios,
			     .bytes = group->exact.bytes,
			     .total_ns = total->sum_ns,
			     .p50_ns = io_time_percentile_ns(total, 50),
			     .p95_ns = io_time_percentile_ns(total, 95),
			     .p99_ns = io_time_percentile_ns(total, 99)};
}

/* ---- text ---- */

static const struct output_column columns[] = {
	{.title = "DEVICE"},
	{.title = "OP"},
	{.title = "IOPS", .right = true},
	{.title = "BYTES/S", .right = true},
	{.title = "P50", .right = true},
	{.title = "P95", .right = true},
	{.title = "P99", .right = true},
};

static int add_line(const struct line *line, double seconds, struct output_table *table)
{
	const uint64_t bounds[] = {line->p50_ns, line->p95_ns, line->p99_ns};
	char iops[24], bytes[24], percentiles[3][24] = {"-", "-", "-"};
	const char *const cells[] = {line->device,   io_op_name(line->op), iops,	  bytes,
				     percentiles[0], percentiles[1],	   percentiles[2]};

	(void)snprintf(iops, sizeof(iops), "%.1f", (double)line->ios / seconds);
	units_format_bytes((uint64_t)((double)line->bytes / seconds), bytes, sizeof(bytes));
	for (size_t i = 0; i < ARRAY_SIZE(bounds); i++)
		if (bounds[i] > 0)
			units_format_duration(bounds[i], percentiles[i], sizeof(percentiles[i]));
	return output_table_row(table, cells);
}

int stat_io_text(const struct stat_io *io)
{
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	double seconds = (double)io->io.summary.covered_ns / NSEC_PER_SEC;
	/* Of a part there are no percentiles. */
	unsigned int n = io->is_part ? 4 : ARRAY_SIZE(columns);
	int r;

	if (!n_lines(io))
		return 0;
	r = output_table_new(columns, n, &table);
	for (uint32_t i = 0; r == 0 && i < n_lines(io); i++) {
		const struct line line = get_line(io, i);

		r = add_line(&line, seconds > 0 ? seconds : 1, table);
	}
	if (r < 0)
		return r;
	putchar('\n');
	return output_table_print(table);
}

/* ---- rows ---- */

static struct top_row named(const struct line *line)
{
	struct top_row row = top_row_none;

	row.device = line->device;
	row.op = io_op_name(line->op);
	row.self = row.total = line->total_ns;
	row.count = line->ios * PROFILE_COUNT_ONE;
	return row;
}

static json_t *known(uint64_t ns)
{
	return ns > 0 ? output_json_uint(ns) : json_null();
}

static int print_json(const struct line *line)
{
	const struct top_row row = named(line);
	json_t *o = json_object();
	int r = top_answer_json_keys(o, &row, 0, json_null());

	output_json_set(o, "self_pct", json_null(), &r);
	output_json_set(o, "total_pct", json_null(), &r);
	output_json_set(o, "bytes", output_json_uint(line->bytes), &r);
	for (unsigned int i = 0; i < LEDGER_N_KEYS; i++)
		output_json_set(o, ledger_column_key((enum ledger_column)i), json_null(), &r);
	output_json_set(o, "ios", output_json_uint(line->ios), &r);
	output_json_set(o, "p50_ns", known(line->p50_ns), &r);
	output_json_set(o, "p95_ns", known(line->p95_ns), &r);
	output_json_set(o, "p99_ns", known(line->p99_ns), &r);
	output_json_set(o, "exact", json_boolean(line->is_exact), &r);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

int stat_io_json(const struct stat_io *io)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n_lines(io); i++) {
		const struct line line = get_line(io, i);

		r = print_json(&line);
	}
	return r;
}

/* The columns are the ledger's; what of these rows has none of them is in JSON alone. */
int stat_io_csv(const struct stat_io *io)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < n_lines(io); i++) {
		const struct line line = get_line(io, i);
		const struct top_row row = named(&line);
		const char *cells[TOP_N_CSV + LEDGER_N_KEYS] = {0};
		char bytes[24];
		struct top_csv csv;

		top_answer_csv_cells(&row, 0, &csv);
		memcpy(cells, csv.cells, sizeof(csv.cells));
		(void)snprintf(bytes, sizeof(bytes), "%" PRIu64, line.bytes);
		cells[TOP_CSV_BYTES] = bytes;
		cells[TOP_CSV_SELF_PCT] = cells[TOP_CSV_TOTAL_PCT] = NULL;
		r = output_csv_row(cells, TOP_N_CSV + LEDGER_N_KEYS);
	}
	return r;
}
