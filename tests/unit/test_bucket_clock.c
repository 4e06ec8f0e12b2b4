// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_bucket_clock.c - buckets against made-up clocks: late start, slew, steps, delay, jitter.
 */
#include "capture/bucket_clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S 1000000000ull

static void test_late_start(void **state)
{
	struct bucket_clock c;

	(void)state;
	bucket_clock_start(&c, 10 * S, (struct clock_reading){1006 * S, 50 * S});
	assert_int_equal(c.start_real_ns, 1000 * S);
	assert_int_equal(c.begin_mono_ns, 50 * S);
	assert_int_equal(c.end_mono_ns, 54 * S);
	assert_false(bucket_clock_is_over(&c, 54 * S - 1));
	assert_true(bucket_clock_is_over(&c, 54 * S));
}

static void test_buckets_follow_each_other(void **state)
{
	struct bucket_clock c;

	(void)state;
	bucket_clock_start(&c, 10 * S, (struct clock_reading){1006 * S, 50 * S});
	assert_int_equal(bucket_clock_next(&c, (struct clock_reading){1010 * S + 70, 54 * S + 70}),
			 4 * S);
	assert_int_equal(c.start_real_ns, 1010 * S);
	assert_int_equal(c.begin_mono_ns, 54 * S);
	assert_int_equal(c.end_mono_ns, 64 * S);
	assert_int_equal(bucket_clock_next(&c, (struct clock_reading){1020 * S + 9, 64 * S + 9}),
			 10 * S);
	assert_int_equal(c.n_steps, 0);
}

static void test_slewed_back(void **state)
{
	struct bucket_clock c;

	(void)state;
	bucket_clock_start(&c, 10 * S, (struct clock_reading){1000 * S, 50 * S});
	/* By the wall clock the bucket has 1 ms to go: no second bucket of the same start. */
	assert_int_equal(bucket_clock_next(&c, (struct clock_reading){1010 * S - 1000000, 60 * S}),
			 10 * S);
	assert_int_equal(c.start_real_ns, 1010 * S);
	assert_int_equal(c.n_steps, 0);
}

static void test_end_of_profd(void **state)
{
	struct bucket_clock c;

	(void)state;
	bucket_clock_start(&c, 10 * S, (struct clock_reading){1000 * S, 50 * S});
	assert_int_equal(bucket_clock_next(&c, (struct clock_reading){1003 * S, 53 * S}), 3 * S);
}

static void test_steps(void **state)
{
	struct bucket_clock c;
	struct clock_reading back = {904 * S, 54 * S}, forth = {5004 * S, 54 * S};

	(void)state;
	bucket_clock_start(&c, 10 * S, (struct clock_reading){1000 * S, 50 * S});
	assert_false(bucket_clock_stepped(&c, (struct clock_reading){1004 * S + S / 2, 54 * S}));
	assert_true(bucket_clock_stepped(&c, back));
	assert_true(bucket_clock_stepped(&c, forth));
	assert_int_equal(bucket_clock_next(&c, back), 4 * S);
	assert_int_equal(c.n_steps, 1);
	assert_int_equal(c.start_real_ns, 900 * S);
	assert_int_equal(c.begin_mono_ns, 54 * S);
	assert_int_equal(c.end_mono_ns, 60 * S);
}

static void test_behind(void **state)
{
	struct bucket_clock c;
	struct clock_reading now = {1035 * S + 3, 85 * S + 3};

	(void)state;
	bucket_clock_start(&c, 10 * S, (struct clock_reading){1004 * S, 54 * S});
	/* profd was stopped; the kernel went on sampling into the ring, bucket by bucket. */
	assert_int_equal(bucket_clock_next(&c, now), 6 * S);
	assert_int_equal(c.start_real_ns, 1010 * S);
	assert_int_equal(bucket_clock_next(&c, now), 10 * S);
	assert_int_equal(bucket_clock_next(&c, now), 10 * S);
	assert_int_equal(c.start_real_ns, 1030 * S);
	assert_int_equal(c.begin_mono_ns, 80 * S);
	assert_false(bucket_clock_is_over(&c, now.mono_ns));
	assert_int_equal(c.n_steps, 0);
}

/* The two clocks are read one after the other, and not always in the same time. */
static void test_jitter(void **state)
{
	struct bucket_clock c;
	uint64_t mono_ns = 50 * S, real_ns = 1000 * S, covered_ns = 0;

	(void)state;
	bucket_clock_start(&c, S, (struct clock_reading){real_ns, mono_ns});
	for (uint64_t i = 1; i <= 1000; i++) {
		uint64_t late_ns = i * 7919 % 200000000, jitter_ns = i * 104729 % 2000;
		struct clock_reading now = {real_ns + i * S + late_ns + jitter_ns,
					    mono_ns + i * S + late_ns + 1000};

		assert_true(bucket_clock_is_over(&c, now.mono_ns));
		covered_ns += bucket_clock_next(&c, now);
		assert_int_equal(c.start_real_ns, real_ns + i * S);
	}
	/* Nothing falls between two buckets. */
	assert_in_range(covered_ns, 1000 * S - 2000, 1000 * S + 2000);
	assert_int_equal(c.n_steps, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late_start),
		cmocka_unit_test(test_buckets_follow_each_other),
		cmocka_unit_test(test_slewed_back),
		cmocka_unit_test(test_end_of_profd),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
