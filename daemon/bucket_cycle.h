/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bucket_cycle.h - from one bucket to the next: the one being filled, the one that waits for its
 * names, and what profd did not keep, on the way to the writer.
 *
 * The times of samples decide when a bucket ends, so that a profd that was kept from running still
 * puts them where they belong.
 */
#ifndef PROFD_BUCKET_CYCLE_H
#define PROFD_BUCKET_CYCLE_H

#include "capture/attribution.h"
#include "capture/bucket_clock.h"
#include "losses.h"
#include "record/writer.h"

struct bucket_cycle;

/* What a bucket's head and losses are taken from; all borrowed. */
struct bucket_cycle_parts {
	struct attribution *attribution;
	struct process_table *processes;
	struct symbolize *symbolize;
	struct resolver_client *resolver;
	struct writer *writer;
	/* Fills in period_ns and n_cpus of the bucket that ends now. */
	void (*describe)(void *ctx, struct bucket_head *head);
	/* Adds what is counted elsewhere until the bucket ends, which is now; may be NULL. */
	void (*complete)(void *ctx, struct bucket *bucket);
	/* Sets the counters of the parts that the cycle does not know. */
	void (*count)(void *ctx, struct losses *losses);
	void *ctx;
};

int bucket_cycle_new(const struct bucket_cycle_parts *parts, uint64_t duration_ns,
		     struct bucket_cycle **ret);
struct bucket_cycle *bucket_cycle_free(struct bucket_cycle *cycle);
DEFINE_CLEANUP(struct bucket_cycle *, bucket_cycle_free);

/* Both clocks, read now. */
struct clock_reading bucket_cycle_read_clocks(void);

/* The first bucket begins now. */
void bucket_cycle_start(struct bucket_cycle *cycle);

/* The bucket being filled; never NULL after bucket_cycle_new(). */
struct bucket *bucket_cycle_open(struct bucket_cycle *cycle);

/* When the open bucket began to be filled, and when it ends, CLOCK_MONOTONIC. */
uint64_t bucket_cycle_begin_mono_ns(const struct bucket_cycle *cycle);
uint64_t bucket_cycle_end_mono_ns(const struct bucket_cycle *cycle);

/* The bucket that ended at that time, if it still waits for its names, else the open one: for what
 * comes late and belongs to it. */
struct bucket *bucket_cycle_ended_at(struct bucket_cycle *cycle, uint64_t mono_ns);
/* There may be such until samples of that time were given on: a bucket waits for them as it does
 * for names. */
void bucket_cycle_keep(struct bucket_cycle *cycle, uint64_t until_mono_ns);

/* Ends buckets until that time lies in the open one. 0 or -ENOMEM. */
int bucket_cycle_reach(struct bucket_cycle *cycle, uint64_t mono_ns);
/* The same when no sample older than `mono_ns` will come any more; also ends a bucket early in
 * which the wall clock was set. */
int bucket_cycle_passed(struct bucket_cycle *cycle, uint64_t mono_ns);
/* Ends the open bucket at that time, now or a moment ago, before its own: the rest of its slice is
 * another bucket of the same start. It waits for its names as any. Nothing is to be done when the
 * open one began later, as after the wall clock was set meanwhile. */
int bucket_cycle_cut(struct bucket_cycle *cycle, struct clock_reading at);

/* Gives the bucket that waits for its names to the writer, when they are there or it waited long
 * enough (a second). */
void bucket_cycle_settle(struct bucket_cycle *cycle);
/* The same now. */
void bucket_cycle_settle_now(struct bucket_cycle *cycle);

/* Buckets ended since the start, the open one not among them, and what became of them. */
struct bucket_cycle_buckets {
	uint64_t n_ended, n_written, n_dropped;
};

struct bucket_cycle_buckets bucket_cycle_buckets(const struct bucket_cycle *cycle);

/* What was lost since the start. */
void bucket_cycle_losses(const struct bucket_cycle *cycle, struct losses *ret);

#endif
