// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ledger_totals.c - the ledger of made-up partitions by process, thread, unit and in all: what
 * is added up and what is not, and what is refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "dictionary.h"
#include "ledger_totals.h"

#define MS 1000000ull
#define MB 1048576ull

/* A row of a bucket; series are numbers of the list below. All buckets have one start: they are
 * told apart by their numbers. */
struct entry {
	unsigned int bucket;
	struct profile_ledger row;
};

static const struct profile_series series[] = {
	{.comm = "", .exe = "", .cgroup = "", .unit = "", .container = ""},
	{10, 10, 1, "web", "/bin/web", "", "web.service", ""},
	{10, 11, 1, "worker", "/bin/web", "", "web.service", ""},
	{20, 20, 1, "db", "/bin/db", "", "web.service", ""},
	/* The first pid again. */
	{10, 10, 2, "other", "/bin/other", "", "", "c1"},
	/* The worker by another name. */
	{10, 11, 1, "worker-busy", "/bin/web", "", "web.service", ""},
};

enum { WEB = 1, WORKER, DB, AGAIN, BUSY };

static const struct entry first[] = {
	{1,
	 {.series = WEB,
	  .flags = PROFILE_LEDGER_STARTED,
	  .elapsed_ns = 9000 * MS,
	  .oncpu_ns = 1000 * MS,
	  .user_ns = 700 * MS,
	  .system_ns = 300 * MS,
	  .runq_ns = 50 * MS,
	  .blocked_ns = 7900 * MS,
	  .max_blocked_ns = 400 * MS,
	  .max_runq_ns = 7 * MS,
	  .voluntary_switches = 90,
	  .involuntary_switches = 3,
	  .minor_faults = 12,
	  .major_faults = 1,
	  .read_bytes = 4096,
	  .write_bytes = 100,
	  .rss_bytes = 50 * MB,
	  .peak_rss_bytes = 55 * MB}},
	{1,
	 {.series = WORKER,
	  .flags = PROFILE_LEDGER_GATE,
	  .elapsed_ns = 10000 * MS,
	  .oncpu_ns = 4000 * MS,
	  .user_ns = 4000 * MS,
	  .blocked_ns = 6000 * MS,
	  .max_blocked_ns = 300 * MS,
	  .voluntary_switches = 10}},
	{1,
	 {.series = DB,
	  .elapsed_ns = 10000 * MS,
	  .oncpu_ns = 2000 * MS,
	  .system_ns = 2000 * MS,
	  .blocked_ns = 8000 * MS,
	  .rss_bytes = 30 * MB,
	  .peak_rss_bytes = 30 * MB}},
	{2,
	 {.series = WEB,
	  .elapsed_ns = 10000 * MS,
	  .oncpu_ns = 500 * MS,
	  .user_ns = 500 * MS,
	  .blocked_ns = 9500 * MS,
	  .write_bytes = 11,
	  .rss_bytes = 20 * MB,
	  .peak_rss_bytes = 55 * MB}},
	/* It ended: its memory was gone before. */
	{2, {.series = DB, .flags = PROFILE_LEDGER_ENDED, .elapsed_ns = 10 * MS}},
};

static const struct entry second[] = {
	{3,
	 {.series = BUSY,
	  .elapsed_ns = 20000 * MS,
	  .oncpu_ns = 100 * MS,
	  .user_ns = 100 * MS,
	  .runq_ns = 20000 * MS}},
	{3,
	 {.series = AGAIN,
	  .elapsed_ns = 10000 * MS,
	  .blocked_ns = 10000 * MS,
	  .idle_ns = 4000 * MS,
	  .rss_bytes = 5 * MB,
	  .peak_rss_bytes = 90 * MB}},
	{3,
	 {.series = WEB,
	  .elapsed_ns = 10000 * MS,
	  .blocked_ns = 10000 * MS,
	  .rss_bytes = 40 * MB,
	  .peak_rss_bytes = 55 * MB}},
};

static int read_partition(struct ledger_totals *totals, const struct entry *entries, size_t n)
{
	struct profile_series copies[ARRAY_SIZE(series)];
	const struct dictionary dictionary = {.series = copies, .n_series = ARRAY_SIZE(copies)};
	int r;

	memcpy(copies, series, sizeof(copies));
	r = ledger_totals_visitor.begin(totals, &dictionary);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = ledger_totals_visitor.row(
			totals, &(struct store_bucket){.start_ns = 9, .number = entries[i].bucket},
			&entries[i].row);
	return r < 0 ? r : ledger_totals_visitor.end(totals, &dictionary);
}

static int64_t by_oncpu(const struct ledger_totals_row *row)
{
	return (int64_t)row->sum.oncpu_ns;
}

