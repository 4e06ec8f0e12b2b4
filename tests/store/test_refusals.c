// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_refusals.c - what the writer will not touch: a store that is being written, newer files,
 * foreign files, directories it may not write; and a disk that is full. Nothing is changed then.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "made_bucket.h"
#include "read_text.h"

#define NOBODY 65534

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

	(void)chmod(f->dir, 0700);
	made_directory_remove(f->dir);
	free(f);
	return 0;
}

static void fill(struct fixture *f)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = made_writer(f->dir, NULL);

	made_fill(&f->made, MADE_START_S, 1, 10);
	made_write(writer, &f->made);
}

/* Names, modes and content of all files of a directory; to be freed. */
static char *snapshot(const char *dir)
{
	struct dirent **entries;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int n = scandir(dir, &entries, NULL, alphasort);

	assert_true(out && n >= 0);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = made_path(dir, entries[i]->d_name);
		_cleanup_fclose_ FILE *in = NULL;
		struct stat st;
		int c;

		assert_int_equal(lstat(path, &st), 0);
		fprintf(out, "%s %o %llu:", entries[i]->d_name, st.st_mode,
			S_ISREG(st.st_mode) ? (unsigned long long)st.st_size : 0);
		free(entries[i]);
		if (!S_ISREG(st.st_mode))
			continue;
		in = fopen(path, "re");
		assert_non_null(in);
		while ((c = getc(in)) != EOF)
			fprintf(out, "%02x", c);
	}
	free(entries);
	fclose(out);
	return text;
}

static void patch(const char *path, off_t at, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
}

/* Writer and reader refuse the directory with `r`, name `file`, and change nothing. */
static void assert_refused(const char *dir, int r, const char *file, const char *says)
{
	const struct store_options options = made_options();
	_cleanup_free_ char *before = snapshot(dir), *after = NULL;
	struct store_writer *writer = NULL;
	struct store *store = NULL;
	struct store_error error;

	assert_int_equal(store_writer_open(dir, &options, &writer, &error), r);
	assert_null(writer);
	assert_non_null(strstr(error.text, file));
	assert_non_null(strstr(error.text, says));
	assert_int_equal(store_open(dir, &store, &error), r);
	assert_null(store);
	assert_non_null(strstr(error.text, file));
	assert_non_null(strstr(error.text, says));
	after = snapshot(dir);
	assert_string_equal(before, after);
}

static void test_second_writer(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *first = made_writer(f->dir, NULL);
	const struct store_options options = made_options();
	_cleanup_free_ char *before = snapshot(f->dir), *after = NULL;
	struct store_writer *second = NULL;
	struct store_error error;

	assert_int_equal(store_writer_open(f->dir, &options, &second, &error), -EBUSY);
	assert_null(second);
	assert_non_null(strstr(error.text, "another profd"));
	after = snapshot(f->dir);
	assert_string_equal(before, after);
	/* The first is not disturbed, and the lock goes with it. */
	made_fill(&f->made, MADE_START_S, 1, 10);
	made_write(first, &f->made);
	first = store_writer_free(first);
	second = made_writer(f->dir, NULL);
	store_writer_free(second);
}

static void test_newer_format(void **state)
{
	static const unsigned char version[] = {0, 0, 0, STORE_FORMAT_VERSION + 1};
	struct fixture *f = *state;
	_cleanup_free_ char *path = NULL, *says = NULL;

	fill(f);
	path = made_partition(f->dir);
	patch(path, 60, version, sizeof(version));
	assert_true(asprintf(&says, "store format %d", STORE_FORMAT_VERSION + 1) > 0);
	assert_refused(f->dir, -EPROTONOSUPPORT, path, says);
}

static void test_no_sqlite(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = made_path(f->dir, "t0-1-live-1.db");

	patch(path, 0,
	      "hello, this is a text and no database, long enough to have a header of "
	      "a hundred bytes and more, but no magic",
	      110);
	assert_refused(f->dir, -EBADMSG, path, "not an SQLite file");
}

static void test_empty_file(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = made_path(f->dir, "t1-some-thing.db");

	patch(path, 0, "", 0);
	assert_refused(f->dir, -EBADMSG, path, "not an SQLite file");
}

static void test_foreign_database(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *path = NULL;

	fill(f);
	path = made_partition(f->dir);
	patch(path, 68, "\0\0\0\1", 4);
	assert_refused(f->dir, -EBADMSG, path, "no profile store");
}

static void test_no_directory(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *missing = made_path(f->dir, "a/b"), *file = made_path(f->dir, "file");
	const struct store_options options = made_options();
	struct store_writer *writer = NULL;
	struct store *store = NULL;
	struct store_error error;

	assert_int_equal(store_writer_open(missing, &options, &writer, &error), -ENOENT);
	assert_int_equal(store_open(missing, &store, &error), -ENOENT);
	assert_non_null(strstr(error.text, missing));
	assert_int_equal(store_open(f->dir, &store, &error), -ENOENT);
	patch(file, 0, "x", 1);
	assert_int_equal(store_writer_open(file, &options, &writer, &error), -ENOTDIR);
	assert_int_equal(store_open(file, &store, &error), -ENOTDIR);
}

/* Runs `body` in a child without privilege; it returns 0 or the number of what went wrong. */
static void assert_as_nobody(int (*body)(const char *dir), const char *dir)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(100);
		_exit(body(dir));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int write_denied(const char *dir)
{
	const struct store_options options = made_options();
	struct store_writer *writer = NULL;
	struct store_error error;

	if (store_writer_open(dir, &options, &writer, &error) != -EACCES)
		return 1;
	return strstr(error.text, "ermission denied") && strstr(error.text, dir) ? 0 : 2;
}

