// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_latency_groups.c - percentiles of weighted waits, the longest one by bins and by the ledger,
 * and which charges belong to a wait that is still open.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Before cmocka.h, which has a macro fail(). */
#include "latency_groups.h"

#include <cmocka.h>

#include <errno.h>

#define MSEC 1000000ull
#define SEC  (1000 * MSEC)

static const struct profile_series thread = {.pid = 7, .tid = 8, .start_boot_ns = 9};
static const struct profile_series other = {.pid = 7, .tid = 9, .start_boot_ns = 9};

static struct latency_groups *make(void)
{
	struct latency_groups *groups = NULL;

	assert_int_equal(latency_groups_new(&groups), 0);
	return groups;
}

static uint32_t group(struct latency_groups *groups, uint32_t reason)
{
	const struct latency_key key = {.unit = "", .container = "", .reason = reason};
	uint32_t id = 0;

	assert_int_equal(latency_groups_find(groups, &key, &id), 0);
	assert_true(id > 0);
	return id;
}

/* n waits that ended, of `ns` each. */
static void ended(struct latency_groups *groups, uint32_t id, uint64_t bucket, uint64_t ns,
		  uint64_t n, bool exact)
{
	const struct event_row row = {
		.row = {.bucket = {.number = bucket},
			.last_bucket = {.number = bucket},
			.count = n * PROFILE_COUNT_ONE,
			.value = n * ns},
		.class = {.bin = latency_bin_of(ns), .exact = exact},
	};

	assert_int_equal(latency_groups_add(groups, id, &row, &thread), 0);
}

static void charged(struct latency_groups *groups, uint32_t id, const struct profile_series *who,
		    uint64_t first, uint64_t last, uint64_t ns)
{
	const struct event_row row = {
		.row = {.bucket = {.number = first}, .last_bucket = {.number = last}, .value = ns},
		.class = {.bin = LATENCY_BIN_OPEN, .exact = true},
	};

	assert_int_equal(latency_groups_add(groups, id, &row, who), 0);
}

static struct latency get(struct latency_groups *groups, uint32_t id)
{
	struct latency latency;

	latency_groups_get(groups, id, &latency);
	return latency;
}

static void test_percentiles_are_weighted(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t id = group(groups, 1), second = group(groups, 2);
	struct latency latency;

	(void)state;
	ended(groups, id, 0, 8 * MSEC, 4, false);
	ended(groups, id, 0, MSEC, 94, false);
	ended(groups, id, 10, 100 * MSEC, 2, true);
	ended(groups, second, 0, 3, 1, true);
	assert_int_equal(latency_groups_finish(groups, 10, 0), 0);
	latency = get(groups, id);
	assert_int_equal(latency.count, 100 * PROFILE_COUNT_ONE);
	assert_int_equal(latency.total_ns, 94 * MSEC + 32 * MSEC + 200 * MSEC);
	assert_int_equal(latency.p50_ns, latency_bin_until_ns(latency_bin_of(MSEC)));
	assert_int_equal(latency.p95_ns, latency_bin_until_ns(latency_bin_of(8 * MSEC)));
	assert_int_equal(latency.p99_ns, latency_bin_until_ns(latency_bin_of(100 * MSEC)));
	assert_int_equal(latency.max_ns, latency.p99_ns);
	assert_int_equal(latency.n_bins, 3);
	for (uint32_t i = 1; i < latency.n_bins; i++)
		assert_true(latency.bins[i - 1].bin < latency.bins[i].bin);
	/* Exactly half of the waits do not exceed the first of two. */
	assert_int_equal(get(groups, second).p50_ns, 4);
}

static void test_exactly_half(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t id = group(groups, 1);

	(void)state;
	ended(groups, id, 0, MSEC, 1, true);
	ended(groups, id, 0, SEC, 1, true);
	assert_int_equal(latency_groups_finish(groups, 0, 0), 0);
	assert_int_equal(get(groups, id).p50_ns, latency_bin_until_ns(latency_bin_of(MSEC)));
	assert_int_equal(get(groups, id).p95_ns, latency_bin_until_ns(latency_bin_of(SEC)));
}

