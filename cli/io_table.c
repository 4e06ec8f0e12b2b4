// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_table.c - the answer of profctl io as a person reads it: rates and shares.
 */
#include <inttypes.h>
#include <stdio.h>

#include "answer_text.h"
#include "frame_name.h"
#include "io_answer.h"
#include "losses_text.h"
#include "units.h"

#define COLUMNS_MAX 10

static const struct output_column process_columns[] = {
	{.title = "IOPS", .right = true},
	{.title = "BYTES/S", .right = true},
	{.title = "MEAN", .right = true},
	{.title = "TIME%", .right = true},
	{.title = "DEVICE"},
	{.title = "OP"},
	{.title = "PID", .right = true},
	{.title = "COMM"},
	{.title = "UNIT", .shrinks = true},
};
static const struct output_column thread_columns[] = {
	{.title = "IOPS", .right = true},
	{.title = "BYTES/S", .right = true},
	{.title = "MEAN", .right = true},
	{.title = "TIME%", .right = true},
	{.title = "DEVICE"},
	{.title = "OP"},
	{.title = "PID", .right = true},
	{.title = "TID", .right = true},
	{.title = "COMM"},
	{.title = "UNIT", .shrinks = true},
};
static const struct output_column unit_columns[] = {
	{.title = "IOPS", .right = true},
	{.title = "BYTES/S", .right = true},
	{.title = "MEAN", .right = true},
	{.title = "TIME%", .right = true},
	{.title = "DEVICE"},
	{.title = "OP"},
	{.title = "UNIT", .shrinks = true},
};
static const struct output_column device_columns[] = {
	{.title = "IOPS", .right = true},   {.title = "BYTES/S", .right = true},
	{.title = "MEAN", .right = true},   {.title = "QUEUED", .right = true},
	{.title = "ERRORS", .right = true}, {.title = "DEVICE"},
};
static const struct output_column op_columns[] = {
	{.title = "IOPS", .right = true},
	{.title = "BYTES/S", .right = true},
	{.title = "MEAN", .right = true},
	{.title = "QUEUED", .right = true},
	{.title = "ERRORS", .right = true},
	{.title = "DEVICE"},
	{.title = "OP"},
	{.title = "FLAGS"},
};

static const struct layout {
	const struct output_column *columns;
	unsigned int n;
} layouts[] = {
	[IO_BY_PROCESS] = {process_columns, ARRAY_SIZE(process_columns)},
	[IO_BY_THREAD] = {thread_columns, ARRAY_SIZE(thread_columns)},
	[IO_BY_UNIT] = {unit_columns, ARRAY_SIZE(unit_columns)},
	[IO_BY_DEVICE] = {device_columns, ARRAY_SIZE(device_columns)},
	[IO_BY_OP] = {op_columns, ARRAY_SIZE(op_columns)},
};

struct cells {
	const char *cells[COLUMNS_MAX];
	char iops[24], bytes[32], mean[24], share[16], queue[24], errors[24], pid[16], tid[16],
		flags[IO_FLAGS_TEXT_MAX];
};

/* A time of a row, of each of its I/Os; "-" where it is unknown. */
static void mean(char *buf, size_t size, bool is_known, uint64_t sum_ns, uint64_t ios)
{
	if (is_known && ios)
		units_format_duration(sum_ns / ios, buf, size);
	else
		(void)snprintf(buf, size, "-");
}

static void set_rates(const struct io_answer *a, const struct io_row *row, struct cells *c)
{
	double seconds = (double)a->io->summary.covered_ns / NSEC_PER_SEC;
	char bytes[24];

	if (seconds <= 0)
		seconds = 1;
	(void)snprintf(c->iops, sizeof(c->iops), "%.1f", (double)row->ios / seconds);
	units_format_bytes((uint64_t)((double)row->bytes / seconds), bytes, sizeof(bytes));
	(void)snprintf(c->bytes, sizeof(c->bytes), "%s", bytes);
	mean(c->mean, sizeof(c->mean), row->has_total, row->total_ns, row->ios);
	mean(c->queue, sizeof(c->queue), row->has_queue, row->queue_ns, row->ios);
	(void)snprintf(c->share, sizeof(c->share), "%.1f%%",
		       row->device_ns ? 100.0 * (double)row->total_ns / (double)row->device_ns : 0);
	if (row->is_exact)
		(void)snprintf(c->errors, sizeof(c->errors), "%" PRIu64, row->errors);
	else
		(void)snprintf(c->errors, sizeof(c->errors), "-");
	c->cells[0] = c->iops;
	c->cells[1] = c->bytes;
	c->cells[2] = c->mean;
}

static void make_cells(const struct io_answer *a, const struct io_row *row, struct cells *c)
{
	const char *comm = row->is_rest ? EVENT_NOT_SAMPLED : row->comm;
	unsigned int n = 4;

	set_rates(a, row, c);
	if (row->pid)
		(void)snprintf(c->pid, sizeof(c->pid), "%" PRIu32, row->pid);
	if (row->tid)
		(void)snprintf(c->tid, sizeof(c->tid), "%" PRIu32, row->tid);
	io_answer_flags(row->flags, c->flags);
	if (a->by == IO_BY_DEVICE || a->by == IO_BY_OP) {
		c->cells[3] = c->queue;
		c->cells[n++] = c->errors;
		c->cells[n++] = row->device;
		c->cells[n++] = io_op_name(row->op);
		c->cells[n++] = c->flags;
		return;
	}
	c->cells[3] = c->share;
	c->cells[n++] = row->device;
	c->cells[n++] = io_op_name(row->op);
	if (a->by != IO_BY_UNIT)
		c->cells[n++] = c->pid;
	if (a->by == IO_BY_THREAD)
		c->cells[n++] = c->tid;
	if (a->by != IO_BY_UNIT)
		c->cells[n++] = comm;
	c->cells[n++] = row->is_rest ? EVENT_NOT_SAMPLED : *row->unit ? row->unit : "[no unit]";
	if (a->by != IO_BY_UNIT)
		c->cells[n - 1] = row->unit;
}

int io_answer_table(const struct io_answer *a)
{
	const struct layout *layout = &layouts[a->by];
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	char losses[LOSSES_TEXT_MAX];
	int r;

	if (!a->rows->n_rows)
		return 0;
	r = output_table_new(layout->columns, layout->n, &table);
	for (size_t i = 0; r == 0 && i < a->n_shown; i++) {
		struct cells c = {0};

		make_cells(a, &a->rows->rows[i], &c);
		r = output_table_row(table, c.cells);
	}
	if (r < 0)
		return r;
	answer_text_window(a->query, &a->io->summary, "io");
	putchar('\n');
	r = output_table_print(table);
	if (r < 0)
		return r;
	putchar('\n');
	if (a->rows->n_rows > a->n_shown)
		printf("...%zu more rows.\n", a->rows->n_rows - a->n_shown);
	if (!a->rows->rows[0].is_exact)
		puts("What devices did is exact ('--by device'); for whom is estimated from "
		     "samples.");
	if (a->io->summary.n_losses > 0) {
		losses_text(&a->io->summary, losses, sizeof(losses));
		printf("Counted: %s\n", losses);
	}
	return 0;
}