static void test_read_only_directory(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *lock = made_path(f->dir, "lock"), *before = NULL, *after = NULL;

	fill(f);
	assert_int_equal(unlink(lock), 0);
	assert_int_equal(chmod(f->dir, 0555), 0);
	before = snapshot(f->dir);
	assert_as_nobody(write_denied, f->dir);
	after = snapshot(f->dir);
	assert_string_equal(before, after);
}

/* Writes until the limit on a file's size, which says what a full disk says, then without it. The
 * partition that was there before has to go for it. */
static int fill_the_disk(const char *dir)
{
	struct rlimit limit = {256 << 10, RLIM_INFINITY};
	struct store_writer *writer = made_writer(dir, NULL);
	struct made_bucket *made = calloc(1, sizeof(*made));
	struct store_error error;
	unsigned i = 0;
	int r = 0;

	if (!made)
		return 1;
	made_fill(made, MADE_START_S - 10, 0, 100);
	if (store_write_bucket(writer, &made->bucket, &error) < 0)
		return 1;
	store_writer_free(writer);
	writer = made_writer(dir, NULL);
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
		return 1;
	for (; r == 0 && i < 10000; i++) {
		made_fill(made, MADE_START_S + 10 * i, i, 100);
		r = store_write_bucket(writer, &made->bucket, &error);
	}
	if (r != -ENOSPC || !error.text[0])
		return 2;
	/* The same bucket fails again, and goes through once there is room. */
	if (store_write_bucket(writer, &made->bucket, &error) != -ENOSPC)
		return 3;
	limit.rlim_cur = RLIM_INFINITY;
	if (setrlimit(RLIMIT_FSIZE, &limit) < 0 ||
	    store_write_bucket(writer, &made->bucket, &error) < 0)
		return 4;
	free(made);
	store_writer_free(writer);
	return (int)i > 200 ? 5 : (int)i;
}

static void test_full_disk(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *text = NULL;
	pid_t child = fork();
	uint64_t value = 0;
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		signal(SIGXFSZ, SIG_IGN);
		_exit(fill_the_disk(f->dir));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_in_range(WEXITSTATUS(status), 6, 200);
	/* Every bucket that was taken is there once, with all it had; the older partition is gone.
	 */
	text = read_text(f->dir, &filter, false, &summary);
	assert_int_equal(summary.n_buckets, WEXITSTATUS(status));
	for (int i = 0; i < WEXITSTATUS(status); i++) {
		made_fill(&f->made, MADE_START_S + 10 * (unsigned)i, (uint32_t)i, 100);
		for (uint32_t row = 0; row < f->made.bucket.n_rows; row++)
			value += f->made.rows[row].value;
	}
	assert_int_equal(summary.value, value);
}

/* Fills what is free of the file system of `dir`. */
static int fill_up(const char *dir)
{
	static const char block[4096] = {1};
	_cleanup_free_ char *path = made_path(dir, "filler");
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return -errno;
	while (write(fd, block, sizeof(block)) > 0)
		;
	return errno == ENOSPC ? 0 : -errno;
}

static int write_at(struct store_writer *writer, struct made_bucket *made, uint64_t start_s)
{
	struct store_error error;

	made_fill(made, start_s, 1, 100);
	return store_write_bucket(writer, &made->bucket, &error);
}

/* On a disk that is really full: a new partition at midnight, and one when profd starts again. Both
 * cost old partitions, never all. Returns 0 or the number of what went wrong. */
static int begin_on_a_full_disk(const char *dir)
{
	struct made_bucket *made = calloc(1, sizeof(*made));
	struct store_options options = made_options();
	struct store_writer *writer = NULL;
	struct store_error error;
	struct store_span span;
	struct store *store;
	int r = -1;

	for (unsigned i = 0; made && i < 8; i++) {
		writer = store_writer_free(writer);
		writer = made_writer(dir, NULL);
		if (write_at(writer, made, MADE_START_S + 10 * i) < 0)
			return 1;
	}
	if (fill_up(dir) < 0)
		return 2;
	/* The first may find room for the partition and none for the bucket. */
	for (int i = 0; r < 0 && i < 3; i++)
		r = write_at(writer, made, MADE_START_S + 86400);
	if (r < 0)
		return 3;
	writer = store_writer_free(writer);
	if (fill_up(dir) < 0)
		return 4;
	if (store_writer_open(dir, &options, &writer, &error) < 0)
		return 5;
	store_writer_free(writer);
	if (store_open(dir, &store, &error) < 0 || store_span(store, &span, &error) < 0)
		return 6;
	store_free(store);
	free(made);
	return span.n_buckets >= 2 && span.n_buckets < 9 ? 0 : 7;
}

static void test_partitions_on_a_full_disk(void **state)
{
	struct fixture *f = *state;
	pid_t child;
	int status;

	/* Only root may mount; as anybody else test_full_disk is all there is. */
	if (geteuid() != 0)
		return;
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
		    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", f->dir, "tmpfs", 0, "size=4m") < 0)
			_exit(100);
		_exit(begin_on_a_full_disk(f->dir));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* The flag that profd is attached is nothing to a writer or a reader, whatever is in it. */
static void test_flag_of_the_crash_guard(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *flag = made_path(f->dir, "attached"), *text = NULL;
	struct stat st;

	patch(flag, 0, "garbage", 7);
	fill(f);
	text = read_text(f->dir, &filter, false, &summary);
	assert_int_equal(summary.n_buckets, 1);
	assert_int_equal(stat(flag, &st), 0);
	assert_int_equal(st.st_size, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_second_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_newer_format, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_sqlite, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_database, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partitions_on_a_full_disk, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flag_of_the_crash_guard, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
