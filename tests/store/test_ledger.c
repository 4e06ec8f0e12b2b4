// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ledger.c - the ledger through the store: every field, rows that are made one, windows and
 * filters, partitions, what is refused, and a store of format 1, which has neither ledger nor held
 * waits.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "made_bucket.h"
#include "read_text.h"

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

/* Rows as text, with the calls around them. */
struct reading {
	FILE *out;
	const struct dictionary *dictionary;
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;

	assert_null(reading->dictionary);
	reading->dictionary = dictionary;
	fputs("{", reading->out);
	return 0;
}

static int row(void *ctx, const struct store_bucket *bucket, const struct profile_ledger *l)
{
	struct reading *reading = ctx;

	assert_true(l->series && l->series < reading->dictionary->n_series);
	fprintf(reading->out, "%" PRId64 "/%u: %u",
		(int64_t)(bucket->start_ns / NSEC_PER_SEC - MADE_START_S),
		reading->dictionary->series[l->series].tid, l->flags);
	for (const uint64_t *p = &l->elapsed_ns; p <= &l->peak_rss_bytes; p++)
		fprintf(reading->out, " %" PRIu64, *p);
	fputs("; ", reading->out);
	return 0;
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;

	assert_ptr_equal(reading->dictionary, dictionary);
	reading->dictionary = NULL;
	fputs("}", reading->out);
	return 0;
}

_Static_assert(offsetof(struct profile_ledger, peak_rss_bytes) -
			       offsetof(struct profile_ledger, elapsed_ns) ==
		       16 * sizeof(uint64_t),
	       "row() takes the numbers as an array");

static char *read_ledger(const char *dir, const struct store_filter *filter,
			 struct store_summary *ret_summary)
{
	static const struct store_ledger_visitor visitor = {begin, row, end};
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_error error = {};
	struct store_summary summary;
	char *text = NULL;
	size_t size;
	struct reading reading = {.out = open_memstream(&text, &size)};
	int r = store_open(dir, &store, &error);

	assert_non_null(reading.out);
	if (r == 0)
		r = store_read_ledger(store, filter, &visitor, &reading, &summary, &error);
	if (r < 0)
		fail_msg("%d: %s", r, error.text);
	assert_null(reading.dictionary);
	fclose(reading.out);
	if (ret_summary)
		*ret_summary = summary;
	else
		store_summary_done(&summary);
	return text;
}

static void assert_ledger(struct fixture *f, const struct store_filter *filter,
			  const char *expected)
{
	_cleanup_free_ char *text = read_ledger(f->dir, filter, NULL);

	assert_string_equal(text, expected);
}

/* A row whose numbers tell its fields from each other. */
static struct profile_ledger full_row(uint32_t series)
{
	return (struct profile_ledger){
		.series = series,
		.flags = PROFILE_LEDGER_STARTED | PROFILE_LEDGER_GATE,
		.elapsed_ns = 1000,
		.oncpu_ns = 300,
		.user_ns = 200,
		.system_ns = 100,
		.runq_ns = 50,
		.blocked_ns = 600,
		.idle_ns = 20,
		.max_blocked_ns = 500,
		.max_runq_ns = 40,
		.voluntary_switches = 7,
		.involuntary_switches = 3,
		.minor_faults = 11,
		.major_faults = 2,
		.read_bytes = 4096,
		.write_bytes = 512,
		.rss_bytes = 8192,
		.peak_rss_bytes = 12288,
	};
}

#define FULL_ROW "1000 300 200 100 50 600 20 500 40 7 3 11 2 4096 512 8192 12288"

static void test_every_field(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *text = NULL;

	made_fill(&f->made, MADE_START_S, 1, 5);
	made_ledger(&f->made, full_row(1));
	made_loss(&f->made, "lost", 3, 4);
	made_write(f->writer, &f->made);
	text = read_ledger(f->dir, &filter, &summary);
	assert_string_equal(text, "{0/101: 5 " FULL_ROW "; }");
	/* What does not depend on a sample type, and nothing else. */
	assert_int_equal(summary.n_buckets, 1);
	assert_int_equal(summary.covered_ns, MADE_BUCKET_NS);
	assert_int_equal(summary.until_ns - summary.since_ns, MADE_BUCKET_NS);
	assert_int_equal(summary.period_ns, MADE_PERIOD_NS);
	assert_int_equal(summary.lost_ns, 4);
	assert_int_equal(summary.n_losses, 1);
	assert_int_equal(
		summary.count | summary.value | summary.machine_count | summary.machine_value, 0);
}

