// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_readers.c - a reader without privilege: beside a live writer, after its clean end, after a
 * kill, and on a copy; it sees whole buckets only, writes nothing, and does not hold the writer up.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "made_bucket.h"
#include "read_text.h"

#define NOBODY		   65534
#define SAMPLES_PER_BUCKET 10

/*
 * A process that reads when it is told to. It is forked before there is a writer, since SQLite
 * shares a writer's open -shm inside one process and with its children.
 */
struct reader {
	pid_t pid;
	int command, answer;
};

struct fixture {
	char *dir;
	struct reader self, nobody;
	struct made_bucket made;
};

/* `n` more buckets, from number `first` on. */
static void write_buckets(struct fixture *f, struct store_writer *writer, unsigned first,
			  unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		made_begin(&f->made, MADE_START_S + 10 * i);
		made_cpu_row(&f->made, made_series(&f->made, 1, 1, "c"),
			     made_stack(&f->made, 1,
					made_location(&f->made, LOCATION_KERNEL, 0, i, "f")),
			     SAMPLES_PER_BUCKET);
		made_write(writer, &f->made);
	}
}

/* Number of buckets that a reader finds, or a negative number; checks that all add up. */
static int count_buckets(const char *dir)
{
	static const struct store_visitor nothing = {};
	_cleanup_(store_freep) struct store *store = NULL;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	struct store_summary summary;
	struct store_error error;
	int r = store_open(dir, &store, &error);

	if (r == 0)
		r = store_read(store, &filter, &nothing, NULL, &summary, &error);
	if (r < 0) {
		fprintf(stderr, "%s\n", error.text);
		return r;
	}
	r = summary.count == summary.n_buckets * SAMPLES_PER_BUCKET * PROFILE_COUNT_ONE
		    ? (int)summary.n_buckets
		    : -1;
	store_summary_done(&summary);
	return r;
}

static struct reader reader_start(const char *dir, bool as_nobody)
{
	struct reader reader;
	int command[2], answer[2];

	assert_int_equal(pipe2(command, O_CLOEXEC), 0);
	assert_int_equal(pipe2(answer, O_CLOEXEC), 0);
	reader = (struct reader){fork(), command[1], answer[0]};
	assert_true(reader.pid >= 0);
	if (reader.pid == 0) {
		char byte;

		close(command[1]);
		if (as_nobody && geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(1);
		while (read(command[0], &byte, 1) == 1) {
			int n = count_buckets(dir);

			if (write(answer[1], &n, sizeof(n)) != sizeof(n))
				_exit(2);
		}
		_exit(0);
	}
	close(command[0]);
	close(answer[1]);
	return reader;
}

static void reader_stop(struct reader *reader)
{
	close(reader->command);
	close(reader->answer);
	(void)waitpid(reader->pid, NULL, 0);
}

static void assert_reader_finds(const struct reader *reader, int n)
{
	int found = 0;

	assert_int_equal(write(reader->command, "r", 1), 1);
	assert_int_equal(read(reader->answer, &found, sizeof(found)), sizeof(found));
	assert_int_equal(found, n);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	f->self = reader_start(f->dir, false);
	f->nobody = reader_start(f->dir, true);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	/* The later child holds the earlier one's pipe. */
	reader_stop(&f->nobody);
	reader_stop(&f->self);
	made_directory_remove(f->dir);
	free(f);
	return 0;
}

/* Inode, size and time of change of every file: what a write would alter. */
static char *stamps(const char *dir)
{
	struct dirent **entries;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int n = scandir(dir, &entries, NULL, alphasort);

	assert_true(f && n > 0);
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = made_path(dir, entries[i]->d_name);
		struct stat st;

		assert_int_equal(lstat(path, &st), 0);
		/* What others do in the parent is not ours. */
		if (strcmp(entries[i]->d_name, "..") != 0)
			fprintf(f, "%s %lu %ld %ld.%09ld\n", entries[i]->d_name, st.st_ino,
				st.st_size, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
		free(entries[i]);
	}
	free(entries);
	fclose(f);
	return text;
}

static void assert_reads_without_writing(struct fixture *f, int n)
{
	_cleanup_free_ char *before = stamps(f->dir), *after = NULL;

	assert_reader_finds(&f->nobody, n);
	assert_reader_finds(&f->self, n);
	after = stamps(f->dir);
	assert_string_equal(before, after);
}

static void test_beside_the_writer(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = made_writer(f->dir, NULL);
	struct store_error error;

	assert_reads_without_writing(f, 0);
	write_buckets(f, writer, 0, 3);
	assert_reads_without_writing(f, 3);
	assert_int_equal(store_checkpoint(writer, &error), 0);
	assert_reads_without_writing(f, 3);
	write_buckets(f, writer, 3, 4);
	assert_reads_without_writing(f, 7);
}

static void test_after_a_clean_end(void **state)
{
	struct fixture *f = *state;
	struct store_writer *writer = made_writer(f->dir, NULL);

	write_buckets(f, writer, 0, 3);
	store_writer_free(writer);
	assert_reads_without_writing(f, 3);
}

/* Writes `n` buckets in a child that is killed after the last. */
static void write_and_die(struct fixture *f, unsigned first, unsigned n)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct store_writer *writer = made_writer(f->dir, NULL);

