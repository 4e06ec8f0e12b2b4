// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_read_held.c - what was held over whole buckets of the window, as one row a run: count 0,
 * and as value the time that the run's buckets in the window cover.
 */
#include <errno.h>
#include <inttypes.h>

#include "store_reading.h"

/* A run as it lies in the table. */
struct stored_run {
	uint64_t first, series, node, class, last;
};

static int damaged(const struct reading *reading, struct store_error *error)
{
	return store_fail(error, -EBADMSG, "%s: the held waits are damaged", reading->name);
}

static int by_seq(const void *a, const void *b)
{
	const struct covered_bucket *x = a, *y = b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

/*
 * Sorts the window's buckets by seq and makes covered_ns the time that those before each cover,
 * with one more at the end. False when a sum is out of range.
 */
static bool sum_up(struct covered_bucket *buckets, uint32_t n)
{
	uint64_t before_ns = 0;

	qsort(buckets, n, sizeof(*buckets), by_seq);
	for (uint32_t i = 0; i < n; i++) {
		uint64_t covered_ns = buckets[i].covered_ns;

		buckets[i].covered_ns = before_ns;
		if (!reading_add(&before_ns, covered_ns))
			return false;
	}
	buckets[n] = (struct covered_bucket){.seq = UINT64_MAX, .covered_ns = before_ns};
	return true;
}

/* The first of buckets[n] whose seq is `seq` or above; n when there is none. */
static uint32_t find(const struct covered_bucket *buckets, uint32_t n, uint64_t seq)
{
	uint32_t low = 0, high = n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (buckets[middle].seq < seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* False for what no writer writes. A last bucket that is NULL is the newest. */
static bool get_run(sqlite3_stmt *select, struct stored_run *run)
{
	uint64_t *const numbers[] = {&run->first, &run->series, &run->node, &run->class,
				     &run->last};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		*numbers[i] = (uint64_t)sqlite3_column_int64(select, (int)i);
		if (*numbers[i] > INT64_MAX)
			return false;
	}
	if (sqlite3_column_type(select, 4) == SQLITE_NULL)
		run->last = INT64_MAX;
	return run->first && run->first <= run->last && run->series && run->series <= UINT32_MAX &&
	       run->node <= UINT32_MAX && run->class <= UINT32_MAX;
}

static int visit(struct reading *reading, const struct stored_run *run,
		 const struct store_bucket *first, const struct store_bucket *last, uint64_t value,
		 struct store_error *error)
{
	const struct dictionary *dictionary = loaded_dictionary(reading->loaded);
	const struct store_visitor *visitor = reading->visitor;
	int r;

	if (run->series >= dictionary->n_series ||
	    (!visitor->series_only && run->node >= dictionary->n_nodes))
		return damaged(reading, error);
	if (reading->wanted && !reading->wanted[run->series])
		return 0;
	if (!reading_add(&reading->summary.value, value))
		return damaged(reading, error);
	if (!visitor->row)
		return 0;
	r = visitor->row(reading->ctx, &(struct store_row){.series = (uint32_t)run->series,
							   .node = (uint32_t)run->node,
							   .bin = (uint32_t)run->class,
							   .value = value,
							   .bucket = *first,
							   .last_bucket = *last});
	return r == -EBADMSG ? damaged(reading, error) : r;
}

static int read_run(struct reading *reading, sqlite3_stmt *select, struct store_error *error)
{
	const struct covered_bucket *buckets = reading->covered.buckets;
	uint32_t n = reading->covered.n_buckets, from, until;
	struct stored_run run;
	uint64_t value;

	if (!get_run(select, &run))
		return damaged(reading, error);
	from = find(buckets, n, run.first);
	until = find(buckets, n, run.last + 1);
	if (from == until)
		return 0;
	value = buckets[until].covered_ns - buckets[from].covered_ns;
	if (!reading_add(&reading->summary.machine_value, value))
		return damaged(reading, error);
	if (reading->decode)
		return visit(reading, &run, &buckets[from].bucket, &buckets[until - 1].bucket,
			     value, error);
	return reading_add(&reading->summary.value, value) ? 0 : damaged(reading, error);
}

int read_held(struct reading *reading, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *select = NULL;
	struct covered_bucket *buckets;
	int rc, r = database_prepare(reading->db,
				     "SELECT first, series, node, class, last FROM held "
				     "WHERE type = ?1 AND first <= ?2 AND "
				     "(last IS NULL OR last >= ?3) ORDER BY first",
				     reading->name, &select, error);

	if (r < 0)
		return r;
	if (GROWABLE_RESERVE(&reading->covered, buckets) < 0)
		return store_fail(error, -ENOMEM, "out of memory");
	buckets = reading->covered.buckets;
	if (!sum_up(buckets, reading->covered.n_buckets))
		return damaged(reading, error);
	(void)sqlite3_bind_int(select, 1, (int)reading->filter->type);
	(void)sqlite3_bind_int64(select, 2,
				 (sqlite3_int64)buckets[reading->covered.n_buckets - 1].seq);
	(void)sqlite3_bind_int64(select, 3, (sqlite3_int64)buckets[0].seq);
	while ((rc = sqlite3_step(select)) == SQLITE_ROW) {
		r = read_run(reading, select, error);
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : database_fail(reading->db, rc, reading->name, error);
}
