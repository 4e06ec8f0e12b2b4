// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * waits.c - see waits.h. A slot a wait, found by the thread's hash; free slots are chained.
 */
#include "capture/waits.h"

#include "growable.h"
#include "hash_index.h"

#include <errno.h>
#include <string.h>

#define ALLOCATOR_BYTES 16 /* of an allocation, about */

struct waits {
	uint32_t max_waits;
	size_t max_bytes, bytes; /* of places and labels */
	struct wait *slots;	 /* [0] is unused */
	uint32_t n_slots, cap_slots;
	uint32_t first_free, n;
	struct hash_index by_tid;
	struct waits_counters counters;
};

int waits_new(uint32_t max_waits, size_t max_bytes, struct waits **ret)
{
	struct waits *waits = calloc(1, sizeof(*waits));

	if (!waits)
		return -ENOMEM;
	waits->max_waits = max_waits;
	waits->max_bytes = max_bytes;
	waits->n_slots = 1;
	*ret = waits;
	return 0;
}

static size_t places_bytes(uint32_t n)
{
	return n * sizeof(struct stack_place) + ALLOCATOR_BYTES;
}

static size_t waker_bytes(uint32_t n, const char *label)
{
	return sizeof(struct wait_waker) + n * sizeof(struct stack_place) + strlen(label) + 1 +
	       2 * ALLOCATOR_BYTES;
}

static void drop_waker(struct waits *waits, struct wait *wait)
{
	if (!wait->waker)
		return;
	waits->bytes -= waker_bytes(wait->waker->n, wait->waker->label);
	free(wait->waker->label);
	free(wait->waker);
	wait->waker = NULL;
}

static void drop_places(struct waits *waits, struct wait *wait)
{
	if (!wait->places)
		return;
	waits->bytes -= places_bytes(wait->n);
	free(wait->places);
	wait->places = NULL;
	wait->n = 0;
}

struct waits *waits_free(struct waits *waits)
{
	if (!waits)
		return NULL;
	for (uint32_t i = 1; i < waits->n_slots; i++) {
		drop_waker(waits, &waits->slots[i]);
		drop_places(waits, &waits->slots[i]);
	}
	free(waits->slots);
	hash_index_done(&waits->by_tid);
	free(waits);
	return NULL;
}

static bool is_tid(const void *ctx, uint32_t id, const void *key)
{
	return ((const struct waits *)ctx)->slots[id].tid == *(const uint32_t *)key;
}

static uint32_t find_slot(const struct waits *waits, uint32_t tid)
{
	return tid ? hash_index_find(&waits->by_tid, hash_u64(tid, 0), is_tid, waits, &tid) : 0;
}

static void remove_slot(struct waits *waits, uint32_t slot)
{
	struct wait *wait = &waits->slots[slot];

	(void)hash_index_remove(&waits->by_tid, hash_u64(wait->tid, 0), slot);
	drop_waker(waits, wait);
	drop_places(waits, wait);
	*wait = (struct wait){.next_free = waits->first_free};
	waits->first_free = slot;
	waits->n--;
}

/* It is not what its thread is in any more. */
static void lose(struct waits *waits, uint32_t slot)
{
	if (waits->slots[slot].unconfirmed)
		waits->counters.n_late++;
	else
		waits->counters.n_lost++;
	remove_slot(waits, slot);
}

/* A slot for the thread, or 0. */
static uint32_t add_slot(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns)
{
	uint32_t slot = waits->first_free ? waits->first_free : waits->n_slots;

	if (!tid || waits->n >= waits->max_waits)
		return 0;
	if (slot == waits->n_slots && GROWABLE_RESERVE(waits, slots) < 0)
		return 0;
	if (hash_index_insert(&waits->by_tid, hash_u64(tid, 0), slot) < 0)
		return 0;
	if (slot == waits->n_slots)
		waits->n_slots++;
	else
		waits->first_free = waits->slots[slot].next_free;
	waits->slots[slot] = (struct wait){.tid = tid, .begin_mono_ns = begin_mono_ns};
	waits->n++;
	return slot;
}

static bool has_room(const struct waits *waits, size_t bytes)
{
	return waits->bytes + bytes <= waits->max_bytes;
}

