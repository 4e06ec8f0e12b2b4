// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * codec_blob.c - encoder and bounds-checked reader of the format that codec_blob.h describes. A
 * CPU row of one sample costs the varint of its node's distance and nothing else.
 */
#include "codec_blob.h"

#include <errno.h>

#include "profile.h"

enum blob_flags {
	BLOB_BINS = 1,	     /* rows carry a latency bin */
	BLOB_WHOLE = 2,	     /* counts are multiples of PROFILE_COUNT_ONE */
	BLOB_PERIOD = 4,     /* a period follows the flags */
	BLOB_VALUES = 8,     /* every row carries its value */
	BLOB_VALUE_BIT = 16, /* a bit of each row says whether it carries its value */
	BLOB_FLAGS_ALL = 31,
};

/* What `count` costs at the period; false when that is beyond 64 bits. */
static bool usual_value(uint64_t count, uint64_t period_ns, uint64_t *ret)
{
	unsigned __int128 value = (unsigned __int128)count * period_ns / PROFILE_COUNT_ONE;

	*ret = (uint64_t)value;
	return value <= UINT64_MAX;
}

static bool is_usual(const struct blob_row *row, uint64_t period_ns)
{
	uint64_t usual;

	return usual_value(row->count, period_ns, &usual) && usual == row->value;
}

static unsigned choose_flags(const struct blob_row *rows, size_t n, uint64_t period_ns)
{
	unsigned flags = BLOB_WHOLE;
	size_t n_unusual = 0;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].bin)
			flags |= BLOB_BINS;
		if (rows[i].count % PROFILE_COUNT_ONE)
			flags &= ~(unsigned)BLOB_WHOLE;
		if (!period_ns || !is_usual(&rows[i], period_ns))
			n_unusual++;
	}
	if (n_unusual == n && n)
		flags |= BLOB_VALUES;
	else if (n)
		flags |= BLOB_PERIOD | (n_unusual ? BLOB_VALUE_BIT : 0);
	return flags;
}

static void put_row(const struct blob_row *row, uint32_t node_before, unsigned flags,
		    uint64_t period_ns, struct byte_buf *out)
{
	bool has_count = row->count != PROFILE_COUNT_ONE, has_value = flags & BLOB_VALUES;
	uint64_t head = (uint64_t)(row->node - node_before) << 1 | has_count;

	if (flags & BLOB_VALUE_BIT) {
		has_value = !is_usual(row, period_ns);
		head = head << 1 | has_value;
	}
	byte_buf_put_varint(out, head);
	if (flags & BLOB_BINS)
		byte_buf_put_varint(out, row->bin);
	if (has_count && (flags & BLOB_WHOLE)) {
		uint64_t whole = row->count / PROFILE_COUNT_ONE;

		/* One never gets here: 0 stays 0, what is above one moves down. */
		byte_buf_put_varint(out, whole ? whole - 1 : 0);
	} else if (has_count) {
		byte_buf_put_varint(out, row->count);
	}
	if (has_value)
		byte_buf_put_varint(out, row->value);
}

static uint64_t count_series(const struct blob_row *rows, size_t n)
{
	uint64_t n_series = 0;

	for (size_t i = 0; i < n; i++)
		n_series += !i || rows[i].series != rows[i - 1].series;
	return n_series;
}

int blob_encode(const struct blob_row *rows, size_t n, uint64_t period_ns, struct byte_buf *out)
{
	unsigned flags = choose_flags(rows, n, period_ns);
	struct byte_buf packed = {};
	uint32_t series_before = 0;

	byte_buf_put_varint(out, flags);
	if (flags & BLOB_PERIOD)
		byte_buf_put_varint(out, period_ns);
	byte_buf_put_varint(out, count_series(rows, n));
	for (size_t i = 0, next; i < n; i = next) {
		uint32_t node_before = 0;

		byte_buf_clear(&packed);
		for (next = i; next < n && rows[next].series == rows[i].series; next++) {
			put_row(&rows[next], node_before, flags, period_ns, &packed);
			node_before = rows[next].node;
		}
		byte_buf_put_varint(out, rows[i].series - series_before);
		byte_buf_put_varint(out, next - i);
		byte_buf_put_varint(out, packed.len);
		byte_buf_put(out, packed.data, packed.len);
		out->failed |= packed.failed;
		series_before = rows[i].series;
	}
	byte_buf_done(&packed);
	return out->failed ? -ENOMEM : 0;
}

