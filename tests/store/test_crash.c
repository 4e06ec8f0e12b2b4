// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_crash.c - what a killed writer and a damaged WAL leave: every bucket whose write returned is
 * read back after a kill; after damage to the tail of the log a prefix of them is, never a wrong
 * answer. 20 kills, or 200 with PROFD_TEST_FULL=1.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "made_bucket.h"
#include "read_text.h"

#define SAMPLES 30

struct fixture {
	char *dir;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	made_directory_remove(f->dir);
	free(f);
	return 0;
}

/* Content differs from bucket to bucket, so that a mixed-up dictionary shows. */
static void fill_bucket(struct made_bucket *made, unsigned i)
{
	made_fill(made, MADE_START_S + 10 * i, i, SAMPLES);
	made_ledger(made, (struct profile_ledger){.series = 1, .elapsed_ns = i + 1});
	/* Begins and ends, within a partition and with it. */
	if (i % 5)
		made_held(made, SAMPLE_OFFCPU, 1, 1);
	if (i % 3 == 0)
		made_held(made, SAMPLE_OFFCPU, 1, 2);
}

/* Writes buckets from `first` on for ever, and tells each that is safe through `fd`. */
static void write_for_ever(const char *dir, unsigned first, int fd)
{
	struct made_bucket *made = calloc(1, sizeof(*made));
	struct store_options options = made_options();
	struct store_writer *writer;

	options.max_nodes = 400; /* rotations are killed as well */
	writer = made_writer(dir, &options);
	if (!made)
		_exit(1);
	for (unsigned i = first;; i++) {
		struct store_error error;

		fill_bucket(made, i);
		if (store_write_bucket(writer, &made->bucket, &error) < 0)
			_exit(2);
		if (write(fd, &i, sizeof(i)) != sizeof(i))
			_exit(3);
		if (i % 6 == 5 && store_checkpoint(writer, &error) < 0)
			_exit(4);
	}
}

/*
 * Kills a writer once it has acknowledged `n_acknowledged` buckets and `delay_us` more passed.
 * Returns the number of the first bucket that was not acknowledged.
 */
static unsigned kill_writer(const char *dir, unsigned first, unsigned n_acknowledged,
			    unsigned delay_us)
{
	unsigned next = first, number;
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(fds[0]);
		write_for_ever(dir, first, fds[1]);
	}
	close(fds[1]);
	while (next < first + n_acknowledged && read(fds[0], &number, sizeof(number)) > 0)
		next = number + 1;
	usleep(delay_us);
	kill(child, SIGKILL);
	while (read(fds[0], &number, sizeof(number)) == sizeof(number))
		next = number + 1;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	return next;
}

static int add_elapsed(void *ctx, const struct store_bucket *bucket,
		       const struct profile_ledger *row)
{
	(void)bucket;
	*(uint64_t *)ctx += row->elapsed_ns;
	return 0;
}

/* The ledger and what was held of the first `n` buckets. */
static void assert_ledger_and_held(struct fixture *f, unsigned n)
{
	static const struct store_ledger_visitor visitor = {.row = add_elapsed};
	const struct store_filter filter = read_all(SAMPLE_OFFCPU);
	_cleanup_(store_summary_done) struct store_summary held = {};
	_cleanup_(store_summary_done) struct store_summary ledger = {};
	_cleanup_(store_freep) struct store *store = NULL;
	uint64_t elapsed_ns = 0, n_held = 0;

	for (unsigned i = 0; i < n; i++) {
		fill_bucket(&f->made, i);
		n_held += f->made.bucket.n_held;
	}
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read_ledger(store, &filter, &visitor, &elapsed_ns, &ledger, NULL),
			 0);
	assert_int_equal(elapsed_ns, (uint64_t)n * (n + 1) / 2);
	free(read_text(f->dir, &filter, true, &held));
	assert_int_equal(held.value, n_held * MADE_BUCKET_NS);
	assert_int_equal(held.machine_value, n_held * MADE_BUCKET_NS);
}

/* What a reader finds is buckets 0..n - 1 as they were written; returns n. */
static unsigned assert_prefix(struct fixture *f, unsigned at_least, unsigned at_most)
{
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	char *text = read_text(f->dir, &filter, true, &summary);
	uint64_t value = 0;
	unsigned n;

	free(text);
	n = (unsigned)summary.n_buckets;
	assert_in_range(n, at_least, at_most);
	for (unsigned i = 0; i < n; i++) {
		fill_bucket(&f->made, i);
		for (uint32_t row = 0; row < f->made.bucket.n_rows; row++)
			value += f->made.rows[row].value;
	}
	assert_int_equal(summary.value, value);
	assert_ledger_and_held(f, n);
	return n;
}

/* One more writer writes the same buckets elsewhere, and both stores read the same. */
static void assert_same_as_undisturbed(struct fixture *f, unsigned n)
{
	struct store_filter filter = read_all(SAMPLE_CPU);
	char *dir = made_directory();
	_cleanup_free_ char *expected = NULL, *found = NULL;
	struct store_writer *writer = made_writer(dir, NULL);

	for (unsigned i = 0; i < n; i++) {
		fill_bucket(&f->made, i);
		made_write(writer, &f->made);
	}
	store_writer_free(writer);
	filter.until_real_ns = (MADE_START_S + 10 * n) * NSEC_PER_SEC;
	expected = read_text(dir, &filter, true, NULL);
	found = read_text(f->dir, &filter, true, NULL);
	made_directory_remove(dir);
	assert_string_equal(expected, found);
}

