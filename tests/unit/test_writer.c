// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_writer.c - the writer's thread against a disk that is full for a while.
 */
#include "record/writer.h"

#include "store_folder.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <cmocka.h>

#define S	     1000000000ull
#define FIRST_NS     (1795472650ull * S)
#define WAIT_SECONDS 30

static const struct profile_file *no_file(void *ctx, uint32_t number)
{
	(void)ctx;
	(void)number;
	return NULL;
}

static enum unknown_reason no_name(void *ctx, enum location_kind kind, uint32_t file,
				   uint64_t offset, const char **ret)
{
	(void)ctx;
	(void)kind;
	(void)file;
	(void)offset;
	(void)ret;
	return UNKNOWN_NO_SYMBOL;
}

static const struct bucket_answers answers = {.file = no_file, .name = no_name};

static void submit_of(struct writer *writer, uint32_t number, uint64_t start_real_ns)
{
	struct bucket_head head = {.start_real_ns = start_real_ns,
				   .duration_ns = 10 * S,
				   .covered_ns = 10 * S,
				   .period_ns = 1000,
				   .n_cpus = 1};
	struct profile_row row = {
		.type = SAMPLE_CPU, .count = PROFILE_COUNT_ONE, .value = 1000 + number};
	struct profile_series series = {.pid = 1,
					.tid = 1,
					.comm = "x",
					.exe = "",
					.cgroup = "",
					.unit = "",
					.container = ""};
	struct bucket *bucket;
	uint32_t location;

	assert_int_equal(bucket_new(&bucket), 0);
	assert_int_equal(bucket_series(bucket, &series, &row.series), 0);
	assert_int_equal(
		bucket_location(bucket, LOCATION_FILE, 0, 0, UNKNOWN_NO_MAPPING, &location, NULL),
		0);
	assert_int_equal(bucket_stack(bucket, &location, 1, &row.stack), 0);
	assert_int_equal(bucket_add(bucket, &row), 0);
	assert_int_equal(bucket_finish(bucket, &head, &answers), 0);
	assert_int_equal(writer_submit(writer, bucket), 0);
}

static void submit(struct writer *writer, uint32_t number)
{
	submit_of(writer, number, FIRST_NS + number * 10 * S);
}

static void wait_until(struct writer *writer, uint64_t written, uint64_t failures)
{
	const struct timespec pause = {.tv_nsec = 2000000};
	struct writer_counters counters = writer_counters(writer);

	for (int i = 0; i < WAIT_SECONDS * 500; i++) {
		counters = writer_counters(writer);
		if (counters.n_written >= written && counters.n_failures >= failures)
			return;
		nanosleep(&pause, NULL);
	}
	fail_msg("%llu written, %llu failures", (unsigned long long)counters.n_written,
		 (unsigned long long)counters.n_failures);
}

static struct writer *start(const char *path)
{
	struct store_options options = {.bucket_ns = 10 * S, .now_real_ns = FIRST_NS};
	struct store_writer *store;
	struct store_error error;
	struct writer *writer;

	if (store_writer_open(path, &options, &store, &error) < 0)
		fail_msg("%s", error.text);
	assert_int_equal(writer_new(store, &writer), 0);
	return writer;
}

static void limit_files(rlim_t bytes)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Returns the number of buckets in the store, and the sum of their values. */
static uint64_t read_back(const char *path, uint64_t *ret_value)
{
	struct store_filter filter = {.until_real_ns = UINT64_MAX, .type = SAMPLE_CPU};
	struct store_summary summary;
	struct store_error error;
	struct store *store;
	uint64_t n;

	if (store_open(path, &store, &error) < 0)
		fail_msg("%s", error.text);
	if (store_read(store, &filter, NULL, NULL, &summary, &error) < 0)
		fail_msg("%s", error.text);
	n = summary.n_buckets;
	*ret_value = summary.value;
	store_summary_done(&summary);
	store_free(store);
	return n;
}

static void test_written_in_order(void **state)
{
	char path[] = "/tmp/profd-test-writer-XXXXXX";
	struct writer *writer;
	uint64_t value;

	(void)state;
	assert_non_null(mkdtemp(path));
	writer = start(path);
	for (uint32_t i = 0; i < 10; i++)
		submit(writer, i);
	writer_free(writer); /* writes what is queued */
	assert_int_equal(read_back(path, &value), 10);
	assert_int_equal(value, 10 * 1000 + 45);
	store_folder_remove(path);
}

static void test_full_disk_for_a_while(void **state)
{
	char path[] = "/tmp/profd-test-writer-XXXXXX";
	struct writer_counters counters;
	struct writer *writer;
	uint64_t value;

	(void)state;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_non_null(mkdtemp(path));
	writer = start(path);
	submit(writer, 0);
	wait_until(writer, 1, 0);
	limit_files(4096); /* EFBIG stands for ENOSPC */
	submit(writer, 1);
	wait_until(writer, 1, 1);
	submit(writer, 2);
	wait_until(writer, 1, 2);
	limit_files(RLIM_INFINITY);
	submit(writer, 3);
	wait_until(writer, 4, 2);
	counters = writer_counters(writer);
	assert_int_equal(counters.n_dropped, 0);
	writer_free(writer);
	assert_int_equal(read_back(path, &value), 4);
	assert_int_equal(value, 4 * 1000 + 6);
	store_folder_remove(path);
}

static void test_full_disk_to_the_end(void **state)
{
	char path[] = "/tmp/profd-test-writer-XXXXXX";
	struct writer *writer;
	uint64_t value;

	(void)state;
	assert_non_null(mkdtemp(path));
	writer = start(path);
	submit(writer, 0);
	wait_until(writer, 1, 0);
	limit_files(4096);
	submit(writer, 1);
	assert_int_equal(writer_stop(writer), -EIO);
	assert_int_equal(writer_counters(writer).n_dropped, 1);
	limit_files(RLIM_INFINITY);
	writer_free(writer);
	assert_int_equal(read_back(path, &value), 1);
	store_folder_remove(path);
}

static void test_bucket_that_is_never_taken(void **state)
{
	char path[] = "/tmp/profd-test-writer-XXXXXX";
	struct writer_counters counters;
	struct writer *writer;
	uint64_t value;

	(void)state;
	assert_non_null(mkdtemp(path));
	writer = start(path);
	submit_of(writer, 5, UINT64_MAX); /* a time that no SQLite integer holds */
	submit(writer, 1);
	wait_until(writer, 1, 1);
	counters = writer_counters(writer);
	assert_int_equal(counters.n_dropped, 1);
	assert_int_equal(counters.dropped_ns, 1005);
	writer_free(writer);
	assert_int_equal(read_back(path, &value), 1);
	assert_int_equal(value, 1001);
	store_folder_remove(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_in_order),
		cmocka_unit_test(test_full_disk_for_a_while),
		cmocka_unit_test(test_full_disk_to_the_end),
		cmocka_unit_test(test_bucket_that_is_never_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
