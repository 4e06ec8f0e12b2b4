// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_rows.c - see unwind_rows.h.
 */
#include "unwind_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_FIRST 1024u

static bool says_same(const struct unwind_row *a, const struct unwind_row *b)
{
	return a->cfa == b->cfa && a->kind == b->kind && a->fp == b->fp;
}

static int grow(struct unwind_rows *rows)
{
	uint32_t capacity = rows->capacity ? rows->capacity * 2 : CAPACITY_FIRST;
	struct unwind_row *larger;

	if (rows->capacity >= UNWIND_ROWS_MAX)
		return -EFBIG;
	larger = reallocarray(rows->rows, capacity, sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	rows->rows = larger;
	rows->capacity = capacity;
	return 0;
}

int unwind_rows_add(struct unwind_rows *rows, struct unwind_row row)
{
	if (rows->n && says_same(&rows->rows[rows->n - 1], &row))
		return 0;
	if (rows->n == rows->capacity) {
		int r = grow(rows);

		if (r < 0)
			return r;
	}
	rows->rows[rows->n++] = row;
	return 0;
}

/* How many rows begin at or below `pc`. */
static uint32_t count_to(const struct unwind_rows *rows, uint32_t pc)
{
	uint32_t low = 0, high = rows->n;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rows->rows[middle].pc <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

const struct unwind_row *unwind_rows_find(const struct unwind_rows *rows, uint32_t pc)
{
	uint32_t n = count_to(rows, pc);

	return n ? &rows->rows[n - 1] : NULL;
}

int unwind_rows_lay(struct unwind_rows *rows, uint32_t start, uint32_t end, enum unwind_cfa kind)
{
	struct unwind_row laid[2] = {{.pc = start, .kind = (uint8_t)kind}, {.pc = end}};
	uint32_t first, last, n_new = 0;

	if (end <= start)
		return -EBADMSG;
	first = start ? count_to(rows, start - 1) : 0;
	last = count_to(rows, end);
	/* What holds behind it goes on there, though its row began before. */
	if (last)
		laid[1] = rows->rows[last - 1];
	laid[1].pc = end;
	while (rows->capacity - rows->n < 2) {
		int r = grow(rows);

		if (r < 0)
			return r;
	}
	if (!first || !says_same(&rows->rows[first - 1], &laid[0]))
		n_new = 1;
	if (says_same(&laid[0], &laid[1])) {
		/* nothing to go on with */
	} else if (n_new) {
		n_new = 2;
	} else {
		laid[0] = laid[1];
		n_new = 1;
	}
	if (rows->n > last)
		memmove(&rows->rows[first + n_new], &rows->rows[last],
			(rows->n - last) * sizeof(*rows->rows));
	memcpy(&rows->rows[first], laid, n_new * sizeof(*laid));
	rows->n = rows->n - last + first + n_new;
	return 0;
}
