/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_slabs.h - who has which words of the slabs that the walker reads (bpf/unwind_table.h).
 *
 * Extents are taken first fit, and never cross a chunk. What is given back is used again only after
 * a delay, because a walk that began before may still read it. Where the memory comes from, and
 * what is in it, is others'. Pure: the clock is an argument.
 */
#ifndef PROFD_UNWIND_SLABS_H
#define PROFD_UNWIND_SLABS_H

#include "cleanup.h"
#include "unwind_table.h"

#include <stdbool.h>
#include <stdint.h>

/* A walk takes microseconds, one that may sleep is given a tenth of a second; ticks come at 19 Hz
 * at the slowest. */
#define UNWIND_GRACE_NS 200000000ull

struct unwind_slabs;

struct unwind_extent {
	uint32_t first, n; /* words */
};

/* At most `budget_words` are in use at a time, those that wait included. */
int unwind_slabs_new(uint32_t budget_words, struct unwind_slabs **ret);
struct unwind_slabs *unwind_slabs_free(struct unwind_slabs *slabs);
DEFINE_CLEANUP(struct unwind_slabs *, unwind_slabs_free);

/* How many slabs the budget makes use of, and how many there are. */
uint32_t unwind_slabs_max(const struct unwind_slabs *slabs);
uint32_t unwind_slabs_n(const struct unwind_slabs *slabs);
/* Memory for the next one, UNWIND_SLAB_WORDS of it, borrowed. -ENOSPC beyond the budget, -ENOMEM.
 */
int unwind_slabs_add(struct unwind_slabs *slabs, uint64_t *words);

/*
 * Takes an extent of `n` words, or, where there is none and `n_min` is less, the largest there is
 * of at least `n_min`. Returns 0; -ENOSPC, also for more than a chunk; -ENOMEM.
 */
int unwind_slabs_take(struct unwind_slabs *slabs, uint32_t n_min, uint32_t n,
		      struct unwind_extent *ret);
/* Gives an extent, or the end of one, back. Without memory to note it, it is lost, and counted. */
void unwind_slabs_give(struct unwind_slabs *slabs, struct unwind_extent extent,
		       uint64_t now_mono_ns);
/* What waited long enough can be taken again. */
void unwind_slabs_settle(struct unwind_slabs *slabs, uint64_t now_mono_ns);

/* The memory of an extent. */
uint64_t *unwind_slabs_words(const struct unwind_slabs *slabs, uint32_t first);

/* Words that may be in use at most. */
uint32_t unwind_slabs_budget(const struct unwind_slabs *slabs);
/* Words in use; words that wait; words that can be had without a further slab, within the budget;
 * words lost. */
uint32_t unwind_slabs_used(const struct unwind_slabs *slabs);
uint32_t unwind_slabs_waiting(const struct unwind_slabs *slabs);
uint32_t unwind_slabs_available(const struct unwind_slabs *slabs);
uint32_t unwind_slabs_lost(const struct unwind_slabs *slabs);

#endif
