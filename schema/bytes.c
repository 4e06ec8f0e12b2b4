// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bytes.c - growth of the encoding buffer and the slow path of reading integers. Knows nothing of
 * what is encoded.
 */
#include "bytes.h"

#include <stdlib.h>
#include <string.h>

#define VARINT_BYTES_MAX 10

void byte_buf_done(struct byte_buf *buf)
{
	free(buf->data);
	*buf = (struct byte_buf){};
}

void byte_buf_clear(struct byte_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

unsigned char *byte_buf_reserve(struct byte_buf *buf, size_t len)
{
	size_t need;

	if (buf->failed || __builtin_add_overflow(buf->len, len, &need))
		goto fail;
	if (need > buf->capacity || !buf->data) {
		size_t capacity = buf->capacity ? buf->capacity : 256;
		unsigned char *data;

		while (capacity < need)
			if (__builtin_mul_overflow(capacity, 2, &capacity))
				goto fail;
		data = realloc(buf->data, capacity);
		if (!data)
			goto fail;
		buf->data = data;
		buf->capacity = capacity;
	}
	return buf->data + buf->len;
fail:
	buf->failed = true;
	return NULL;
}

void byte_buf_put(struct byte_buf *buf, const void *data, size_t len)
{
	unsigned char *p = byte_buf_reserve(buf, len);

	if (!p || !len)
		return;
	memcpy(p, data, len);
	buf->len += len;
}

void byte_buf_put_varint(struct byte_buf *buf, uint64_t value)
{
	unsigned char *p = byte_buf_reserve(buf, VARINT_BYTES_MAX);
	size_t n = 0;

	if (!p)
		return;
	for (; value >= 0x80; value >>= 7)
		p[n++] = (unsigned char)(value | 0x80);
	p[n++] = (unsigned char)value;
	buf->len += n;
}

uint64_t byte_cursor_varint_slow(struct byte_cursor *cursor)
{
	const unsigned char *p = cursor->p;
	uint64_t value = 0;

	for (unsigned shift = 0; p < cursor->end && shift < 64; shift += 7) {
		uint64_t bits = *p & 0x7f;

		if (shift == 63 && bits > 1)
			break;
		value |= bits << shift;
		if (*p++ < 0x80) {
			cursor->p = p;
			return value;
		}
	}
	/* Stand at the end, so that a decoder that goes on reads nothing more. */
	cursor->p = cursor->end;
	cursor->bad = true;
	return 0;
}
