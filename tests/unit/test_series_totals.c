// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_series_totals.c - processes, threads and units of made-up partitions: what is told apart,
 * whose names a process has, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "dictionary.h"
#include "series_totals.h"

#define MS 1000000ull

static const struct profile_series none = {
	.comm = "", .exe = "", .cgroup = "", .unit = "", .container = ""};

/* A series and its time in a partition. */
struct timed {
	struct profile_series series;
	uint64_t value;
	struct estimate_spread spread; /* none with sampled_ns 0 */
};

/* Reads a partition of these, each with one sample, of nodes that nobody checks. */
static int read_partition(struct series_totals *totals, const struct timed *timed, uint32_t n)
{
	struct profile_series series[16] = {none};
	const struct dictionary dictionary = {.series = series, .n_series = n + 1};
	int r;

	assert_true(n < ARRAY_SIZE(series));
	for (uint32_t i = 0; i < n; i++)
		series[i + 1] = timed[i].series;
	r = series_totals_visitor.begin(totals, &dictionary);
	for (uint32_t i = 0; r == 0 && i < n; i++)
		r = series_totals_visitor.row(totals,
					      &(struct store_row){.series = i + 1,
								  .node = UINT32_MAX - 1,
								  .count = PROFILE_COUNT_ONE,
								  .value = timed[i].value});
	for (uint32_t i = 0; r == 0 && i < n; i++)
		if (timed[i].spread.sampled_ns > 0)
			r = series_totals_add_spread(totals, i + 1, &timed[i].spread);
	return r < 0 ? r : series_totals_visitor.end(totals, &dictionary);
}

static void test_spreads(void **state)
{
	static const struct timed first[] = {
		{{10, 11, 1, "worker", "/bin/web", "", "", ""}, 90 * MS, {90, 7, 5}},
		{{10, 10, 1, "web", "/bin/web", "", "", ""}, 10 * MS, {10, 2, 1}},
		{{20, 20, 1, "exact", "/bin/db", "", "", ""}, 50 * MS, {0}},
	};
	static const struct timed second[] = {
		{{10, 11, 1, "worker", "/bin/web", "", "", ""}, 5 * MS, {5, 4, 3}}};
	const struct estimate_spread more = {1, 1, 1};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_PROCESS, &totals), 0);
	/* No partition is being read. */
	assert_int_equal(series_totals_add_spread(totals, 1, &more), -EBADMSG);
	assert_int_equal(read_partition(totals, first, ARRAY_SIZE(first)), 0);
	assert_int_equal(read_partition(totals, second, ARRAY_SIZE(second)), 0);
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(rows[0].pid, 10);
	assert_true(rows[0].spread.sampled_ns == 105 && rows[0].spread.variance == 13 &&
		    rows[0].spread.third == 9);
	assert_true(rows[1].spread.sampled_ns == 0 && rows[1].spread.variance == 0);
}

static void test_processes(void **state)
{
	static const struct timed first[] = {
		{{10, 11, 1, "worker", "/bin/web", "", "web.service", ""}, 90 * MS},
		{{10, 10, 1, "web", "/bin/web", "", "web.service", ""}, 10 * MS},
		{{20, 21, 1, "lwp", "/bin/db", "", "", "c1"}, 5 * MS},
		/* The pid again. */
		{{10, 10, 2, "other", "/bin/other", "", "", ""}, 7 * MS},
	};
	/* Strings that are gone afterwards, and more of the first process. */
	char comm[] = "web", exe[] = "/bin/web", unit[] = "web.service";
	struct timed second[] = {{{10, 10, 1, comm, exe, "", unit, ""}, 3 * MS}};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_PROCESS, &totals), 0);
	assert_int_equal(read_partition(totals, first, ARRAY_SIZE(first)), 0);
	assert_int_equal(read_partition(totals, second, 1), 0);
	memset(comm, 'x', sizeof(comm));
	memset(exe, 'x', sizeof(exe));
	memset(unit, 'x', sizeof(unit));
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].pid, 10);
	assert_int_equal(rows[0].tid, 0);
	assert_int_equal(rows[0].start_boot_ns, 1);
	assert_int_equal(rows[0].value, 103 * MS);
	assert_int_equal(rows[0].count, 3 * PROFILE_COUNT_ONE);
	/* The main thread's name, although the other one had more. */
	assert_string_equal(rows[0].comm, "web");
	assert_string_equal(rows[0].exe, "/bin/web");
	assert_string_equal(rows[0].unit, "web.service");
	assert_string_equal(rows[1].comm, "other");
	assert_int_equal(rows[1].start_boot_ns, 2);
	/* No main thread in the window: any name. */
	assert_string_equal(rows[2].comm, "lwp");
	assert_string_equal(rows[2].container, "c1");
	assert_int_equal(rows[2].value, 5 * MS);
}