static void assert_integrity(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_string_equal(sqlite3_column_text(statement, 0), "ok");
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static void test_kills(void **state)
{
	struct fixture *f = *state;
	const char *full = getenv("PROFD_TEST_FULL");
	unsigned n_kills = full && strcmp(full, "1") == 0 ? 200 : 20, next = 0;

	srandom(1);
	for (unsigned i = 0; i < n_kills; i++) {
		_cleanup_free_ char *newest = NULL;
		unsigned acknowledged = kill_writer(f->dir, next, (unsigned)random() % 8,
						    (unsigned)random() % 3000);

		/* The one under way may be there or not, and then it is written again or not. */
		next = assert_prefix(f, acknowledged, acknowledged + 1);
		newest = made_partition(f->dir);
		assert_integrity(newest);
	}
	assert_same_as_undisturbed(f, next);
}

/* Copies dir's files so that each case of damage begins with the same bytes. */
static void copy_file(const char *from, const char *to)
{
	_cleanup_fclose_ FILE *in = fopen(from, "re"), *out = fopen(to, "we");
	char buf[8192];
	size_t n;

	assert_true(in && out);
	while ((n = fread(buf, 1, sizeof(buf), in)) > 0)
		assert_int_equal(fwrite(buf, 1, n, out), n);
}

static void damage(const char *wal, unsigned how, off_t at)
{
	_cleanup_close_ int fd = open(wal, O_RDWR | O_CLOEXEC);
	unsigned char garbage[4096];

	assert_true(fd >= 0);
	if (how == 0) {
		assert_int_equal(ftruncate(fd, at), 0);
		return;
	}
	for (size_t i = 0; i < sizeof(garbage); i++)
		garbage[i] = how == 1 ? (unsigned char)random() : 0;
	assert_int_equal(pwrite(fd, garbage, sizeof(garbage), at), sizeof(garbage));
}

static void test_damaged_log(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *db = NULL, *wal = NULL, *db_kept = NULL, *wal_kept = NULL;
	const unsigned n_buckets = 20;
	unsigned fewest = n_buckets;
	struct stat st;
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct store_writer *writer = made_writer(f->dir, NULL);

		for (unsigned i = 0; i < n_buckets; i++) {
			fill_bucket(&f->made, i);
			made_write(writer, &f->made);
		}
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	db = made_partition(f->dir);
	assert_true(asprintf(&wal, "%s-wal", db) > 0);
	db_kept = made_path(f->dir, "kept");
	wal_kept = made_path(f->dir, "kept-log");
	copy_file(db, db_kept);
	copy_file(wal, wal_kept);
	assert_int_equal(stat(wal, &st), 0);
	assert_true(st.st_size > 20 * 4096);
	srandom(2);
	for (unsigned i = 0; i < 60; i++) {
		unsigned n;

		damage(wal, i % 3, random() % st.st_size);
		n = assert_prefix(f, 0, n_buckets);
		fewest = n < fewest ? n : fewest;
		/* A writer that comes next neither repairs it into something else nor stumbles. */
		if (i % 10 == 0) {
			struct store_writer *writer = made_writer(f->dir, NULL);
			_cleanup_free_ char *newest = made_partition(f->dir);

			store_writer_free(writer);
			assert_prefix(f, n, n);
			assert_string_not_equal(newest, db);
			assert_int_equal(unlink(newest), 0);
		}
		copy_file(db_kept, db);
		copy_file(wal_kept, wal);
		assert_prefix(f, n_buckets, n_buckets);
	}
	/* The damage was felt. */
	assert_true(fewest < n_buckets / 2);
}

/* A flipped byte inside the file itself: refused or, where it does not matter, answered. */
static void test_damaged_file(void **state)
{
	struct fixture *f = *state;
	struct store_writer *writer = made_writer(f->dir, NULL);
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_free_ char *db = NULL, *kept = NULL;
	unsigned n_refused = 0;
	struct stat st;

	for (unsigned i = 0; i < 10; i++) {
		fill_bucket(&f->made, i);
		made_write(writer, &f->made);
	}
	store_writer_free(writer);
	db = made_partition(f->dir);
	kept = made_path(f->dir, "kept");
	copy_file(db, kept);
	assert_int_equal(stat(db, &st), 0);
	srandom(3);
	for (unsigned i = 0; i < 200; i++) {
		static const struct store_visitor nothing = {};
		_cleanup_(store_freep) struct store *store = NULL;
		struct store_summary summary = {};
		struct store_error error = {};
		int r;

		{
			_cleanup_close_ int fd = open(db, O_RDWR | O_CLOEXEC);
			const unsigned char byte = (unsigned char)random();

			assert_int_equal(pwrite(fd, &byte, 1, random() % st.st_size), 1);
		}
		r = store_open(f->dir, &store, &error);
		if (r == 0)
			r = store_read(store, &filter, &nothing, NULL, &summary, &error);
		if (r < 0) {
			n_refused++;
			assert_string_not_equal(error.text, "");
		}
		store_summary_done(&summary);
		copy_file(kept, db);
	}
	assert_in_range(n_refused, 20, 200);
	assert_prefix(f, 10, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kills, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged_file, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
