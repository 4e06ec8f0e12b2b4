// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_rows.c - see io_rows.h: exact rows, and the order of all. Who did it is io_shares.c's.
 */
#include "io_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "growable.h"
#include "io_shares.h"
#include "io_sum.h"

/* ---- exact rows ---- */

/* Sums of which a row each is made. */
struct exact {
	struct io_query *io;
	bool with_flags;
	struct exact_sum {
		uint32_t device;
		struct profile_io sum;
	} * sums;
	uint32_t n_sums, cap_sums;
};

struct io_row *io_rows_add(struct io_rows *rows)
{
	if (GROWABLE_RESERVE(rows, rows) < 0)
		return NULL;
	rows->rows[rows->n_rows] =
		(struct io_row){.comm = "", .exe = "", .unit = "", .container = ""};
	return &rows->rows[rows->n_rows++];
}

static void set_sums(const struct profile_io *sum, struct io_row *row)
{
	row->ios = sum->ios;
	row->bytes = sum->bytes;
	row->errors = sum->errors;
	row->total_ns = sum->total.sum_ns;
	row->queue_ns = sum->queue.sum_ns;
	row->service_ns = sum->service.sum_ns;
	row->has_total = sum->total.known > 0;
	row->has_queue = sum->queue.known > 0;
	row->has_service = sum->service.known > 0;
}

static int add_exact_row(const struct io_query *io, const struct exact_sum *sum,
			 struct io_rows *rows)
{
	struct io_row *row = io_rows_add(rows);

	if (!row)
		return -ENOMEM;
	row->device = io->devices[sum->device].name;
	row->op = sum->sum.op;
	row->flags = sum->sum.flags;
	row->is_exact = true;
	row->device_ns = io_query_device_ns(io, sum->device);
	set_sums(&sum->sum, row);
	return 0;
}

static int begin_exact(void *ctx, const struct dictionary *dictionary)
{
	return io_query_begin(((struct exact *)ctx)->io, dictionary);
}

static int add_exact(void *ctx, const struct store_bucket *bucket, const struct profile_io *from)
{
	struct exact *exact = ctx;
	uint32_t device = exact->io->device_of_file[from->device];
	struct profile_io more = *from;

	(void)bucket;
	if (!exact->io->devices[device].is_wanted)
		return 0;
	more.device = 0;
	if (!exact->with_flags) {
		more.op = IO_OP_NONE;
		more.flags = 0;
	}
	for (uint32_t i = 0; i < exact->n_sums; i++) {
		struct exact_sum *sum = &exact->sums[i];

		if (sum->device == device && sum->sum.op == more.op && sum->sum.flags == more.flags)
			return io_sum_add(&sum->sum, &more) ? 0 : -EBADMSG;
	}
	if (GROWABLE_RESERVE(exact, sums) < 0)
		return -ENOMEM;
	exact->sums[exact->n_sums++] = (struct exact_sum){device, more};
	return 0;
}

static enum exit_code read_exact(const struct query *query, struct io_query *io, bool with_flags,
				 struct io_rows *rows)
{
	static const struct store_io_visitor visitor = {.begin = begin_exact, .row = add_exact};
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	struct exact exact = {.io = io, .with_flags = with_flags};
	enum exit_code code = query_read_io(query, &visitor, &exact, &summary);

	for (uint32_t i = 0; code == EXIT_ANSWERED && i < exact.n_sums; i++)
		if (add_exact_row(io, &exact.sums[i], rows) < 0)
			code = query_no_memory();
	free(exact.sums);
	return code;
}

/* ---- all rows ---- */

static uint64_t key_of(const struct io_row *row, enum io_sort sort)
{
	switch (sort) {
	case IO_SORT_IOS:
		return row->ios;
	case IO_SORT_BYTES:
		return row->bytes;
	default:
		return row->total_ns;
	}
}

static int by_key(const void *a, const void *b, void *sort)
{
	const struct io_row *x = a, *y = b;
	uint64_t of_x = key_of(x, *(enum io_sort *)sort), of_y = key_of(y, *(enum io_sort *)sort);

	if (of_x != of_y)
		return of_x > of_y ? -1 : 1;
	if (x->ios != y->ios)
		return x->ios > y->ios ? -1 : 1;
	if (x->op != y->op)
		return x->op < y->op ? -1 : 1;
	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return strcmp(x->device, y->device) ?: (x->flags > y->flags) - (x->flags < y->flags);
}

enum exit_code io_rows_read(const struct query *query, struct io_query *io, enum io_by by,
			    enum io_sort sort, struct io_rows *ret)
{
	bool is_exact = (by == IO_BY_DEVICE || by == IO_BY_OP) && !query_is_filtered(query);
	enum exit_code code;

	*ret = (struct io_rows){0};
	code = is_exact ? read_exact(query, io, by == IO_BY_OP, ret)
			: io_shares_read(query, io, by, ret);
	if (code != EXIT_ANSWERED) {
		io_rows_done(ret);
		return code;
	}
	if (ret->n_rows)
		qsort_r(ret->rows, ret->n_rows, sizeof(*ret->rows), by_key, &sort);
	return EXIT_ANSWERED;
}

void io_rows_done(struct io_rows *rows)
{
	free(rows->rows);
	for (uint32_t i = 0; rows->totals && i < rows->n_totals; i++)
		series_totals_free(rows->totals[i]);
	free(rows->totals);
	*rows = (struct io_rows){0};
}