/* As when two buckets are written as one: sums, the greater, and the later size. */
static void test_rows_of_one_series(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);
	struct profile_ledger more = full_row(2);

	made_begin(&f->made, MADE_START_S);
	made_series(&f->made, 1, 1, "t");
	/* The same thread, given as another entry. */
	made_series(&f->made, 1, 1, "t");
	made_ledger(&f->made, full_row(1));
	more.flags = PROFILE_LEDGER_ENDED;
	more.max_blocked_ns = 501;
	more.max_runq_ns = 39;
	more.rss_bytes = 4096;
	more.peak_rss_bytes = 16384;
	made_ledger(&f->made, more);
	/* Not the main thread's: it has no size, and takes none away. */
	more.rss_bytes = more.peak_rss_bytes = 0;
	made_ledger(&f->made, more);
	made_write(f->writer, &f->made);
	assert_ledger(f, &filter,
		      "{0/1: 7 3000 900 600 300 150 1800 60 501 40 21 9 33 6 12288 1536 4096 "
		      "16384; }");
}

static void write_buckets(struct fixture *f, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		made_begin(&f->made, MADE_START_S + 10 * i);
		for (uint32_t t = 3; t > 0; t--) {
			uint32_t series = made_series(&f->made, t, t, "t");

			made_ledger(&f->made, (struct profile_ledger){.series = series,
								      .elapsed_ns = 100 + i,
								      .blocked_ns = 100 + i});
		}
		made_write(f->writer, &f->made);
	}
}

#define ROW(at, tid, n) #at "/" #tid ": 0 " #n " 0 0 0 0 " #n " 0 0 0 0 0 0 0 0 0 0 0; "

static void test_windows_and_filters(void **state)
{
	struct fixture *f = *state;
	struct store_filter filter = read_all(SAMPLE_NONE);
	const uint32_t pids[] = {1, 3, 9};

	write_buckets(f, 3);
	filter.since_real_ns = (MADE_START_S + 10) * NSEC_PER_SEC;
	filter.until_real_ns = (MADE_START_S + 20) * NSEC_PER_SEC;
	assert_ledger(f, &filter, "{" ROW(10, 3, 101) ROW(10, 2, 101) ROW(10, 1, 101) "}");
	filter.until_real_ns = UINT64_MAX;
	filter.pids = pids;
	filter.n_pids = 1;
	assert_ledger(f, &filter, "{" ROW(10, 1, 101) ROW(20, 1, 102) "}");
	filter.n_pids = 2;
	filter.until_real_ns = (MADE_START_S + 20) * NSEC_PER_SEC;
	assert_ledger(f, &filter, "{" ROW(10, 3, 101) ROW(10, 1, 101) "}");
	filter.pids = pids + 2;
	filter.n_pids = 1;
	assert_ledger(f, &filter, "{}");
	/* No bucket, and no partition that has one. */
	filter.since_real_ns = filter.until_real_ns;
	assert_ledger(f, &filter, "");
}

static void test_no_visitor(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);
	const struct store_ledger_visitor nothing = {};
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_summary summary;

	write_buckets(f, 3);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read_ledger(store, &filter, NULL, NULL, &summary, NULL), 0);
	assert_int_equal(summary.n_buckets, 3);
	store_summary_done(&summary);
	assert_int_equal(store_read_ledger(store, &filter, &nothing, NULL, &summary, NULL), 0);
	assert_int_equal(summary.n_buckets, 3);
	store_summary_done(&summary);
}

static int stop(void *ctx, const struct store_bucket *bucket, const struct profile_ledger *l)
{
	(void)bucket;
	(void)l;
	++*(int *)ctx;
	return -ECANCELED;
}

static void test_visitor_stops(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);
	const struct store_ledger_visitor stopping = {.row = stop};
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_summary summary;
	int n = 0;

	write_buckets(f, 3);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read_ledger(store, &filter, &stopping, &n, &summary, NULL),
			 -ECANCELED);
	assert_int_equal(n, 1);
}

