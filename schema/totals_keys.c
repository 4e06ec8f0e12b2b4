// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * totals_keys.c - the table of keys and the memory of their strings. Knows no trie.
 */
#include "totals_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_BYTES (256u << 10)
#define KEYS_MAX   (1u << 28)

/* A piece of the memory that the strings lie in; it never moves. */
struct totals_text {
	struct totals_text *next;
	size_t len, capacity;
	char bytes[];
};

void totals_keys_init(struct totals_keys *keys)
{
	*keys = (struct totals_keys){.n = 1};
}

void totals_keys_done(struct totals_keys *keys)
{
	while (keys->texts) {
		struct totals_text *text = keys->texts;

		keys->texts = text->next;
		free(text);
	}
	hash_index_done(&keys->index);
	free(keys->keys);
	free(keys->sums);
	totals_keys_init(keys);
}

static const char *keep(struct totals_keys *keys, const char *string)
{
	size_t size = strlen(string) + 1;
	struct totals_text *text = keys->texts;
	char *copy;

	if (size == 1)
		return "";
	if (!text || text->capacity - text->len < size) {
		size_t capacity = size > TEXT_BYTES ? size : TEXT_BYTES;

		text = malloc(sizeof(*text) + capacity);
		if (!text)
			return NULL;
		*text = (struct totals_text){keys->texts, 0, capacity};
		keys->texts = text;
	}
	copy = memcpy(text->bytes + text->len, string, size);
	text->len += size;
	return copy;
}

static bool equal(const void *ctx, uint32_t id, const void *key)
{
	const struct totals_key *a = &((const struct totals_keys *)ctx)->keys[id], *b = key;

	return a->reason == b->reason && strcmp(a->function, b->function) == 0 &&
	       strcmp(a->module, b->module) == 0;
}

static int grow(struct totals_keys *keys)
{
	uint32_t capacity = keys->capacity ? keys->capacity * 2 : 1024;
	void *grown;

	if (capacity > KEYS_MAX)
		return -ENOMEM;
	grown = reallocarray(keys->keys, capacity, sizeof(*keys->keys));
	if (!grown)
		return -ENOMEM;
	keys->keys = grown;
	grown = reallocarray(keys->sums, capacity, sizeof(*keys->sums));
	if (!grown)
		return -ENOMEM;
	keys->sums = grown;
	keys->capacity = capacity;
	return 0;
}

static uint32_t add(struct totals_keys *keys, uint64_t hash, const struct totals_key *wanted)
{
	struct totals_key key = {
		.function = keep(keys, wanted->function),
		.module = keep(keys, wanted->module),
		.source = keep(keys, wanted->source),
		.reason = wanted->reason,
	};

	if (!key.function || !key.module || !key.source ||
	    (keys->n >= keys->capacity && grow(keys) < 0) ||
	    hash_index_insert(&keys->index, hash, keys->n) < 0)
		return 0;
	keys->keys[keys->n] = key;
	keys->sums[keys->n] = (struct totals_sum){};
	return keys->n++;
}

uint32_t totals_keys_find(struct totals_keys *keys, const struct totals_key *wanted)
{
	uint64_t hash = hash_u64(hash_bytes(wanted->function, strlen(wanted->function)),
				 hash_bytes(wanted->module, strlen(wanted->module)));
	uint32_t id = hash_index_find(&keys->index, hash, equal, keys, wanted);
	const char *source;

	if (!id)
		return add(keys, hash, wanted);
	if (!*keys->keys[id].source && *wanted->source) {
		source = keep(keys, wanted->source);
		if (!source)
			return 0;
		keys->keys[id].source = source;
	}
	return id;
}
