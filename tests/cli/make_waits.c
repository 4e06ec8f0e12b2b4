// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_waits.c - writes a store with waits of known content through the store library, for the
 * tests of profctl: make_waits DIR KIND START_SECONDS
 *
 * KIND "waits" has six buckets of 10 s from START on, in two partitions, of which bucket 1 was
 * covered for 9 s: a worker with many short waits, sampled and weighted (enough of them to be
 * scaled); a main thread with exact waits for the disk and one for poll() that begins in bucket 0
 * and ends in bucket 4; a job with few samples, of which the ledger knows more, and a lock that it
 * waits for since bucket 4 and still does; a kernel thread with nothing to do; run-queue time; who
 * woke the worker; and CPU time. "no-ledger" is the same without the ledger.
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
#define USEC	  (NSEC_PER_MSEC / 1000)
#define N_BUCKETS 6

enum { KERNEL = 1, WEB };

static const struct profile_file files[] = {
	[KERNEL] =
		{FILE_KERNEL, true, 4, {0xde, 0xad, 0xbe, 0xef}, PROFILE_TRUST_SYSTEM, "[kernel]"},
	[WEB] = {FILE_ELF, true, 4, {0x0a, 0x0b, 0x0c, 0x0d}, PROFILE_TRUST_SYSTEM, "/usr/bin/web"},
};

enum {
	L_SCHEDULE = 1,
	L_SCHEDULE_OUTER,
	L_FUTEX,
	L_IO,
	L_FAULT,
	L_POLL,
	L_SLEEP,
	L_READ,
	L_MAIN,
	L_HANDLE,
	L_UNNAMED,
	N_LOCATIONS
};

static const struct profile_frame frames[N_LOCATIONS] = {
	[L_SCHEDULE] = {"__schedule", "", 0, false},
	[L_SCHEDULE_OUTER] = {"schedule", "", 0, false},
	[L_FUTEX] = {"futex_wait", "", 0, false},
	[L_IO] = {"io_schedule", "", 0, false},
	[L_FAULT] = {"filemap_fault", "", 0, false},
	[L_POLL] = {"ep_poll", "", 0, false},
	[L_SLEEP] = {"do_nanosleep", "", 0, false},
	[L_READ] = {"vfs_read", "", 0, false},
	[L_MAIN] = {"main", "src/main.c", 10, false},
	[L_HANDLE] = {"handle", "src/main.c", 30, false},
};

static const uint32_t stack_locations[] = {
	L_SCHEDULE, L_SCHEDULE_OUTER, L_FUTEX, L_HANDLE, L_MAIN,	   /* 0 */
	L_SCHEDULE, L_SCHEDULE_OUTER, L_IO,    L_READ,	 L_MAIN,	   /* 5 */
	L_SCHEDULE, L_SCHEDULE_OUTER, L_POLL,  L_MAIN,			   /* 10 */
	L_SCHEDULE, L_SCHEDULE_OUTER, L_SLEEP, L_MAIN,			   /* 14 */
	L_SCHEDULE, L_SCHEDULE_OUTER, L_IO,    L_FAULT,	 L_HANDLE, L_MAIN, /* 18 */
	L_HANDLE,   L_MAIN,						   /* 24 */
	L_UNNAMED,  L_MAIN,						   /* 26 */
};

enum { LOCK = 1, DISK, POLL, SLEEP, FAULT, HANDLE, UNNAMED };

static const struct profile_stack stacks[] = {
	[LOCK] = {0, 5},   [DISK] = {5, 5},    [POLL] = {10, 4},    [SLEEP] = {14, 4},
	[FAULT] = {18, 6}, [HANDLE] = {24, 2}, [UNNAMED] = {26, 2},
};

enum { S_MAIN = 1, S_WORKER, S_JOB, S_KWORKER, N_SERIES };

#define CGROUP "/system.slice/web.service"
#define UNIT   "web.service"
#define BOOT   (50 * NSEC_PER_SEC)

