// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_read_ledger.c - store_read_ledger(): what threads did, bucket by bucket.
 */
#include <errno.h>

#include "codec_ledger.h"
#include "store_reading.h"

static int read_bucket(struct reading *reading, const struct bucket_head *head,
		       struct store_error *error)
{
	const struct store_bucket bucket = {head->start_ns, head->number};
	uint64_t n_rows = 0, elapsed_ns = 0, oncpu_ns = 0;
	struct profile_ledger row;
	struct ledger_reader reader;
	int r;

	if (!reading->decode)
		return 0;
	r = unpacker_unpack(reading->unpacker, head->enc, head->data, head->len, &reading->rows);
	if (r == -ENOMEM)
		return store_fail(error, r, "out of memory");
	if (r < 0 || ledger_reader_init(&reader, reading->rows.data, reading->rows.len,
					loaded_dictionary(reading->loaded)->n_series) < 0)
		return reading_damaged(reading, head->seq, error);
	while ((r = ledger_reader_next(&reader, &row)) > 0) {
		n_rows++;
		if (!reading_add(&elapsed_ns, row.elapsed_ns) ||
		    !reading_add(&oncpu_ns, row.oncpu_ns))
			return reading_damaged(reading, head->seq, error);
		if (!reading->ledger->row || (reading->wanted && !reading->wanted[row.series]))
			continue;
		r = reading->ledger->row(reading->ctx, &bucket, &row);
		if (r == -EBADMSG)
			return reading_damaged(reading, head->seq, error);
		if (r < 0)
			return r;
	}
	/* Rows of unwanted series are decoded too, so the sums are always checked. */
	if (r < 0 || n_rows != head->n_rows || elapsed_ns != head->count || oncpu_ns != head->value)
		return reading_damaged(reading, head->seq, error);
	return 0;
}

static const struct reading_kind ledger_kind = {
	.select = "SELECT " READING_BUCKET_COLUMNS ", l.n_rows, l.elapsed_ns, l.oncpu_ns, l.enc, "
		  "l.data FROM bucket b LEFT JOIN ledger l ON l.bucket = b.seq " READING_WINDOW,
	.since_version = READING_LEDGER_SINCE,
	.bucket = read_bucket,
};

int store_read_ledger(struct store *store, const struct store_filter *filter,
		      const struct store_ledger_visitor *visitor, void *ctx,
		      struct store_summary *ret, struct store_error *error)
{
	const struct store_visitor around = {
		.begin = visitor ? visitor->begin : NULL,
		.end = visitor ? visitor->end : NULL,
		.series_only = true,
	};
	struct reading reading = {
		.kind = &ledger_kind,
		.filter = filter,
		.visitor = &around,
		.ledger = visitor,
		.ctx = ctx,
		.decode = visitor != NULL,
		.unpacker = store->unpacker,
	};

	return reading_run(&reading, store, ret, error);
}
