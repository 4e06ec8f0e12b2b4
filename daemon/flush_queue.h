/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * flush_queue.h - requests to flush that wait: first for the open bucket to be cut, then for that
 * bucket to be in the store. Pure: buckets are numbers, as they are given to the writer.
 *
 * Between two cuts is a second, whoever asks: a bucket costs a commit and room in the store, and
 * requests that come together share one.
 */
#ifndef PROFD_FLUSH_QUEUE_H
#define PROFD_FLUSH_QUEUE_H

#include "control.h"

/* Fewer than CONTROL_CLIENTS_MAX, so that a disk that hangs leaves room to ask for the status. */
#define FLUSH_CALLS_MAX 4
#define FLUSH_GAP_NS	1000000000ull

struct flush_queue {
	uint32_t n;
	uint64_t cut_mono_ns; /* the last one; 0: none yet */
	struct flush_wait {
		struct control_call call;
		uint64_t asked_mono_ns;
		uint64_t bucket; /* 0: not cut yet */
		uint64_t n_dropped;
	} waits[FLUSH_CALLS_MAX];
};

/* Takes the call, or refuses it when too many wait. */
void flush_queue_add(struct flush_queue *queue, struct control_call call, uint64_t now_mono_ns);

/* Whether the open bucket is to be cut now. */
bool flush_queue_is_due(const struct flush_queue *queue, uint64_t now_mono_ns);

/* It was cut: bucket number `bucket` (from 1 on, in the order given to the writer) has all samples
 * until `at_mono_ns`, and what was asked later needs another one. `n_dropped` is how many buckets
 * were given up until now. */
void flush_queue_cut(struct flush_queue *queue, uint64_t bucket, uint64_t n_dropped,
		     uint64_t at_mono_ns);

/* Answers whose bucket is done: `n_written` and `n_dropped` are the writer's. One that was given up
 * is refused: by then a bucket was lost, if not that one. */
void flush_queue_answer(struct flush_queue *queue, uint64_t n_written, uint64_t n_dropped);

#endif
