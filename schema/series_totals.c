// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * series_totals.c - adds a partition's rows up by series, and the series to entries that outlive
 * the partition: a series costs a look-up once a partition, a row costs none.
 */
#include "series_totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "id_table.h"
#include "series_group.h"
#include "string_table.h"

struct entry {
	struct series_group_key key;
	struct series_group_names names;
	uint64_t value, count;
	struct estimate_spread spread;
};

struct series_totals {
	enum series_totals_by by;
	struct string_table strings;
	struct id_table entries;
	uint64_t *value, *count;	/* by series of the partition being read */
	struct estimate_spread *spread; /* NULL: nothing was said */
	uint32_t n_series;
	struct series_totals_row *rows;
};

int series_totals_new(enum series_totals_by by, struct series_totals **ret)
{
	struct series_totals *totals = calloc(1, sizeof(*totals));

	if (!totals)
		return -ENOMEM;
	totals->by = by;
	string_table_init(&totals->strings);
	id_table_init(&totals->entries, sizeof(struct entry), sizeof(struct series_group_key));
	*ret = totals;
	return 0;
}

static void forget_partition(struct series_totals *totals)
{
	free(totals->value);
	free(totals->count);
	free(totals->spread);
	totals->value = totals->count = NULL;
	totals->spread = NULL;
	totals->n_series = 0;
}

struct series_totals *series_totals_free(struct series_totals *totals)
{
	if (!totals)
		return NULL;
	forget_partition(totals);
	string_table_done(&totals->strings);
	id_table_done(&totals->entries);
	free(totals->rows);
	free(totals);
	return NULL;
}

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct series_totals *totals = ctx;

	forget_partition(totals);
	/* One more, so that calloc() returns NULL for want of memory only. */
	totals->value = calloc((size_t)dictionary->n_series + 1, sizeof(*totals->value));
	totals->count = calloc((size_t)dictionary->n_series + 1, sizeof(*totals->count));
	if (!totals->value || !totals->count)
		return -ENOMEM;
	totals->n_series = dictionary->n_series;
	return 0;
}

static bool add(uint64_t *sum, uint64_t more)
{
	return !__builtin_add_overflow(*sum, more, sum);
}

static int add_row(void *ctx, const struct store_row *row)
{
	struct series_totals *totals = ctx;

	if (row->series >= totals->n_series || !add(&totals->value[row->series], row->value) ||
	    !add(&totals->count[row->series], row->count))
		return -EBADMSG;
	return 0;
}

int series_totals_add_spread(struct series_totals *totals, uint32_t series,
			     const struct estimate_spread *spread)
{
	if (series >= totals->n_series)
		return -EBADMSG;
	if (!totals->spread)
		totals->spread = calloc(totals->n_series, sizeof(*totals->spread));
	if (!totals->spread)
		return -ENOMEM;
	estimate_spread_add(&totals->spread[series], spread);
	return 0;
}

static int add_series(struct series_totals *totals, const struct profile_series *series, uint32_t i)
{
	uint64_t value = totals->value[i], count = totals->count[i];
	struct entry key = {}, *entry;
	uint32_t id = 0;
	int r = series_group_key(totals->by, &totals->strings, series, &key.key);

	if (r == 0)
		r = id_table_intern(&totals->entries, &key, &id);
	if (r < 0)
		return r;
	entry = id_table_at(&totals->entries, id);
	if (!add(&entry->value, value) || !add(&entry->count, count))
		return -EBADMSG;
	if (totals->spread)
		estimate_spread_add(&entry->spread, &totals->spread[i]);
	return series_group_take_names(totals->by, &totals->strings, series, value, &entry->names);
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct series_totals *totals = ctx;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < totals->n_series; i++)
		if (totals->value[i] || totals->count[i])
			r = add_series(totals, &dictionary->series[i], i);
	forget_partition(totals);
	return r;
}

const struct store_visitor series_totals_visitor = {begin, add_row, end, .series_only = true};

static int by_number(uint64_t x, uint64_t y)
{
	return x < y ? -1 : x > y;
}

static int by_value_falling(const void *a, const void *b)
{
	const struct series_totals_row *x = a, *y = b;
	int order = by_number(y->value, x->value);

	if (!order)
		order = by_number(x->pid, y->pid);
	if (!order)
		order = by_number(x->tid, y->tid);
	if (!order)
		order = by_number(x->start_boot_ns, y->start_boot_ns);
	if (!order)
		order = strcmp(x->unit, y->unit);
	return order ? order : strcmp(x->container, y->container);
}

int series_totals_rows(struct series_totals *totals, const struct series_totals_row **ret,
		       size_t *ret_n)
{
	const struct string_table *strings = &totals->strings;
	uint32_t n = totals->entries.n;
	struct series_totals_row *rows = reallocarray(totals->rows, n, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	totals->rows = rows;
	for (uint32_t id = 1; id < n; id++) {
		const struct entry *entry = id_table_at(&totals->entries, id);

		rows[id - 1] = (struct series_totals_row){
			.pid = entry->key.pid,
			.tid = entry->key.tid,
			.start_boot_ns = entry->key.start_boot_ns,
			.comm = string_table_at(strings, entry->names.comm),
			.exe = string_table_at(strings, entry->names.exe),
			.unit = string_table_at(strings, entry->names.unit),
			.container = string_table_at(strings, entry->names.container),
			.value = entry->value,
			.count = entry->count,
			.spread = entry->spread,
		};
	}
	qsort(rows, n - 1, sizeof(*rows), by_value_falling);
	*ret = rows;
	*ret_n = n - 1;
	return 0;
}
