/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bytes.h - a growing buffer to encode into, and a bounded cursor to decode untrusted bytes from.
 *
 * Both remember failure instead of returning it at each call: an encoder checks `failed` once, a
 * decoder `bad` at least before each use of a value as a size or an index. Integers are LEB128.
 */
#ifndef PROFD_BYTES_H
#define PROFD_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct byte_buf {
	unsigned char *data;
	size_t len, capacity;
	bool failed; /* out of memory: what is in data is incomplete */
};

void byte_buf_done(struct byte_buf *buf);
/* Forgets the content and a failure, keeps the memory. */
void byte_buf_clear(struct byte_buf *buf);
void byte_buf_put(struct byte_buf *buf, const void *data, size_t len);
void byte_buf_put_varint(struct byte_buf *buf, uint64_t value);
/* Makes room for `len` more bytes; returns where they go, or NULL and sets failed. */
unsigned char *byte_buf_reserve(struct byte_buf *buf, size_t len);

/* Small signed numbers as small unsigned ones. */
static inline uint64_t zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

struct byte_cursor {
	const unsigned char *p, *end;
	bool bad; /* read past the end, or an integer too large */
};

static inline struct byte_cursor byte_cursor(const void *data, size_t len)
{
	const unsigned char *p = data;

	return (struct byte_cursor){p, p + len, false};
}

static inline size_t byte_cursor_left(const struct byte_cursor *cursor)
{
	return (size_t)(cursor->end - cursor->p);
}

uint64_t byte_cursor_varint_slow(struct byte_cursor *cursor);

/* The next integer, or 0 and `bad`. */
static inline uint64_t byte_cursor_varint(struct byte_cursor *cursor)
{
	if (cursor->p < cursor->end && *cursor->p < 0x80)
		return *cursor->p++;
	return byte_cursor_varint_slow(cursor);
}

/* The next integer when it is below `limit`, otherwise 0 and `bad`. */
static inline uint32_t byte_cursor_below(struct byte_cursor *cursor, uint32_t limit)
{
	uint64_t value = byte_cursor_varint(cursor);

	if (value >= limit) {
		cursor->bad = true;
		return 0;
	}
	return (uint32_t)value;
}

#endif
