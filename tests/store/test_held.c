// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_held.c - waits that last over whole buckets: stored as runs, read as one row each that is
 * worth what its buckets in the window cover, across windows, filters, partitions, buckets that
 * were refused, a clock that steps back, and a writer that is killed.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/wait.h>

#include "made_bucket.h"
#include "read_text.h"

/* Bucket i covers 10 s less i ms, so that each is told from the others. */
#define COVERED_NS(i) (MADE_BUCKET_NS - (uint64_t)(i)*NSEC_PER_MSEC)
#define CLASS	      "2559" /* open, sleep, exact */

struct fixture {
	char *dir;
	struct store_writer *writer;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	f->writer = made_writer(f->dir, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_writer_free(f->writer);
	made_directory_remove(f->dir);
	free(f);
	return 0;
}

/* Bucket i; each letter is a thread, pid 1 for 'a', held on a stack of one function of that name.
 * An upper letter is the same thread on another stack. */
static void make(struct made_bucket *m, unsigned i, const char *held)
{
	static const char names[][2] = {"a", "b", "c", "A"};

	made_begin(m, MADE_START_S + 10 * i);
	m->bucket.covered_ns = COVERED_NS(i);
	for (; *held; held++) {
		const uint32_t pid = (uint32_t)(*held | 0x20) - 'a' + 1;
		const char *name = names[*held == 'A' ? 3 : pid - 1];
		uint32_t location = made_location(m, LOCATION_KERNEL, 0, (uint64_t)*held, name);

		made_held(m, SAMPLE_OFFCPU, made_series(m, pid, pid, "t"),
			  made_stack(m, 1, location));
	}
}

static void write_held(struct fixture *f, unsigned i, const char *held)
{
	make(&f->made, i, held);
	made_write(f->writer, &f->made);
}

/* What covers buckets `from` up to `until`, without the latter. */
static uint64_t covered(unsigned from, unsigned until)
{
	uint64_t sum = 0;

	for (unsigned i = from; i < until; i++)
		sum += COVERED_NS(i);
	return sum;
}

/* A line of read_text(): thread `name` from bucket `at` on, worth `value`. */
static void expect(FILE *out, unsigned at, char name, uint64_t value)
{
	const int pid = (name | 0x20) - 'a' + 1;

	fprintf(out, "%u %d/%d t | %c | " CLASS " 0 %" PRIu64 "\n", 10 * at, pid, pid, name, value);
}

static struct store_filter window(unsigned from, unsigned until)
{
	return (struct store_filter){
		.since_real_ns = (MADE_START_S + 10 * from) * NSEC_PER_SEC,
		.until_real_ns = (MADE_START_S + 10 * until) * NSEC_PER_SEC,
		.type = SAMPLE_OFFCPU,
	};
}

/* b holds over all of 0..9, a is away in 4 and elsewhere in 7, c comes with the last. */
static void write_ten(struct fixture *f)
{
	for (unsigned i = 0; i < 10; i++)
		write_held(f, i, i == 4 ? "b" : i == 7 ? "Ab" : i == 9 ? "bac" : "ab");
}

static int64_t count_runs(const char *dir)
{
	_cleanup_free_ char *path = made_partition(dir);
	sqlite3_stmt *select = NULL;
	sqlite3 *db = NULL;
	int64_t n;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM held", -1, &select, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(select), SQLITE_ROW);
	n = sqlite3_column_int64(select, 0);
	sqlite3_finalize(select);
	sqlite3_close(db);
	return n;
}

/* Every window of the ten buckets, whether it cuts a run or not. */
static void test_windows(void **state)
{
	static const struct {
		char name;
		unsigned from, until;
	} runs[] = {{'b', 0, 10}, {'a', 0, 4},	{'a', 5, 7},
		    {'A', 7, 8},  {'a', 8, 10}, {'c', 9, 10}};
	struct fixture *f = *state;

	write_ten(f);
	/* Six runs are six entries, however long they last. */
	assert_int_equal(count_runs(f->dir), ARRAY_SIZE(runs));
	for (unsigned from = 0; from <= 10; from++)
		for (unsigned until = from; until <= 10; until++) {
			const struct store_filter filter = window(from, until);
			_cleanup_(store_summary_done) struct store_summary summary = {};
			_cleanup_free_ char *text = read_text(f->dir, &filter, false, &summary);
			uint64_t sum = 0;
			unsigned n = 0;

			for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
				unsigned first = runs[i].from > from ? runs[i].from : from;
				unsigned last = runs[i].until < until ? runs[i].until : until;
				_cleanup_free_ char *line = NULL;
				size_t size;
				FILE *out;

				if (first >= last)
					continue;
				out = open_memstream(&line, &size);
				assert_non_null(out);
				expect(out, first, runs[i].name, covered(first, last));
				fclose(out);
				if (!strstr(text, line))
					fail_msg("%u-%u: no %s in\n%s", from, until, line, text);
				sum += covered(first, last);
				n++;
			}
			for (const char *p = text; (p = strchr(p, '\n')); p++)
				n--;
			assert_int_equal(n, 0);
			assert_int_equal(summary.count, 0);
			assert_int_equal(summary.value, sum);
			assert_int_equal(summary.machine_value, sum);
		}
}

