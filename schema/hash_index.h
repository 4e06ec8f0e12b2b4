/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hash_index.h - an open-addressing index from a hash to the number of an entry kept elsewhere.
 *
 * The owner keeps its entries in an array, with ids 1..n (0 is none), and this index finds an id
 * by hash and the owner's own comparison. It costs 8 bytes a slot at a load of at most 3/4, which
 * is why it exists: a partition's dictionary holds a million trie nodes, and a chained table with
 * its links inside the entries (uthash) costs seven times as much.
 */
#ifndef PROFD_HASH_INDEX_H
#define PROFD_HASH_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_slot {
	uint32_t hash;
	uint32_t id; /* 0 = empty */
};

struct hash_index {
	struct hash_slot *slots;
	uint32_t capacity; /* a power of two, or 0 before the first insert */
	uint32_t count;
};

/* Says whether entry `id` of `ctx` is the one `key` asks for. */
typedef bool (*hash_index_equal)(const void *ctx, uint32_t id, const void *key);

void hash_index_done(struct hash_index *index);
/* Forgets every entry, keeps the memory. */
void hash_index_clear(struct hash_index *index);

/* Returns the id of the entry equal to `key`, or 0. */
uint32_t hash_index_find(const struct hash_index *index, uint64_t hash, hash_index_equal equal,
			 const void *ctx, const void *key);

/* Adds `id` (not 0, and not in the index) under `hash`. Returns 0 or -ENOMEM. */
int hash_index_insert(struct hash_index *index, uint64_t hash, uint32_t id);

/* Removes `id`, which was inserted under `hash`. Returns 0, or -ENOENT when it is not there. */
int hash_index_remove(struct hash_index *index, uint64_t hash, uint32_t id);

/* A 64-bit hash of bytes, and of one or two integers; not for adversarial input across a trust
 * boundary, where the owner bounds its table instead. */
uint64_t hash_bytes(const void *data, size_t len);
uint64_t hash_u64(uint64_t a, uint64_t b);

#endif
