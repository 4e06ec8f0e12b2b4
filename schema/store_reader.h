/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_reader.h - a store opened for reading, shared by store_read*.c and store_query.c: a list of
 * partition files, each opened only while it is asked. Private to schema/.
 */
#ifndef PROFD_STORE_READER_H
#define PROFD_STORE_READER_H

#include "dictionary_load.h"
#include "partition.h"

struct store {
	char *dir;
	int dir_fd;
	struct partition_list list;
	size_t first_rising; /* from here on the names' times rise with the parts */
	struct unpacker *unpacker;
};

/*
 * Opens partition `i` in a read transaction. Returns 1, 0 when retention removed it meanwhile, or
 * negative errno with a text.
 */
int store_open_partition(struct store *store, size_t i, sqlite3 **ret, struct store_error *error);

/*
 * Whether partition `i` may hold a bucket that starts in [since, until), by the names alone: none
 * starts before the time in its name, and none long after the next one's. The latter does not hold
 * where the clock was set back, so it is used only where times rise up to the newest partition.
 */
bool store_may_hold(const struct store *store, size_t i, uint64_t since_real_ns,
		    uint64_t until_real_ns);

#endif
