// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fill_trace.c - fills a store by replaying a recorded trace through the writer that profd uses, as
 * input for benchmarks: fill-trace STORE_DIR TRACE.txt END_UNIX_S SECONDS. The trace is lines of
 * "F id K|U module function+offset", "S id frames..." (root first), "X time_ms pid tid stack comm".
 * Each round of the trace follows the one before; what it costs is printed at the end.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "hash_index.h"
#include "store.h"
#include "units.h"

#define BUCKET_S  10
#define PERIOD_NS (NSEC_PER_SEC / 99)

struct sample {
	uint32_t time_ms, series, stack;
};

/* The trace in the words of profile.h; entry 0 of each array is none. */
struct trace {
	struct profile_file *files;
	struct profile_location *locations;
	struct profile_frame *frames; /* by location */
	uint32_t *stack_locations;
	struct profile_stack *stacks;
	struct profile_series *series;
	struct sample *samples;
	struct hash_index series_index;
	uint32_t n_files, n_locations, n_stack_locations, n_stacks, n_series, n_samples;
	uint32_t length_ms;
};

/* What the last bucket used of the trace: entries of the trace to entries of the bucket. */
struct part {
	uint32_t *locations, *stacks, *series;
	struct profile_location *bucket_locations;
	uint32_t *bucket_stack_locations;
	struct profile_stack *bucket_stacks;
	struct profile_series *bucket_series;
	struct profile_row *rows;
};

static void *must(void *p)
{
	if (!p) {
		fprintf(stderr, "fill-trace: out of memory\n");
		exit(1);
	}
	return p;
}

/* Room for one more entry in an array that grows by doubling from 1024. */
#define grow(array, n)                                                                             \
	do {                                                                                       \
		if (!(array))                                                                      \
			(array) = must(calloc(1024, sizeof(*(array))));                            \
		else if ((n) >= 1024 && !((n) & ((n)-1)))                                          \
			(array) = must(reallocarray((array), (size_t)(n)*2, sizeof(*(array))));    \
	} while (0)

static uint32_t add_file(struct trace *trace, const char *module, bool kernel)
{
	struct profile_file *file;
	uint64_t hash = hash_bytes(module, strlen(module));

	for (uint32_t i = 1; i < trace->n_files; i++)
		if (!strcmp(trace->files[i].path, kernel ? "[kernel]" : module))
			return i;
	grow(trace->files, trace->n_files);
	file = &trace->files[trace->n_files];
	*file = (struct profile_file){
		.kind = kernel ? FILE_KERNEL : FILE_ELF,
		.is_build_id = true,
		.identity_len = 20,
		.trust_uid = PROFILE_TRUST_SYSTEM,
		.path = must(strdup(kernel ? "[kernel]" : module)),
	};
	for (size_t i = 0; i < 20; i++) {
		hash = hash_u64(hash, i);
		file->identity[i] = (uint8_t)hash;
	}
	return trace->n_files++;
}

/* "F id K|U module function+offset": ids come in order. */
static int add_frame(struct trace *trace, char *line)
{
	char *save, *kind, *module, *function, *plus;
	struct profile_location *location;
	uint64_t offset;

	strtok_r(line + 2, " ", &save);
	kind = strtok_r(NULL, " ", &save);
	module = strtok_r(NULL, " ", &save);
	function = strtok_r(NULL, "\n", &save);
	if (!function)
		return -EINVAL;
	plus = strrchr(function, '+');
	offset = plus ? strtoull(plus + 1, NULL, 16) : 0;
	if (plus)
		*plus = '\0';
	grow(trace->locations, trace->n_locations);
	grow(trace->frames, trace->n_locations);
	location = &trace->locations[trace->n_locations];
	*location = (struct profile_location){
		.kind = *kind == 'K' ? LOCATION_KERNEL : LOCATION_FILE,
		.file = add_file(trace, module, *kind == 'K'),
		.offset = (hash_bytes(function, strlen(function)) & 0xffffff0) + offset,
		.unknown = *function == '?' ? UNKNOWN_NO_SYMBOL : UNKNOWN_NONE,
		.n_frames = *function != '?',
	};
	trace->frames[trace->n_locations++] =
		(struct profile_frame){.function = must(strdup(function)), .source = ""};
	return 0;
}