/* Both partitions. */
static struct ledger_totals *read_all(enum series_totals_by by,
				      const struct ledger_totals_row **ret, size_t *ret_n)
{
	struct ledger_totals *totals = NULL;

	assert_int_equal(ledger_totals_new(by, &totals), 0);
	assert_int_equal(read_partition(totals, first, ARRAY_SIZE(first)), 0);
	assert_int_equal(read_partition(totals, second, ARRAY_SIZE(second)), 0);
	assert_int_equal(ledger_totals_rows(totals, by_oncpu, ret, ret_n), 0);
	return totals;
}

static void test_processes(void **state)
{
	_cleanup_(ledger_totals_freep) struct ledger_totals *totals = NULL;
	const struct ledger_totals_row *rows;
	size_t n;

	(void)state;
	totals = read_all(SERIES_TOTALS_BY_PROCESS, &rows, &n);
	assert_int_equal(n, 3);
	assert_int_equal(rows[0].pid, 10);
	assert_int_equal(rows[0].tid, 0);
	assert_int_equal(rows[0].start_boot_ns, 1);
	/* The main thread's, although the other one was longer there. */
	assert_string_equal(rows[0].comm, "web");
	assert_string_equal(rows[0].unit, "web.service");
	assert_int_equal(rows[0].n_threads, 2);
	assert_int_equal(rows[0].sum.oncpu_ns, 5600 * MS);
	assert_int_equal(rows[0].sum.user_ns, 5300 * MS);
	assert_int_equal(rows[0].sum.system_ns, 300 * MS);
	assert_int_equal(rows[0].sum.elapsed_ns, 59000 * MS);
	assert_int_equal(rows[0].sum.runq_ns, 20050 * MS);
	assert_int_equal(rows[0].sum.blocked_ns, 33400 * MS);
	/* What overlaps is not hidden. */
	assert_int_equal(rows[0].other_ns, -50 * (int64_t)MS);
	assert_int_equal(rows[0].gate_ns, 6000 * MS);
	assert_int_equal(rows[0].sum.flags, PROFILE_LEDGER_STARTED | PROFILE_LEDGER_GATE);
	assert_int_equal(rows[0].sum.voluntary_switches, 100);
	assert_int_equal(rows[0].sum.involuntary_switches, 3);
	assert_int_equal(rows[0].sum.minor_faults, 12);
	assert_int_equal(rows[0].sum.major_faults, 1);
	assert_int_equal(rows[0].sum.read_bytes, 4096);
	assert_int_equal(rows[0].sum.write_bytes, 111);
	assert_int_equal(rows[0].sum.max_blocked_ns, 400 * MS);
	assert_int_equal(rows[0].sum.max_runq_ns, 7 * MS);
	/* The last size and the highest one, no sums over buckets. */
	assert_int_equal(rows[0].sum.rss_bytes, 40 * MB);
	assert_int_equal(rows[0].sum.peak_rss_bytes, 55 * MB);
	/* One that ended has the size that it had before. */
	assert_int_equal(rows[1].pid, 20);
	assert_int_equal(rows[1].sum.rss_bytes, 30 * MB);
	assert_int_equal(rows[1].gate_ns, 0);
	assert_int_equal(rows[2].pid, 10);
	assert_int_equal(rows[2].start_boot_ns, 2);
	assert_string_equal(rows[2].comm, "other");
	assert_string_equal(rows[2].container, "c1");
	assert_int_equal(rows[2].sum.idle_ns, 4000 * MS);
	assert_int_equal(rows[2].n_threads, 1);
}

static void test_threads(void **state)
{
	_cleanup_(ledger_totals_freep) struct ledger_totals *totals = NULL;
	const struct ledger_totals_row *rows;
	size_t n;

	(void)state;
	totals = read_all(SERIES_TOTALS_BY_THREAD, &rows, &n);
	assert_int_equal(n, 4);
	/* Two names in two partitions are one thread, by the name that it had for longer. */
	assert_int_equal(rows[0].tid, 11);
	assert_int_equal(rows[0].sum.oncpu_ns, 4100 * MS);
	assert_int_equal(rows[0].n_threads, 1);
	assert_string_equal(rows[0].comm, "worker-busy");
	assert_false(rows[0].has_memory);
	assert_int_equal(rows[1].tid, 20);
	assert_true(rows[1].has_memory);
	assert_int_equal(rows[2].tid, 10);
	assert_int_equal(rows[2].start_boot_ns, 1);
	assert_int_equal(rows[2].other_ns, 50 * MS);
	assert_int_equal(rows[3].start_boot_ns, 2);
}

