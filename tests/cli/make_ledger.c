// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_ledger.c - writes a store whose ledger is of known content through the store library, for
 * the tests of profctl: make_ledger DIR START_SECONDS [cut]
 *
 * Six buckets of 10 s from START on, in two partitions whose ids differ. The first has no ledger,
 * as after profd's start. Then there are a program of two threads of which one was not measured in
 * a bucket; a job in a container whose times overlap; a pid with two lives; a kernel thread that is
 * idle; and beside the ledger a few waits, exact and sampled, that say what for.
 *
 * "cut" gives all buckets one start, as if they were cut off and profd was restarted between, and
 * adds waits that are charged in one and end in another, or go on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "store.h"
#include "units.h"
#include "wait_class.h"

#define BUCKET_NS (10 * NSEC_PER_SEC)
#define PERIOD_NS (20 * NSEC_PER_MSEC)
#define MIB	  (UINT64_C(1) << 20)
#define N_BUCKETS 6

enum { KERNEL = 1 };

static const struct profile_file files[] = {
	[KERNEL] =
		{FILE_KERNEL, true, 4, {0xde, 0xad, 0xbe, 0xef}, PROFILE_TRUST_SYSTEM, "[kernel]"},
};

static const struct profile_frame futex[] = {{"futex_wait", "", 0, false}};
static const struct profile_frame io[] = {{"io_schedule", "", 0, false}};

enum { LOCK = 1, DISK };

static const struct profile_location locations[] = {
	[LOCK] = {LOCATION_KERNEL, KERNEL, 0x1000, UNKNOWN_NONE, futex, 1},
	[DISK] = {LOCATION_KERNEL, KERNEL, 0x2000, UNKNOWN_NONE, io, 1},
};
static const uint32_t stack_locations[] = {LOCK, DISK};
static const struct profile_stack stacks[] = {[LOCK] = {0, 1}, [DISK] = {1, 1}};

enum { S_WEB = 1, S_WORKER, S_JOB, S_FIRST, S_SECOND, S_KWORKER };

#define ID	   "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define WEB_CGROUP "/system.slice/web.service"
#define JOB_CGROUP "/system.slice/docker-" ID ".scope"
#define WEB_UNIT   "web.service"
#define JOB_UNIT   "docker-" ID ".scope"
#define BOOT	   (50 * NSEC_PER_SEC)

static const struct profile_series series[] = {
	[S_WEB] = {1000, 1000, BOOT, "web", "/usr/bin/web", WEB_CGROUP, WEB_UNIT, ""},
	[S_WORKER] = {1000, 1001, BOOT, "web-worker", "/usr/bin/web", WEB_CGROUP, WEB_UNIT, ""},
	[S_JOB] = {2000, 2000, BOOT, "jo;b\033[2J", "/opt/job", JOB_CGROUP, JOB_UNIT, ID},
	[S_FIRST] = {3000, 3000, 70 * NSEC_PER_SEC, "short", "/usr/bin/first", "", "", ""},
	[S_SECOND] = {3000, 3000, 80 * NSEC_PER_SEC, "short", "/usr/bin/second", "", "", ""},
	[S_KWORKER] = {30, 30, BOOT, "kworker/0:1", "", "", "", ""},
};