		write_buckets(f, writer, first, n);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void test_after_a_kill(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;

	write_and_die(f, 0, 3);
	assert_reads_without_writing(f, 3);
	/* The next writer takes the first one's -wal in, and goes on in a file of its own. */
	writer = made_writer(f->dir, NULL);
	assert_reads_without_writing(f, 3);
	write_buckets(f, writer, 3, 2);
	assert_reads_without_writing(f, 5);
}

static void test_copy_without_wal(void **state)
{
	struct fixture *f = *state;
	struct store_writer *writer = made_writer(f->dir, NULL);
	_cleanup_free_ char *path = NULL, *name = NULL;

	write_buckets(f, writer, 0, 3);
	store_writer_free(writer);
	path = made_partition(f->dir);
	for (int i = 0; i < 2; i++) {
		assert_true(asprintf(&name, "%s%s", path, i ? "-wal" : "-shm") > 0);
		assert_int_equal(unlink(name), 0);
		free(name);
		name = NULL;
	}
	assert_reads_without_writing(f, 3);
}

static void test_modes(void **state)
{
	struct fixture *f = *state;
	struct store_writer *writer;
	_cleanup_free_ char *dir = made_path(f->dir, "store");
	struct dirent **entries;
	mode_t umask_before = umask(0077);
	struct stat st;
	int n;

	writer = made_writer(dir, NULL);
	write_buckets(f, writer, 0, 1);
	store_writer_free(writer);
	umask(umask_before);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	n = scandir(dir, &entries, NULL, alphasort);
	assert_int_equal(n, 2 + 4); /* lock, .db, -shm, -wal */
	for (int i = 0; i < n; i++) {
		_cleanup_free_ char *path = made_path(dir, entries[i]->d_name);

		assert_int_equal(lstat(path, &st), 0);
		if (S_ISREG(st.st_mode))
			assert_int_equal(st.st_mode & 07777, 0640);
		free(entries[i]);
	}
	free(entries);
}

/* A reader that stays in the middle of a partition does not stop the writer. */
struct slow_reader {
	struct fixture *f;
	struct store_writer *writer;
	unsigned n_rows;
};

static int write_meanwhile(void *ctx, const struct store_row *row)
{
	struct slow_reader *reader = ctx;
	struct store_error error;

	(void)row;
	if (!reader->n_rows++) {
		write_buckets(reader->f, reader->writer, 5, 5);
		assert_int_equal(store_checkpoint(reader->writer, &error), 0);
	}
	return 0;
}

static void test_reader_in_the_middle(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_writer_freep) struct store_writer *writer = made_writer(f->dir, NULL);
	_cleanup_(store_freep) struct store *store = NULL;
	_cleanup_(store_summary_done) struct store_summary summary = {};
	struct slow_reader reader = {f, writer, 0};
	const struct store_visitor visitor = {.row = write_meanwhile};
	const struct store_filter filter = read_all(SAMPLE_CPU);

	write_buckets(f, writer, 0, 5);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read(store, &filter, &visitor, &reader, &summary, NULL), 0);
	/* It saw the state it began with. */
	assert_int_equal(reader.n_rows, 5);
	assert_int_equal(summary.n_buckets, 5);
	assert_int_equal(count_buckets(f->dir), 10);
}

/* A writer that was killed between the header of its WAL and the first frame, or before it had made
 * the -shm: every bucket stands in the main file. */
static void test_wal_without_a_frame(void **state)
{
	struct fixture *f = *state;
	struct store_writer *writer = made_writer(f->dir, NULL);
	_cleanup_free_ char *partition = made_partition(f->dir), *wal = NULL, *shm = NULL;
	unsigned char header[32];
	int fd;

	assert_true(asprintf(&wal, "%s-wal", partition) > 0);
	assert_true(asprintf(&shm, "%s-shm", partition) > 0);
	write_buckets(f, writer, 0, 3);
	fd = open(wal, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pread(fd, header, sizeof(header), 0), sizeof(header));
	/* While the writer has it open, what is in the WAL counts. */
	assert_int_equal(count_buckets(f->dir), 3);
	store_writer_free(writer); /* all of it is now in the main file */
	assert_int_equal(ftruncate(fd, 0), 0);
	assert_int_equal(count_buckets(f->dir), 3);
	assert_int_equal(pwrite(fd, header, sizeof(header), 0), sizeof(header));
	close(fd);
	assert_int_equal(count_buckets(f->dir), 3);
	assert_int_equal(unlink(shm), 0);
	assert_int_equal(count_buckets(f->dir), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_wal_without_a_frame, setup, teardown),
		cmocka_unit_test_setup_teardown(test_beside_the_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_a_clean_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_after_a_kill, setup, teardown),
		cmocka_unit_test_setup_teardown(test_copy_without_wal, setup, teardown),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reader_in_the_middle, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
