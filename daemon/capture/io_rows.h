/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_rows.h - samples of block I/O as rows of the bucket: who submitted it, from where in the code.
 *
 * Stands beside attribution.h, which does the same with samples of the CPUs and lends its pieces.
 */
#ifndef PROFD_IO_ROWS_H
#define PROFD_IO_ROWS_H

#include "capture/attribution.h"
#include "capture/io_devices.h"

/* What writes pages back is nobody's thread: a series of process 0 and this name, with the unit
 * whose pages they were. */
#define IO_ROWS_WRITEBACK "[writeback]"

struct io_rows;

struct io_rows_counters {
	uint64_t n_records;
	/* Writeback that is kept, whose cgroup the kernel does not say: estimates, as all that is
	 * sampled. */
	uint64_t n_unattributed, unattributed_ns;
};

/* Both are borrowed. */
int io_rows_new(struct attribution *attribution, struct io_devices *devices, struct io_rows **ret);
struct io_rows *io_rows_free(struct io_rows *rows);
DEFINE_CLEANUP(struct io_rows *, io_rows_free);

/* Adds a sample of kind WIRE_IO to the bucket, or counts why not: a row SAMPLE_BLOCKIO of its time
 * and a row SAMPLE_BLOCKIO_BYTES of its size, each weighted, with the class of io_class.h. */
void io_rows_add(struct io_rows *rows, const struct sample *sample, uint64_t now_mono_ns,
		 struct bucket *bucket);

const struct io_rows_counters *io_rows_counters(const struct io_rows *rows);

#endif
