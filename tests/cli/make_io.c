// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_io.c - writes a store with block I/O of known content through the store library, for the
 * tests of profctl: make_io DIR START_SECONDS
 *
 * Two buckets of 10 s from START on, in each of which disk sda read 800 times 4 KiB in 100 us,
 * wrote 10 times 8 KiB in 1 ms (sync) and flushed 5 times; dm-0, which stands on it, read the same
 * 800 times. Of sda's reads 75 samples of weight 8 are the database's and 25 the backup's; of its
 * writes 2 samples of weight 1 are writeback of the unit db.service. Of dm-0 there are 100 samples
 * of the database's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "io_class.h"
#include "store.h"
#include "units.h"
#include "wait_class.h"

#define BUCKET_NS (10 * NSEC_PER_SEC)
#define USEC	  1000ull

enum { KERNEL = 1, SDA, DM };

static const struct profile_file files[] = {
	[KERNEL] = {FILE_KERNEL, true, 4, {1, 2, 3, 4}, PROFILE_TRUST_SYSTEM, "[kernel]"},
	[SDA] = {FILE_DEVICE, false, PROFILE_DEVICE_IDENTITY_LEN, {8}, PROFILE_TRUST_SYSTEM, "sda"},
	[DM] = {FILE_DEVICE,
		false,
		PROFILE_DEVICE_IDENTITY_LEN,
		{253, [PROFILE_DEVICE_STACKED] = 1},
		PROFILE_TRUST_SYSTEM,
		"dm-0"},
};

static const struct profile_frame frames[] = {
	{0},
	{"submit_bio", "", 0, false},
	{"vfs_read", "", 0, false},
	{"wb_workfn", "", 0, false},
};

static const struct profile_location locations[] = {
	{0},
	{LOCATION_KERNEL, KERNEL, 1, UNKNOWN_NONE, &frames[1], 1},
	{LOCATION_KERNEL, KERNEL, 2, UNKNOWN_NONE, &frames[2], 1},
	{LOCATION_KERNEL, KERNEL, 3, UNKNOWN_NONE, &frames[3], 1},
};

enum { READING = 1, WRITING_BACK };

static const uint32_t stack_locations[] = {1, 2, 1, 3};
static const struct profile_stack stacks[] = {{0}, [READING] = {0, 2}, [WRITING_BACK] = {2, 2}};

enum { DATABASE = 1, BACKUP, WRITEBACK };

static const struct profile_series series[] = {
	{.comm = "", .exe = "", .cgroup = "", .unit = "", .container = ""},
	[DATABASE] = {100, 100, 1, "db", "/usr/bin/db", "/db.service", "db.service", ""},
	[BACKUP] = {200, 200, 1, "tar", "/usr/bin/tar", "/backup.service", "backup.service", ""},
	[WRITEBACK] = {0, 0, 0, "[writeback]", "", "/db.service", "db.service", ""},
};

static void count(struct profile_io *io, uint64_t ios, uint64_t bytes, uint64_t ns)
{
	io->ios = io->total.known = ios;
	io->bytes = ios * bytes;
	io->total.sum_ns = ios * ns;
	io->total.bins[latency_bin_of(ns)] = ios;
}

/* `n` samples of one kind, of a weight: their time and their bytes. */
static void sample(struct profile_row *rows, uint32_t who, uint32_t stack, struct io_class class,
		   uint64_t n, uint64_t bytes, uint64_t ns)
{
	uint64_t all = n << class.weight_log2;

	class.bin = latency_bin_of(ns);
	rows[0] =
		(struct profile_row){SAMPLE_BLOCKIO,	      who,     stack, io_class_pack(&class),
				     all * PROFILE_COUNT_ONE, all * ns};
	rows[1] = rows[0];
	rows[1].type = SAMPLE_BLOCKIO_BYTES;
	rows[1].value = all * bytes;
}

static int write_bucket(struct store_writer *writer, uint64_t start_ns, struct store_error *error)
{
	const struct io_class reads = {.device = SDA, .op = IO_OP_READ, .weight_log2 = 3},
			      writes = {.device = SDA, .op = IO_OP_WRITE},
			      above = {.device = DM, .op = IO_OP_READ, .weight_log2 = 3};
	struct profile_io io[] = {
		{.device = SDA, .op = IO_OP_READ},
		{.device = SDA, .op = IO_OP_WRITE, .flags = PROFILE_IO_SYNC, .errors = 1},
		{.device = SDA, .op = IO_OP_FLUSH},
		{.device = DM, .op = IO_OP_READ},
	};
	struct profile_row rows[8];
	const struct profile_bucket bucket = {
		.start_real_ns = start_ns,
		.duration_ns = BUCKET_NS,
		.covered_ns = BUCKET_NS,
		.n_cpus = 2,
		.period_ns = 20 * NSEC_PER_MSEC,
		.files = files,
		.n_files = ARRAY_SIZE(files),
		.locations = locations,
		.n_locations = ARRAY_SIZE(locations),
		.stack_locations = stack_locations,
		.stacks = stacks,
		.n_stacks = ARRAY_SIZE(stacks),
		.series = series,
		.n_series = ARRAY_SIZE(series),
		.rows = rows,
		.n_rows = ARRAY_SIZE(rows),
		.io = io,
		.n_io = ARRAY_SIZE(io),
	};

	count(&io[0], 800, 4096, 100 * USEC);
	count(&io[1], 10, 8192, 1000 * USEC);
	count(&io[2], 5, 0, 50 * USEC);
	count(&io[3], 800, 4096, 110 * USEC);
	sample(rows, DATABASE, READING, reads, 75, 4096, 100 * USEC);
	sample(rows + 2, BACKUP, READING, reads, 25, 4096, 100 * USEC);
	sample(rows + 4, WRITEBACK, WRITING_BACK, writes, 2, 8192, 1000 * USEC);
	sample(rows + 6, DATABASE, READING, above, 100, 4096, 110 * USEC);
	return store_write_bucket(writer, &bucket, error);
}

int main(int argc, char **argv)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	struct store_options options = {.bucket_ns = BUCKET_NS, .host = "disk-1"};
	struct store_error error = {0};
	int r;

	if (argc != 3) {
		(void)fprintf(stderr, "usage: make_io DIR START_SECONDS\n");
		return 2;
	}
	options.now_real_ns = strtoull(argv[2], NULL, 10) * NSEC_PER_SEC;
	r = store_writer_open(argv[1], &options, &writer, &error);
	for (uint64_t i = 0; r == 0 && i < 2; i++)
		r = write_bucket(writer, options.now_real_ns + i * BUCKET_NS, &error);
	if (r < 0)
		(void)fprintf(stderr, "make_io: %s (%s)\n", error.text, strerror(-r));
	return r < 0;
}