/* Times in milliseconds, memory in MiB; user time is two thirds of it for what has memory. */
static const struct {
	unsigned int bucket;
	uint32_t series, flags;
	uint64_t elapsed, oncpu, runq, blocked, idle;
	uint64_t voluntary, involuntary, minor, major, read_bytes, write_bytes, rss, peak;
} content[] = {
	{1, S_WEB, 0, 10000, 300, 20, 9680, 0, 100, 5, 40, 2, 4096, 100, 50, 60},
	{2, S_WEB, 0, 10000, 600, 10, 9390, 0, 120, 7, 10, 0, 0, 50, 55, 60},
	{4, S_WEB, 0, 10000, 0, 0, 10000, 0, 0, 0, 0, 0, 0, 0, 40, 60},
	{5, S_WEB, 0, 10000, 900, 0, 9095, 0, 30, 1, 1, 0, 8192, 0, 42, 60},
	{1, S_WORKER, 0, 10000, 6000, 500, 3500, 0, 2000, 90, 0, 0, 0, 0, 0, 0},
	{2, S_WORKER, PROFILE_LEDGER_GATE, 10000, 3000, 250, 6750, 0, 90000, 10, 0, 0, 0, 0, 0, 0},
	{4, S_WORKER, 0, 10000, 1500, 0, 8500, 0, 700, 2, 0, 0, 0, 1048576, 0, 0},
	{1, S_JOB, 0, 9000, 9000, 30, 0, 0, 0, 40, 500, 0, 0, 0, 300, 512},
	{3, S_JOB, PROFILE_LEDGER_ENDED, 1000, 900, 0, 90, 0, 1, 3, 0, 0, 0, 0, 0, 0},
	/* No pass saw it, and its main thread did not end last. */
	{2, S_FIRST, PROFILE_LEDGER_STARTED | PROFILE_LEDGER_ENDED, 500, 40, 0, 460, 0, 3, 0, 90, 0,
	 0, 0, 0, 0},
	{4, S_SECOND, PROFILE_LEDGER_STARTED, 7000, 60, 0, 6940, 0, 3, 0, 70, 0, 0, 0, 3, 4},
	{1, S_KWORKER, 0, 10000, 3, 0, 9997, 9000, 12, 0, 0, 0, 0, 0, 0, 0},
};

/* n waits of ns each, of which each stands for 2^weight_log2. */
static const struct wait {
	unsigned int bucket;
	uint32_t series, stack;
	bool exact;
	unsigned int weight_log2, n;
	uint64_t ns;
} waits[] = {
	{1, S_WEB, DISK, true, 0, 4, 250 * NSEC_PER_MSEC},
	{1, S_WORKER, LOCK, false, 2, 50, 10 * NSEC_PER_MSEC},
	{4, S_WORKER, LOCK, false, 2, 50, 30 * NSEC_PER_MSEC},
	{4, S_SECOND, DISK, true, 0, 1, 2 * NSEC_PER_SEC},
};

/* Of "cut": n 0 is a charge of a wait that goes on. */
static const struct wait cut_waits[] = {
	{1, S_WEB, DISK, true, 0, 0, 3 * NSEC_PER_SEC},
	{2, S_WEB, DISK, true, 0, 1, 4 * NSEC_PER_SEC},
	{4, S_WORKER, LOCK, true, 0, 0, 5 * NSEC_PER_SEC},
	{5, S_WORKER, LOCK, true, 0, 0, 6 * NSEC_PER_SEC},
};

static const struct profile_loss losses[] = {{"ringbuf_full", 3, 60 * NSEC_PER_MSEC}};

static uint32_t add_ledger(unsigned int number, struct profile_ledger *rows)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(content); i++) {
		uint64_t oncpu_ns = content[i].oncpu * NSEC_PER_MSEC;
		uint64_t user_ns = content[i].series == S_KWORKER ? 0 : oncpu_ns / 3 * 2;

		if (content[i].bucket != number)
			continue;
		rows[n++] = (struct profile_ledger){
			.series = content[i].series,
			.flags = content[i].flags,
			.elapsed_ns = content[i].elapsed * NSEC_PER_MSEC,
			.oncpu_ns = oncpu_ns,
			.user_ns = user_ns,
			.system_ns = oncpu_ns - user_ns,
			.runq_ns = content[i].runq * NSEC_PER_MSEC,
			.blocked_ns = content[i].blocked * NSEC_PER_MSEC,
			.idle_ns = content[i].idle * NSEC_PER_MSEC,
			.voluntary_switches = content[i].voluntary,
			.involuntary_switches = content[i].involuntary,
			.minor_faults = content[i].minor,
			.major_faults = content[i].major,
			.read_bytes = content[i].read_bytes,
			.write_bytes = content[i].write_bytes,
			.rss_bytes = content[i].rss * MIB,
			.peak_rss_bytes = content[i].peak * MIB,
		};
	}
	return n;
}

