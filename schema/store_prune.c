// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_prune.c - keeps the store below its limit of bytes by unlinking whole partitions, which
 * works on a full disk too. The live partition is never removed.
 */
#include <errno.h>
#include <string.h>

#include "store_writer.h"

int store_prune(struct store_writer *writer, struct store_error *error)
{
	for (;;) {
		_cleanup_(partition_list_done) struct partition_list list = {};
		int r = partition_list_read(writer->dir_fd, writer->dir, false, &list, error);

		if (r < 0)
			return r;
		if (list.bytes <= writer->options.max_bytes || !list.n ||
		    list.entries[0].part >= writer->live->partition.part)
			return 0;
		r = partition_unlink(writer->dir_fd, &list.entries[0]);
		if (r < 0 && r != -ENOENT)
			return store_fail(error, r, "cannot remove %s/%s: %s", writer->dir,
					  list.entries[0].name, strerror(-r));
	}
}
