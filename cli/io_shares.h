/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_shares.h - the rows of profctl io that say who did it: what a device did of each operation,
 * shared out by samples.
 */
#ifndef PROFD_IO_SHARES_H
#define PROFD_IO_SHARES_H

#include "io_rows.h"

/* Adds rows, of IO_BY_DEVICE and IO_BY_OP those of the query's group of threads. EXIT_ANSWERED, or
 * an error that was said. */
enum exit_code io_shares_read(const struct query *query, struct io_query *io, enum io_by by,
			      struct io_rows *rows);

#endif
