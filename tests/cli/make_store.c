// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * make_store.c - writes a store of known content through the store library, for the tests of
 * profctl: make_store DIR KIND START_SECONDS
 *
 * KIND "empty" is a store begun at START without a bucket. "full" has six buckets of 10 s from
 * START on, in two partitions whose ids differ: two programs, kernel frames, recursion, inlined
 * calls, names that are no fit text, JIT and interpreted code, unnamed and cut stacks, a pid with
 * two lives, losses, a bucket that was not fully covered and one without a sample. "units" is a
 * bucket in each of two partitions, of one stack and all kinds of units and containers. "deep" is
 * one stack of PROFILE_STACK_MAX locations.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "store.h"
#include "units.h"

#define BUCKET_NS (10 * NSEC_PER_SEC)
#define PERIOD_NS (20 * NSEC_PER_MSEC)

enum { KERNEL = 1, WEB, ZLIB, JOB, ANON };

static const struct profile_file files[] = {
	[KERNEL] =
		{FILE_KERNEL, true, 4, {0xde, 0xad, 0xbe, 0xef}, PROFILE_TRUST_SYSTEM, "[kernel]"},
	[WEB] = {FILE_ELF, true, 4, {0x0a, 0x0b, 0x0c, 0x0d}, PROFILE_TRUST_SYSTEM, "/usr/bin/web"},
	[ZLIB] = {FILE_ELF,
		  true,
		  3,
		  {0x11, 0x22, 0x33},
		  PROFILE_TRUST_SYSTEM,
		  "/usr/lib/x86_64-linux-gnu/libz.so.1.2.13"},
	/* No build ID, and a name that every format has to escape. */
	[JOB] = {FILE_ELF, false, 2, {0xff, 0x01}, 1000, "/opt/job/a \"quoted\", name;v2"},
	[ANON] = {FILE_ANON, false, 0, {0}, 1000, "[anon]"},
};

static const struct profile_frame vfs_read[] = {{"vfs_read", "", 0, false}};
static const struct profile_frame copy_user[] = {{"copy_user", "", 0, false}};
static const struct profile_frame web_main[] = {{"main", "src/main.c", 10, false}};
static const struct profile_frame web_handle[] = {{"parse_header", "src/parse.c", 42, true},
						  {"handle", "src/main.c", 30, false}};
static const struct profile_frame recurse[] = {{"recurse", "src/main.c", 50, false}};
static const struct profile_frame deflate_slow[] = {{"deflate_slow", "", 0, false}};
static const struct profile_frame weird[] = {{"we;ird\n\033[31m\377name", "", 0, false}};
static const struct profile_frame job_main[] = {{"main", "job.c", 3, false}};
static const struct profile_frame jit[] = {{"py::loop(int, char)", "", 0, false}};
static const struct profile_frame script[] = {{"loop", "/opt/job/loop.py", 7, false}};

#define NAMED(kind, file, offset, frames)                                                          \
	{                                                                                          \
		kind, file, offset, UNKNOWN_NONE, frames, ARRAY_SIZE(frames)                       \
	}
#define UNNAMED(kind, file, offset, reason)                                                        \
	{                                                                                          \
		kind, file, offset, reason, NULL, 0                                                \
	}

enum {
	L_READ = 1,
	L_COPY,
	L_MAIN,
	L_HANDLE,
	L_RECURSE,
	L_DEFLATE,
	L_NO_SYMBOL,
	L_WEIRD,
	L_JOB,
	L_JIT,
	L_SCRIPT,
	L_GONE,
	L_ANON,
	L_CUT
};

