/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * string_table.h - strings, interned into one arena: equal ones get the same id, counted from 1;
 * id 0 is "". What was added since a mark can be forgotten again. Private to schema/.
 */
#ifndef PROFD_STRING_TABLE_H
#define PROFD_STRING_TABLE_H

#include "bytes.h"
#include "hash_index.h"

struct string_table {
	struct hash_index index;
	struct byte_buf arena; /* each string and its NUL, by rising id */
	uint32_t *offsets;     /* into the arena, by id; [0] unused */
	uint32_t n, capacity;  /* with entry 0 */
};

void string_table_init(struct string_table *table);
void string_table_done(struct string_table *table);

/*
 * NULL counts as ""; what is longer than PROFILE_STRING_MAX is cut, as names of C++ templates have
 * no bound. Sets *ret_id; returns 0 or -ENOMEM (also at the limit of 1 GiB).
 */
int string_table_intern(struct string_table *table, const char *string, uint32_t *ret_id);

/* Valid until the next string is added. */
const char *string_table_at(const struct string_table *table, uint32_t id);

/* The bytes of the strings from id `first` on, as a chunk wants them. */
const void *string_table_since(const struct string_table *table, uint32_t first, size_t *ret_len);

/* Forgets the strings from id `n` on. */
void string_table_truncate(struct string_table *table, uint32_t n);

#endif
