// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_shares.c - see io_shares.h. Samples are read twice, for their time and for their bytes, and
 * added up by series_totals.h, once for each device and operation.
 */
#include "io_shares.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io_read.h"

/* A reading of one type, into one sum a group of io_query.h. */
struct reading {
	struct io_query *io;
	enum sample_type type;
	struct series_totals **totals;	 /* by group */
	struct estimate_spread *spreads; /* of each group; NULL: not asked for */
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;
	int r = io_query_begin(reading->io, dictionary);

	for (uint32_t i = 0; r == 0 && i < reading->io->n_groups; i++)
		r = series_totals_visitor.begin(reading->totals[i], dictionary);
	return r;
}

static int add_spread(struct reading *reading, const struct io_group *group,
		      const struct store_row *scaled, const struct store_row *stored,
		      uint32_t weight_log2)
{
	struct estimate_spread spread = io_read_spread(scaled, stored, weight_log2);
	size_t i = (size_t)(group - reading->io->groups);

	estimate_spread_add(&reading->spreads[i], &spread);
	return series_totals_add_spread(reading->totals[i], scaled->series, &spread);
}

static int add_sample(void *ctx, const struct store_row *from)
{
	struct reading *reading = ctx;
	const struct io_group *group;
	struct store_row row = *from;
	struct io_class class;
	int r = io_query_find(reading->io, from->bin, &class, &group);

	if (r < 0 || !group)
		return r;
	r = io_read_scale(group, reading->type, &row);
	if (r == 0)
		r = series_totals_visitor.row(reading->totals[group - reading->io->groups], &row);
	return r < 0 || !reading->spreads
		       ? r
		       : add_spread(reading, group, &row, from, class.weight_log2);
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < reading->io->n_groups; i++)
		r = series_totals_visitor.end(reading->totals[i], dictionary);
	return r;
}

static int by_who(const void *a, const void *b)
{
	const struct series_totals_row *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	if (x->start_boot_ns != y->start_boot_ns)
		return x->start_boot_ns < y->start_boot_ns ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->pid)
		return 0;
	/* Units, and those of writeback. */
	return strcmp(x->unit, y->unit) ?: strcmp(x->container, y->container);
}

/* In the proportion of the total. */
static uint64_t part_of(const struct profile_io *exact, const struct profile_io_time *time,
			uint64_t total_ns)
{
	return exact->total.sum_ns ? (uint64_t)nearbyint((double)time->sum_ns * (double)total_ns /
							 (double)exact->total.sum_ns)
				   : 0;
}

/* As in io_read.c: of the whole machine a share of a known sum, else of samples not scaled. */
static uint64_t half_width(const struct io_group *group, const struct estimate_spread *all,
			   bool is_filtered, const struct estimate_spread *part)
{
	const struct estimate estimate = {
		.factor = 1,
		.scaled = group->is_scaled && !is_filtered,
		.group = {.sampled_ns = all->sampled_ns,
			  .variance = all->variance,
			  .third = all->third},
	};

	return (uint64_t)llround(estimate_half_width_ns(&estimate, part));
}

static int add_shared(const struct io_query *io, const struct io_group *group,
		      const struct series_totals_row *who, uint64_t bytes, uint64_t half_width_ns,
		      struct io_rows *rows)
{
	const struct profile_io *exact = &group->exact;
	struct io_row *row = io_rows_add(rows);

	if (!row)
		return -ENOMEM;
	row->device = io->devices[group->device].name;
	row->op = exact->op;
	row->pid = who->pid;
	row->tid = who->tid;
	row->start_boot_ns = who->start_boot_ns;
	row->ios = query_whole_samples(who->count);
	row->bytes = bytes;
	row->half_width_ns = half_width_ns;
	row->total_ns = who->value;
	row->has_total = exact->total.known > 0;
	row->has_queue = exact->queue.known > 0;
	row->has_service = exact->service.known > 0;
	row->queue_ns = part_of(exact, &exact->queue, who->value);
	row->service_ns = part_of(exact, &exact->service, who->value);
	row->device_ns = io_query_device_ns(io, group->device);
	row->comm = who->comm;
	row->exe = who->exe;
	row->unit = who->unit;
	row->container = who->container;
	return 0;
}

/* What no sample of the machine stands for. */
static int add_rest(const struct io_query *io, const struct io_group *group, struct io_rows *rows)
{
	const struct profile_io *exact = &group->exact;
	uint64_t ios = io_group_rest(exact->ios, group->sampled_ios, group->is_scaled);
	struct io_row *row = ios ? io_rows_add(rows) : NULL;

	if (!row)
		return ios ? -ENOMEM : 0;
	row->device = io->devices[group->device].name;
	row->op = exact->op;
	row->is_rest = true;
	row->ios = ios;
	row->bytes = io_group_rest(exact->bytes, group->sampled_bytes, group->is_scaled);
	row->total_ns = io_group_rest(exact->total.sum_ns, group->sampled_ns, group->is_scaled);
	row->has_total = exact->total.known > 0;
	row->has_queue = exact->queue.known > 0;
	row->has_service = exact->service.known > 0;
	row->queue_ns = part_of(exact, &exact->queue, row->total_ns);
	row->service_ns = part_of(exact, &exact->service, row->total_ns);
	row->device_ns = io_query_device_ns(io, group->device);
	return 0;
}