/* "S id frames...", root first; a stack here is leaf first. */
static int add_stack(struct trace *trace, char *line)
{
	uint32_t first = trace->n_stack_locations, n;
	char *save, *word;

	strtok_r(line + 2, " ", &save);
	while ((word = strtok_r(NULL, " \n", &save))) {
		grow(trace->stack_locations, trace->n_stack_locations);
		trace->stack_locations[trace->n_stack_locations++] =
			(uint32_t)strtoul(word, NULL, 10) + 1;
	}
	n = trace->n_stack_locations - first;
	for (uint32_t i = 0; i < n / 2; i++) {
		uint32_t *a = &trace->stack_locations[first + i];
		uint32_t *b = &trace->stack_locations[first + n - 1 - i], swap = *a;

		*a = *b;
		*b = swap;
	}
	grow(trace->stacks, trace->n_stacks);
	trace->stacks[trace->n_stacks++] = (struct profile_stack){first, n};
	return 0;
}

static bool same_series(const void *ctx, uint32_t id, const void *key)
{
	const struct profile_series *a = &((const struct trace *)ctx)->series[id], *b = key;

	return a->tid == b->tid && a->pid == b->pid && !strcmp(a->comm, b->comm);
}

static int add_sample(struct trace *trace, char *line)
{
	struct profile_series key = {.exe = "", .cgroup = "", .unit = "", .container = ""};
	uint32_t time_ms, stack, series;
	char comm[64];
	uint64_t hash;

	if (sscanf(line, "X %u %u %u %u %63[^\n]", &time_ms, &key.pid, &key.tid, &stack, comm) != 5)
		return -EINVAL;
	key.comm = comm;
	hash = hash_u64(key.tid, hash_bytes(comm, strlen(comm)));
	series = hash_index_find(&trace->series_index, hash, same_series, trace, &key);
	if (!series) {
		series = trace->n_series;
		key.comm = must(strdup(comm));
		key.start_boot_ns = (uint64_t)time_ms * NSEC_PER_MSEC + key.pid;
		grow(trace->series, trace->n_series);
		trace->series[trace->n_series++] = key;
		if (hash_index_insert(&trace->series_index, hash, series) < 0)
			must(NULL);
	}
	grow(trace->samples, trace->n_samples);
	trace->samples[trace->n_samples++] = (struct sample){time_ms, series, stack + 1};
	if (time_ms >= trace->length_ms)
		trace->length_ms = (time_ms / 1000 / BUCKET_S + 1) * BUCKET_S * 1000;
	return 0;
}

static int read_trace(const char *path, struct trace *trace)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	if (!f)
		return -errno;
	*trace = (struct trace){.n_files = 1, .n_locations = 1, .n_stacks = 1, .n_series = 1};
	grow(trace->files, 0);
	grow(trace->locations, 0);
	grow(trace->frames, 0);
	grow(trace->stacks, 0);
	grow(trace->series, 0);
	while (getline(&line, &size, f) > 0) {
		int r = *line == 'F'   ? add_frame(trace, line)
			: *line == 'S' ? add_stack(trace, line)
			: *line == 'X' ? add_sample(trace, line)
				       : 0;

		if (r < 0)
			return r;
	}
	for (uint32_t i = 1; i < trace->n_locations; i++)
		if (trace->locations[i].n_frames)
			trace->locations[i].frames = &trace->frames[i];
	return 0;
}

static struct part new_part(const struct trace *trace)
{
	return (struct part){
		.locations = must(calloc(trace->n_locations, sizeof(uint32_t))),
		.stacks = must(calloc(trace->n_stacks, sizeof(uint32_t))),
		.series = must(calloc(trace->n_series, sizeof(uint32_t))),
		.bucket_locations =
			must(calloc(trace->n_locations, sizeof(struct profile_location))),
		.bucket_stack_locations =
			must(calloc(trace->n_stack_locations + 1, sizeof(uint32_t))),
		.bucket_stacks = must(calloc(trace->n_stacks, sizeof(struct profile_stack))),
		.bucket_series = must(calloc(trace->n_series, sizeof(struct profile_series))),
		.rows = must(calloc(trace->n_samples + 1, sizeof(struct profile_row))),
	};
}

static uint32_t part_stack(const struct trace *trace, struct part *part, uint32_t stack,
			   uint32_t *n_stack_locations, struct profile_bucket *bucket)
{
	const struct profile_stack *from = &trace->stacks[stack];

	if (part->stacks[stack])
		return part->stacks[stack];
	part->bucket_stacks[bucket->n_stacks] = (struct profile_stack){*n_stack_locations, from->n};
	for (uint32_t i = 0; i < from->n; i++) {
		uint32_t location = trace->stack_locations[from->first + i];

		if (!part->locations[location]) {
			part->bucket_locations[bucket->n_locations] = trace->locations[location];
			part->locations[location] = bucket->n_locations++;
		}
		part->bucket_stack_locations[(*n_stack_locations)++] = part->locations[location];
	}
	return part->stacks[stack] = bucket->n_stacks++;
}

