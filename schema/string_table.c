// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * string_table.c - the arena, its offsets and the index over them. No allocation per string.
 */
#include "string_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "profile.h"

#define ARENA_BYTES_MAX (1u << 30)

struct string_key {
	const char *bytes;
	size_t len;
};

void string_table_init(struct string_table *table)
{
	*table = (struct string_table){.n = 1};
}

void string_table_done(struct string_table *table)
{
	hash_index_done(&table->index);
	byte_buf_done(&table->arena);
	free(table->offsets);
	string_table_init(table);
}

const char *string_table_at(const struct string_table *table, uint32_t id)
{
	return id ? (const char *)table->arena.data + table->offsets[id] : "";
}

static bool equal(const void *ctx, uint32_t id, const void *key)
{
	const struct string_key *wanted = key;
	const char *string = string_table_at(ctx, id);

	return strncmp(string, wanted->bytes, wanted->len) == 0 && !string[wanted->len];
}

static int make_room(struct string_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
	uint32_t *offsets;

	if (table->n < table->capacity)
		return 0;
	offsets = reallocarray(table->offsets, capacity, sizeof(*offsets));
	if (!offsets)
		return -ENOMEM;
	table->offsets = offsets;
	table->capacity = capacity;
	offsets[0] = 0;
	return 0;
}

int string_table_intern(struct string_table *table, const char *string, uint32_t *ret_id)
{
	struct string_key key = {string, string ? strnlen(string, PROFILE_STRING_MAX) : 0};
	size_t start = table->arena.len;
	uint64_t hash;
	uint32_t id;
	int r;

	if (!key.len) {
		*ret_id = 0;
		return 0;
	}
	hash = hash_bytes(key.bytes, key.len);
	id = hash_index_find(&table->index, hash, equal, table, &key);
	if (id) {
		*ret_id = id;
		return 0;
	}
	if (start + key.len + 1 > ARENA_BYTES_MAX || make_room(table) < 0 ||
	    !byte_buf_reserve(&table->arena, key.len + 1)) {
		table->arena.failed = false;
		return -ENOMEM;
	}
	r = hash_index_insert(&table->index, hash, table->n);
	if (r < 0)
		return r;
	byte_buf_put(&table->arena, key.bytes, key.len);
	byte_buf_put(&table->arena, "", 1);
	table->offsets[table->n] = (uint32_t)start;
	*ret_id = table->n++;
	return 0;
}

const void *string_table_since(const struct string_table *table, uint32_t first, size_t *ret_len)
{
	size_t start = first < table->n ? table->offsets[first] : table->arena.len;

	*ret_len = table->arena.len - start;
	return *ret_len ? table->arena.data + start : NULL;
}

void string_table_truncate(struct string_table *table, uint32_t n)
{
	while (table->n > n && table->n > 1) {
		uint32_t id = --table->n;
		const char *string = string_table_at(table, id);

		(void)hash_index_remove(&table->index, hash_bytes(string, strlen(string)), id);
		table->arena.len = table->offsets[id];
	}
}
