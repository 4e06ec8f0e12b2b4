// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_io.c - block I/O of a bucket as it lies in a store, which a reader must not trust. What is
 * accepted keeps to its limits, and is the same after it was written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "codec_io.h"

#define N_FILES	 200
#define ROWS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* All rows, or as many as there were before what is refused; 1: there are more than find room. */
static size_t read_rows(const void *data, size_t size, struct profile_io *rows, int *ret)
{
	struct io_reader reader;
	size_t n = 0;

	*ret = io_reader_init(&reader, data, size, N_FILES);
	if (*ret < 0)
		return 0;
	while (n < ROWS_MAX && (*ret = io_reader_next(&reader, &rows[n])) > 0)
		n++;
	return n;
}

static void check_time(const struct profile_io_time *time, uint64_t ios)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < PROFILE_IO_BINS; i++)
		n += time->bins[i];
	check(!time->bins[0] && n == time->known && time->known <= ios &&
	      time->sum_ns <= INT64_MAX);
}

static void check_row(const struct profile_io *row, const struct profile_io *before)
{
	check(row->device > 0 && row->device < N_FILES);
	check(row->op > IO_OP_NONE && row->op < IO_OP_MAX && row->flags <= PROFILE_IO_FLAGS);
	check(row->ios <= INT64_MAX && row->bytes <= INT64_MAX && row->errors <= row->ios);
	check_time(&row->queue, row->ios);
	check_time(&row->service, row->ios);
	check_time(&row->total, row->ios);
	check(!before || io_compare(before, row) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile_io *rows = calloc(2 * ROWS_MAX, sizeof(*rows));
	struct byte_buf buf = {};
	size_t n = 0;
	int r = -1;

	if (rows)
		n = read_rows(data, size, rows, &r);
	check(n <= size);
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], i ? &rows[i - 1] : NULL);
	if (rows && r == 0) {
		check(io_encode(rows, n, &buf) == 0);
		check(read_rows(buf.data, buf.len, rows + ROWS_MAX, &r) == n && r == 0);
		check(memcmp(rows, rows + ROWS_MAX, n * sizeof(*rows)) == 0);
	}
	byte_buf_done(&buf);
	free(rows);
	return 0;
}
