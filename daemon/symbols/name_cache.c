// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * name_cache.c - see name_cache.h.
 */
#include "symbols/name_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void name_cache_init(struct name_cache *cache, uint32_t max)
{
	*cache = (struct name_cache){.max = max};
}

void name_cache_resize(struct name_cache *cache, uint32_t max)
{
	cache->max = max;
}

static void generation_done(struct name_generation *g)
{
	hash_index_done(&g->index);
	free(g->entries);
	free(g->texts);
	*g = (struct name_generation){};
}

void name_cache_done(struct name_cache *cache)
{
	generation_done(&cache->young);
	generation_done(&cache->old);
}

static bool is_entry(const void *ctx, uint32_t id, const void *key)
{
	const struct name_generation *g = ctx;
	const struct name_entry *wanted = key;

	return g->entries[id].file == wanted->file && g->entries[id].offset == wanted->offset;
}

static struct name_entry *generation_find(const struct name_generation *g, uint32_t file,
					  uint64_t offset)
{
	struct name_entry key = {.file = file, .offset = offset};
	uint32_t id = hash_index_find(&g->index, hash_u64(file, offset), is_entry, g, &key);

	return id ? &g->entries[id] : NULL;
}

/* Copies a text; 0 = none. The first byte of the block is unused, so that 0 can say so. */
static int add_text(struct name_generation *g, const char *name, uint32_t *ret)
{
	size_t len = strlen(name) + 1, used = g->texts_len ? g->texts_len : 1;

	if (used + len > g->texts_capacity) {
		size_t capacity = (used + len) * 2;
		char *larger = realloc(g->texts, capacity);

		if (!larger)
			return -ENOMEM;
		g->texts = larger;
		g->texts_capacity = capacity;
	}
	memcpy(g->texts + used, name, len);
	g->texts_len = used + len;
	*ret = (uint32_t)used;
	return 0;
}

static int generation_add(struct name_generation *g, uint32_t file, uint64_t offset,
			  enum unknown_reason unknown, const char *name)
{
	struct name_entry entry = {.file = file, .offset = offset, .unknown = unknown};
	int r;

	if (g->n + 2 > g->capacity) {
		uint32_t capacity = g->capacity ? g->capacity * 2 : 1024;
		struct name_entry *larger = reallocarray(g->entries, capacity, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		g->entries = larger;
		g->capacity = capacity;
	}
	if (name) {
		r = add_text(g, name, &entry.text);
		if (r < 0)
			return r;
	}
	r = hash_index_insert(&g->index, hash_u64(file, offset), g->n + 1);
	if (r < 0)
		return r;
	g->entries[++g->n] = entry;
	return 0;
}

static const char *text_of(const struct name_generation *g, const struct name_entry *entry)
{
	return entry->text ? g->texts + entry->text : NULL;
}

static void make_room(struct name_cache *cache)
{
	if (cache->young.n < cache->max)
		return;
	generation_done(&cache->old);
	cache->old = cache->young;
	cache->young = (struct name_generation){};
}

bool name_cache_find(struct name_cache *cache, uint32_t file, uint64_t offset,
		     enum unknown_reason *ret_unknown, const char **ret_name)
{
	const struct name_entry *entry = generation_find(&cache->young, file, offset);
	const struct name_generation *g = &cache->young;

	if (!entry) {
		g = &cache->old;
		entry = generation_find(g, file, offset);
		if (!entry)
			return false;
		/* Without memory the entry is found in the old generation again. */
		if (cache->young.n < cache->max &&
		    generation_add(&cache->young, file, offset, entry->unknown,
				   text_of(g, entry)) == 0) {
			g = &cache->young;
			entry = &g->entries[g->n];
		}
	}
	*ret_unknown = entry->unknown;
	*ret_name = text_of(g, entry);
	return true;
}

int name_cache_put(struct name_cache *cache, uint32_t file, uint64_t offset,
		   enum unknown_reason unknown, const char *name)
{
	struct name_entry *entry = generation_find(&cache->young, file, offset);
	uint32_t text = 0;

	if (!entry) {
		make_room(cache);
		return generation_add(&cache->young, file, offset, unknown, name);
	}
	if (name && add_text(&cache->young, name, &text) < 0)
		return -ENOMEM;
	entry->unknown = unknown;
	entry->text = text;
	return 0;
}
