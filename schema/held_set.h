/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * held_set.h - the waits that go on in the live partition, so that a wait that lasts is written
 * when it begins and when it ends, and costs nothing between. Two sorted arrays: what was held over
 * the bucket before, and what is held over the one at hand until that is committed. Knows no
 * SQLite. Private to schema/.
 */
#ifndef PROFD_HELD_SET_H
#define PROFD_HELD_SET_H

#include "profile.h"

/* With the partition's ids. */
struct held_run {
	uint32_t series, node, type, class;
	uint64_t first; /* seq of the bucket it was first held over */
};

struct held_runs {
	struct held_run *runs; /* ascending, each once */
	uint32_t n;
};

struct held_set {
	struct held_runs now, next;
	bool has_next;
};

void held_set_done(struct held_set *set);

/*
 * Takes runs[n], allocated with malloc(), in any order, as what is held over the bucket at hand.
 * Those that were held before keep their `first`. Calls `ended` for each run that was held and is
 * no more, `begun` for each new one; the first failure of these is returned.
 */
int held_set_next(struct held_set *set, struct held_run *runs, uint32_t n,
		  int (*ended)(void *ctx, const struct held_run *run),
		  int (*begun)(void *ctx, const struct held_run *run), void *ctx);

/* The bucket at hand is written, or is not. */
void held_set_commit(struct held_set *set);
void held_set_rollback(struct held_set *set);

#endif