int blob_reader_init(struct blob_reader *reader, const void *data, size_t len, uint32_t n_series,
		     uint32_t n_nodes, const uint8_t *wanted)
{
	struct byte_cursor cursor = byte_cursor(data, len);
	unsigned flags = byte_cursor_below(&cursor, BLOB_FLAGS_ALL + 1);
	uint64_t period_ns = flags & BLOB_PERIOD ? byte_cursor_varint(&cursor) : 0;
	uint64_t series_left = byte_cursor_varint(&cursor);

	if (cursor.bad || series_left > byte_cursor_left(&cursor))
		return -EBADMSG;
	*reader = (struct blob_reader){
		.cursor = cursor,
		.wanted = wanted,
		.n_series = n_series,
		.n_nodes = n_nodes,
		.flags = flags,
		.row_bits = flags & BLOB_VALUE_BIT ? 2 : 1,
		.period_ns = period_ns,
		.series_left = series_left,
	};
	/* So that the first series ends where it begins. */
	reader->series_end = cursor.p;
	return 0;
}

/* Steps to the next wanted series: 1, 0 when there is none, -EBADMSG. */
static int next_series(struct blob_reader *reader)
{
	struct byte_cursor *cursor = &reader->cursor;

	for (; reader->series_left; cursor->p = reader->series_end) {
		uint64_t series, delta, n_rows, n_bytes;

		if (cursor->p != reader->series_end)
			return -EBADMSG;
		delta = byte_cursor_varint(cursor);
		n_rows = byte_cursor_varint(cursor);
		n_bytes = byte_cursor_varint(cursor);
		if (cursor->bad || delta >= reader->n_series || !n_rows || n_rows > n_bytes ||
		    n_bytes > byte_cursor_left(cursor))
			return -EBADMSG;
		series = reader->series + delta;
		if (series >= reader->n_series)
			return -EBADMSG;
		reader->series = (uint32_t)series;
		reader->series_left--;
		reader->series_end = cursor->p + n_bytes;
		if (reader->wanted && !reader->wanted[series])
			continue;
		reader->rows_left = n_rows;
		reader->node = 0;
		return 1;
	}
	return cursor->p == cursor->end ? 0 : -EBADMSG;
}

int blob_reader_next(struct blob_reader *reader, struct blob_row *ret)
{
	struct byte_cursor *cursor = &reader->cursor;
	uint64_t head, node, count = PROFILE_COUNT_ONE;
	uint32_t bin = 0;

	if (!reader->rows_left) {
		int r = next_series(reader);

		if (r <= 0)
			return r;
	}
	head = byte_cursor_varint(cursor);
	node = reader->node + (head >> reader->row_bits);
	if (node >= reader->n_nodes || head >> reader->row_bits >= reader->n_nodes)
		return -EBADMSG;
	if (reader->flags & BLOB_BINS)
		bin = byte_cursor_below(cursor, UINT32_MAX);
	if (head >> (reader->row_bits - 1) & 1) {
		count = byte_cursor_varint(cursor);
		if ((reader->flags & BLOB_WHOLE) && count &&
		    (__builtin_add_overflow(count, 1, &count) ||
		     __builtin_mul_overflow(count, (uint64_t)PROFILE_COUNT_ONE, &count)))
			return -EBADMSG;
	}
	ret->value = 0;
	if (reader->flags & BLOB_VALUES || (reader->row_bits == 2 && (head & 1)))
		ret->value = byte_cursor_varint(cursor);
	else if (!usual_value(count, reader->period_ns, &ret->value))
		return -EBADMSG;
	if (cursor->bad || cursor->p > reader->series_end)
		return -EBADMSG;
	reader->rows_left--;
	reader->node = (uint32_t)node;
	ret->series = reader->series;
	ret->node = (uint32_t)node;
	ret->bin = bin;
	ret->count = count;
	return 1;
}