static struct stack_place *copy_places(const struct waits *waits, const struct stack_place *places,
				       uint32_t n)
{
	struct stack_place *copy =
		n && has_room(waits, places_bytes(n)) ? malloc(n * sizeof(*copy)) : NULL;

	if (copy)
		memcpy(copy, places, n * sizeof(*copy));
	return copy;
}

struct wait *waits_begin(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns,
			 const struct stack_place *places, uint32_t n, bool kernel_only)
{
	uint32_t slot = find_slot(waits, tid);
	struct stack_place *copy;
	struct wait *wait;

	if (slot && waits->slots[slot].begin_mono_ns != begin_mono_ns) {
		lose(waits, slot);
		slot = 0;
	}
	copy = copy_places(waits, places, n);
	if (copy && !slot)
		slot = add_slot(waits, tid, begin_mono_ns);
	if (!copy || !slot) {
		free(copy);
		waits->counters.n_full++;
		return NULL;
	}
	wait = &waits->slots[slot];
	drop_places(waits, wait);
	wait->places = copy;
	wait->n = n;
	wait->kernel_only = kernel_only;
	wait->charged = false;
	waits->bytes += places_bytes(n);
	return wait;
}

void waits_late(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns,
		const struct stack_place *places, uint32_t n)
{
	uint32_t slot = find_slot(waits, tid);
	bool is_known = slot && waits->slots[slot].begin_mono_ns == begin_mono_ns;
	struct wait *wait;

	if (slot && !is_known) {
		waits->counters.n_late++;
		return;
	}
	wait = waits_begin(waits, tid, begin_mono_ns, places, n, false);
	if (wait && !is_known)
		wait->unconfirmed = true;
}

struct wait *waits_find(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns)
{
	uint32_t slot = find_slot(waits, tid);

	return slot && waits->slots[slot].begin_mono_ns == begin_mono_ns ? &waits->slots[slot]
									 : NULL;
}

static struct wait_waker *make_waker(const char *label, const struct stack_place *places,
				     uint32_t n)
{
	struct wait_waker *waker = malloc(sizeof(*waker) + n * sizeof(*places));

	if (!waker)
		return NULL;
	waker->label = strdup(label);
	waker->n = n;
	if (!waker->label) {
		free(waker);
		return NULL;
	}
	if (n)
		memcpy(waker->places, places, n * sizeof(*places));
	return waker;
}

int waits_wake(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns, const char *label,
	       const struct stack_place *places, uint32_t n)
{
	uint32_t slot = find_slot(waits, tid);
	size_t bytes = waker_bytes(n, label);
	struct wait_waker *waker;
	struct wait *wait;

	if (slot && waits->slots[slot].begin_mono_ns > begin_mono_ns)
		return -ENOENT;
	if (slot && waits->slots[slot].begin_mono_ns < begin_mono_ns) {
		lose(waits, slot);
		slot = 0;
	}
	waker = has_room(waits, bytes) ? make_waker(label, places, n) : NULL;
	if (waker && !slot)
		slot = add_slot(waits, tid, begin_mono_ns);
	if (!waker || !slot) {
		if (waker)
			free(waker->label);
		free(waker);
		waits->counters.n_full++;
		return -ENOMEM;
	}
	wait = &waits->slots[slot];
	drop_waker(waits, wait);
	wait->waker = waker;
	wait->kernel_only = wait->kernel_only || !wait->n;
	waits->bytes += bytes;
	return 0;
}

void waits_end(struct waits *waits, uint32_t tid, uint64_t begin_mono_ns)
{
	uint32_t slot = find_slot(waits, tid);

	if (slot && waits->slots[slot].begin_mono_ns != begin_mono_ns)
		lose(waits, slot);
	else if (slot)
		remove_slot(waits, slot);
}

void waits_forget(struct waits *waits, uint32_t tid)
{
	uint32_t slot = find_slot(waits, tid);

	if (slot)
		remove_slot(waits, slot);
}

void waits_sweep(struct waits *waits, uint64_t before_mono_ns)
{
	for (uint32_t i = 1; i < waits->n_slots; i++) {
		struct wait *wait = &waits->slots[i];

		if (wait->tid && !wait->seen && wait->begin_mono_ns < before_mono_ns)
			lose(waits, i);
		wait->seen = false;
	}
}

uint32_t waits_n(const struct waits *waits)
{
	return waits->n;
}

const struct waits_counters *waits_counters(const struct waits *waits)
{
	return &waits->counters;
}
