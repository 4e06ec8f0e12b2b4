/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * codec_io.h - what block devices did in one bucket as bytes, and back. Compression is pack.h's;
 * the reader takes untrusted bytes.
 *
 * Format, in varints: number of rows; then the rows, rising by device, operation and flags. A row:
 * its device less the device before; operation and flags, the flags shifted left by 3; ios, bytes,
 * errors; and the three times. A time: of how many it is known; unless that is 0 its sum, the
 * number of bins that are not empty, and for each of them the bin less the one before (0 at first),
 * and its count. The counts of the bins add up to those that are known.
 */
#ifndef PROFD_CODEC_IO_H
#define PROFD_CODEC_IO_H

#include "bytes.h"
#include "profile.h"

/*
 * Appends `n` rows, ascending and unique as above, each device above 0; no number above INT64_MAX.
 * Returns 0, -EINVAL for rows that are not so, or -ENOMEM.
 */
int io_encode(const struct profile_io *rows, size_t n, struct byte_buf *out);

struct io_reader {
	struct byte_cursor cursor;
	uint64_t rows_left;
	uint32_t n_files;
	uint32_t device, op_and_flags; /* of the row before */
};

/* Begins to read. Devices must lie below n_files. Returns 0 or -EBADMSG. */
int io_reader_init(struct io_reader *reader, const void *data, size_t len, uint32_t n_files);

/* Returns 1 and a row, of which no number is above INT64_MAX, 0 at the end, or -EBADMSG. */
int io_reader_next(struct io_reader *reader, struct profile_io *ret);

/* How rows are ordered: below, equal to or above 0, by device, operation and flags. */
int io_compare(const struct profile_io *a, const struct profile_io *b);

#endif
