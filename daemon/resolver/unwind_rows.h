/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_rows.h - rows by their address while a table is being made, and what is laid over them.
 */
#ifndef PROFD_UNWIND_ROWS_H
#define PROFD_UNWIND_ROWS_H

#include <stdbool.h>

#include "unwind_row.h"

struct unwind_rows {
	struct unwind_row *rows;
	uint32_t n, capacity;
};

/*
 * Adds a row behind all others; one that says what the last one says is left out. Returns 0;
 * -EFBIG beyond UNWIND_ROWS_MAX; -ENOMEM. The caller sees to the order, and frees `rows`.
 */
int unwind_rows_add(struct unwind_rows *rows, struct unwind_row row);

/* The row that holds for `pc`, or NULL. */
const struct unwind_row *unwind_rows_find(const struct unwind_rows *rows, uint32_t pc);

/*
 * Lets one row of that kind hold for all of [start, end), and nothing else change. Takes time in
 * proportion to the number of rows. Returns 0; -EBADMSG an empty range or one that ends before it
 * begins, -EFBIG or -ENOMEM, and then nothing is changed.
 */
int unwind_rows_lay(struct unwind_rows *rows, uint32_t start, uint32_t end, enum unwind_cfa kind);

#endif
