// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ledger.c - a record of a pass as a row of the ledger, and two of one thread as one.
 */
#include "record/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_fields(void **state)
{
	const struct wire_ledger record = {.elapsed_ns = 1000,
					   .oncpu_ns = 300,
					   .utime_ns = 4,
					   .stime_ns = 8,
					   .runq_ns = 50,
					   .blocked_ns = 640,
					   .idle_ns = 30,
					   .max_blocked_ns = 500,
					   .max_runq_ns = 20,
					   .voluntary_switches = 7,
					   .involuntary_switches = 2,
					   .minor_faults = 11,
					   .major_faults = 1,
					   .read_bytes = 4096,
					   .write_bytes = 8192,
					   .rss_bytes = 1 << 20,
					   .peak_rss_bytes = 2 << 20,
					   .flags = WIRE_LEDGER_STARTED | WIRE_LEDGER_GATE |
						    WIRE_LEDGER_OPEN_DRAWN};
	struct profile_ledger row;

	(void)state;
	ledger_row(&record, 9, false, &row);
	assert_int_equal(row.series, 9);
	assert_int_equal(row.flags, PROFILE_LEDGER_STARTED | PROFILE_LEDGER_GATE);
	assert_int_equal(row.elapsed_ns, 1000);
	assert_int_equal(row.oncpu_ns, 300);
	assert_int_equal(row.user_ns, 100);
	assert_int_equal(row.system_ns, 200);
	assert_int_equal(row.runq_ns, 50);
	assert_int_equal(row.blocked_ns, 640);
	assert_int_equal(row.idle_ns, 30);
	assert_int_equal(row.max_blocked_ns, 500);
	assert_int_equal(row.max_runq_ns, 20);
	assert_int_equal(row.voluntary_switches, 7);
	assert_int_equal(row.involuntary_switches, 2);
	assert_int_equal(row.minor_faults, 11);
	assert_int_equal(row.major_faults, 1);
	assert_int_equal(row.read_bytes, 4096);
	assert_int_equal(row.write_bytes, 8192);
	assert_int_equal(row.rss_bytes, 1 << 20);
	assert_int_equal(row.peak_rss_bytes, 2 << 20);
}

/* Nothing is lost or made by the division, however long it ran. */
static void test_user_and_system(void **state)
{
	const struct {
		uint64_t oncpu, utime, stime;
		bool memory;
		uint64_t user;
	} cases[] = {
		{100, 0, 0, true, 100},
		{100, 0, 0, false, 0},
		{100, 5, 5, true, 50},
		{100, 5, 5, false, 50}, /* its memory went before it ended */
		{100, 1, 0, false, 100},
		{100, 0, 1, false, 0},
		{100, 1, 2, false, 33},
		{1ull << 56, 1ull << 56, 1ull << 56, false, 1ull << 55},
		{UINT64_MAX, UINT64_MAX, 0, false, UINT64_MAX},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct wire_ledger record = {.oncpu_ns = cases[i].oncpu,
						   .utime_ns = cases[i].utime,
						   .stime_ns = cases[i].stime};
		struct profile_ledger row;

		ledger_row(&record, 1, cases[i].memory, &row);
		assert_int_equal(row.user_ns, cases[i].user);
		assert_int_equal(row.user_ns + row.system_ns, cases[i].oncpu);
	}
}

/* Idle time is a part of blocked time, whatever the record says. */
static void test_idle(void **state)
{
	const struct wire_ledger record = {.blocked_ns = 10, .idle_ns = 12};
	struct profile_ledger row;

	(void)state;
	ledger_row(&record, 1, true, &row);
	assert_int_equal(row.idle_ns, 10);
}

static void test_add(void **state)
{
	struct profile_ledger row = {.series = 1,
				     .elapsed_ns = 1,
				     .oncpu_ns = 2,
				     .user_ns = 3,
				     .system_ns = 4,
				     .runq_ns = 5,
				     .blocked_ns = 6,
				     .idle_ns = 7,
				     .max_blocked_ns = 8,
				     .max_runq_ns = 9,
				     .voluntary_switches = 10,
				     .involuntary_switches = 11,
				     .minor_faults = 12,
				     .major_faults = 13,
				     .read_bytes = 14,
				     .write_bytes = 15,
				     .rss_bytes = 16,
				     .peak_rss_bytes = 17,
				     .flags = PROFILE_LEDGER_STARTED};
	struct profile_ledger more = row;
	const struct profile_ledger sum = {.series = 1,
					   .elapsed_ns = 2,
					   .oncpu_ns = 4,
					   .user_ns = 6,
					   .system_ns = 8,
					   .runq_ns = 10,
					   .blocked_ns = 12,
					   .idle_ns = 14,
					   .max_blocked_ns = 20,
					   .max_runq_ns = 9,
					   .voluntary_switches = 20,
					   .involuntary_switches = 22,
					   .minor_faults = 24,
					   .major_faults = 26,
					   .read_bytes = 28,
					   .write_bytes = 30,
					   .rss_bytes = 16,
					   .peak_rss_bytes = 17,
					   .flags = PROFILE_LEDGER_STARTED | PROFILE_LEDGER_ENDED};

	(void)state;
	more.flags = PROFILE_LEDGER_ENDED;
	more.max_blocked_ns = 20;
	more.max_runq_ns = 1;
	more.rss_bytes = more.peak_rss_bytes = 0;
	ledger_add(&row, &more);
	assert_memory_equal(&row, &sum, sizeof(row));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_user_and_system),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_add),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
