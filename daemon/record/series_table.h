/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * series_table.h - the threads that a bucket has rows of, each once. The bucket's own (bucket.h).
 */
#ifndef PROFD_SERIES_TABLE_H
#define PROFD_SERIES_TABLE_H

#include "hash_index.h"
#include "profile.h"
#include "record/texts.h"

struct series_table {
	struct profile_series *series; /* entry 0 is unused */
	uint32_t n_series, cap_series;
	struct hash_index index;
};

void series_table_init(struct series_table *table);
void series_table_done(struct series_table *table);

/* The index of that series, or 0. */
uint32_t series_table_find(const struct series_table *table, const struct profile_series *series);

/* Adds one that is not there; its strings are copied into `texts`. Returns 0, -ENOSPC beyond `max`
 * or -ENOMEM. */
int series_table_add(struct series_table *table, const struct profile_series *series, uint32_t max,
		     struct texts *texts, uint32_t *ret);

#endif
