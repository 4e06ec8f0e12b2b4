/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_rows.h - the rows of profctl io: what each device did, exactly, or who did it on a device, by
 * what the exact sums of its operations are worth per sample (io_query.h).
 */
#ifndef PROFD_IO_ROWS_H
#define PROFD_IO_ROWS_H

#include "io_query.h"
#include "series_totals.h"

enum io_by {
	IO_BY_PROCESS,
	IO_BY_THREAD,
	IO_BY_UNIT,
	IO_BY_DEVICE, /* with its operations together */
	IO_BY_OP,     /* and with the flags apart */
};

enum io_sort { IO_SORT_TIME, IO_SORT_IOS, IO_SORT_BYTES };

/* A row is of one device and one operation (of IO_BY_DEVICE, IO_OP_NONE: of all). */
struct io_row {
	const char *device;
	enum io_op op;
	uint32_t flags; /* of IO_BY_OP */
	/* Who; "" and 0 of exact rows and of what was not sampled. */
	uint32_t pid, tid;
	uint64_t start_boot_ns;
	const char *comm, *exe, *unit, *container;
	bool is_exact;
	bool is_rest; /* what no sample stands for */
	uint64_t ios, bytes, total_ns;
	uint64_t queue_ns, service_ns; /* of an apportioned row in the proportion of total_ns */
	uint64_t errors;	       /* of exact rows */
	uint64_t half_width_ns;	       /* of the 95 % interval of total_ns; 0 of exact rows */
	bool has_total, has_queue, has_service; /* the time is known */
	uint64_t device_ns; /* all of the device's, of which total_ns is a share */
};

struct io_rows {
	struct io_row *rows;
	uint32_t n_rows, cap_rows;
	struct series_totals **totals; /* whose names rows borrow */
	uint32_t n_totals;
};

/* Reads the rows of a query, sorted. `io` is the query's; the names of devices stay its own.
 * EXIT_ANSWERED, and then io_rows_done() must follow, or an error that was said. */
enum exit_code io_rows_read(const struct query *query, struct io_query *io, enum io_by by,
			    enum io_sort sort, struct io_rows *ret);
/* A new row of nobody, to be filled; NULL without memory. */
struct io_row *io_rows_add(struct io_rows *rows);
void io_rows_done(struct io_rows *rows);

#endif
