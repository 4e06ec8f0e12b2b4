// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * latency_io.c - see latency_io.h.
 */
#include "latency_io.h"

#include <errno.h>
#include <stdlib.h>

#include "io_query.h"
#include "io_sum.h"
#include "latency_table.h"
#include "wait_class.h"

/* The rows, and what they borrow. */
struct rows {
	struct latency_row *rows;
	struct latency_bin (*bins)[PROFILE_IO_BINS];
	uint32_t n;
	uint64_t ios, total_ns; /* without devices that stand on others */
	double resolution_pct;
};

static void rows_done(struct rows *rows)
{
	free(rows->rows);
	free(rows->bins);
}

static double widest_pct(uint32_t bin)
{
	double from = (double)latency_bin_from_ns(bin);

	return from > 0 ? 100.0 * ((double)latency_bin_until_ns(bin) - from) / from : 0;
}

static void set_latency(const struct profile_io *io, struct latency_bin *bins, struct rows *rows,
			struct latency *ret)
{
	const struct profile_io_time *total = &io->total;

	*ret = (struct latency){.count = io->ios * PROFILE_COUNT_ONE,
				.total_ns = total->sum_ns,
				.p50_ns = io_time_percentile_ns(total, 50),
				.p95_ns = io_time_percentile_ns(total, 95),
				.p99_ns = io_time_percentile_ns(total, 99),
				.bins = bins};
	for (uint32_t i = 1; i < PROFILE_IO_BINS; i++) {
		if (!total->bins[i])
			continue;
		bins[ret->n_bins++] =
			(struct latency_bin){.bin = i, .count = total->bins[i] * PROFILE_COUNT_ONE};
		/* The longest is somewhere in the highest bin. */
		ret->max_ns = latency_bin_until_ns(i);
		if (widest_pct(i) > rows->resolution_pct)
			rows->resolution_pct = widest_pct(i);
	}
}

static void add(struct rows *rows, const struct io_device_name *device, const struct profile_io *io)
{
	struct latency_row *row = &rows->rows[rows->n];

	row->who = top_row_none;
	row->who.device = device->name;
	row->who.op = io_op_name(io->op);
	row->who.self = row->who.total = io->total.sum_ns;
	row->who.count = io->ios * PROFILE_COUNT_ONE;
	set_latency(io, rows->bins[rows->n], rows, &row->latency);
	rows->n++;
	if (device->is_left_out)
		return;
	rows->ios += io->ios;
	rows->total_ns += io->total.sum_ns;
}

/* A device with all its operations. */
static int add_device(struct rows *rows, const struct io_query *io, uint32_t device)
{
	struct profile_io sum = {0};
	bool any = false;

	for (uint32_t i = 0; i < io->n_groups; i++) {
		if (io->groups[i].device != device)
			continue;
		any = true;
		if (!io_sum_add(&sum, &io->groups[i].exact))
			return -EBADMSG;
	}
	if (any)
		add(rows, &io->devices[device], &sum);
	return 0;
}

static int by_total_falling(const void *a, const void *b)
{
	const struct latency_row *x = a, *y = b;

	if (x->who.total != y->who.total)
		return x->who.total > y->who.total ? -1 : 1;
	return (x->who.count < y->who.count) - (x->who.count > y->who.count);
}

static int make_rows(const struct io_query *io, enum latency_by by, struct rows *rows)
{
	uint32_t max = by == LATENCY_BY_OP ? io->n_groups : io->n_devices;
	int r = 0;

	rows->rows = calloc(max + 1, sizeof(*rows->rows));
	rows->bins = calloc(max + 1, sizeof(*rows->bins));
	if (!rows->rows || !rows->bins)
		return -ENOMEM;
	for (uint32_t i = 0; by == LATENCY_BY_OP && i < io->n_groups; i++)
		if (io->devices[io->groups[i].device].is_wanted)
			add(rows, &io->devices[io->groups[i].device], &io->groups[i].exact);
	for (uint32_t i = 0; by != LATENCY_BY_OP && r == 0 && i < io->n_devices; i++)
		if (io->devices[i].is_wanted)
			r = add_device(rows, io, i);
	qsort(rows->rows, rows->n, sizeof(*rows->rows), by_total_falling);
	return r;
}

static int print(const struct latency_answer *a)
{
	switch (a->options->format) {
	case OUTPUT_JSON:
		return latency_answer_json(a);
	case OUTPUT_CSV:
		return latency_answer_csv(a);
	default:
		return latency_table_print(a);
	}
}

enum exit_code latency_io_read(const struct latency_options *options, const struct query *query)
{
	_cleanup_(rows_done) struct rows rows = {0};
	_cleanup_(io_query_done) struct io_query io = {0};
	struct event_answer answer = {.is_io = true};
	struct latency_answer a = {.options = options, .query = query, .answer = &answer};
	enum exit_code code =
		io_query_read(query, options->event.devices, options->event.n_devices, &io);
	int r;

	if (code != EXIT_ANSWERED)
		return code;
	r = make_rows(&io, options->by, &rows);
	if (r == -EBADMSG)
		return fail(EXIT_FAILED, "the sums of this window are out of range; ask for a "
					 "shorter one");
	if (r < 0)
		return query_no_memory();
	answer.summary = io.summary; /* borrowed */
	answer.summary.count = answer.summary.machine_count = rows.ios * PROFILE_COUNT_ONE;
	answer.summary.value = answer.summary.machine_value = rows.total_ns;
	a.parts.resolution_pct = rows.resolution_pct;
	a.rows = rows.rows;
	a.n_rows = rows.n;
	a.n_shown = options->n_lines > 0 && options->n_lines < rows.n ? options->n_lines : rows.n;
	if (print(&a) < 0)
		return query_no_memory();
	code = output_finish();
	if (code == EXIT_ANSWERED && !rows.n)
		query_explain_empty(query, &answer.summary);
	return code;
}
