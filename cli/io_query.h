/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_query.h - what block devices did in a query's window, exactly, and by what samples of it are
 * to be scaled: for each device and operation the exact sums and those of all the machine's samples
 * make factors, whatever group of threads is asked for. Rows are then read a second time.
 *
 * Devices are told apart by their names. One that stands on another is left out of what is summed
 * up over devices, unless it was asked for by name: its I/O is that of the other once more.
 */
#ifndef PROFD_IO_QUERY_H
#define PROFD_IO_QUERY_H

#include "io_class.h"
#include "query.h"

struct io_device_name {
	const char *name;
	bool is_stacked;  /* it stands on another device */
	bool is_wanted;	  /* asked for by name, or none was */
	bool is_left_out; /* of sums over devices */
};

/* A device and operation. */
struct io_group {
	uint32_t device;	 /* of io_query.devices */
	struct profile_io exact; /* of all flags; its device is 0 */
	/* Of the machine's samples, each with its weight. */
	double sampled_ios, sampled_ns, sampled_bytes;
	double squares; /* of the weights */
	/* By what samples are to be multiplied; 1 with too few of them. */
	double ios_factor, ns_factor, bytes_factor;
	bool is_scaled; /* there are enough samples: what was not sampled is shared out by them */
};

struct io_query {
	struct io_device_name *devices;
	struct io_group *groups; /* by device as they came, then by operation */
	uint32_t n_devices, cap_devices, n_groups, cap_groups;
	uint32_t *device_of_file; /* of the partition at hand; UINT32_MAX: none */
	uint32_t n_files, cap_files;
	struct store_summary summary; /* of the window; its counts and values are 0 */
	const char *const *wanted;    /* names of devices, borrowed */
	uint32_t n_wanted;
};

/*
 * Reads the exact sums and the machine's samples. `names` are of devices asked for, 0 for all.
 * EXIT_ANSWERED, and then io_query_done() must follow, or an error that was said.
 */
enum exit_code io_query_read(const struct query *query, const char *const *names, uint32_t n_names,
			     struct io_query *ret);
void io_query_done(struct io_query *io);

/* For rows of a partition: to be called first with its dictionary. 0 or -ENOMEM. */
int io_query_begin(struct io_query *io, const struct dictionary *dictionary);

/* What a row's bin says, and its group: NULL for a device that is not wanted, or of which the exact
 * sums know nothing. Returns 0 or -EBADMSG. */
int io_query_find(const struct io_query *io, uint32_t bin, struct io_class *ret_class,
		  const struct io_group **ret_group);

/* The time of all that a device did. */
uint64_t io_query_device_ns(const struct io_query *io, uint32_t device);

/* Of the group's exact sum, what is not shared out to samples. */
uint64_t io_group_rest(uint64_t exact, double sampled, bool is_scaled);

/* Says on stderr which devices were left out, if any. */
void io_query_note_left_out(const struct io_query *io);

#endif