static const struct profile_location locations[] = {
	[L_READ] = NAMED(LOCATION_KERNEL, KERNEL, 0x1000, vfs_read),
	[L_COPY] = NAMED(LOCATION_KERNEL, KERNEL, 0x2345, copy_user),
	[L_MAIN] = NAMED(LOCATION_FILE, WEB, 0x1500, web_main),
	[L_HANDLE] = NAMED(LOCATION_FILE, WEB, 0x1600, web_handle),
	[L_RECURSE] = NAMED(LOCATION_FILE, WEB, 0x1800, recurse),
	[L_DEFLATE] = NAMED(LOCATION_FILE, ZLIB, 0x9000, deflate_slow),
	[L_NO_SYMBOL] = UNNAMED(LOCATION_FILE, ZLIB, 0xa000, UNKNOWN_NO_SYMBOL),
	[L_WEIRD] = NAMED(LOCATION_FILE, JOB, 0x100, weird),
	[L_JOB] = NAMED(LOCATION_FILE, JOB, 0x200, job_main),
	[L_JIT] = NAMED(LOCATION_JIT, ANON, 0x7f0012345678, jit),
	[L_SCRIPT] = NAMED(LOCATION_INTERPRETER, 0, 12, script),
	[L_GONE] = UNNAMED(LOCATION_FILE, 0, 0x55, UNKNOWN_PROCESS_GONE),
	[L_ANON] = UNNAMED(LOCATION_FILE, ANON, 0x7f0012349999, UNKNOWN_ANONYMOUS),
	[L_CUT] = UNNAMED(LOCATION_SYNTHETIC, 0, SYNTHETIC_TRUNCATED_ROOT, UNKNOWN_NONE),
};

static const uint32_t stack_locations[] = {
	L_DEFLATE,   L_HANDLE,	L_MAIN,		  /* 0 */
	L_RECURSE,   L_RECURSE, L_MAIN,		  /* 3 */
	L_COPY,	     L_READ,	L_HANDLE, L_MAIN, /* 6 */
	L_NO_SYMBOL, L_CUT,			  /* 10 */
	L_WEIRD,     L_JOB,			  /* 12 */
	L_JIT,	     L_SCRIPT,	L_JOB,		  /* 14 */
	L_GONE,					  /* 17 */
	L_ANON,	     L_JOB,			  /* 18 */
	L_MAIN,					  /* 20 */
};

enum { DEFLATE = 1, RECURSE, COPY, CUT, WEIRD, JIT, GONE, ANONYMOUS, MAIN };

static const struct profile_stack stacks[] = {
	[DEFLATE] = {0, 3}, [RECURSE] = {3, 3},	   [COPY] = {6, 4},
	[CUT] = {10, 2},    [WEIRD] = {12, 2},	   [JIT] = {14, 3},
	[GONE] = {17, 1},   [ANONYMOUS] = {18, 2}, [MAIN] = {20, 1},
};

enum { S_WEB = 1, S_WORKER, S_JOB, S_FIRST_LIFE, S_SECOND_LIFE };

#define WEB_CGROUP "/system.slice/web.service"
#define JOB_CGROUP "/user.slice/user-1000.slice/user@1000.service/app.slice/app-job\\x2d1-9.scope"
#define WEB_EXE	   "/usr/bin/web"
#define JOB_EXE	   "/opt/job/a \"quoted\", name;v2"

static const struct profile_series series[] = {
	[S_WEB] = {1000, 1000, 50 * NSEC_PER_SEC, "web", WEB_EXE, WEB_CGROUP, "web.service", ""},
	[S_WORKER] = {1000, 1001, 50 * NSEC_PER_SEC, "web-worker", WEB_EXE, WEB_CGROUP,
		      "web.service", ""},
	[S_JOB] = {2000, 2000, 60 * NSEC_PER_SEC, "jo;b", JOB_EXE, JOB_CGROUP,
		   "app-job\\x2d1-9.scope", ""},
	[S_FIRST_LIFE] = {3000, 3000, 70 * NSEC_PER_SEC, "short", "/usr/bin/first", "", "", ""},
	[S_SECOND_LIFE] = {3000, 3000, 80 * NSEC_PER_SEC, "short", "/usr/bin/second", "", "", ""},
};

