// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_totals.c - adds ledger rows up by group. A series finds its group once a partition; its
 * rows cost no look-up.
 */
#include "ledger_totals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "id_table.h"
#include "ledger_sum.h"
#include "series_group.h"

struct entry {
	struct series_group_key key;
	struct series_group_names names;
	struct profile_ledger sum;
	uint64_t n_threads, gate_ns;
	uint64_t rss_bucket; /* the number of the bucket that sum.rss_bytes is of */
	bool has_memory;
};

/* A thread of a group; no padding. */
struct thread {
	uint64_t start_boot_ns;
	uint32_t pid, tid, entry, zero;
};

/* A series of the partition being read. */
struct member {
	uint32_t entry; /* 0 = not seen yet */
	uint64_t elapsed_ns;
};

struct ledger_totals {
	enum series_totals_by by;
	struct string_table strings;
	struct id_table entries, threads;
	const struct dictionary *dictionary; /* of the partition being read, as the next two */
	struct member *members;
	uint32_t n_members;
	struct ledger_totals_row *rows;
};

int ledger_totals_new(enum series_totals_by by, struct ledger_totals **ret)
{
	struct ledger_totals *totals = calloc(1, sizeof(*totals));

	if (!totals)
		return -ENOMEM;
	totals->by = by;
	string_table_init(&totals->strings);
	id_table_init(&totals->entries, sizeof(struct entry), sizeof(struct series_group_key));
	id_table_init(&totals->threads, sizeof(struct thread), sizeof(struct thread));
	*ret = totals;
	return 0;
}

static void forget_partition(struct ledger_totals *totals)
{
	free(totals->members);
	totals->members = NULL;
	totals->n_members = 0;
	totals->dictionary = NULL;
}

struct ledger_totals *ledger_totals_free(struct ledger_totals *totals)
{
	if (!totals)
		return NULL;
	forget_partition(totals);
	string_table_done(&totals->strings);
	id_table_done(&totals->entries);
	id_table_done(&totals->threads);
	free(totals->rows);
	free(totals);
	return NULL;
}

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct ledger_totals *totals = ctx;

	forget_partition(totals);
	/* One more, so that calloc() returns NULL for want of memory only. */
	totals->members = calloc((size_t)dictionary->n_series + 1, sizeof(*totals->members));
	if (!totals->members)
		return -ENOMEM;
	totals->n_members = dictionary->n_series;
	totals->dictionary = dictionary;
	return 0;
}

/* Finds the group of a series, and counts its thread there. */
static int join(struct ledger_totals *totals, const struct profile_series *series, uint32_t *ret)
{
	struct entry key = {}, *entry;
	struct thread thread = {
		.start_boot_ns = series->start_boot_ns, .pid = series->pid, .tid = series->tid};
	int r = series_group_key(totals->by, &totals->strings, series, &key.key);
	uint32_t id = 0;

	if (r == 0)
		r = id_table_intern(&totals->entries, &key, &thread.entry);
	if (r >= 0)
		r = id_table_intern(&totals->threads, &thread, &id);
	if (r < 0)
		return r;
	entry = id_table_at(&totals->entries, thread.entry);
	entry->n_threads += r > 0;
	entry->has_memory |= series->pid == series->tid;
	*ret = thread.entry;
	return 0;
}

/* The group's memory is that of its processes in one bucket. */
static int add_memory(struct entry *entry, uint64_t rss_bytes, uint64_t bucket)
{
	struct profile_ledger *sum = &entry->sum;

	if (entry->rss_bucket != bucket)
		sum->rss_bytes = 0;
	entry->rss_bucket = bucket;
	if (__builtin_add_overflow(sum->rss_bytes, rss_bytes, &sum->rss_bytes))
		return -EBADMSG;
	if (sum->rss_bytes > sum->peak_rss_bytes)
		sum->peak_rss_bytes = sum->rss_bytes;
	return 0;
}