/* Time and bytes of the same samples: whoever has one has the other. */
static int add_group(const struct io_query *io, const struct io_group *group,
		     struct series_totals *times, struct series_totals *sizes,
		     const struct estimate_spread *all, bool is_filtered, struct io_rows *rows)
{
	const struct series_totals_row *time_rows, *size_rows;
	_cleanup_free_ struct series_totals_row *sorted = NULL;
	size_t n_times, n_sizes;
	int r = series_totals_rows(times, &time_rows, &n_times);

	if (r == 0)
		r = series_totals_rows(sizes, &size_rows, &n_sizes);
	if (r < 0)
		return r;
	sorted = calloc(n_sizes + 1, sizeof(*sorted));
	if (!sorted)
		return -ENOMEM;
	if (n_sizes)
		memcpy(sorted, size_rows, n_sizes * sizeof(*sorted));
	qsort(sorted, n_sizes, sizeof(*sorted), by_who);
	for (size_t i = 0; r == 0 && i < n_times; i++) {
		const struct series_totals_row *size =
			bsearch(&time_rows[i], sorted, n_sizes, sizeof(*sorted), by_who);

		r = add_shared(io, group, &time_rows[i], size ? size->value : 0,
			       half_width(group, all, is_filtered, &time_rows[i].spread), rows);
	}
	return r;
}

/* One for each group. */
static int totals_new(enum series_totals_by by, uint32_t n, struct series_totals ***ret)
{
	int r = 0;

	*ret = calloc(n + 1, sizeof(**ret));
	for (uint32_t i = 0; *ret && r == 0 && i < n; i++)
		r = series_totals_new(by, &(*ret)[i]);
	return *ret ? r : -ENOMEM;
}

static void totals_done(struct series_totals **totals, uint32_t n)
{
	for (uint32_t i = 0; totals && i < n; i++)
		series_totals_free(totals[i]);
	free(totals);
}

static enum exit_code read_type(const struct query *query, struct io_query *io,
				enum sample_type type, struct series_totals **totals,
				struct estimate_spread *spreads)
{
	static const struct store_visitor visitor = {begin, add_sample, end, .series_only = true};
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	struct reading reading = {.io = io, .type = type, .totals = totals, .spreads = spreads};
	struct query of_type = *query;

	of_type.filter.type = type;
	return query_read(&of_type, &visitor, &reading, &summary);
}

static int add_groups(const struct query *query, const struct io_query *io,
		      struct series_totals **sizes, const struct estimate_spread *spreads,
		      struct io_rows *rows)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < io->n_groups; i++) {
		const struct io_group *group = &io->groups[i];

		if (!io->devices[group->device].is_wanted)
			continue;
		r = add_group(io, group, rows->totals[i], sizes[i], &spreads[i],
			      query_is_filtered(query), rows);
		if (r == 0 && !query_is_filtered(query))
			r = add_rest(io, group, rows);
	}
	return r;
}

/* A device's operations together. */
static void merge_ops(struct io_rows *rows)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < rows->n_rows; i++) {
		struct io_row *row = &rows->rows[i], *sum = rows->rows;

		while (sum < rows->rows + n && strcmp(sum->device, row->device) != 0)
			sum++;
		row->op = IO_OP_NONE;
		if (sum == rows->rows + n) {
			rows->rows[n++] = *row;
			continue;
		}
		sum->ios += row->ios;
		sum->bytes += row->bytes;
		sum->total_ns += row->total_ns;
		sum->queue_ns += row->queue_ns;
		sum->service_ns += row->service_ns;
		/* They are drawn apart. */
		sum->half_width_ns = (uint64_t)llround(
			hypot((double)sum->half_width_ns, (double)row->half_width_ns));
		sum->has_total |= row->has_total;
		sum->has_queue |= row->has_queue;
		sum->has_service |= row->has_service;
	}
	rows->n_rows = n;
}

enum exit_code io_shares_read(const struct query *query, struct io_query *io, enum io_by by,
			      struct io_rows *rows)
{
	static const enum series_totals_by series_by[] = {
		[IO_BY_PROCESS] = SERIES_TOTALS_BY_PROCESS,
		[IO_BY_THREAD] = SERIES_TOTALS_BY_THREAD,
		[IO_BY_UNIT] = SERIES_TOTALS_BY_UNIT,
		[IO_BY_DEVICE] = SERIES_TOTALS_BY_NOTHING,
		[IO_BY_OP] = SERIES_TOTALS_BY_NOTHING,
	};
	_cleanup_free_ struct estimate_spread *spreads = calloc(io->n_groups + 1, sizeof(*spreads));
	struct series_totals **sizes = NULL;
	enum exit_code code = EXIT_ANSWERED;

	rows->n_totals = io->n_groups;
	if (!spreads || totals_new(series_by[by], io->n_groups, &rows->totals) < 0 ||
	    totals_new(series_by[by], io->n_groups, &sizes) < 0)
		code = query_no_memory();
	if (code == EXIT_ANSWERED)
		code = read_type(query, io, SAMPLE_BLOCKIO, rows->totals, spreads);
	if (code == EXIT_ANSWERED)
		code = read_type(query, io, SAMPLE_BLOCKIO_BYTES, sizes, NULL);
	if (code == EXIT_ANSWERED && add_groups(query, io, sizes, spreads, rows) < 0)
		code = query_no_memory();
	if (by == IO_BY_DEVICE)
		merge_ops(rows);
	totals_done(sizes, io->n_groups);
	return code;
}