static const struct {
	unsigned int bucket;
	uint32_t series, stack;
	unsigned int samples;
} content[] = {
	{0, S_WEB, DEFLATE, 100},    {0, S_WEB, RECURSE, 30},	 {0, S_WORKER, DEFLATE, 40},
	{0, S_JOB, WEIRD, 7},	     {1, S_WEB, COPY, 60},	 {1, S_WORKER, CUT, 11},
	{1, S_JOB, JIT, 80},	     {1, S_JOB, GONE, 5},	 {2, S_WEB, DEFLATE, 50},
	{2, S_JOB, ANONYMOUS, 9},    {2, S_FIRST_LIFE, MAIN, 2}, {4, S_JOB, JIT, 20},
	{4, S_WORKER, DEFLATE, 33},  {4, S_WEB, MAIN, 3},	 {5, S_WEB, RECURSE, 10},
	{5, S_SECOND_LIFE, MAIN, 1}, {5, S_WEB, DEFLATE, 25},
};

#define ID	      "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define NGINX_EXE     "/usr/sbin/nginx"
#define NGINX	      "nginx.service"
#define SCOPE	      "docker-" ID ".scope"
#define MACHINE(name) "/machine.slice/machine-" name ".scope/payload/system.slice/" NGINX
#define BOOT	      (50 * NSEC_PER_SEC)

/* The series of "units", and how many samples they have in the first and in the second bucket. */
static const struct {
	struct profile_series series;
	unsigned int samples[2];
} unit_content[] = {
	{{10, 10, BOOT, "nginx", NGINX_EXE, "/system.slice/" NGINX, NGINX, ""}, {1, 2}},
	{{10, 11, BOOT, "nginx-io", NGINX_EXE, "/system.slice/" NGINX, NGINX, ""}, {40, 0}},
	{{10, 12, BOOT, "nginx-io", NGINX_EXE, "/system.slice/" NGINX, NGINX, ""}, {0, 9}},
	{{20, 20, BOOT, "nginx", NGINX_EXE, MACHINE("web\\x2d1"), NGINX, "web-1"}, {20, 0}},
	{{30, 30, BOOT, "nginx", NGINX_EXE, MACHINE("web\\x2d2"), NGINX, "web-2"}, {0, 11}},
	{{40, 41, BOOT, "dockerd-run", "/app/run", "/system.slice/" SCOPE, SCOPE, ID}, {7, 0}},
	{{50, 50, BOOT, "py", "/usr/bin/python3.11", "/docker/" ID, "", ID}, {0, 5}},
	{{60, 60, BOOT, "kworker/0:1", "", "", "", ""}, {3, 0}},
	/* Written by what knew the unit and no path. */
	{{70, 70, BOOT, "old", "/usr/bin/old", "", "old.service", ""}, {2, 0}},
	/* The pid again. */
	{{70, 70, 2 * BOOT, "bad\033[2Jname", "/opt/bad\033[2Jname", "/system.slice/_cpu.service",
	  "cpu.service", ""},
	 {0, 1}},
};

static const struct profile_loss losses[] = {
	{"ringbuf_full", 3, 60 * NSEC_PER_MSEC},
	{"walk_failed", 5, 0},
};

static struct profile_bucket bucket_at(uint64_t start_ns, unsigned int number)
{
	return (struct profile_bucket){
		.start_real_ns = start_ns + number * BUCKET_NS,
		.duration_ns = BUCKET_NS,
		.covered_ns = number == 1 ? 9 * NSEC_PER_SEC : BUCKET_NS,
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
		.losses = number == 2 ? losses : NULL,
		.n_losses = number == 2 ? ARRAY_SIZE(losses) : 0,
	};
}

static int write_bucket(struct store_writer *writer, uint64_t start_ns, unsigned int number,
			struct store_error *error)
{
	struct profile_bucket bucket = bucket_at(start_ns, number);
	struct profile_row rows[ARRAY_SIZE(content)];