static const struct profile_series series[N_SERIES] = {
	[S_MAIN] = {1000, 1000, BOOT, "web", "/usr/bin/web", CGROUP, UNIT, ""},
	[S_WORKER] = {1000, 1001, BOOT, "web-worker", "/usr/bin/web", CGROUP, UNIT, ""},
	[S_JOB] = {2000, 2000, BOOT, "job", "/usr/bin/job", "", "", ""},
	[S_KWORKER] = {30, 30, BOOT, "kworker/0:1", "", "", "", ""},
};

/* n waits of which each stands for 2^weight_log2; ns is what this row has of each. */
static const struct {
	unsigned int bucket;
	enum sample_type type;
	uint32_t series, stack;
	enum wait_state state;
	bool exact;
	unsigned int weight_log2, n;
	uint64_t ns, whole_ns; /* 0: the same */
} content[] = {
	/* Sampled: 80 waits of 1 ms in each of four buckets, and 24 faults of 2 ms. */
	{0, SAMPLE_OFFCPU, S_WORKER, LOCK, WAIT_STATE_SLEEP, false, 2, 20, NSEC_PER_MSEC, 0},
	{1, SAMPLE_OFFCPU, S_WORKER, LOCK, WAIT_STATE_SLEEP, false, 2, 20, NSEC_PER_MSEC, 0},
	{2, SAMPLE_OFFCPU, S_WORKER, LOCK, WAIT_STATE_SLEEP, false, 2, 20, NSEC_PER_MSEC, 0},
	{4, SAMPLE_OFFCPU, S_WORKER, LOCK, WAIT_STATE_SLEEP, false, 2, 20, NSEC_PER_MSEC, 0},
	{2, SAMPLE_OFFCPU, S_WORKER, FAULT, WAIT_STATE_DISK, false, 3, 3, 2 * NSEC_PER_MSEC, 0},
	/* Exact: the disk, and the end of a wait of 37 s. */
	{0, SAMPLE_OFFCPU, S_MAIN, DISK, WAIT_STATE_DISK, true, 0, 5, 40 * NSEC_PER_MSEC, 0},
	{4, SAMPLE_OFFCPU, S_MAIN, DISK, WAIT_STATE_DISK, true, 0, 3, 60 * NSEC_PER_MSEC, 0},
	{4, SAMPLE_OFFCPU, S_MAIN, POLL, WAIT_STATE_SLEEP, true, 0, 1, 2 * NSEC_PER_SEC,
	 37 * NSEC_PER_SEC},
	/* Few samples: 24 waits of 5 ms. */
	{3, SAMPLE_OFFCPU, S_JOB, SLEEP, WAIT_STATE_SLEEP, false, 3, 3, 5 * NSEC_PER_MSEC, 0},
	/* Run-queue time, also of a thread that slept before. */
	{0, SAMPLE_RUNQ, S_WORKER, HANDLE, WAIT_STATE_NONE, false, 1, 40, 200 * USEC, 0},
	{2, SAMPLE_RUNQ, S_WORKER, LOCK, WAIT_STATE_SLEEP, false, 1, 20, 50 * USEC, 0},
	{4, SAMPLE_RUNQ, S_JOB, UNNAMED, WAIT_STATE_NONE, true, 0, 2, 15 * NSEC_PER_MSEC, 0},
	/* The worker was woken by the main thread's read. */
	{0, SAMPLE_WAKER, S_WORKER, DISK, WAIT_STATE_SLEEP, false, 2, 20, NSEC_PER_MSEC, 0},
	{0, SAMPLE_CPU, S_WORKER, HANDLE, WAIT_STATE_NONE, true, 0, 50, PERIOD_NS, 0},
	{1, SAMPLE_CPU, S_WORKER, HANDLE, WAIT_STATE_NONE, true, 0, 30, PERIOD_NS, 0},
	{4, SAMPLE_CPU, S_JOB, UNNAMED, WAIT_STATE_NONE, true, 0, 10, PERIOD_NS, 0},
};

