// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_prune.c - keeps the store below its limit of bytes, and makes room on a full disk, by
 * unlinking whole partitions: that needs no space. The live partition is never removed.
 */
#include <errno.h>
#include <string.h>

#include "store_writer.h"

/* Unlinks the oldest when the store is larger than that: 1, 0 when there is nothing to do. */
static int unlink_oldest(struct store_writer *writer, uint64_t max_bytes, struct store_error *error)
{
	_cleanup_(partition_list_done) struct partition_list list = {};
	int r = partition_list_read(writer->dir_fd, writer->dir, false, &list, error);

	if (r < 0)
		return r;
	if (!list.n || list.bytes <= max_bytes ||
	    (writer->live && list.entries[0].part >= writer->live->partition.part))
		return 0;
	r = partition_unlink(writer->dir_fd, &list.entries[0]);
	if (r < 0 && r != -ENOENT)
		return store_fail(error, r, "cannot remove %s/%s: %s", writer->dir,
				  list.entries[0].name, strerror(-r));
	return 1;
}

int store_prune(struct store_writer *writer, struct store_error *error)
{
	int r;

	do
		r = unlink_oldest(writer, writer->options.max_bytes, error);
	while (r > 0);
	return r;
}

int store_make_room(struct store_writer *writer)
{
	return unlink_oldest(writer, 0, NULL);
}
