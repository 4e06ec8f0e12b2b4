/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * name_cache.h - names of locations that were asked before, bounded, in two generations.
 *
 * One step of an LRU at the cost of a hash table: an entry that is looked up in the old generation
 * is copied into the young one; when the young one is full it becomes the old one, and the old one
 * goes with all that was not looked up since.
 */
#ifndef PROFD_NAME_CACHE_H
#define PROFD_NAME_CACHE_H

#include "hash_index.h"
#include "profile.h"

struct name_entry {
	uint32_t file;
	uint32_t text; /* of the name in the generation's texts; 0 = none */
	uint64_t offset;
	enum unknown_reason unknown;
};

struct name_generation {
	struct hash_index index;
	struct name_entry *entries; /* [0] is unused */
	uint32_t n, capacity;
	char *texts;
	size_t texts_len, texts_capacity;
};

struct name_cache {
	struct name_generation young, old;
	uint32_t max; /* entries of a generation */
};

void name_cache_init(struct name_cache *cache, uint32_t max);
/* Changes how many entries a generation may have from now on. */
void name_cache_resize(struct name_cache *cache, uint32_t max);
void name_cache_done(struct name_cache *cache);

/* Whether the location is there, and then what is known: a reason, or UNKNOWN_NONE and a name that
 * is valid until the next call. */
bool name_cache_find(struct name_cache *cache, uint32_t file, uint64_t offset,
		     enum unknown_reason *ret_unknown, const char **ret_name);

/* Adds or replaces; `name` NULL with a reason. Returns 0 or -ENOMEM (then it is not there). */
int name_cache_put(struct name_cache *cache, uint32_t file, uint64_t offset,
		   enum unknown_reason unknown, const char *name);

#endif
