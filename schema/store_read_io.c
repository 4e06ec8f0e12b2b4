// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_read_io.c - store_read_io(): what block devices did, bucket by bucket.
 */
#include <errno.h>

#include "codec_io.h"
#include "store_reading.h"

static int read_bucket(struct reading *reading, const struct bucket_head *head,
		       struct store_error *error)
{
	const struct dictionary *dictionary = loaded_dictionary(reading->loaded);
	const struct store_bucket bucket = {head->start_ns, head->number};
	uint64_t n_rows = 0, ios = 0, bytes = 0;
	struct profile_io row;
	struct io_reader reader;
	int r = unpacker_unpack(reading->unpacker, head->enc, head->data, head->len,
				&reading->rows);

	if (r == -ENOMEM)
		return store_fail(error, r, "out of memory");
	if (r < 0 ||
	    io_reader_init(&reader, reading->rows.data, reading->rows.len, dictionary->n_files) < 0)
		return reading_damaged(reading, head->seq, error);
	while ((r = io_reader_next(&reader, &row)) > 0) {
		n_rows++;
		if (!reading_add(&ios, row.ios) || !reading_add(&bytes, row.bytes) ||
		    dictionary->files[row.device].kind != FILE_DEVICE)
			return reading_damaged(reading, head->seq, error);
		r = reading->io->row ? reading->io->row(reading->ctx, &bucket, &row) : 0;
		if (r == -EBADMSG)
			return reading_damaged(reading, head->seq, error);
		if (r < 0)
			return r;
	}
	if (r < 0 || n_rows != head->n_rows || ios != head->count || bytes != head->value)
		return reading_damaged(reading, head->seq, error);
	return 0;
}

static const struct reading_kind io_kind = {
	.select = "SELECT " READING_BUCKET_COLUMNS ", i.n_rows, i.ios, i.bytes, i.enc, i.data "
		  "FROM bucket b LEFT JOIN io i ON i.bucket = b.seq " READING_WINDOW,
	.since_version = READING_IO_SINCE,
	.bucket = read_bucket,
};

int store_read_io(struct store *store, const struct store_filter *filter,
		  const struct store_io_visitor *visitor, void *ctx, struct store_summary *ret,
		  struct store_error *error)
{
	const struct store_visitor around = {
		.begin = visitor->begin,
		.end = visitor->end,
		.series_only = true,
	};
	const struct store_filter window = {.since_real_ns = filter->since_real_ns,
					    .until_real_ns = filter->until_real_ns};
	struct reading reading = {
		.kind = &io_kind,
		.filter = &window,
		.visitor = &around,
		.io = visitor,
		.ctx = ctx,
		.decode = true,
		.unpacker = store->unpacker,
	};

	return reading_run(&reading, store, ret, error);
}
