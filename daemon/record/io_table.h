/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_table.h - the block devices of a bucket, and what each did of each operation. The bucket's own
 * (bucket.h).
 */
#ifndef PROFD_IO_TABLE_H
#define PROFD_IO_TABLE_H

#include "profile.h"
#include "record/texts.h"

#define IO_TABLE_DEVICES_MAX 4096u
#define IO_TABLE_ROWS_MAX    16384u

struct io_table {
	struct profile_file *devices; /* entry 0 is unused */
	struct profile_io *rows;      /* their devices are indices of these */
	uint32_t n_devices, cap_devices, n_rows, cap_rows;
};

void io_table_init(struct io_table *table);
void io_table_done(struct io_table *table);

/* What tells a device from others, and from later ones of its number. */
struct io_device {
	uint32_t major, minor;
	uint64_t diskseq; /* 0 where the kernel does not know it */
	const char *name;
	bool is_stacked; /* it stands on another block device */
};

/* The index of the device; its name is copied into `texts`. -ENOSPC beyond IO_TABLE_DEVICES_MAX,
 * -ENOMEM. */
int io_table_device(struct io_table *table, const struct io_device *device, struct texts *texts,
		    uint32_t *ret);

/* Adds to the row of that device, operation and flags. -ENOSPC beyond IO_TABLE_ROWS_MAX, -ENOMEM;
 * -ERANGE when a sum would be out of range: the row is what it was. */
int io_table_add(struct io_table *table, const struct profile_io *row);

#endif
