// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_ledger.c - the ledger of a bucket as it lies in a store, which a reader must not trust. What
 * is accepted keeps to its limits, and is the same after it was written and read again.
 */
#include <stdlib.h>
#include <string.h>

#include "codec_ledger.h"

#define N_SERIES 200
#define ROWS_MAX 200

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

/* All rows, or as many as there were before what is refused. */
static size_t read_rows(const void *data, size_t size, struct profile_ledger *rows, int *ret)
{
	struct ledger_reader reader;
	size_t n = 0;

	*ret = ledger_reader_init(&reader, data, size, N_SERIES);
	if (*ret < 0)
		return 0;
	while (n < ROWS_MAX && (*ret = ledger_reader_next(&reader, &rows[n])) > 0)
		n++;
	/* Series rise, so there are fewer rows than series. */
	check(n < N_SERIES);
	return n;
}

static void check_row(const struct profile_ledger *row, uint32_t series_before)
{
	const uint64_t *number = &row->elapsed_ns;

	check(row->series > series_before && row->series < N_SERIES);
	for (; number <= &row->peak_rss_bytes; number++)
		check(*number <= INT64_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct profile_ledger *rows = calloc(2 * ROWS_MAX, sizeof(*rows));
	struct byte_buf buf = {};
	size_t n = 0;
	int r = -1;

	if (rows)
		n = read_rows(data, size, rows, &r);
	check(n <= size);
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], i ? rows[i - 1].series : 0);
	if (rows && r == 0 && ledger_encode(rows, n, &buf) == 0) {
		check(read_rows(buf.data, buf.len, rows + ROWS_MAX, &r) == n && r == 0);
		check(memcmp(rows, rows + ROWS_MAX, n * sizeof(*rows)) == 0);
	}
	byte_buf_done(&buf);
	free(rows);
	return 0;
}
