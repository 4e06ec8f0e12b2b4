// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * made_bucket.c - builds buckets and directories for the tests of the store. Knows only store.h.
 */
#include "made_bucket.h"

#include <dirent.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "wait_class.h"

#define NOBODY 65534

static const char *const names[] = {"main",  "read_all", "parse", "hash",  "compress",
				    "write", "sort",	 "merge", "flush", "loop"};

void made_begin(struct made_bucket *made, uint64_t start_s)
{
	memset(made, 0, sizeof(*made));
	made->bucket = (struct profile_bucket){
		.start_real_ns = start_s * NSEC_PER_SEC,
		.duration_ns = MADE_BUCKET_NS,
		.covered_ns = MADE_BUCKET_NS,
		.start_boot_ns = start_s * 1000,
		.n_cpus = 2,
		.period_ns = MADE_PERIOD_NS,
		.files = made->files,
		.locations = made->locations,
		.stack_locations = made->stack_locations,
		.stacks = made->stacks,
		.series = made->series,
		.rows = made->rows,
		.losses = made->losses,
		.held = made->held,
		.ledger = made->ledger,
		.io = made->io,
		.n_files = 1,
		.n_locations = 1,
		.n_stacks = 1,
		.n_series = 1,
	};
}

uint32_t made_file(struct made_bucket *made, enum file_kind kind, const char *path)
{
	assert_true(made->bucket.n_files < ARRAY_SIZE(made->files));
	made->files[made->bucket.n_files] = (struct profile_file){
		.kind = kind,
		.is_build_id = kind == FILE_ELF,
		.identity_len = 4,
		.identity = {1, 2, 3, (uint8_t)strlen(path)},
		.trust_uid = PROFILE_TRUST_SYSTEM,
		.path = path,
	};
	return made->bucket.n_files++;
}

void made_frame(struct made_bucket *made, const char *function, const char *source, uint32_t line,
		bool inlined)
{
	struct profile_location *location = &made->locations[made->bucket.n_locations - 1];

	assert_true(made->n_frames < ARRAY_SIZE(made->frames));
	if (!location->n_frames)
		location->frames = &made->frames[made->n_frames];
	made->frames[made->n_frames++] = (struct profile_frame){function, source, line, inlined};
	location->n_frames++;
	location->unknown = UNKNOWN_NONE;
}

uint32_t made_location(struct made_bucket *made, enum location_kind kind, uint32_t file,
		       uint64_t offset, const char *function)
{
	uint32_t index = made->bucket.n_locations++;

	assert_true(index < ARRAY_SIZE(made->locations));
	made->locations[index] =
		(struct profile_location){.kind = kind, .file = file, .offset = offset};
	if (function)
		made_frame(made, function, "", 0, false);
	return index;
}

uint32_t made_stack(struct made_bucket *made, uint32_t n, ...)
{
	uint32_t index = made->bucket.n_stacks++;
	va_list args;

	assert_true(index < ARRAY_SIZE(made->stacks));
	assert_true(made->n_stack_locations + n <= ARRAY_SIZE(made->stack_locations));
	made->stacks[index] = (struct profile_stack){made->n_stack_locations, n};
	va_start(args, n);
	for (uint32_t i = 0; i < n; i++)
		made->stack_locations[made->n_stack_locations++] = va_arg(args, uint32_t);
	va_end(args);
	return index;
}

uint32_t made_series(struct made_bucket *made, uint32_t pid, uint32_t tid, const char *comm)
{
	uint32_t index = made->bucket.n_series++;

	assert_true(index < ARRAY_SIZE(made->series));
	made->series[index] = (struct profile_series){.pid = pid,
						      .tid = tid,
						      .start_boot_ns = pid * 1000ull,
						      .comm = comm,
						      .exe = "/usr/bin/program",
						      .cgroup = "/system.slice/a.service",
						      .unit = "a.service",
						      .container = ""};
	return index;
}

void made_row(struct made_bucket *made, struct profile_row row)
{
	assert_true(made->bucket.n_rows < ARRAY_SIZE(made->rows));
	made->rows[made->bucket.n_rows++] = row;
}

void made_cpu_row(struct made_bucket *made, uint32_t series, uint32_t stack, uint64_t times)
{
	made_row(made, (struct profile_row){.type = SAMPLE_CPU,
					    .series = series,
					    .stack = stack,
					    .count = times * PROFILE_COUNT_ONE,
					    .value = times * MADE_PERIOD_NS});
}

