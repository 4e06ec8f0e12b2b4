// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_write_io.c - what block devices did in a bucket: rows with the partition's devices, sorted,
 * those of one device, operation and flags made one, packed into a blob.
 */
#include <errno.h>

#include "codec_io.h"
#include "io_sum.h"
#include "store_writer.h"

static int by_key(const void *a, const void *b)
{
	return io_compare(a, b);
}

/* The bucket's rows with the partition's ids, sorted, each once. */
static int sort_rows(const struct profile_bucket *bucket, const struct intern_map *map,
		     struct profile_io **ret, size_t *ret_n)
{
	_cleanup_free_ struct profile_io *rows = calloc(bucket->n_io, sizeof(*rows));
	size_t n = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < bucket->n_io; i++) {
		const struct profile_io *row = &bucket->io[i];

		if (!row->device || row->device >= bucket->n_files ||
		    bucket->files[row->device].kind != FILE_DEVICE)
			return -EINVAL;
		rows[i] = *row;
		rows[i].device = map->files[row->device];
	}
	qsort(rows, bucket->n_io, sizeof(*rows), by_key);
	for (uint32_t i = 0; i < bucket->n_io; i++) {
		if (!n || io_compare(&rows[n - 1], &rows[i]) != 0)
			rows[n++] = rows[i];
		else if (!io_sum_add(&rows[n - 1], &rows[i]))
			return -EINVAL;
	}
	*ret = take_ptr(rows);
	*ret_n = n;
	return 0;
}

int live_write_io(struct store_writer *writer, uint64_t seq, const struct profile_bucket *bucket,
		  const struct intern_map *map, struct store_error *error)
{
	_cleanup_free_ struct profile_io *rows = NULL;
	uint64_t ios = 0, bytes = 0;
	size_t n = 0;
	int r;

	if (!bucket->n_io)
		return 0;
	byte_buf_clear(&writer->chunk);
	r = sort_rows(bucket, map, &rows, &n);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (__builtin_add_overflow(ios, rows[i].ios, &ios) ||
		    __builtin_add_overflow(bytes, rows[i].bytes, &bytes) || !live_fits(ios) ||
		    !live_fits(bytes))
			r = -EINVAL;
	if (r == 0)
		r = io_encode(rows, n, &writer->chunk);
	if (r == 0)
		r = live_bind_packed(writer, LIVE_IO, 5);
	if (r < 0)
		return store_fail(error, r,
				  r == -EINVAL ? "a row of block I/O of the bucket has no device, "
						 "or is out of range"
					       : "out of memory");
	live_bind(writer->live, LIVE_IO, 1, (uint64_t[]){seq, n, ios, bytes}, 4);
	return live_run(writer->live, LIVE_IO, error);
}
