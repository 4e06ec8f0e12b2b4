/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * writer.h - the thread that writes finished buckets into the store.
 *
 * It keeps the disk away from the event loop. A bucket that could not be written stays in the
 * queue, in order, and is tried again when the next one comes; beyond the limit of the queue the
 * oldest is dropped and counted, with the time it stood for, and so is one that the store would
 * never take.
 */
#ifndef PROFD_WRITER_H
#define PROFD_WRITER_H

#include "record/bucket.h"
#include "store.h"

struct writer;

struct writer_counters {
	uint64_t n_written;
	uint64_t n_failures; /* attempts that failed */
	uint64_t n_dropped;  /* buckets given up */
	uint64_t dropped_ns; /* what their samples stood for */
};

/* Takes the store over. */
int writer_new(struct store_writer *take_store, struct writer **ret);
/* Writes what is queued, each bucket that failed once more, and ends the thread; nothing may be
 * submitted any more. Returns 0, or -EIO when a bucket could not be written. */
int writer_stop(struct writer *writer);
/* Stops if need be, and closes the store. */
struct writer *writer_free(struct writer *writer);
DEFINE_CLEANUP(struct writer *, writer_free);

/* Queues a finished bucket. On failure (-EAGAIN: the thread is stuck) it is still the caller's. */
int writer_submit(struct writer *writer, struct bucket *take_bucket);

/* Limits of the store (struct store_options) for what is written from now on. */
void writer_set_limits(struct writer *writer, uint32_t max_nodes, uint64_t max_bytes);

/* These may be called from the event loop while the thread works. */
struct writer_counters writer_counters(struct writer *writer);
/* Why the last bucket that failed did, cut to `size`; "" when all is well again. */
void writer_last_error(struct writer *writer, char *buf, size_t size);

#endif