static void test_the_longest(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t own = group(groups, 1), of_all = group(groups, 2), short_one = group(groups, 3);
	uint32_t gate = group(groups, 4);

	(void)state;
	for (uint32_t id = own; id <= gate; id++)
		ended(groups, id, 0, id == short_one ? MSEC : 110 * MSEC, 1, true);
	latency_groups_set_max(groups, own, 90 * MSEC);
	latency_groups_set_max(groups, own, 111 * MSEC);
	latency_groups_set_max(groups, own, 1);
	/* A ledger that missed the wait that there is a row of. */
	latency_groups_set_max(groups, gate, 5 * MSEC);
	assert_int_equal(latency_groups_finish(groups, 0, 115 * MSEC), 0);
	assert_int_equal(get(groups, own).max_ns, 111 * MSEC);
	assert_int_equal(get(groups, own).p50_ns, 111 * MSEC);
	/* The bin's bound, but not beyond the longest of all. */
	assert_int_equal(get(groups, of_all).max_ns, 115 * MSEC);
	assert_int_equal(get(groups, short_one).max_ns, latency_bin_until_ns(latency_bin_of(MSEC)));
	assert_int_equal(get(groups, gate).max_ns,
			 latency_bin_until_ns(latency_bin_of(110 * MSEC)));
}

/* A thread waits over buckets 0 to 20, is woken in 30, waits again from then on. */
static void test_open_is_the_last_wait(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t id = group(groups, 1);

	(void)state;
	/* What was held comes last, as store_read() gives it. */
	charged(groups, id, &thread, 30, 30, 4 * SEC);
	ended(groups, id, 30, 26 * SEC, 1, true);
	charged(groups, id, &thread, 0, 0, 5 * SEC);
	charged(groups, id, &other, 40, 40, 1 * SEC);
	charged(groups, id, &thread, 40, 50, 20 * SEC);
	charged(groups, id, &thread, 10, 20, 20 * SEC);
	assert_int_equal(latency_groups_finish(groups, 50, 0), 0);
	assert_int_equal(get(groups, id).open_count, 1);
	assert_int_equal(get(groups, id).open_ns, 24 * SEC);
	assert_int_equal(get(groups, id).total_ns, 76 * SEC);
}

static void test_open_with_another_stack(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t before = group(groups, 1), after = group(groups, 2);

	(void)state;
	/* Its user stack came after the first bucket. */
	charged(groups, before, &thread, 0, 0, 3 * SEC);
	charged(groups, after, &thread, 10, 20, 20 * SEC);
	assert_int_equal(latency_groups_finish(groups, 20, 0), 0);
	assert_int_equal(get(groups, before).open_count, 0);
	assert_int_equal(get(groups, before).open_ns, 3 * SEC);
	assert_int_equal(get(groups, after).open_count, 1);
	assert_int_equal(get(groups, after).open_ns, 20 * SEC);
	/* Of a wait of which no end is known. */
	assert_int_equal(get(groups, after).max_ns, 23 * SEC);
	assert_int_equal(get(groups, after).p50_ns, 0);
}

static void test_closed_in_the_last_bucket(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t id = group(groups, 1);

	(void)state;
	charged(groups, id, &thread, 0, 10, 20 * SEC);
	ended(groups, id, 20, 21 * SEC, 1, true);
	/* Sampled waits are short: they close nothing. */
	charged(groups, id, &other, 10, 20, 20 * SEC);
	assert_int_equal(latency_groups_finish(groups, 20, 0), 0);
	assert_int_equal(get(groups, id).open_count, 1);
	assert_int_equal(get(groups, id).open_ns, 20 * SEC);
}

static void test_resolution(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t id = group(groups, 1);

	(void)state;
	assert_true(latency_groups_resolution(groups) == 50);
	ended(groups, id, 0, 1ull << 20 | 1ull << 19, 1, true);
	assert_true(latency_groups_resolution(groups) > 33 &&
		    latency_groups_resolution(groups) < 34);
	ended(groups, id, 0, 1ull << 20, 1, true);
	assert_true(latency_groups_resolution(groups) == 50);
}

static void test_out_of_range(void **state)
{
	_cleanup_(latency_groups_freep) struct latency_groups *groups = make();
	uint32_t id = group(groups, 1);
	const struct event_row row = {.row = {.value = UINT64_MAX}, .class = {.exact = true}};

	(void)state;
	assert_int_equal(latency_groups_add(groups, id, &row, &thread), 0);
	assert_int_equal(latency_groups_add(groups, id, &row, &thread), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_percentiles_are_weighted),
		cmocka_unit_test(test_exactly_half),
		cmocka_unit_test(test_the_longest),
		cmocka_unit_test(test_open_is_the_last_wait),
		cmocka_unit_test(test_open_with_another_stack),
		cmocka_unit_test(test_closed_in_the_last_bucket),
		cmocka_unit_test(test_resolution),
		cmocka_unit_test(test_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