static int count_series(void *ctx, const struct store_row *row)
{
	*(uint64_t *)ctx += row->series == 1 ? row->value : 0;
	return 0;
}

/* With a filter, without a visitor, and with one that wants no stacks. */
static void test_filters(void **state)
{
	struct fixture *f = *state;
	const struct store_visitor series_only = {.row = count_series, .series_only = true};
	struct store_filter filter = window(2, 6);
	const uint32_t pid = 2;
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_summary summary;
	uint64_t value = 0, all = covered(2, 6) + covered(2, 4) + covered(5, 6);

	write_ten(f);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read(store, &filter, NULL, NULL, &summary, NULL), 0);
	assert_int_equal(summary.value, all);
	assert_int_equal(summary.machine_value, all);
	store_summary_done(&summary);
	/* Series 1 is a's, the first that was ever written. */
	assert_int_equal(store_read(store, &filter, &series_only, &value, &summary, NULL), 0);
	assert_int_equal(value, covered(2, 4) + covered(5, 6));
	store_summary_done(&summary);
	filter.pids = &pid;
	filter.n_pids = 1;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(
			store_read(store, &filter, i ? &series_only : NULL, &value, &summary, NULL),
			0);
		assert_int_equal(summary.value, covered(2, 6));
		assert_int_equal(summary.machine_value, all);
		store_summary_done(&summary);
	}
	/* Of another type there is none. */
	filter.type = SAMPLE_RUNQ;
	assert_int_equal(store_read(store, &filter, NULL, NULL, &summary, NULL), 0);
	assert_int_equal(summary.machine_value, 0);
	store_summary_done(&summary);
}

struct last {
	struct store_bucket first, last;
};

static int keep_bounds(void *ctx, const struct store_row *row)
{
	*(struct last *)ctx = (struct last){row->bucket, row->last_bucket};
	return 0;
}

/* A row says which buckets of the window it was held over first and last. */
static void test_bounds(void **state)
{
	static const unsigned cases[][4] = {
		/* window, first and last */
		{0, 9, 0, 7}, {1, 7, 1, 6}, {3, 4, 3, 3}, {6, 9, 6, 7}, {7, 8, 7, 7},
	};
	struct fixture *f = *state;
	const struct store_visitor visitor = {.row = keep_bounds};
	_cleanup_(store_freep) struct store *store = NULL;

	for (unsigned i = 0; i < 9; i++)
		write_held(f, i, i < 8 ? "a" : "");
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct store_filter filter = window(cases[i][0], cases[i][1]);
		struct store_summary summary;
		struct last last = {};

		assert_int_equal(store_read(store, &filter, &visitor, &last, &summary, NULL), 0);
		assert_int_equal(last.first.start_ns,
				 (MADE_START_S + 10 * cases[i][2]) * NSEC_PER_SEC);
		assert_int_equal(last.first.number, cases[i][2] - cases[i][0] + 1);
		assert_int_equal(last.last.start_ns,
				 (MADE_START_S + 10 * cases[i][3]) * NSEC_PER_SEC);
		assert_int_equal(last.last.number, cases[i][3] - cases[i][0] + 1);
		store_summary_done(&summary);
	}
}

/* Rows and runs are added up, of each type its own. */
static void test_with_rows(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	const struct store_filter offcpu = window(0, 9);
	struct store_filter runq = offcpu;
	_cleanup_(store_summary_done) struct store_summary a = {};
	_cleanup_(store_summary_done) struct store_summary b = {};
	_cleanup_free_ char *text = NULL, *other = NULL;

	for (unsigned i = 0; i < 2; i++) {
		make(m, i, "a");
		made_row(m, (struct profile_row){SAMPLE_OFFCPU, 1, 1, 5, 1024, 7});
		made_held(m, SAMPLE_RUNQ, 1, 1);
		/* Given twice it is one. */
		made_held(m, SAMPLE_RUNQ, 1, 1);
		made_write(f->writer, m);
	}
	text = read_text(f->dir, &offcpu, false, &a);
	assert_string_equal(text, "0 1/1 t | a | " CLASS " 0 19999000000\n0 1/1 t | a | 5 1024 7\n"
				  "10 1/1 t | a | 5 1024 7\n");
	assert_int_equal(a.value, covered(0, 2) + 14);
	assert_int_equal(a.machine_value, covered(0, 2) + 14);
	assert_int_equal(a.machine_count, 2048);
	runq.type = SAMPLE_RUNQ;
	other = read_text(f->dir, &runq, false, &b);
	assert_string_equal(other, "0 1/1 t | a | " CLASS " 0 19999000000\n");
}

