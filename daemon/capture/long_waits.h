/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * long_waits.h - user stacks of threads that are blocked for long, by an iterator that may sleep.
 *
 * Reading another process's memory waits for its locks and its disk, for as long as these take:
 * hence a thread of its own. A pass that does not end in time is abandoned and counted, what it
 * brings later is thrown away, and there is no other one until it has come back: a victim that
 * hangs costs one thread and no bucket.
 */
#ifndef PROFD_LONG_WAITS_H
#define PROFD_LONG_WAITS_H

#include "cleanup.h"

#include <stddef.h>
#include <stdint.h>

#define LONG_WAITS_STACKS_MAX  200
#define LONG_WAITS_DEADLINE_NS 1000000000ull

struct long_waits;

struct long_waits_counters {
	uint64_t n_passes, n_stacks; /* in time */
	uint64_t n_abandoned;
	uint64_t n_busy; /* passes that were not begun because the one before had not come back */
	uint64_t n_failed;
};

int long_waits_new(struct long_waits **ret);
/* A pass that is under way is not waited for. */
struct long_waits *long_waits_free(struct long_waits *waits);
DEFINE_CLEANUP(struct long_waits *, long_waits_free);

/* Begins a pass over that iterator, which it takes over in any case. Returns 0; -EBUSY, counted,
 * while the one before has not come back; -ENOMEM. */
int long_waits_begin(struct long_waits *waits, int take_iter_fd, uint64_t now_mono_ns);

/* Abandons a pass that is late; to be called several times a second. */
void long_waits_watch(struct long_waits *waits, uint64_t now_mono_ns);

/* Readable when a pass has ended. */
int long_waits_fd(const struct long_waits *waits);
/* Hands over the records of passes that ended in time. */
void long_waits_dispatch(struct long_waits *waits,
			 void (*record)(void *ctx, void *record, size_t size), void *ctx);

struct long_waits_counters long_waits_counters(const struct long_waits *waits);

#endif
