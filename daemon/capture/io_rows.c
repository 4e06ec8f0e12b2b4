// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_rows.c - see io_rows.h.
 */
#include "capture/io_rows.h"

#include "io_class.h"
#include "wait_class.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The same numbers, so that none is looked up. */
_Static_assert((int)WIRE_IO_OP_READ == (int)IO_OP_READ &&
		       (int)WIRE_IO_OP_WRITE == (int)IO_OP_WRITE &&
		       (int)WIRE_IO_OP_FLUSH == (int)IO_OP_FLUSH &&
		       (int)WIRE_IO_OP_DISCARD == (int)IO_OP_DISCARD &&
		       (int)WIRE_IO_OP_WRITE_ZEROES == (int)IO_OP_WRITE_ZEROES &&
		       (int)WIRE_IO_OP_MAX == (int)IO_OP_MAX,
	       "operations of the wire are those of the store");
_Static_assert((int)WIRE_IO_WEIGHT_MAX <= (int)IO_CLASS_WEIGHT_MAX, "weights find room");

struct io_rows {
	struct attribution *attribution;
	struct io_devices *devices;
	struct io_rows_counters counters;
	struct sample *writeback; /* who it is told of is changed in a copy */
};

int io_rows_new(struct attribution *attribution, struct io_devices *devices, struct io_rows **ret)
{
	_cleanup_(io_rows_freep) struct io_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	rows->attribution = attribution;
	rows->devices = devices;
	rows->writeback = malloc(sizeof(*rows->writeback));
	if (!rows->writeback)
		return -ENOMEM;
	*ret = take_ptr(rows);
	return 0;
}

struct io_rows *io_rows_free(struct io_rows *rows)
{
	if (rows)
		free(rows->writeback);
	free(rows);
	return NULL;
}

/* The worker that happened to write is not who it is to be told of. */
static const struct sample *as_writeback(struct io_rows *rows, const struct sample *sample)
{
	struct sample *copy = rows->writeback;

	*copy = *sample;
	copy->pid = copy->tid = copy->exec_id = 0;
	copy->start_boot_ns = copy->start_code = copy->end_code = 0;
	(void)strcpy(copy->comm, IO_ROWS_WRITEBACK);
	return copy;
}

_Static_assert(sizeof(IO_ROWS_WRITEBACK) <= sizeof(((struct sample *)0)->comm), "it finds room");

static int add(struct io_rows *rows, const struct sample *sample, uint64_t now_mono_ns,
	       struct bucket *bucket)
{
	const struct wire_io *io = &sample->io;
	const struct io_device device = io_devices_get(rows->devices, &io->device, io->name);
	struct io_class class = {.op = (enum io_op)io->op, .weight_log2 = io->weight_log2};
	bool is_known = io->total_ns != WIRE_IO_UNKNOWN;
	struct profile_row row = {.type = SAMPLE_BLOCKIO,
				  .count = (uint64_t)PROFILE_COUNT_ONE << io->weight_log2,
				  .value = is_known ? io->total_ns << io->weight_log2 : 0};
	const struct stack_places *places;
	struct attribution_thread thread;
	const char *exe;
	int r = attribution_places(rows->attribution, sample, now_mono_ns, &places, &exe);

	if (r == 0)
		r = attribution_series(rows->attribution, sample, now_mono_ns, bucket, &thread);
	if (r == 0)
		r = bucket_device(bucket, &device, &class.device);
	if (r == 0)
		r = attribution_stack(rows->attribution, places->places, places->n, 0, bucket,
				      &row.stack);
	if (r < 0)
		return r;
	class.bin = is_known ? latency_bin_of(io->total_ns) : LATENCY_BIN_NONE;
	row.series = thread.series;
	row.bin = io_class_pack(&class);
	r = bucket_add(bucket, &row);
	row.type = SAMPLE_BLOCKIO_BYTES;
	row.value = io->bytes << io->weight_log2;
	return r < 0 ? r : bucket_add(bucket, &row);
}

void io_rows_add(struct io_rows *rows, const struct sample *sample, uint64_t now_mono_ns,
		 struct bucket *bucket)
{
	const struct wire_io *io = &sample->io;
	struct io_rows_counters *counters = &rows->counters;

	counters->n_records++;
	if (io->is_writeback)
		sample = as_writeback(rows, sample);
	if (!attribution_passes(rows->attribution, sample, now_mono_ns)) {
		attribution_filtered(rows->attribution, sample->value);
	} else if (add(rows, sample, now_mono_ns, bucket) < 0) {
		attribution_refused(rows->attribution, sample->value);
	} else if (io->is_writeback && !sample->cgroup_id) {
		counters->n_unattributed += 1ull << io->weight_log2;
		counters->unattributed_ns += sample->value;
	}
}

const struct io_rows_counters *io_rows_counters(const struct io_rows *rows)
{
	return &rows->counters;
}
