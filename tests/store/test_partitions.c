// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_partitions.c - a store of many files answers as one of one file; when a new one is begun;
 * what retention removes; what a killed creation leaves.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <string.h>
#include <sys/stat.h>

#include "made_bucket.h"
#include "read_text.h"

struct fixture {
	char *dir, *other;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	f->other = made_directory();
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	made_directory_remove(f->dir);
	made_directory_remove(f->other);
	free(f);
	return 0;
}

static unsigned count_files(const char *dir, const char *pattern, uint64_t *ret_bytes)
{
	DIR *entries = opendir(dir);
	struct dirent *entry;
	uint64_t bytes = 0;
	unsigned n = 0;

	assert_non_null(entries);
	while ((entry = readdir(entries))) {
		struct stat st;

		if (fnmatch(pattern, entry->d_name, 0) != 0)
			continue;
		assert_int_equal(fstatat(dirfd(entries), entry->d_name, &st, 0), 0);
		bytes += (uint64_t)st.st_size;
		n++;
	}
	closedir(entries);
	if (ret_bytes)
		*ret_bytes = bytes;
	return n;
}

static void fill(struct fixture *f, const char *dir, uint32_t max_nodes, unsigned n_buckets)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	struct store_options options = made_options();

	options.max_nodes = max_nodes;
	writer = made_writer(dir, &options);
	for (unsigned i = 0; i < n_buckets; i++) {
		made_fill(&f->made, MADE_START_S + 10 * i, i % 7, 40);
		made_loss(&f->made, "lost", i, i);
		made_write(writer, &f->made);
	}
}

static void test_many_answer_as_one(void **state)
{
	struct fixture *f = *state;
	struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary a = {};
	_cleanup_(store_summary_done) struct store_summary b = {};
	_cleanup_free_ char *one = NULL, *many = NULL;

	fill(f, f->dir, 0, 30);
	fill(f, f->other, 50, 30);
	assert_int_equal(count_files(f->dir, "t0-*-live-*.db", NULL), 1);
	assert_in_range(count_files(f->other, "t0-*-live-*.db", NULL), 5, 30);
	filter.since_real_ns = (MADE_START_S + 20) * NSEC_PER_SEC;
	filter.until_real_ns = (MADE_START_S + 280) * NSEC_PER_SEC;
	one = read_text(f->dir, &filter, true, &a);
	many = read_text(f->other, &filter, true, &b);
	assert_true(strlen(one) > 1000);
	assert_string_equal(one, many);
	assert_int_equal(a.n_buckets, 26);
	assert_int_equal(b.n_buckets, 26);
	assert_int_equal(a.value, b.value);
	assert_int_equal(a.lost_ns, b.lost_ns);
	assert_int_equal(a.since_ns, b.since_ns);
	assert_int_equal(a.until_ns, b.until_ns);
}

/* Threads that come and go bring no new stacks, and yet a partition ends. */
static void test_series_are_limited(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	struct store_options options = made_options();
	_cleanup_(store_summary_done) struct store_summary summary = {};

	options.max_nodes = 400;
	writer = made_writer(f->dir, &options);
	for (unsigned i = 0; i < 30; i++) {
		struct made_bucket *m = &f->made;
		uint32_t stack;

		made_begin(m, MADE_START_S + 10 * i);
		stack = made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "f"));
		for (uint32_t t = 0; t < 20; t++)
			made_cpu_row(m, made_series(m, 1, 1000 + 20 * i + t, "t"), stack, 1);
		made_write(writer, m);
		/* A quarter of 400 may be reached, and is: five buckets of 20, and one beyond. */
		assert_int_equal(count_files(f->dir, "t0-*-live-*.db", NULL), 1 + i / 6);
	}
	free(read_text(f->dir, &filter, false, &summary));
	assert_int_equal(summary.count, 600 * PROFILE_COUNT_ONE);
}

static void test_midnight(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	const uint64_t midnight_s = (MADE_START_S / 86400 + 1) * 86400;
	_cleanup_free_ char *newest = NULL, *expected = NULL;

	writer = made_writer(f->dir, NULL);
	for (unsigned i = 0; i < 4; i++) {
		made_fill(&f->made, midnight_s - 20 + 10 * i, 1, 3);
		made_write(writer, &f->made);
	}
	assert_int_equal(count_files(f->dir, "t0-*-live-*.db", NULL), 2);
	newest = made_partition(f->dir);
	assert_true(asprintf(&expected, "%s/t0-%llu-live-2.db", f->dir,
			     (unsigned long long)midnight_s) > 0);
	assert_string_equal(newest, expected);
}

static void test_empty_partition_is_not_kept(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = made_writer(f->dir, NULL);

	/* The clock was a year off when the store was opened. */
	made_fill(&f->made, MADE_START_S + 365 * 86400, 1, 3);
	made_write(writer, &f->made);
	assert_int_equal(count_files(f->dir, "t0-*-live-*", NULL), 3);
}

static void test_each_writer_begins_one(void **state)
{
	struct fixture *f = *state;

	fill(f, f->dir, 0, 2);
	fill(f, f->dir, 0, 2);
	assert_int_equal(count_files(f->dir, "t0-1700000000-live-1.db", NULL), 1);
	assert_int_equal(count_files(f->dir, "t0-1700000000-live-2.db", NULL), 1);
}

