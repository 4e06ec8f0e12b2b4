/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_read.h - the reading of event_read.h for block I/O: samples as they are to be shown, scaled by
 * the exact sums of their device and operation.
 */
#ifndef PROFD_IO_READ_H
#define PROFD_IO_READ_H

#include "event_read.h"
#include "io_query.h"

/* As event_read(), for EVENT_BLOCKIO and EVENT_BLOCKIO_BYTES. Says which devices are left out. */
enum exit_code io_read(const struct query *query, const struct event_args *args,
		       const struct event_sink *sink, void *ctx, struct event_answer *ret);

/* A row scaled by its group's factor for that type, its count by that for counts: 0 or -EBADMSG. */
int io_read_scale(const struct io_group *group, enum sample_type type, struct store_row *row);

/* How unsure a scaled row is that was made of a stored one with that weight. */
struct estimate_spread io_read_spread(const struct store_row *scaled,
				      const struct store_row *stored, uint32_t weight_log2);

#endif