/* Each bucket a partition of its own, with its own numbers for the series. */
static void test_partitions(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);

	store_set_limits(f->writer, 4, 0);
	write_buckets(f, 2);
	assert_ledger(f, &filter,
		      "{" ROW(0, 3, 100) ROW(0, 2, 100)
			      ROW(0, 1, 100) "}"
					     "{" ROW(10, 3, 101) ROW(10, 2, 101)
						     ROW(10, 1, 101) "}");
}

static int count_bucket(void *ctx, const struct store_bucket *bucket,
			const struct profile_ledger *row)
{
	uint64_t *n_rows = ctx;

	assert_int_equal(bucket->start_ns, MADE_START_S * NSEC_PER_SEC);
	assert_int_equal(bucket->number, ++*n_rows);
	assert_int_equal(row->elapsed_ns, 100 + *n_rows);
	return 0;
}

/* One that was cut off, its rest, and another rest after a restart: three buckets, in that order.
 */
static void test_buckets_of_one_start(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);
	const struct store_ledger_visitor counting = {.row = count_bucket};
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_summary summary;
	uint64_t n_rows = 0;

	for (unsigned i = 1; i <= 3; i++) {
		if (i == 3) {
			f->writer = store_writer_free(f->writer);
			f->writer = made_writer(f->dir, NULL);
		}
		made_begin(&f->made, MADE_START_S);
		made_ledger(&f->made,
			    (struct profile_ledger){.series = made_series(&f->made, 1, 1, "t"),
						    .elapsed_ns = 100 + i});
		made_write(f->writer, &f->made);
	}
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read_ledger(store, &filter, &counting, &n_rows, &summary, NULL), 0);
	assert_int_equal(n_rows, 3);
	assert_int_equal(summary.n_buckets, 3);
	store_summary_done(&summary);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_NONE);
	struct store_error error;

	for (int i = 0; i < 5; i++) {
		struct made_bucket *m = &f->made;

		made_fill(m, MADE_START_S, 1, 3);
		made_series(m, 7, 7, "t");
		made_ledger(m, full_row(1));
		made_ledger(m, full_row(i == 4 ? 1 : 2));
		if (i == 0)
			m->ledger[1].series = 0;
		else if (i == 1)
			m->ledger[1].series = m->bucket.n_series;
		else if (i == 2)
			m->ledger[1].write_bytes = 1ull << 63;
		else
			m->ledger[1].elapsed_ns = INT64_MAX; /* with the other one's */
		assert_int_equal(store_write_bucket(f->writer, &m->bucket, &error), -EINVAL);
		assert_non_null(strstr(error.text, "ledger"));
	}
	made_begin(&f->made, MADE_START_S);
	made_write(f->writer, &f->made);
	assert_ledger(f, &filter, "{}");
}

/* The tables of format 1 were those of today without two. */
static void test_format_1(void **state)
{
	struct fixture *f = *state;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_free_ char *before = NULL, *after = NULL, *path = NULL;
	sqlite3 *db = NULL;

	for (unsigned i = 0; i < 3; i++) {
		made_fill(&f->made, MADE_START_S + 10 * i, i, 10);
		made_write(f->writer, &f->made);
	}
	f->writer = store_writer_free(f->writer);
	before = read_text(f->dir, &filter, true, NULL);
	path = made_partition(f->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "DROP TABLE held; DROP TABLE ledger; PRAGMA user_version = 1",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	after = read_text(f->dir, &filter, true, NULL);
	assert_true(strlen(before) > 1000);
	assert_string_equal(before, after);
	assert_ledger(f, &filter, "{}");
	/* Beside one of today's. */
	f->writer = made_writer(f->dir, NULL);
	made_begin(&f->made, MADE_START_S + 30);
	made_ledger(&f->made, full_row(made_series(&f->made, 1, 1, "t")));
	made_write(f->writer, &f->made);
	assert_ledger(f, &filter, "{}{30/1: 5 " FULL_ROW "; }");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rows_of_one_series, setup, teardown),
		cmocka_unit_test_setup_teardown(test_windows_and_filters, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_visitor, setup, teardown),
		cmocka_unit_test_setup_teardown(test_visitor_stops, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partitions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_buckets_of_one_start, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_format_1, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
