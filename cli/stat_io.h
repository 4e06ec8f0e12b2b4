/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stat_io.h - what profctl stat says of block devices: how much each did of each operation, and of
 * the whole machine how long it took.
 */
#ifndef PROFD_STAT_IO_H
#define PROFD_STAT_IO_H

#include "io_rows.h"
#include "output.h"

struct stat_io {
	struct io_query io;
	struct io_rows shares; /* of a part of the machine */
	bool is_part;
};

/* EXIT_ANSWERED, and then stat_io_done() must follow, or an error that was said. */
enum exit_code stat_io_read(const struct query *query, struct stat_io *ret);
void stat_io_done(struct stat_io *io);

/* Print a table, or rows; nothing when there was none. 0 or -ENOMEM. */
int stat_io_text(const struct stat_io *io);
int stat_io_json(const struct stat_io *io);
int stat_io_csv(const struct stat_io *io);

#endif
