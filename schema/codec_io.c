// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * codec_io.c - encoder and bounds-checked reader of the format that codec_io.h describes.
 */
#include "codec_io.h"

#include <errno.h>

#define OP_BITS 3
_Static_assert(IO_OP_MAX <= 1 << OP_BITS, "an operation that does not fit");

static uint32_t op_and_flags(const struct profile_io *row)
{
	return (uint32_t)row->op | row->flags << OP_BITS;
}

int io_compare(const struct profile_io *a, const struct profile_io *b)
{
	if (a->device != b->device)
		return a->device < b->device ? -1 : 1;
	if (a->op != b->op)
		return a->op < b->op ? -1 : 1;
	return a->flags < b->flags ? -1 : a->flags > b->flags;
}

/* Whether its bins say of as many as it is known of, and its numbers fit. */
static bool is_time(const struct profile_io_time *time)
{
	uint64_t n = 0;

	if (time->bins[0] || time->known > INT64_MAX || time->sum_ns > INT64_MAX ||
	    (!time->known && time->sum_ns))
		return false;
	for (uint32_t i = 1; i < PROFILE_IO_BINS; i++)
		if (__builtin_add_overflow(n, time->bins[i], &n))
			return false;
	return n == time->known;
}

static bool is_row(const struct profile_io *row)
{
	return row->device && row->op > IO_OP_NONE && row->op < IO_OP_MAX &&
	       !(row->flags & ~(uint32_t)PROFILE_IO_FLAGS) && row->ios <= INT64_MAX &&
	       row->bytes <= INT64_MAX && row->errors <= row->ios && row->queue.known <= row->ios &&
	       row->service.known <= row->ios && row->total.known <= row->ios;
}

static void put_time(const struct profile_io_time *time, struct byte_buf *out)
{
	uint32_t n = 0, before = 0;

	byte_buf_put_varint(out, time->known);
	if (!time->known)
		return;
	byte_buf_put_varint(out, time->sum_ns);
	for (uint32_t i = 1; i < PROFILE_IO_BINS; i++)
		n += time->bins[i] != 0;
	byte_buf_put_varint(out, n);
	for (uint32_t i = 1; i < PROFILE_IO_BINS; i++) {
		if (!time->bins[i])
			continue;
		byte_buf_put_varint(out, i - before);
		byte_buf_put_varint(out, time->bins[i]);
		before = i;
	}
}

int io_encode(const struct profile_io *rows, size_t n, struct byte_buf *out)
{
	byte_buf_put_varint(out, n);
	for (size_t i = 0; i < n; i++) {
		const struct profile_io *row = &rows[i];

		if (!is_row(row) || !is_time(&row->queue) || !is_time(&row->service) ||
		    !is_time(&row->total) || (i && io_compare(&rows[i - 1], row) >= 0))
			return -EINVAL;
		byte_buf_put_varint(out, row->device - (i ? rows[i - 1].device : 0));
		byte_buf_put_varint(out, op_and_flags(row));
		byte_buf_put_varint(out, row->ios);
		byte_buf_put_varint(out, row->bytes);
		byte_buf_put_varint(out, row->errors);
		put_time(&row->queue, out);
		put_time(&row->service, out);
		put_time(&row->total, out);
	}
	return out->failed ? -ENOMEM : 0;
}

int io_reader_init(struct io_reader *reader, const void *data, size_t len, uint32_t n_files)
{
	*reader = (struct io_reader){.cursor = byte_cursor(data, len), .n_files = n_files};
	reader->rows_left = byte_cursor_varint(&reader->cursor);
	/* A row has eight bytes at least. */
	return reader->cursor.bad || reader->rows_left > len / 8 ? -EBADMSG : 0;
}

static bool get_time(struct byte_cursor *cursor, struct profile_io_time *ret)
{
	uint32_t n, bin = 0;

	ret->known = byte_cursor_varint(cursor);
	if (!ret->known)
		return true;
	ret->sum_ns = byte_cursor_varint(cursor);
	n = byte_cursor_below(cursor, PROFILE_IO_BINS);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t distance = byte_cursor_below(cursor, PROFILE_IO_BINS - bin);

		if (cursor->bad || !distance)
			return false;
		bin += distance;
		ret->bins[bin] = byte_cursor_varint(cursor);
	}
	return is_time(ret);
}

int io_reader_next(struct io_reader *reader, struct profile_io *ret)
{
	struct byte_cursor *cursor = &reader->cursor;
	uint32_t distance, bits;

	if (!reader->rows_left)
		return cursor->p == cursor->end ? 0 : -EBADMSG;
	reader->rows_left--;
	distance = byte_cursor_below(cursor, reader->n_files - reader->device);
	bits = byte_cursor_below(cursor, (PROFILE_IO_FLAGS + 1) << OP_BITS);
	*ret = (struct profile_io){.device = reader->device + distance,
				   .op = (enum io_op)(bits & ((1 << OP_BITS) - 1)),
				   .flags = bits >> OP_BITS};
	ret->ios = byte_cursor_varint(cursor);
	ret->bytes = byte_cursor_varint(cursor);
	ret->errors = byte_cursor_varint(cursor);
	if (!get_time(cursor, &ret->queue) || !get_time(cursor, &ret->service) ||
	    !get_time(cursor, &ret->total) || cursor->bad || !is_row(ret))
		return -EBADMSG;
	/* In order: by device, operation and flags. */
	if (!distance && io_compare(&(struct profile_io){.op = (enum io_op)(reader->op_and_flags &
									    ((1 << OP_BITS) - 1)),
							 .flags = reader->op_and_flags >> OP_BITS},
				    &(struct profile_io){.op = ret->op, .flags = ret->flags}) >= 0)
		return -EBADMSG;
	reader->device = ret->device;
	reader->op_and_flags = bits;
	return 1;
}