static int add_row(void *ctx, const struct store_bucket *bucket, const struct profile_ledger *row)
{
	struct ledger_totals *totals = ctx;
	struct profile_ledger more = *row;
	struct member *member;
	struct entry *entry;
	int r;

	if (row->series >= totals->n_members)
		return -EBADMSG;
	member = &totals->members[row->series];
	if (member->entry == 0) {
		r = join(totals, &totals->dictionary->series[row->series], &member->entry);
		if (r < 0)
			return r;
	}
	entry = id_table_at(&totals->entries, member->entry);
	more.rss_bytes = 0;
	if (!ledger_sum_add(&entry->sum, &more))
		return -EBADMSG;
	/* Not beyond the group's sums. */
	member->elapsed_ns += row->elapsed_ns;
	if (row->flags & PROFILE_LEDGER_GATE)
		entry->gate_ns += row->blocked_ns;
	return row->rss_bytes ? add_memory(entry, row->rss_bytes, bucket->number) : 0;
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct ledger_totals *totals = ctx;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < totals->n_members; i++) {
		const struct member *member = &totals->members[i];
		struct entry *entry;

		if (!member->entry)
			continue;
		entry = id_table_at(&totals->entries, member->entry);
		r = series_group_take_names(totals->by, &totals->strings, &dictionary->series[i],
					    member->elapsed_ns, &entry->names);
	}
	forget_partition(totals);
	return r;
}

const struct store_ledger_visitor ledger_totals_visitor = {begin, add_row, end};

static int set_other(struct ledger_totals_row *row)
{
	const struct profile_ledger *sum = &row->sum;

	if (__builtin_sub_overflow(sum->elapsed_ns, sum->oncpu_ns, &row->other_ns) ||
	    __builtin_sub_overflow(row->other_ns, sum->runq_ns, &row->other_ns) ||
	    __builtin_sub_overflow(row->other_ns, sum->blocked_ns, &row->other_ns))
		return -EBADMSG;
	return 0;
}

static int by_number(uint64_t x, uint64_t y)
{
	return x < y ? -1 : x > y;
}

static int compare(const void *a, const void *b, void *ctx)
{
	const struct ledger_totals_row *x = a, *y = b;
	const ledger_totals_key *key = ctx;
	int64_t of_x = (*key)(x), of_y = (*key)(y);
	int r = of_x > of_y ? -1 : of_x < of_y;

	if (!r)
		r = by_number(x->pid, y->pid);
	if (!r)
		r = by_number(x->tid, y->tid);
	if (!r)
		r = by_number(x->start_boot_ns, y->start_boot_ns);
	if (!r)
		r = strcmp(x->unit, y->unit);
	return r ? r : strcmp(x->container, y->container);
}

int ledger_totals_rows(struct ledger_totals *totals, ledger_totals_key key,
		       const struct ledger_totals_row **ret, size_t *ret_n)
{
	const struct string_table *strings = &totals->strings;
	uint32_t n = totals->entries.n;
	struct ledger_totals_row *rows = reallocarray(totals->rows, n, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	totals->rows = rows;
	for (uint32_t id = 1; id < n; id++) {
		const struct entry *entry = id_table_at(&totals->entries, id);

		rows[id - 1] = (struct ledger_totals_row){
			.pid = entry->key.pid,
			.tid = entry->key.tid,
			.start_boot_ns = entry->key.start_boot_ns,
			.comm = string_table_at(strings, entry->names.comm),
			.exe = string_table_at(strings, entry->names.exe),
			.unit = string_table_at(strings, entry->names.unit),
			.container = string_table_at(strings, entry->names.container),
			.n_threads = entry->n_threads,
			.sum = entry->sum,
			.has_memory = entry->has_memory,
			.gate_ns = entry->gate_ns,
		};
		if (set_other(&rows[id - 1]) < 0)
			return -EBADMSG;
	}
	qsort_r(rows, n - 1, sizeof(*rows), compare, &key);
	*ret = rows;
	*ret_n = n - 1;
	return 0;
}
