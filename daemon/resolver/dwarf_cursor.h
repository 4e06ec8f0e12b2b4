/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dwarf_cursor.h - reads the numbers of DWARF out of bytes that may say anything.
 *
 * A cursor that was asked for more than there is has `failed` and gives zeros from then on, so that
 * a reader checks once, after several reads. Little-endian only. DWARF 5, section 7.6 (LEB128).
 */
#ifndef PROFD_DWARF_CURSOR_H
#define PROFD_DWARF_CURSOR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct dwarf_cursor {
	const uint8_t *at, *end;
	bool failed;
};

static inline uint64_t dwarf_left(const struct dwarf_cursor *c)
{
	return (uint64_t)(c->end - c->at);
}

static inline void dwarf_fail(struct dwarf_cursor *c)
{
	c->failed = true;
	c->at = c->end;
}

static inline void dwarf_skip(struct dwarf_cursor *c, uint64_t len)
{
	if (len > dwarf_left(c))
		dwarf_fail(c);
	else
		c->at += len;
}

/* A number of `size` bytes: 1, 2, 4 or 8. */
static inline uint64_t dwarf_fixed(struct dwarf_cursor *c, size_t size)
{
	uint64_t value = 0;

	if (size > dwarf_left(c)) {
		dwarf_fail(c);
		return 0;
	}
	memcpy(&value, c->at, size);
	c->at += size;
	return value;
}

static inline uint8_t dwarf_u8(struct dwarf_cursor *c)
{
	if (c->at == c->end) {
		c->failed = true;
		return 0;
	}
	return *c->at++;
}

/* Bits beyond 64 are dropped. `ret_shift`: the number of bits read, `ret_last`: the last byte. */
static inline uint64_t dwarf_leb_bits(struct dwarf_cursor *c, unsigned int *ret_shift,
				      uint8_t *ret_last)
{
	unsigned int shift = 0;
	uint64_t value = 0;
	uint8_t byte;

	do {
		byte = dwarf_u8(c);
		if (shift < 64) {
			value |= (uint64_t)(byte & 0x7f) << shift;
			shift += 7;
		}
	} while (byte & 0x80);
	*ret_shift = shift;
	*ret_last = byte;
	return value;
}

static inline uint64_t dwarf_uleb(struct dwarf_cursor *c)
{
	unsigned int shift;
	uint8_t last;

	if (c->at < c->end && *c->at < 0x80)
		return *c->at++;
	return dwarf_leb_bits(c, &shift, &last);
}

static inline int64_t dwarf_sleb(struct dwarf_cursor *c)
{
	unsigned int shift;
	uint8_t last;
	uint64_t value = dwarf_leb_bits(c, &shift, &last);

	if (shift < 64 && last & 0x40)
		value |= UINT64_MAX << shift;
	return (int64_t)value;
}

/* The next `len` bytes as a cursor of their own; of a failed one nothing. */
static inline struct dwarf_cursor dwarf_take(struct dwarf_cursor *c, uint64_t len)
{
	struct dwarf_cursor part = {c->at, c->at, false};

	dwarf_skip(c, len);
	if (c->failed)
		part.failed = true;
	else
		part.end = c->at;
	return part;
}

#endif
