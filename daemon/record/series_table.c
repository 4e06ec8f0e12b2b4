// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * series_table.c - see series_table.h.
 */
#include "record/series_table.h"

#include "growable.h"

#include <errno.h>
#include <string.h>

void series_table_init(struct series_table *table)
{
	*table = (struct series_table){.n_series = 1};
}

void series_table_done(struct series_table *table)
{
	hash_index_done(&table->index);
	free(table->series);
}

static uint64_t hash_series(const struct profile_series *s)
{
	return hash_u64(hash_u64((uint64_t)s->pid << 32 | s->tid, s->start_boot_ns),
			hash_bytes(s->comm, strlen(s->comm)) ^ hash_bytes(s->exe, strlen(s->exe)));
}

static bool is_series(const void *ctx, uint32_t id, const void *key)
{
	const struct profile_series *have = &((const struct series_table *)ctx)->series[id];
	const struct profile_series *wanted = key;

	return have->pid == wanted->pid && have->tid == wanted->tid &&
	       have->start_boot_ns == wanted->start_boot_ns &&
	       strcmp(have->comm, wanted->comm) == 0 && strcmp(have->exe, wanted->exe) == 0 &&
	       strcmp(have->cgroup, wanted->cgroup) == 0;
}

uint32_t series_table_find(const struct series_table *table, const struct profile_series *series)
{
	return hash_index_find(&table->index, hash_series(series), is_series, table, series);
}

static int copy_series(struct texts *texts, const struct profile_series *from,
		       struct profile_series *to)
{
	*to = *from;
	to->comm = texts_copy(texts, from->comm);
	to->exe = texts_copy(texts, from->exe);
	to->cgroup = texts_copy(texts, from->cgroup);
	to->unit = texts_copy(texts, from->unit);
	to->container = texts_copy(texts, from->container);
	return to->comm && to->exe && to->cgroup && to->unit && to->container ? 0 : -ENOMEM;
}

int series_table_add(struct series_table *table, const struct profile_series *series, uint32_t max,
		     struct texts *texts, uint32_t *ret)
{
	int r = table->n_series >= max ? -ENOSPC : GROWABLE_RESERVE(table, series);

	if (r == 0)
		r = copy_series(texts, series, &table->series[table->n_series]);
	if (r == 0)
		r = hash_index_insert(&table->index, hash_series(series), table->n_series);
	if (r < 0)
		return r;
	*ret = table->n_series++;
	return 0;
}
