// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * id_table.c - an array and the hash index over it. Owns copies of the entries, nothing they refer
 * to.
 */
#include "id_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID_TABLE_MAX (1u << 30)

void id_table_init(struct id_table *table, size_t entry_size, size_t key_size)
{
	*table = (struct id_table){.entry_size = entry_size, .key_size = key_size, .n = 1};
}

void id_table_done(struct id_table *table)
{
	hash_index_done(&table->index);
	free(table->entries);
	id_table_init(table, table->entry_size, table->key_size);
}

static bool equal(const void *ctx, uint32_t id, const void *key)
{
	const struct id_table *table = ctx;

	return memcmp(id_table_at(table, id), key, table->key_size) == 0;
}

static int grow(struct id_table *table)
{
	uint32_t capacity = table->capacity ? table->capacity * 2 : 64;
	unsigned char *entries;

	if (capacity > ID_TABLE_MAX)
		return -ENOMEM;
	entries = reallocarray(table->entries, capacity, table->entry_size);
	if (!entries)
		return -ENOMEM;
	if (!table->capacity)
		memset(entries, 0, table->entry_size);
	table->entries = entries;
	table->capacity = capacity;
	return 0;
}

int id_table_intern(struct id_table *table, const void *entry, uint32_t *ret_id)
{
	uint64_t hash = hash_bytes(entry, table->key_size);
	uint32_t id = hash_index_find(&table->index, hash, equal, table, entry);
	int r;

	if (id) {
		*ret_id = id;
		return 0;
	}
	if (table->n >= table->capacity) {
		r = grow(table);
		if (r < 0)
			return r;
	}
	r = hash_index_insert(&table->index, hash, table->n);
	if (r < 0)
		return r;
	memcpy(id_table_at(table, table->n), entry, table->entry_size);
	*ret_id = table->n++;
	return 1;
}

void id_table_truncate(struct id_table *table, uint32_t n)
{
	while (table->n > n && table->n > 1) {
		table->n--;
		(void)hash_index_remove(&table->index,
					hash_bytes(id_table_at(table, table->n), table->key_size),
					table->n);
	}
}