/* Charged at the end of a bucket; held ones last over whole buckets. */
static const struct {
	unsigned int first, last;
	bool is_held;
	uint32_t series, stack;
	uint64_t ns;
} charges[] = {
	{0, 0, false, S_MAIN, POLL, 6 * NSEC_PER_SEC},
	{1, 3, true, S_MAIN, POLL, 0},
	{4, 4, false, S_JOB, LOCK, 3 * NSEC_PER_SEC},
	{5, 5, true, S_JOB, LOCK, 0},
};

/* What the ledger has of a thread in a bucket, in microseconds: a wait at its end is included. */
static const struct {
	unsigned int bucket;
	uint32_t series;
	uint64_t oncpu_us, runq_us, blocked_us, idle_us, max_blocked_us, max_runq_us;
} ledger[] = {
	/* Samples of the worker stand for 368 ms, and here are 460: a factor of 1.25. */
	{0, S_WORKER, 1000000, 20000, 100000, 0, 1300, 400},
	{1, S_WORKER, 600000, 0, 100000, 0, 1200, 0},
	{2, S_WORKER, 1000, 4000, 160000, 0, 2500, 100},
	{4, S_WORKER, 1000, 0, 100000, 0, 1100, 0},
	{0, S_MAIN, 1000, 0, 6200000, 0, 6000000, 0},
	{1, S_MAIN, 0, 0, 9000000, 0, 15000000, 0},
	{2, S_MAIN, 0, 0, 10000000, 0, 25000000, 0},
	{3, S_MAIN, 0, 0, 10000000, 0, 35000000, 0},
	{4, S_MAIN, 1000, 0, 2180000, 0, 37000000, 0},
	/* Of the job 200 ms, of which samples stand for 120. */
	{3, S_JOB, 1000, 0, 200000, 0, 6000, 0},
	{4, S_JOB, 200000, 30000, 3000000, 0, 3000000, 15000},
	{5, S_JOB, 0, 0, 10000000, 0, 13000000, 0},
	{0, S_KWORKER, 0, 0, 10000000, 10000000, 10000000, 0},
};

static uint64_t covered_ns(unsigned int number)
{
	return number == 1 ? 9 * NSEC_PER_SEC : BUCKET_NS;
}

static void add_rows(unsigned int number, struct profile_row *rows, uint32_t *n)
{
	for (size_t i = 0; i < ARRAY_SIZE(content); i++) {
		bool is_wait = content[i].type != SAMPLE_CPU;
		uint64_t n_waits = (uint64_t)content[i].n << content[i].weight_log2;
		const struct wait_class class = {
			.bin = latency_bin_of(content[i].whole_ns ? content[i].whole_ns
								  : content[i].ns),
			.state = content[i].state,
			.exact = content[i].exact,
			.weight_log2 = content[i].weight_log2,
			/* The disk's later waits, and the job's sleep. */
			.kernel_only = content[i].stack == DISK && number == 4,
			.gate = content[i].stack == SLEEP,
		};

		if (content[i].bucket != number)
			continue;
		rows[(*n)++] = (struct profile_row){
			.type = content[i].type,
			.series = content[i].series,
			.stack = content[i].stack,
			.bin = is_wait ? wait_class_pack(&class) : 0,
			.count = n_waits * PROFILE_COUNT_ONE,
			.value = n_waits * content[i].ns,
		};
	}
}

static void add_charges(unsigned int number, struct profile_row *rows, uint32_t *n,
			struct profile_held *held, uint32_t *n_held)
{
	const struct wait_class class = {
		.bin = LATENCY_BIN_OPEN, .state = WAIT_STATE_SLEEP, .exact = true};

	for (size_t i = 0; i < ARRAY_SIZE(charges); i++) {
		if (number < charges[i].first || number > charges[i].last)
			continue;
		if (charges[i].is_held)
			held[(*n_held)++] =
				(struct profile_held){SAMPLE_OFFCPU, charges[i].series,
						      charges[i].stack, wait_class_pack(&class)};
		else
			rows[(*n)++] = (struct profile_row){
				.type = SAMPLE_OFFCPU,
				.series = charges[i].series,
				.stack = charges[i].stack,
				.bin = wait_class_pack(&class),
				.value = charges[i].ns,
			};
	}
}