static uint32_t add_waits(const struct wait *from, size_t n_from, unsigned int number,
			  struct profile_row *rows)
{
	uint32_t n = 0;

	for (size_t i = 0; i < n_from; i++) {
		uint64_t n_waits = (uint64_t)from[i].n << from[i].weight_log2;
		const struct wait_class class = {
			.bin = n_waits ? latency_bin_of(from[i].ns) : LATENCY_BIN_OPEN,
			.state = from[i].stack == DISK ? WAIT_STATE_DISK : WAIT_STATE_SLEEP,
			.exact = from[i].exact,
			.weight_log2 = from[i].weight_log2,
		};

		if (from[i].bucket != number)
			continue;
		rows[n++] = (struct profile_row){
			.type = SAMPLE_OFFCPU,
			.series = from[i].series,
			.stack = from[i].stack,
			.bin = wait_class_pack(&class),
			.count = n_waits * PROFILE_COUNT_ONE,
			.value = (n_waits ? n_waits : 1) * from[i].ns,
		};
	}
	return n;
}

static int write_bucket(struct store_writer *writer, uint64_t start_ns, unsigned int number,
			bool is_cut, struct store_error *error)
{
	struct profile_ledger ledger[ARRAY_SIZE(content)];
	struct profile_row rows[ARRAY_SIZE(waits) + ARRAY_SIZE(cut_waits)];
	uint32_t n_rows = add_waits(waits, ARRAY_SIZE(waits), number, rows);
	const struct profile_bucket bucket = {
		.start_real_ns = start_ns + (is_cut ? 0 : number * BUCKET_NS),
		.duration_ns = BUCKET_NS,
		.covered_ns = BUCKET_NS,
		.start_boot_ns = 100 * NSEC_PER_SEC + number * BUCKET_NS,
		.n_cpus = 4,
		.period_ns = PERIOD_NS,
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
		.n_rows = n_rows + (is_cut ? add_waits(cut_waits, ARRAY_SIZE(cut_waits), number,
						       rows + n_rows)
					   : 0),
		.ledger = ledger,
		.n_ledger = add_ledger(number, ledger),
		.losses = losses,
		.n_losses = number == 2 ? ARRAY_SIZE(losses) : 0,
	};

	return store_write_bucket(writer, &bucket, error);
}

/* Buckets first..last, in a partition of their own. */
static int write_partition(const char *dir, uint64_t start_ns, unsigned int first,
			   unsigned int last, bool is_cut, struct store_error *error)
{
	const struct store_options options = {
		.bucket_ns = BUCKET_NS,
		.now_real_ns = start_ns + (is_cut ? 0 : first * BUCKET_NS),
		.boot_id = "00000000-0000-0000-0000-000000000000",
		.host = "web-3",
		.version = PROFD_VERSION,
	};
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	int r = store_writer_open(dir, &options, &writer, error);

	for (unsigned int i = first; r == 0 && i <= last; i++)
		r = write_bucket(writer, start_ns, i, is_cut, error);
	return r;
}

int main(int argc, char **argv)
{
	struct store_error error = {0};
	bool is_cut = argc > 3;
	uint64_t start_ns;
	int r;

	if (argc < 3 || argc > 4 || (is_cut && strcmp(argv[3], "cut") != 0)) {
		(void)fprintf(stderr, "usage: make_ledger DIR START_SECONDS [cut]\n");
		return 2;
	}
	start_ns = strtoull(argv[2], NULL, 10) * NSEC_PER_SEC;
	r = write_partition(argv[1], start_ns, 0, 2, is_cut, &error);
	if (r == 0)
		/* The last one of those that were cut off ended before any pass. */
		r = write_partition(argv[1], start_ns, 3, is_cut ? N_BUCKETS : N_BUCKETS - 1,
				    is_cut, &error);
	if (r < 0)
		(void)fprintf(stderr, "make_ledger: %s (%s)\n", error.text, strerror(-r));
	return r < 0;
}
