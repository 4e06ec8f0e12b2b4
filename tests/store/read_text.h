/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read_text.h - what a reader finds in a store, as text, so that tests compare all of it.
 */
#ifndef PROFD_TEST_READ_TEXT_H
#define PROFD_TEST_READ_TEXT_H

#include "made_bucket.h"

/* Everything of one sample type. */
struct store_filter read_all(enum sample_type type);

/*
 * One line a row, sorted, to be freed: start of the bucket in s after MADE_START_S, pid/tid, comm,
 * the stack by function names (leaf first, unnamed as "?", by ';'), bin, count, value. With `full`
 * every field of series, files, locations and frames instead of the names.
 */
char *read_text(const char *dir, const struct store_filter *filter, bool full,
		struct store_summary *ret_summary);

/* Asserts that reading everything of type `cpu` gives these lines. */
void assert_store_reads(const char *dir, const char *expected);

#endif
