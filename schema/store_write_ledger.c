// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_write_ledger.c - the ledger of a bucket: rows with the partition's series, sorted, those of
 * one series made one, packed into a blob.
 */
#include <errno.h>
#include <string.h>

#include "codec_ledger.h"
#include "ledger_sum.h"
#include "store_writer.h"

/* `order`: the resident size is the later one's. */
struct ordered_row {
	struct profile_ledger row;
	uint32_t order;
};

static int by_series_and_order(const void *a, const void *b)
{
	const struct ordered_row *x = a, *y = b;

	if (x->row.series != y->row.series)
		return x->row.series < y->row.series ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* The bucket's rows with the partition's ids, by series, each once. */
static int sort_rows(const struct profile_bucket *bucket, const struct intern_map *map,
		     struct profile_ledger **ret, size_t *ret_n)
{
	_cleanup_free_ struct ordered_row *rows = calloc(bucket->n_ledger, sizeof(*rows));
	_cleanup_free_ struct profile_ledger *merged = calloc(bucket->n_ledger, sizeof(*merged));
	size_t n = 0;

	if (!rows || !merged)
		return -ENOMEM;
	for (uint32_t i = 0; i < bucket->n_ledger; i++) {
		const struct profile_ledger *row = &bucket->ledger[i];

		if (!row->series || row->series >= bucket->n_series)
			return -EINVAL;
		rows[i] = (struct ordered_row){*row, i};
		rows[i].row.series = map->series[row->series];
	}
	qsort(rows, bucket->n_ledger, sizeof(*rows), by_series_and_order);
	for (uint32_t i = 0; i < bucket->n_ledger; i++) {
		if (!n || merged[n - 1].series != rows[i].row.series)
			merged[n++] = rows[i].row;
		else if (!ledger_sum_add(&merged[n - 1], &rows[i].row))
			return -EINVAL;
	}
	*ret = take_ptr(merged);
	*ret_n = n;
	return 0;
}

int live_write_ledger(struct store_writer *writer, uint64_t seq,
		      const struct profile_bucket *bucket, const struct intern_map *map,
		      struct store_error *error)
{
	_cleanup_free_ struct profile_ledger *rows = NULL;
	uint64_t elapsed_ns = 0, oncpu_ns = 0;
	size_t n = 0;
	int r;

	if (!bucket->n_ledger)
		return 0;
	byte_buf_clear(&writer->chunk);
	r = sort_rows(bucket, map, &rows, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (__builtin_add_overflow(elapsed_ns, rows[i].elapsed_ns, &elapsed_ns) ||
		    __builtin_add_overflow(oncpu_ns, rows[i].oncpu_ns, &oncpu_ns) ||
		    !live_fits(elapsed_ns) || !live_fits(oncpu_ns))
			r = -EINVAL;
	if (r == 0)
		r = ledger_encode(rows, n, &writer->chunk);
	if (r == 0)
		r = live_bind_packed(writer, LIVE_LEDGER, 5);
	if (r < 0)
		return store_fail(error, r,
				  r == -EINVAL ? "a ledger row of the bucket has no series, or is "
						 "out of range"
					       : "out of memory");
	live_bind(writer->live, LIVE_LEDGER, 1, (uint64_t[]){seq, n, elapsed_ns, oncpu_ns}, 4);
	return live_run(writer->live, LIVE_LEDGER, error);
}
