/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bucket_clock.h - when a bucket begins and ends. Pure: both clocks are arguments.
 *
 * Buckets are aligned to wall time, samples carry CLOCK_MONOTONIC; this translates between them
 * for one bucket at a time and notices when the wall clock was set.
 */
#ifndef PROFD_BUCKET_CLOCK_H
#define PROFD_BUCKET_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_CLOCK_STEP_NS 1000000000ull /* a smaller change is slewing */

struct clock_reading {
	uint64_t real_ns, mono_ns;
};

struct bucket_clock {
	uint64_t duration_ns;
	uint64_t start_real_ns; /* aligned */
	uint64_t begin_mono_ns; /* when sampling into the bucket began; not before its start */
	uint64_t end_mono_ns;
	int64_t offset_ns; /* real less monotonic at its beginning */
	uint64_t n_steps;  /* of the wall clock, ever */
};

/* The first bucket: the one that holds now, begun late. */
void bucket_clock_start(struct bucket_clock *clock, uint64_t duration_ns, struct clock_reading now);

/* Whether a sample taken at `mono_ns` belongs to a later bucket. */
bool bucket_clock_is_over(const struct bucket_clock *clock, uint64_t mono_ns);

/* Whether the wall clock was set since the bucket began: it must be closed early. */
bool bucket_clock_stepped(const struct bucket_clock *clock, struct clock_reading now);

/*
 * Ends the bucket and begins the next: at its border when it is over, also when that was long ago
 * (the caller goes on until bucket_clock_is_over() is false); at `now` when it is closed early, as
 * at a step of the wall clock. Returns how much of it was covered.
 */
uint64_t bucket_clock_next(struct bucket_clock *clock, struct clock_reading now);

#endif