void made_held(struct made_bucket *made, enum sample_type type, uint32_t series, uint32_t stack)
{
	const struct wait_class class = {
		.bin = LATENCY_BIN_OPEN, .state = WAIT_STATE_SLEEP, .exact = true};

	assert_true(made->bucket.n_held < ARRAY_SIZE(made->held));
	made->held[made->bucket.n_held++] =
		(struct profile_held){type, series, stack, wait_class_pack(&class)};
}

void made_ledger(struct made_bucket *made, struct profile_ledger row)
{
	assert_true(made->bucket.n_ledger < ARRAY_SIZE(made->ledger));
	made->ledger[made->bucket.n_ledger++] = row;
}

void made_io(struct made_bucket *made, struct profile_io row)
{
	assert_true(made->bucket.n_io < ARRAY_SIZE(made->io));
	made->io[made->bucket.n_io++] = row;
}

void made_loss(struct made_bucket *made, const char *name, uint64_t count, uint64_t weight_ns)
{
	assert_true(made->bucket.n_losses < ARRAY_SIZE(made->losses));
	made->losses[made->bucket.n_losses++] = (struct profile_loss){name, count, weight_ns};
}

void made_fill(struct made_bucket *made, uint64_t start_s, uint32_t seed, uint32_t n)
{
	uint32_t file, series, locations[20], random = seed * 2654435761u + 1;

	made_begin(made, start_s);
	file = made_file(made, FILE_ELF, "/usr/bin/program");
	series = made_series(made, 100 + seed % 3, 100 + seed % 3, "program");
	/* The first ten are the same for every seed, the others its own. */
	for (uint32_t i = 0; i < ARRAY_SIZE(locations); i++)
		locations[i] = made_location(made, LOCATION_FILE, file,
					     0x1000 + i * 16 + (i < 10 ? 0 : seed * 4096),
					     names[i % ARRAY_SIZE(names)]);
	for (uint32_t i = 0; i < n; i++) {
		random = random * 1664525u + 1013904223u;
		made_cpu_row(made, series,
			     made_stack(made, 4, locations[10 + (random >> 8) % 10],
					locations[(random >> 12) % 10],
					locations[(random >> 16) % 20], locations[0]),
			     1 + (random >> 24) % 3);
	}
}

char *made_directory(void)
{
	const char *tmp = getenv("TMPDIR");
	char *dir = NULL;

	assert_true(asprintf(&dir, "%s/profd-store-XXXXXX", tmp ? tmp : "/tmp") > 0);
	assert_non_null(mkdtemp(dir));
	if (geteuid() == 0) {
		assert_int_equal(chown(dir, 0, NOBODY), 0);
		assert_int_equal(chmod(dir, 02750), 0);
	}
	return dir;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

void made_directory_remove(char *dir)
{
	if (dir)
		(void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

char *made_path(const char *dir, const char *name)
{
	char *path = NULL;

	assert_true(asprintf(&path, "%s/%s", dir, name) > 0);
	return path;
}

char *made_partition(const char *dir)
{
	struct dirent **entries = NULL;
	char *path = NULL;
	int n = scandir(dir, &entries, NULL, versionsort);

	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		size_t len = strlen(entries[i]->d_name);

		if (len > 3 && strcmp(entries[i]->d_name + len - 3, ".db") == 0) {
			free(path);
			path = made_path(dir, entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	assert_non_null(path);
	return path;
}

struct store_options made_options(void)
{
	return (struct store_options){.bucket_ns = MADE_BUCKET_NS,
				      .now_real_ns = MADE_START_S * NSEC_PER_SEC,
				      .boot_id = "boot",
				      .host = "host",
				      .version = "1"};
}

struct store_writer *made_writer(const char *dir, const struct store_options *options)
{
	const struct store_options defaults = made_options();
	struct store_writer *writer = NULL;
	struct store_error error = {};
	int r = store_writer_open(dir, options ? options : &defaults, &writer, &error);

	if (r < 0)
		fail_msg("store_writer_open: %d: %s", r, error.text);
	return writer;
}

void made_write(struct store_writer *writer, struct made_bucket *made)
{
	struct store_error error = {};
	int r = store_write_bucket(writer, &made->bucket, &error);

	if (r < 0)
		fail_msg("store_write_bucket: %d: %s", r, error.text);
	assert_string_equal(error.text, "");
}
