// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hash_index.c - linear probing with backward-shift removal (no tombstones, so that a table that
 * lives for months never degrades). Owns slots only; entries and their equality are the caller's.
 */
#include "hash_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HASH_INDEX_MIN 16u
#define HASH_INDEX_MAX (1u << 30)

void hash_index_done(struct hash_index *index)
{
	free(index->slots);
	*index = (struct hash_index){};
}

void hash_index_clear(struct hash_index *index)
{
	if (index->slots)
		memset(index->slots, 0, (size_t)index->capacity * sizeof(*index->slots));
	index->count = 0;
}

static uint32_t fold(uint64_t hash)
{
	return (uint32_t)(hash ^ (hash >> 32));
}

uint32_t hash_index_find(const struct hash_index *index, uint64_t hash, hash_index_equal equal,
			 const void *ctx, const void *key)
{
	uint32_t h = fold(hash);

	if (!index->count)
		return 0;
	for (uint32_t i = h & (index->capacity - 1);; i = (i + 1) & (index->capacity - 1)) {
		const struct hash_slot *slot = &index->slots[i];

		if (!slot->id)
			return 0;
		if (slot->hash == h && equal(ctx, slot->id, key))
			return slot->id;
	}
}

static void place(struct hash_slot *slots, uint32_t capacity, struct hash_slot slot)
{
	uint32_t i = slot.hash & (capacity - 1);

	while (slots[i].id)
		i = (i + 1) & (capacity - 1);
	slots[i] = slot;
}

static int grow(struct hash_index *index)
{
	uint32_t capacity = index->capacity ? index->capacity * 2 : HASH_INDEX_MIN;
	struct hash_slot *slots;

	if (capacity > HASH_INDEX_MAX)
		return -ENOMEM;
	slots = calloc(capacity, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < index->capacity; i++)
		if (index->slots[i].id)
			place(slots, capacity, index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->capacity = capacity;
	return 0;
}

int hash_index_insert(struct hash_index *index, uint64_t hash, uint32_t id)
{
	if ((uint64_t)index->count * 4 >= (uint64_t)index->capacity * 3) {
		int r = grow(index);

		if (r < 0)
			return r;
	}
	place(index->slots, index->capacity, (struct hash_slot){fold(hash), id});
	index->count++;
	return 0;
}

int hash_index_remove(struct hash_index *index, uint64_t hash, uint32_t id)
{
	uint32_t mask = index->capacity - 1, hole;

	if (!index->count)
		return -ENOENT;
	for (hole = fold(hash) & mask; index->slots[hole].id != id; hole = (hole + 1) & mask)
		if (!index->slots[hole].id)
			return -ENOENT;
	/* Move back each later entry of the run that may stand in the hole. */
	for (uint32_t i = (hole + 1) & mask; index->slots[i].id; i = (i + 1) & mask) {
		uint32_t home = index->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			index->slots[hole] = index->slots[i];
			hole = i;
		}
	}
	index->slots[hole] = (struct hash_slot){};
	index->count--;
	return 0;
}

uint64_t hash_u64(uint64_t a, uint64_t b)
{
	/* The finaliser of splitmix64 over both words. */
	uint64_t x = a * 0x9e3779b97f4a7c15ull ^ (b + 0x632be59bd9b4e019ull);

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return x ^ (x >> 31);
}

uint64_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint64_t h = hash_u64(len, 0);

	for (; len >= 8; p += 8, len -= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		h = hash_u64(h, word);
	}
	if (len) {
		uint64_t word = 0;

		memcpy(&word, p, len);
		h = hash_u64(h, word);
	}
	return h;
}