/* What is written back has no process, and what each unit has of it is told apart. */
static void test_nobody(void **state)
{
	static const struct timed timed[] = {
		{{0, 0, 0, "[writeback]", "", "", "a.service", ""}, 1 * MS},
		{{0, 0, 0, "[writeback]", "", "", "b.service", ""}, 2 * MS},
		{{0, 0, 0, "[writeback]", "", "", "b.service", "c1"}, 4 * MS},
		{{0, 0, 0, "[writeback]", "", "", "a.service", ""}, 7 * MS},
	};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_PROCESS, &totals), 0);
	assert_int_equal(read_partition(totals, timed, ARRAY_SIZE(timed)), 0);
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].value, 8 * MS);
	assert_string_equal(rows[0].unit, "a.service");
	assert_string_equal(rows[0].comm, "[writeback]");
	assert_string_equal(rows[1].container, "c1");
	assert_string_equal(rows[2].unit, "b.service");
	assert_int_equal(rows[2].value, 2 * MS);
}

/* A shell that became a compiler: what it was for longest, and no name is better than one. */
static void test_names_of_most_time(void **state)
{
	static const struct timed timed[] = {
		{{10, 10, 1, "sh", "/bin/sh", "", "a.service", ""}, 1 * MS},
		{{10, 10, 1, "cc1", "", "", "b.service", ""}, 9 * MS},
		{{10, 10, 1, "as", "/bin/as", "", "c.service", ""}, 3 * MS},
	};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_PROCESS, &totals), 0);
	assert_int_equal(read_partition(totals, timed, ARRAY_SIZE(timed)), 0);
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].comm, "cc1");
	assert_string_equal(rows[0].unit, "b.service");
	assert_string_equal(rows[0].exe, "/bin/sh");
}

static void test_threads(void **state)
{
	static const struct timed timed[] = {
		{{10, 10, 1, "web", "/bin/web", "", "a.service", ""}, 1 * MS},
		{{10, 11, 1, "w1", "/bin/web", "", "a.service", ""}, 2 * MS},
		/* It called itself something else later: one thread. */
		{{10, 11, 1, "w1-busy", "/bin/web", "", "a.service", ""}, 4 * MS},
		{{10, 11, 2, "w1", "/bin/web", "", "a.service", ""}, 3 * MS},
	};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_THREAD, &totals), 0);
	assert_int_equal(read_partition(totals, timed, ARRAY_SIZE(timed)), 0);
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].pid, 10);
	assert_int_equal(rows[0].tid, 11);
	assert_int_equal(rows[0].value, 6 * MS);
	assert_string_equal(rows[0].comm, "w1-busy");
	assert_int_equal(rows[1].start_boot_ns, 2);
	assert_int_equal(rows[2].tid, 10);
}

static void test_units(void **state)
{
	static const struct timed timed[] = {
		{{10, 10, 1, "nginx", "/bin/nginx", "", "nginx.service", ""}, 1 * MS},
		{{11, 11, 1, "nginx", "/bin/nginx", "", "nginx.service", "web"}, 2 * MS},
		{{12, 12, 1, "nginx", "/bin/nginx", "", "nginx.service", "web"}, 2 * MS},
		{{13, 13, 1, "kworker", "", "", "", ""}, 1 * MS},
		{{14, 14, 1, "sh", "/bin/sh", "", "", "abc"}, 1 * MS},
	};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_UNIT, &totals), 0);
	assert_int_equal(read_partition(totals, timed, ARRAY_SIZE(timed)), 0);
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 4);
	assert_string_equal(rows[0].unit, "nginx.service");
	assert_string_equal(rows[0].container, "web");
	assert_int_equal(rows[0].value, 4 * MS);
	assert_int_equal(rows[0].pid, 0);
	assert_string_equal(rows[0].comm, "");
	/* Ties by name; no unit is a row as well. */
	assert_string_equal(rows[1].unit, "");
	assert_string_equal(rows[1].container, "");
	assert_string_equal(rows[2].container, "abc");
	assert_string_equal(rows[3].unit, "nginx.service");
	assert_string_equal(rows[3].container, "");
}

static void test_refused(void **state)
{
	static const struct timed huge[] = {
		{{10, 10, 1, "a", "", "", "", ""}, UINT64_MAX},
		{{10, 11, 1, "b", "", "", "", ""}, 1},
	};
	const struct dictionary dictionary = {.series = &none, .n_series = 1};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	const struct series_totals_row *rows;
	size_t n = 1;

	(void)state;
	assert_int_equal(series_totals_new(SERIES_TOTALS_BY_PROCESS, &totals), 0);
	assert_int_equal(series_totals_rows(totals, &rows, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(series_totals_visitor.begin(totals, &dictionary), 0);
	assert_int_equal(series_totals_visitor.row(totals, &(struct store_row){.series = 1}),
			 -EBADMSG);
	assert_int_equal(read_partition(totals, huge, ARRAY_SIZE(huge)), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes), cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_spreads),	  cmocka_unit_test(test_names_of_most_time),
		cmocka_unit_test(test_threads),	  cmocka_unit_test(test_units),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
