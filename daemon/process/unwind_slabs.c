// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_slabs.c - see unwind_slabs.h. Free extents are an array by address: there are some hundred
 * of them, and it is searched when a file is loaded, not when a sample is taken.
 */
#include "process/unwind_slabs.h"

#include "growable.h"

#include <string.h>

struct waiting {
	struct unwind_extent extent;
	uint64_t since_mono_ns;
};

struct unwind_slabs {
	uint32_t budget_words;
	uint64_t *slabs[UNWIND_SLABS_MAX];
	uint32_t n_slabs, max_slabs;
	struct unwind_extent *free; /* by address; neighbours in a chunk are one */
	uint32_t n_free, cap_free;
	struct waiting *waiting; /* the oldest first */
	uint32_t n_waiting, cap_waiting;
	uint32_t used_words, waiting_words, lost_words;
};

int unwind_slabs_new(uint32_t budget_words, struct unwind_slabs **ret)
{
	struct unwind_slabs *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	if (budget_words > UNWIND_SLABS_MAX * UNWIND_SLAB_WORDS)
		budget_words = UNWIND_SLABS_MAX * UNWIND_SLAB_WORDS;
	s->budget_words = budget_words;
	s->max_slabs = (budget_words + UNWIND_SLAB_WORDS - 1) / UNWIND_SLAB_WORDS;
	*ret = s;
	return 0;
}

struct unwind_slabs *unwind_slabs_free(struct unwind_slabs *s)
{
	if (!s)
		return NULL;
	free(s->free);
	free(s->waiting);
	free(s);
	return NULL;
}

uint32_t unwind_slabs_max(const struct unwind_slabs *s)
{
	return s->max_slabs;
}

uint32_t unwind_slabs_n(const struct unwind_slabs *s)
{
	return s->n_slabs;
}

/* The place of the first free extent behind that word. */
static uint32_t place_after(const struct unwind_slabs *s, uint32_t first)
{
	uint32_t low = 0, high = s->n_free;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (s->free[middle].first <= first)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool joins(struct unwind_extent a, struct unwind_extent b)
{
	return a.first + a.n == b.first && b.first % UNWIND_CHUNK_WORDS;
}

static void remove_free(struct unwind_slabs *s, uint32_t at)
{
	s->n_free--;
	memmove(s->free + at, s->free + at + 1, (s->n_free - at) * sizeof(*s->free));
}

static int insert_free(struct unwind_slabs *s, struct unwind_extent extent)
{
	uint32_t at = place_after(s, extent.first);
	bool before = at && joins(s->free[at - 1], extent);
	bool after = at < s->n_free && joins(extent, s->free[at]);

	if (before && after) {
		s->free[at - 1].n += extent.n + s->free[at].n;
		remove_free(s, at);
	} else if (before) {
		s->free[at - 1].n += extent.n;
	} else if (after) {
		s->free[at].first = extent.first;
		s->free[at].n += extent.n;
	} else if (GROWABLE_RESERVE(s, free) < 0) {
		return -ENOMEM;
	} else {
		memmove(s->free + at + 1, s->free + at, (s->n_free - at) * sizeof(*s->free));
		s->free[at] = extent;
		s->n_free++;
	}
	return 0;
}

int unwind_slabs_add(struct unwind_slabs *s, uint64_t *words)
{
	uint32_t first = s->n_slabs * UNWIND_SLAB_WORDS;
	int r = 0;

	if (s->n_slabs >= s->max_slabs)
		return -ENOSPC;
	for (uint32_t i = 0; r == 0 && i < UNWIND_SLAB_CHUNKS; i++) {
		struct unwind_extent chunk = {first + i * UNWIND_CHUNK_WORDS, UNWIND_CHUNK_WORDS};

		if (first + i == 0) { /* word 0 is nobody's: 0 means none everywhere */
			chunk.first++;
			chunk.n--;
		}
		r = insert_free(s, chunk);
	}
	if (r < 0) { /* its first chunk is not to be had either */
		while (s->n_free && s->free[s->n_free - 1].first >= first)
			remove_free(s, s->n_free - 1);
		return r;
	}
	s->slabs[s->n_slabs++] = words;
	return 0;
}

/* The first that is large enough, else the largest; n_free when there is none. */
static uint32_t choose(const struct unwind_slabs *s, uint32_t n_min, uint32_t n)
{
	uint32_t best = s->n_free;

	for (uint32_t i = 0; i < s->n_free; i++) {
		if (s->free[i].n >= n)
			return i;
		if (s->free[i].n >= n_min && (best == s->n_free || s->free[i].n > s->free[best].n))
			best = i;
	}
	return best;
}

int unwind_slabs_take(struct unwind_slabs *s, uint32_t n_min, uint32_t n, struct unwind_extent *ret)
{
	uint32_t available = unwind_slabs_available(s), at;
	struct unwind_extent extent;

	if (n > available)
		n = available;
	if (!n_min || n < n_min)
		return -ENOSPC;
	at = choose(s, n_min, n);
	if (at == s->n_free)
		return -ENOSPC;
	extent = s->free[at];
	if (extent.n > n)
		extent.n = n;
	s->free[at].first += extent.n;
	s->free[at].n -= extent.n;
	if (!s->free[at].n)
		remove_free(s, at);
	s->used_words += extent.n;
	*ret = extent;
	return 0;
}

void unwind_slabs_give(struct unwind_slabs *s, struct unwind_extent extent, uint64_t now_mono_ns)
{
	if (!extent.n)
		return;
	if (GROWABLE_RESERVE(s, waiting) < 0) {
		s->lost_words += extent.n; /* it stays in use */
		return;
	}
	s->waiting[s->n_waiting++] = (struct waiting){extent, now_mono_ns};
	s->used_words -= extent.n;
	s->waiting_words += extent.n;
}

void unwind_slabs_settle(struct unwind_slabs *s, uint64_t now_mono_ns)
{
	uint32_t n = 0;

	for (; n < s->n_waiting; n++) {
		struct waiting *waiting = &s->waiting[n];

		if (now_mono_ns - waiting->since_mono_ns < UNWIND_GRACE_NS)
			break;
		if (insert_free(s, waiting->extent) < 0)
			s->lost_words += waiting->extent.n;
		s->waiting_words -= waiting->extent.n;
	}
	if (!n)
		return;
	s->n_waiting -= n;
	memmove(s->waiting, s->waiting + n, s->n_waiting * sizeof(*s->waiting));
}

uint64_t *unwind_slabs_words(const struct unwind_slabs *s, uint32_t first)
{
	return s->slabs[first / UNWIND_SLAB_WORDS] + first % UNWIND_SLAB_WORDS;
}

uint32_t unwind_slabs_budget(const struct unwind_slabs *s)
{
	return s->budget_words;
}

uint32_t unwind_slabs_used(const struct unwind_slabs *s)
{
	return s->used_words;
}

uint32_t unwind_slabs_waiting(const struct unwind_slabs *s)
{
	return s->waiting_words;
}

uint32_t unwind_slabs_available(const struct unwind_slabs *s)
{
	uint32_t free_words = 0, in_budget = s->budget_words - s->used_words - s->waiting_words;

	for (uint32_t i = 0; i < s->n_free; i++)
		free_words += s->free[i].n;
	return free_words < in_budget ? free_words : in_budget;
}

uint32_t unwind_slabs_lost(const struct unwind_slabs *s)
{
	return s->lost_words;
}