/* A partition ends all that is held; in the next it begins anew. */
static void test_rotation(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = window(0, 99);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *text = NULL, *expected = NULL;

	for (unsigned i = 0; i < 8; i++) {
		if (i == 3)
			store_set_limits(f->writer, 1, 0);
		if (i == 4)
			store_set_limits(f->writer, 0, 0);
		write_held(f, i, "a");
	}
	text = read_text(f->dir, &filter, false, &summary);
	assert_true(asprintf(&expected,
			     "0 1/1 t | a | " CLASS " 0 %" PRIu64 "\n30 1/1 t | a | " CLASS
			     " 0 %" PRIu64 "\n",
			     covered(0, 3), covered(3, 8)) > 0);
	assert_string_equal(text, expected);
	assert_int_equal(summary.value, covered(0, 8));
}

/* A bucket that is refused after its waits were written changes neither the file nor the set. */
static void test_refused_buckets(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = window(0, 99);
	_cleanup_free_ char *text = NULL, *expected = NULL;
	struct store_error error;

	write_held(f, 0, "ab");
	make(&f->made, 1, "bc");
	made_loss(&f->made, "late", UINT64_MAX, 0);
	assert_int_equal(store_write_bucket(f->writer, &f->made.bucket, &error), -EINVAL);
	write_held(f, 1, "ac");
	text = read_text(f->dir, &filter, false, NULL);
	assert_true(asprintf(&expected,
			     "0 1/1 t | a | " CLASS " 0 %" PRIu64 "\n0 2/2 t | b | " CLASS
			     " 0 %" PRIu64 "\n10 3/3 t | c | " CLASS " 0 %" PRIu64 "\n",
			     covered(0, 2), covered(0, 1), covered(1, 2)) > 0);
	assert_string_equal(text, expected);
}

static void test_refused_waits(void **state)
{
	struct fixture *f = *state;
	struct store_error error;

	for (int i = 0; i < 6; i++) {
		struct profile_held *held = &f->made.held[0];

		make(&f->made, 0, "a");
		if (i == 0)
			held->series = 0;
		else if (i == 1)
			held->series = f->made.bucket.n_series;
		else if (i == 2)
			held->stack = 0;
		else if (i == 3)
			held->stack = f->made.bucket.n_stacks;
		else if (i == 4)
			held->type = SAMPLE_NONE;
		else
			held->type = SAMPLE_TYPE_MAX;
		assert_int_equal(store_write_bucket(f->writer, &f->made.bucket, &error), -EINVAL);
		assert_non_null(strstr(error.text, "held"));
	}
	assert_int_equal(count_runs(f->dir), 0);
}

/* Starts repeat; what is held goes by the order in which buckets were written. */
static void test_clock_back(void **state)
{
	struct fixture *f = *state;
	struct store_filter filter = window(0, 99);
	_cleanup_(store_summary_done) struct store_summary summary = {};

	write_held(f, 5, "a");
	write_held(f, 6, "a");
	write_held(f, 2, "a");
	write_held(f, 3, "b");
	free(read_text(f->dir, &filter, false, &summary));
	assert_int_equal(summary.value, covered(5, 7) + covered(2, 4));
	store_summary_done(&summary);
	filter = window(3, 6);
	free(read_text(f->dir, &filter, false, &summary));
	assert_int_equal(summary.value, covered(3, 4) + covered(5, 6));
}

/* Killed without a checkpoint: what goes on then lasts to the last bucket that was written. */
static void test_killed(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = window(0, 99);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *text = NULL, *expected = NULL;
	pid_t child;
	int status;

	f->writer = store_writer_free(f->writer);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		f->writer = made_writer(f->dir, NULL);
		for (unsigned i = 0; i < 5; i++)
			write_held(f, i, i < 2 ? "ab" : "a");
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	f->writer = made_writer(f->dir, NULL);
	write_held(f, 7, "a");
	write_held(f, 8, "");
	text = read_text(f->dir, &filter, false, &summary);
	assert_true(asprintf(&expected,
			     "0 1/1 t | a | " CLASS " 0 %" PRIu64 "\n0 2/2 t | b | " CLASS
			     " 0 %" PRIu64 "\n70 1/1 t | a | " CLASS " 0 %" PRIu64 "\n",
			     covered(0, 5), covered(0, 2), covered(7, 8)) > 0);
	assert_string_equal(text, expected);
	assert_int_equal(summary.value, covered(0, 5) + covered(0, 2) + covered(7, 8));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_windows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_with_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_buckets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_waits, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
