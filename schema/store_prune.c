// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_prune.c - keeps the store below its limit of bytes, and makes room on a full disk, by
 * unlinking whole partitions: that needs no space. The live partition is never removed.
 */
#include <errno.h>
#include <string.h>

#include "store_writer.h"

int store_prune(struct store_writer *writer, bool disk_full, struct store_error *error)
{
	for (;; disk_full = false) {
		_cleanup_(partition_list_done) struct partition_list list = {};
		int r = partition_list_read(writer->dir_fd, writer->dir, false, &list, error);

		if (r < 0)
			return r;
		if (!list.n || list.entries[0].part >= writer->live->partition.part ||
		    (list.bytes <= writer->options.max_bytes && !disk_full))
			return 0;
		r = partition_unlink(writer->dir_fd, &list.entries[0]);
		if (r < 0 && r != -ENOENT)
			return store_fail(error, r, "cannot remove %s/%s: %s", writer->dir,
					  list.entries[0].name, strerror(-r));
	}
}
