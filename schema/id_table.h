/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * id_table.h - entries of one fixed size, interned: equal ones get the same id, counted from 1.
 * What was added since a mark can be forgotten again. Private to schema/.
 */
#ifndef PROFD_ID_TABLE_H
#define PROFD_ID_TABLE_H

#include "hash_index.h"

struct id_table {
	struct hash_index index;
	unsigned char *entries; /* entry 0 is zeroes */
	size_t entry_size, key_size;
	uint32_t n, capacity; /* with entry 0 */
};

/* Entries are compared by their first `key_size` bytes, which must have no padding. */
void id_table_init(struct id_table *table, size_t entry_size, size_t key_size);
void id_table_done(struct id_table *table);

/*
 * Finds the entry with the key of `entry` or adds it. Sets *ret_id; returns 1 when it was added,
 * 0, or -ENOMEM (also at the limit of 2^30 entries).
 */
int id_table_intern(struct id_table *table, const void *entry, uint32_t *ret_id);

static inline void *id_table_at(const struct id_table *table, uint32_t id)
{
	return table->entries + (size_t)id * table->entry_size;
}

/* Forgets the entries from id `n` on. */
void id_table_truncate(struct id_table *table, uint32_t n);

#endif