/* Fills `bucket` with samples of [from_ms, from_ms + BUCKET_S) of the trace. */
static void fill_bucket(const struct trace *trace, struct part *part, uint32_t from_ms,
			struct profile_bucket *bucket)
{
	uint32_t n_stack_locations = 0;

	memset(part->locations, 0, trace->n_locations * sizeof(uint32_t));
	memset(part->stacks, 0, trace->n_stacks * sizeof(uint32_t));
	memset(part->series, 0, trace->n_series * sizeof(uint32_t));
	bucket->n_locations = bucket->n_stacks = bucket->n_series = 1;
	bucket->n_rows = 0;
	for (uint32_t i = 0; i < trace->n_samples; i++) {
		const struct sample *sample = &trace->samples[i];

		if (sample->time_ms < from_ms || sample->time_ms >= from_ms + BUCKET_S * 1000)
			continue;
		if (!part->series[sample->series]) {
			part->bucket_series[bucket->n_series] = trace->series[sample->series];
			part->series[sample->series] = bucket->n_series++;
		}
		part->rows[bucket->n_rows++] = (struct profile_row){
			.type = SAMPLE_CPU,
			.series = part->series[sample->series],
			.stack = part_stack(trace, part, sample->stack, &n_stack_locations, bucket),
			.count = PROFILE_COUNT_ONE,
			.value = PERIOD_NS,
		};
	}
	bucket->files = trace->files;
	bucket->n_files = trace->n_files;
	bucket->locations = part->bucket_locations;
	bucket->stack_locations = part->bucket_stack_locations;
	bucket->stacks = part->bucket_stacks;
	bucket->series = part->bucket_series;
	bucket->rows = part->rows;
}

static uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

static uint64_t store_bytes(const char *dir)
{
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_span span = {};

	if (store_open(dir, &store, NULL) == 0)
		(void)store_span(store, &span, NULL);
	return span.bytes;
}

static int fill(const char *dir, const struct trace *trace, uint64_t end_s, uint64_t seconds)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	struct part part = new_part(trace);
	struct store_error error = {};
	uint64_t n_buckets = seconds / BUCKET_S, n_samples = 0, write_ns = 0;
	uint64_t start_s = end_s / BUCKET_S * BUCKET_S - n_buckets * BUCKET_S, bytes;
	struct store_options options = {.bucket_ns = BUCKET_S * NSEC_PER_SEC,
					.now_real_ns = start_s * NSEC_PER_SEC,
					.version = PROFD_VERSION};
	struct rusage usage;
	int r = store_writer_open(dir, &options, &writer, &error);

	for (uint64_t i = 0; r == 0 && i < n_buckets; i++) {
		struct profile_bucket bucket = {
			.start_real_ns = (start_s + i * BUCKET_S) * NSEC_PER_SEC,
			.duration_ns = BUCKET_S * NSEC_PER_SEC,
			.covered_ns = BUCKET_S * NSEC_PER_SEC,
			.start_boot_ns = i * BUCKET_S * NSEC_PER_SEC,
			.n_cpus = 2,
			.period_ns = PERIOD_NS,
		};
		uint64_t before_ns;

		fill_bucket(trace, &part, (uint32_t)(i * BUCKET_S * 1000 % trace->length_ms),
			    &bucket);
		n_samples += bucket.n_rows;
		before_ns = cpu_ns();
		r = store_write_bucket(writer, &bucket, &error);
		if (r == 0 && i % 6 == 5)
			r = store_checkpoint(writer, &error);
		write_ns += cpu_ns() - before_ns;
	}
	if (r < 0) {
		fprintf(stderr, "fill-trace: %s\n", error.text);
		return r;
	}
	getrusage(RUSAGE_SELF, &usage);
	writer = store_writer_free(writer);
	bytes = store_bytes(dir);
	printf("buckets %" PRIu64 " samples %" PRIu64 " bytes %" PRIu64 " bytes_per_sample %.2f "
	       "write_cpu_ms_per_bucket %.2f max_rss_kb %ld\n",
	       n_buckets, n_samples, bytes, n_samples ? (double)bytes / (double)n_samples : 0.0,
	       n_buckets ? (double)write_ns / 1e6 / (double)n_buckets : 0.0, usage.ru_maxrss);
	return 0;
}

int main(int argc, char **argv)
{
	struct trace trace;
	int r;

	if (argc != 5) {
		fprintf(stderr, "usage: fill-trace STORE_DIR TRACE.txt END_UNIX_S SECONDS\n");
		return 2;
	}
	r = read_trace(argv[2], &trace);
	if (r < 0) {
		fprintf(stderr, "fill-trace: %s: %s\n", argv[2], strerror(-r));
		return 1;
	}
	r = fill(argv[1], &trace, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
	return r < 0;
}