static void test_retention(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_options options = made_options();
	struct store_span span;
	uint64_t bytes;

	options.max_nodes = 50;
	options.max_bytes = 600 << 10;
	writer = made_writer(f->dir, &options);
	for (unsigned i = 0; i < 60; i++) {
		made_fill(&f->made, MADE_START_S + 10 * i, i, 40);
		made_write(writer, &f->made);
		count_files(f->dir, "t0-*", &bytes);
		assert_true(bytes <= options.max_bytes);
	}
	/* What is left is the newest, without a gap. */
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_span(store, &span, NULL), 0);
	assert_int_equal(span.until_ns, (MADE_START_S + 600) * NSEC_PER_SEC);
	assert_in_range(span.n_partitions, 2, 20);
	assert_int_equal(span.until_ns - span.first_ns, span.n_buckets * MADE_BUCKET_NS);
	assert_int_equal(span.bytes, bytes);
	assert_int_equal(count_files(f->dir, "t0-*-wal", NULL), span.n_partitions);
	assert_int_equal(count_files(f->dir, "t0-*-shm", NULL), span.n_partitions);
}

static void test_live_partition_is_never_removed(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	struct store_options options = made_options();

	options.max_bytes = 1;
	writer = made_writer(f->dir, &options);
	for (unsigned i = 0; i < 3; i++) {
		made_fill(&f->made, MADE_START_S + 10 * i, i, 4);
		made_write(writer, &f->made);
	}
	assert_int_equal(count_files(f->dir, "t0-*-live-1.db", NULL), 1);
}

static void test_removed_while_reading(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *store = NULL;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *first = NULL;

	fill(f, f->dir, 0, 2);
	first = made_partition(f->dir);
	fill(f, f->dir, 0, 2);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(unlink(first), 0);
	assert_int_equal(store_read(store, &filter, NULL, NULL, &summary, NULL), 0);
	assert_int_equal(summary.n_buckets, 2);
}

static uint64_t count_buckets(const char *dir, uint64_t since_s, uint64_t until_s)
{
	const struct store_filter filter = {.since_real_ns = since_s * NSEC_PER_SEC,
					    .until_real_ns = until_s * NSEC_PER_SEC,
					    .type = SAMPLE_CPU};
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_error error;

	assert_int_equal(store_open(dir, &store, &error), 0);
	if (store_read(store, &filter, NULL, NULL, &summary, &error) < 0)
		fail_msg("%s", error.text);
	return summary.n_buckets;
}

static void break_file(const char *path)
{
	char rubbish[4000];
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	memset(rubbish, 0xee, sizeof(rubbish));
	assert_int_equal(pwrite(fd, rubbish, sizeof(rubbish), 100), sizeof(rubbish));
}

/* A partition of hours ago is not so much as opened: it may be broken. */
static void test_old_ones_are_not_opened(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	struct store_options options = made_options();
	_cleanup_free_ char *old = NULL;
	struct store_life *lives = NULL;
	struct store *store = NULL;

	fill(f, f->dir, 0, 2);
	old = made_partition(f->dir);
	options.now_real_ns += 3600 * NSEC_PER_SEC;
	writer = made_writer(f->dir, &options);
	made_fill(&f->made, MADE_START_S + 4300, 1, 3);
	made_write(writer, &f->made);
	/* Beyond the header of a hundred bytes. */
	break_file(old);
	assert_int_equal(count_buckets(f->dir, MADE_START_S + 4300, MADE_START_S + 7200), 1);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_pid_lives(store, 101, (MADE_START_S + 4300) * NSEC_PER_SEC,
					 UINT64_MAX, &lives, NULL),
			 1);
	free(lives);
	store_free(store);
}

/* Where the clock was set back, every partition that may hold something is read. */
static void test_clock_set_back(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = made_writer(f->dir, NULL);

	made_fill(&f->made, MADE_START_S + 3600, 1, 3);
	made_write(writer, &f->made);
	/* Two days ahead, a partition of its own, and back: another one. */
	made_fill(&f->made, MADE_START_S + 2 * 86400, 1, 3);
	made_write(writer, &f->made);
	made_fill(&f->made, MADE_START_S + 3610, 1, 3);
	made_write(writer, &f->made);
	assert_int_equal(count_files(f->dir, "t0-*-live-*.db", NULL), 3);
	assert_int_equal(count_buckets(f->dir, MADE_START_S + 3600, MADE_START_S + 7200), 2);
	assert_int_equal(count_buckets(f->dir, MADE_START_S + 86400, MADE_START_S + 3 * 86400), 1);
}

static void make_file(const char *dir, const char *name)
{
	_cleanup_free_ char *path = made_path(dir, name);
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
}

static void test_leftovers(void **state)
{
	struct fixture *f = *state;

	make_file(f->dir, "t0-1700000000-live-9.db.new");
	make_file(f->dir, "t0-1700000000-live-9.db.new-journal");
	make_file(f->dir, "notes.txt");
	make_file(f->dir, "other.db");
	fill(f, f->dir, 0, 1);
	assert_int_equal(count_files(f->dir, "*.new*", NULL), 0);
	assert_int_equal(count_files(f->dir, "notes.txt", NULL), 1);
	assert_int_equal(count_files(f->dir, "other.db", NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_answer_as_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_series_are_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_midnight, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_partition_is_not_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_writer_begins_one, setup, teardown),
		cmocka_unit_test_setup_teardown(test_retention, setup, teardown),
		cmocka_unit_test_setup_teardown(test_live_partition_is_never_removed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_removed_while_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_ones_are_not_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_set_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
