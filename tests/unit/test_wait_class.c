// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_class.c - the bins that lengths of waits fall into, and the packed class: every value
 * there and back, and numbers that are none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "cleanup.h"
#include "wait_class.h"

static void test_bins(void **state)
{
	static const struct {
		uint64_t ns;
		uint32_t bin;
	} cases[] = {
		{0, 1},
		{1, 1},
		{2, 3},
		{3, 4},
		{4, 5},
		{5, 5},
		{6, 6},
		{7, 6},
		{8, 7},
		{1000, 20},
		{1023, 20},
		{1024, 21},
		{1535, 21},
		{1536, 22},
		{1ull << 23, 47},
		{(1ull << 63) - 1, 126},
		{1ull << 63, 127},
		{UINT64_MAX, LATENCY_BIN_MAX},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(latency_bin_of(cases[i].ns), cases[i].bin);
}

/* Bins follow each other without a gap, and each holds its ends. */
static void test_bounds(void **state)
{
	uint64_t before = 0;

	(void)state;
	for (uint32_t bin = 1; bin <= LATENCY_BIN_MAX; bin++) {
		uint64_t from = latency_bin_from_ns(bin), until = latency_bin_until_ns(bin);

		assert_int_equal(from, before);
		before = until;
		/* Whole nanoseconds: nothing lies between 1 and 2. */
		if (bin == 2) {
			assert_int_equal(from, until);
			continue;
		}
		assert_true(from < until);
		assert_int_equal(latency_bin_of(from), bin);
		assert_int_equal(latency_bin_of(until - 1), bin);
		if (bin > 2 && bin < LATENCY_BIN_MAX)
			assert_true(until <= from + from / 2);
	}
	assert_int_equal(before, UINT64_MAX);
	assert_int_equal(latency_bin_until_ns(LATENCY_BIN_NONE), 0);
	assert_int_equal(latency_bin_until_ns(LATENCY_BIN_OPEN), 0);
	assert_int_equal(latency_bin_from_ns(LATENCY_BIN_NONE), 0);
	assert_int_equal(latency_bin_from_ns(LATENCY_BIN_OPEN), 0);
}

static void assert_round_trip(const struct wait_class *class, uint32_t weight_log2)
{
	struct wait_class back;

	assert_int_equal(wait_class_unpack(wait_class_pack(class), &back), 0);
	assert_int_equal(back.bin, class->bin);
	assert_int_equal(back.state, class->state);
	assert_int_equal(back.exact, class->exact);
	assert_int_equal(back.gate, class->gate);
	assert_int_equal(back.kernel_only, class->kernel_only);
	assert_int_equal(back.weight_log2, weight_log2);
}

static void test_pack(void **state)
{
	static const uint32_t bins[] = {LATENCY_BIN_NONE, 1, 2, 47, LATENCY_BIN_MAX,
					LATENCY_BIN_OPEN};

	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(bins); b++)
		for (int s = 0; s < WAIT_STATE_MAX; s++)
			for (unsigned flags = 0; flags < 8; flags++)
				for (uint32_t weight = 0; weight < 20; weight++) {
					const struct wait_class class = {
						bins[b],   (enum wait_state)s, flags & 1,
						flags & 2, flags & 4,	       weight};

					/* No more than four bits: a larger weight is the largest.
					 */
					assert_round_trip(&class, weight < 15 ? weight : 15);
				}
	/* The layout is stored. */
	assert_int_equal(
		wait_class_pack(&(struct wait_class){47, WAIT_STATE_DISK, true, false, true, 0}),
		47 | 2 << 8 | 1 << 11 | 1 << 13);
	assert_int_equal(
		wait_class_pack(&(struct wait_class){1, WAIT_STATE_SLEEP, false, true, false, 10}),
		1 | 1 << 8 | 1 << 12 | 10 << 14);
}

static void test_refused(void **state)
{
	static const uint32_t bad[] = {
		LATENCY_BIN_MAX + 1, LATENCY_BIN_OPEN - 1, 6 << 8, 7 << 8, 1 << 18, 1u << 31,
		UINT32_MAX};
	struct wait_class class;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(wait_class_unpack(bad[i], &class), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bins),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_pack),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