static uint32_t add_ledger(unsigned int number, struct profile_ledger *rows)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(ledger); i++)
		if (ledger[i].bucket == number)
			rows[n++] = (struct profile_ledger){
				.series = ledger[i].series,
				.elapsed_ns = covered_ns(number),
				.oncpu_ns = ledger[i].oncpu_us * USEC,
				.user_ns = ledger[i].oncpu_us * USEC,
				.runq_ns = ledger[i].runq_us * USEC,
				.blocked_ns = ledger[i].blocked_us * USEC,
				.idle_ns = ledger[i].idle_us * USEC,
				.max_blocked_ns = ledger[i].max_blocked_us * USEC,
				.max_runq_ns = ledger[i].max_runq_us * USEC,
			};
	return n;
}

static int write_bucket(struct store_writer *writer, uint64_t start_ns, unsigned int number,
			bool has_ledger, struct store_error *error)
{
	struct profile_row rows[ARRAY_SIZE(content) + ARRAY_SIZE(charges)];
	struct profile_held held[ARRAY_SIZE(charges)];
	struct profile_ledger ledger_rows[ARRAY_SIZE(ledger)];
	struct profile_location locations[N_LOCATIONS] = {0};
	struct profile_bucket bucket = {
		.start_real_ns = start_ns + number * BUCKET_NS,
		.duration_ns = BUCKET_NS,
		.covered_ns = covered_ns(number),
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
		.held = held,
		.ledger = ledger_rows,
	};

	for (uint32_t i = 1; i < N_LOCATIONS; i++)
		locations[i] = (struct profile_location){
			.kind = i >= L_MAIN ? LOCATION_FILE : LOCATION_KERNEL,
			.file = i >= L_MAIN ? WEB : KERNEL,
			.offset = 0x1000 * i,
			.unknown = i == L_UNNAMED ? UNKNOWN_NO_SYMBOL : UNKNOWN_NONE,
			.frames = &frames[i],
			.n_frames = i != L_UNNAMED,
		};
	add_rows(number, rows, &bucket.n_rows);
	add_charges(number, rows, &bucket.n_rows, held, &bucket.n_held);
	if (has_ledger)
		bucket.n_ledger = add_ledger(number, ledger_rows);
	return store_write_bucket(writer, &bucket, error);
}

/* Buckets first..last, in a partition of their own. */
static int write_partition(const char *dir, uint64_t start_ns, unsigned int first,
			   unsigned int last, bool has_ledger, struct store_error *error)
{
	const struct store_options options = {
		.bucket_ns = BUCKET_NS,
		.now_real_ns = start_ns + first * BUCKET_NS,
		.boot_id = "00000000-0000-0000-0000-000000000000",
		.host = "web-3",
		.version = PROFD_VERSION,
	};
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	int r = store_writer_open(dir, &options, &writer, error);

	for (unsigned int i = first; r == 0 && i <= last; i++)
		r = write_bucket(writer, start_ns, i, has_ledger, error);
	return r;
}

int main(int argc, char **argv)
{
	struct store_error error = {0};
	uint64_t start_ns;
	bool has_ledger;
	int r;

	if (argc != 4 || (strcmp(argv[2], "waits") != 0 && strcmp(argv[2], "no-ledger") != 0)) {
		(void)fprintf(stderr, "usage: make_waits DIR waits|no-ledger START_SECONDS\n");
		return 2;
	}
	has_ledger = strcmp(argv[2], "waits") == 0;
	start_ns = strtoull(argv[3], NULL, 10) * NSEC_PER_SEC;
	r = write_partition(argv[1], start_ns, 0, 2, has_ledger, &error);
	if (r == 0)
		r = write_partition(argv[1], start_ns, 3, N_BUCKETS - 1, has_ledger, &error);
	if (r < 0)
		(void)fprintf(stderr, "make_waits: %s (%s)\n", error.text, strerror(-r));
	return r < 0;
}