static void test_units_and_machine(void **state)
{
	_cleanup_(ledger_totals_freep) struct ledger_totals *units = NULL, *machine = NULL;
	const struct ledger_totals_row *rows, *all;
	size_t n;

	(void)state;
	units = read_all(SERIES_TOTALS_BY_UNIT, &rows, &n);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].unit, "web.service");
	assert_string_equal(rows[0].comm, "");
	assert_int_equal(rows[0].pid, 0);
	assert_int_equal(rows[0].n_threads, 3);
	/* In the last bucket one process of two is left; together they had most in the first. */
	assert_int_equal(rows[0].sum.rss_bytes, 40 * MB);
	assert_int_equal(rows[0].sum.peak_rss_bytes, 80 * MB);
	assert_string_equal(rows[1].container, "c1");
	machine = read_all(SERIES_TOTALS_BY_NOTHING, &all, &n);
	assert_int_equal(n, 1);
	assert_string_equal(all->unit, "");
	assert_string_equal(all->comm, "");
	assert_int_equal(all->n_threads, 4);
	assert_int_equal(all->sum.oncpu_ns, rows[0].sum.oncpu_ns + rows[1].sum.oncpu_ns);
	assert_int_equal(all->sum.elapsed_ns, rows[0].sum.elapsed_ns + rows[1].sum.elapsed_ns);
	assert_int_equal(all->other_ns, rows[0].other_ns + rows[1].other_ns);
	assert_int_equal(all->sum.rss_bytes, 45 * MB);
	/* One process alone had more than all at the end of any bucket. */
	assert_int_equal(all->sum.peak_rss_bytes, 90 * MB);
}

/* Another bucket of the same start: in the same partition when the first was cut off, in another
 * one when profd was restarted. What was done adds up, the memory is that of the last. */
static void test_buckets_of_one_start(void **state)
{
	static const struct entry cut[] = {
		{1, {.series = WEB, .elapsed_ns = 3 * MS, .rss_bytes = 9 * MB}},
		{1, {.series = DB, .elapsed_ns = 3 * MS, .rss_bytes = 4 * MB}},
		{2, {.series = WEB, .elapsed_ns = 7 * MS, .rss_bytes = 8 * MB}},
		{2, {.series = DB, .elapsed_ns = 7 * MS, .rss_bytes = 4 * MB}}};
	static const struct entry restarted[] = {
		{3, {.series = WEB, .elapsed_ns = 1 * MS, .rss_bytes = 7 * MB}},
		{3, {.series = DB, .elapsed_ns = 1 * MS, .rss_bytes = 4 * MB}}};
	_cleanup_(ledger_totals_freep) struct ledger_totals *totals = NULL;
	const struct ledger_totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(ledger_totals_new(SERIES_TOTALS_BY_NOTHING, &totals), 0);
	assert_int_equal(read_partition(totals, cut, ARRAY_SIZE(cut)), 0);
	assert_int_equal(ledger_totals_rows(totals, by_oncpu, &rows, &n), 0);
	assert_int_equal(rows[0].sum.rss_bytes, 12 * MB);
	assert_int_equal(read_partition(totals, restarted, ARRAY_SIZE(restarted)), 0);
	assert_int_equal(ledger_totals_rows(totals, by_oncpu, &rows, &n), 0);
	assert_int_equal(rows[0].sum.elapsed_ns, 22 * MS);
	assert_int_equal(rows[0].sum.rss_bytes, 11 * MB);
	assert_int_equal(rows[0].sum.peak_rss_bytes, 13 * MB);
}

static void test_refused(void **state)
{
	static const struct entry overflows[][2] = {
		{{1, {.series = WEB, .elapsed_ns = UINT64_MAX}},
		 {1, {.series = WORKER, .elapsed_ns = 1}}},
		{{1, {.series = WEB, .write_bytes = UINT64_MAX}},
		 {2, {.series = WEB, .write_bytes = 1}}},
		{{1, {.series = WEB, .rss_bytes = UINT64_MAX}},
		 {1, {.series = DB, .rss_bytes = 1}}},
	};
	static const struct entry unknown[] = {{1, {.series = ARRAY_SIZE(series)}}};
	static const struct entry other[] = {{1, {.series = WEB, .elapsed_ns = UINT64_MAX}}};
	const struct ledger_totals_row *rows;
	size_t n = 1;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(overflows); i++) {
		_cleanup_(ledger_totals_freep) struct ledger_totals *totals = NULL;

		assert_int_equal(ledger_totals_new(SERIES_TOTALS_BY_UNIT, &totals), 0);
		assert_int_equal(ledger_totals_rows(totals, by_oncpu, &rows, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(read_partition(totals, overflows[i], 2), -EBADMSG);
	}
	{
		_cleanup_(ledger_totals_freep) struct ledger_totals *totals = NULL;

		assert_int_equal(ledger_totals_new(SERIES_TOTALS_BY_UNIT, &totals), 0);
		assert_int_equal(read_partition(totals, unknown, 1), -EBADMSG);
		assert_int_equal(read_partition(totals, other, 1), 0);
		assert_int_equal(ledger_totals_rows(totals, by_oncpu, &rows, &n), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_processes),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_units_and_machine),
		cmocka_unit_test(test_buckets_of_one_start),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
