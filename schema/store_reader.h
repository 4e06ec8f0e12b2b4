/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_reader.h - a store opened for reading, shared by store_read.c and store_query.c: a list of
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
	struct unpacker *unpacker;
};

/*
 * Opens partition `i` in a read transaction. Returns 1, 0 when retention removed it meanwhile, or
 * negative errno with a text.
 */
int store_open_partition(struct store *store, size_t i, sqlite3 **ret, struct store_error *error);

#endif