	for (size_t i = 0; i < ARRAY_SIZE(content); i++) {
		if (content[i].bucket != number)
			continue;
		rows[bucket.n_rows++] = (struct profile_row){
			.type = SAMPLE_CPU,
			.series = content[i].series,
			.stack = content[i].stack,
			.count = (uint64_t)content[i].samples * PROFILE_COUNT_ONE,
			.value = content[i].samples * PERIOD_NS,
		};
	}
	bucket.rows = rows;
	return store_write_bucket(writer, &bucket, error);
}

static int write_units(struct store_writer *writer, uint64_t start_ns, unsigned int number,
		       struct store_error *error)
{
	struct profile_series unit_series[ARRAY_SIZE(unit_content) + 1] = {0};
	struct profile_row rows[ARRAY_SIZE(unit_content)];
	struct profile_bucket bucket = bucket_at(start_ns, number);

	for (uint32_t i = 0; i < ARRAY_SIZE(unit_content); i++) {
		unsigned int samples = unit_content[i].samples[number];

		unit_series[i + 1] = unit_content[i].series;
		if (samples == 0)
			continue;
		rows[bucket.n_rows++] = (struct profile_row){
			.type = SAMPLE_CPU,
			.series = i + 1,
			.stack = MAIN,
			.count = (uint64_t)samples * PROFILE_COUNT_ONE,
			.value = samples * PERIOD_NS,
		};
	}
	bucket.series = unit_series;
	bucket.n_series = ARRAY_SIZE(unit_series);
	bucket.rows = rows;
	return store_write_bucket(writer, &bucket, error);
}

static int write_deep(struct store_writer *writer, uint64_t start_ns, struct store_error *error)
{
	static uint32_t path[PROFILE_STACK_MAX];
	static const struct profile_row row = {SAMPLE_CPU,	  S_WEB,    1, 0,
					       PROFILE_COUNT_ONE, PERIOD_NS};
	const struct profile_stack deep[] = {{0, 0}, {0, PROFILE_STACK_MAX}};
	struct profile_bucket bucket = bucket_at(start_ns, 0);

	for (size_t i = 0; i < PROFILE_STACK_MAX; i++)
		path[i] = i % 2 ? L_RECURSE : L_HANDLE;
	bucket.stack_locations = path;
	bucket.stacks = deep;
	bucket.n_stacks = ARRAY_SIZE(deep);
	bucket.rows = &row;
	bucket.n_rows = 1;
	return store_write_bucket(writer, &bucket, error);
}

/* Buckets first..last of a kind, in a partition of their own. */
static int write_partition(const char *dir, const char *kind, uint64_t start_ns, unsigned int first,
			   unsigned int last, struct store_error *error)
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

	if (r < 0 || strcmp(kind, "empty") == 0)
		return r;
	if (strcmp(kind, "deep") == 0)
		return write_deep(writer, start_ns, error);
	for (unsigned int i = first; r == 0 && i <= last; i++)
		r = strcmp(kind, "units") == 0 ? write_units(writer, start_ns, i, error)
					       : write_bucket(writer, start_ns, i, error);
	return r;
}

int main(int argc, char **argv)
{
	struct store_error error = {0};
	uint64_t start_ns;
	int r;

	if (argc != 4) {
		(void)fprintf(stderr,
			      "usage: make_store DIR empty|full|units|deep START_SECONDS\n");
		return 2;
	}
	start_ns = strtoull(argv[3], NULL, 10) * NSEC_PER_SEC;
	if (strcmp(argv[2], "units") == 0) {
		r = write_partition(argv[1], argv[2], start_ns, 0, 0, &error);
		if (r == 0)
			r = write_partition(argv[1], argv[2], start_ns, 1, 1, &error);
	} else {
		r = write_partition(argv[1], argv[2], start_ns, 0, 2, &error);
	}
	if (r == 0 && strcmp(argv[2], "full") == 0)
		r = write_partition(argv[1], argv[2], start_ns, 3, 5, &error);
	if (r < 0)
		(void)fprintf(stderr, "make_store: %s (%s)\n", error.text, strerror(-r));
	return r < 0;
}
