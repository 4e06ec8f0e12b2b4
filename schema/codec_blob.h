/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * codec_blob.h - the rows of one sample type in one bucket as bytes, and back. Compression is
 * pack.h's; the reader takes untrusted bytes.
 *
 * Format, in varints: flags, the period when BLOB_PERIOD is set, number of series, then for each
 * series by rising id: id less the id before, number of rows, bytes of these rows (so that one can
 * be skipped), rows. A row, by rising node: the node less the node before, shifted left for its
 * flag bits; the bin with BLOB_BINS; the count where its bit is set; the value where its bit is
 * set, or in each row with BLOB_VALUES. Without its bit a count is one, and a value what the count
 * costs at the period. With BLOB_WHOLE all counts are whole, and written so.
 */
#ifndef PROFD_CODEC_BLOB_H
#define PROFD_CODEC_BLOB_H

#include "bytes.h"

struct blob_row {
	uint32_t series, node, bin;
	uint64_t count; /* in 1/PROFILE_COUNT_ONE */
	uint64_t value;
};

/*
 * Appends `n` rows, ascending by (series, node, bin) and unique in them. `period_ns` is what a
 * count of one is usually worth, 0 = nothing is usual. Returns 0 or -ENOMEM.
 */
int blob_encode(const struct blob_row *rows, size_t n, uint64_t period_ns, struct byte_buf *out);

struct blob_reader {
	struct byte_cursor cursor;
	const unsigned char *series_end;
	const uint8_t *wanted;
	uint32_t n_series, n_nodes;
	unsigned flags, row_bits;
	uint64_t period_ns;
	uint64_t series_left, rows_left;
	uint32_t series, node;
};

/*
 * Begins to read. Ids must lie below n_series and n_nodes. wanted[series], unless NULL, says which
 * series to read; the others are skipped unread. Returns 0 or -EBADMSG.
 */
int blob_reader_init(struct blob_reader *reader, const void *data, size_t len, uint32_t n_series,
		     uint32_t n_nodes, const uint8_t *wanted);

/* Returns 1 and a row, 0 at the end, or -EBADMSG. */
int blob_reader_next(struct blob_reader *reader, struct blob_row *ret);

#endif
