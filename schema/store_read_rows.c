// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_read_rows.c - store_read(): the rows of one sample type, bucket by bucket, and what was
 * held over whole buckets.
 */
#include <errno.h>

#include "codec_blob.h"
#include "series_filter.h"
#include "store_reading.h"

static const struct store_visitor no_visitor = {.series_only = true};

static int read_rows(struct reading *reading, const struct bucket_head *head,
		     struct store_error *error)
{
	const struct dictionary *dictionary = loaded_dictionary(reading->loaded);
	int (*visit)(void *, const struct store_row *) = reading->visitor->row;
	uint32_t n_nodes = reading->visitor->series_only ? UINT32_MAX : dictionary->n_nodes;
	const struct store_bucket bucket = {head->start_ns, head->number};
	uint64_t n_rows = 0, count = 0, value = 0;
	struct blob_reader reader;
	struct blob_row row;
	int r = unpacker_unpack(reading->unpacker, head->enc, head->data, head->len,
				&reading->rows);

	if (r == -ENOMEM)
		return store_fail(error, r, "out of memory");
	if (r < 0 || blob_reader_init(&reader, reading->rows.data, reading->rows.len,
				      dictionary->n_series, n_nodes, reading->wanted) < 0)
		return reading_damaged(reading, head->seq, error);
	while ((r = blob_reader_next(&reader, &row)) > 0) {
		n_rows++;
		if (!row.series || !reading_add(&count, row.count) ||
		    !reading_add(&value, row.value))
			return reading_damaged(reading, head->seq, error);
		if (!visit)
			continue;
		r = visit(reading->ctx, &(struct store_row){.series = row.series,
							    .node = row.node,
							    .bin = row.bin,
							    .count = row.count,
							    .value = row.value,
							    .bucket = bucket,
							    .last_bucket = bucket});
		if (r == -EBADMSG)
			return reading_damaged(reading, head->seq, error);
		if (r < 0)
			return r;
	}
	if (r < 0 || (!reading->wanted &&
		      (n_rows != head->n_rows || count != head->count || value != head->value)))
		return reading_damaged(reading, head->seq, error);
	return reading_add(&reading->summary.count, count) &&
			       reading_add(&reading->summary.value, value)
		       ? 0
		       : reading_damaged(reading, head->seq, error);
}

/* Without a visitor or a filter a bucket's header says it all. */
static int read_bucket(struct reading *reading, const struct bucket_head *head,
		       struct store_error *error)
{
	struct store_summary *summary = &reading->summary;

	if (reading->decode)
		return read_rows(reading, head, error);
	return reading_add(&summary->count, head->count) &&
			       reading_add(&summary->value, head->value)
		       ? 0
		       : reading_damaged(reading, head->seq, error);
}

static const struct reading_kind rows_kind = {
	.select = "SELECT " READING_BUCKET_COLUMNS ", p.n_rows, p.count, p.value, p.enc, p.data "
		  "FROM bucket b LEFT JOIN profile p ON p.id = b.seq * 256 + ?3 " READING_WINDOW,
	.bucket = read_bucket,
	.partition = read_held,
	.has_sums = true,
};

int store_read(struct store *store, const struct store_filter *filter,
	       const struct store_visitor *visitor, void *ctx, struct store_summary *ret,
	       struct store_error *error)
{
	struct reading reading = {
		.kind = &rows_kind,
		.filter = filter,
		.visitor = visitor ? visitor : &no_visitor,
		.ctx = ctx,
		.decode = visitor || series_filter_is_set(filter),
		.unpacker = store->unpacker,
	};

	return reading_run(&reading, store, ret, error);
}
