// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler_blockio.c - what block I/O needs beside the ring: its exact sums are read whenever a
 * bucket ends. That is a moment after the bucket's own time (the tick), and what was done in it is
 * counted in the bucket that ends; none is counted twice or never.
 */
#include "profiler_parts.h"

#include "log.h"

#include <errno.h>
#include <string.h>

/* An entry of the map that stood still for so many buckets is removed when its device is gone. */
#define IDLE_LOOKS 6

struct look {
	struct profiler *profiler;
	struct bucket *bucket;
};

static int add_entry(void *ctx, const struct wire_io_key *key, const struct wire_io_sums *sums,
		     uint32_t n_cpus)
{
	const struct look *look = ctx;
	struct profiler *p = look->profiler;

	if (io_totals_add(p->io_totals, key, sums, n_cpus, look->bucket) < 0)
		p->n_io_rows_lost++;
	return io_totals_is_idle(p->io_totals, key, IDLE_LOOKS);
}

static void forget_entry(void *ctx, const struct wire_io_key *key)
{
	const struct look *look = ctx;

	io_totals_forget(look->profiler->io_totals, key);
}

void profiler_complete(void *ctx, struct bucket *bucket)
{
	struct profiler *p = ctx;
	struct blockio_programs *blockio = collectors_blockio(p->collectors);
	struct look look = {p, bucket};
	int r;

	if (!blockio)
		return;
	io_totals_begin(p->io_totals);
	r = blockio_programs_read(blockio, add_entry, forget_entry, &look);
	if (r == 0)
		io_totals_end(p->io_totals);
	else
		log_debug("block I/O of this bucket comes with the next: %s", strerror(-r));
}

void profiler_io_count(const struct profiler *p, struct losses *losses)
{
	const struct blockio_programs *blockio = collectors_blockio(p->collectors);
	const struct io_rows_counters *rows = io_rows_counters(p->io_rows);

	losses->count[LOSS_IO_ROW] = p->n_io_rows_lost;
	losses->count[LOSS_WRITEBACK] = rows->n_unattributed;
	losses->weight_ns[LOSS_WRITEBACK] = rows->unattributed_ns;
	if (blockio)
		losses->count[LOSS_IO_MISSED] = blockio_programs_missed(blockio);
}
