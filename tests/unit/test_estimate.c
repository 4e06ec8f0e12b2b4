// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_estimate.c - the arithmetic of estimates by hand: sums, the share of the ledger's remainder,
 * what is not sampled, overruns, intervals. That it is right on average is
 * test_estimate_sampling.c's.
 */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "estimate.h"
#include "units.h"

#define ONE ((uint64_t)PROFILE_COUNT_ONE)

static void add(struct estimate_sums *sums, struct wait_class class, uint64_t count, uint64_t value)
{
	assert_int_equal(estimate_add(sums, wait_class_pack(&class), count, value), 0);
}

/* `n` samples of weight 2^log2 that last `ns` each. */
static void add_sampled(struct estimate_sums *sums, unsigned n, unsigned log2, uint64_t ns)
{
	add(sums, (struct wait_class){.bin = latency_bin_of(ns), .weight_log2 = log2},
	    n * ONE << log2, (n * ns) << log2);
}

static void assert_near(double a, double b)
{
	if (fabs(a - b) > 1e-9 * fabs(b) + 1e-9)
		fail_msg("%.12g is not %.12g", a, b);
}

static double half_width_ns(const struct estimate *estimate, const struct estimate_sums *part)
{
	const struct estimate_spread spread = estimate_spread_of(part);

	return estimate_half_width_ns(estimate, &spread);
}

static void test_sums(void **state)
{
	struct estimate_sums sums = {};

	(void)state;
	add(&sums, (struct wait_class){.bin = 47, .exact = true}, 2 * ONE, 100);
	add(&sums, (struct wait_class){.bin = LATENCY_BIN_OPEN, .exact = true}, 0, 50);
	/* A charge is exact, whatever its class says. */
	add(&sums, (struct wait_class){.bin = LATENCY_BIN_OPEN, .weight_log2 = 3}, 0, 5);
	add_sampled(&sums, 3, 2, 10);
	add_sampled(&sums, 1, 0, 7);
	assert_near(sums.exact_ns, 155);
	assert_near(sums.exact_count, 2);
	assert_near(sums.sampled_ns, 127);
	assert_near(sums.sampled_count, 13);
	assert_near(sums.n_samples, 4);
	assert_near(sums.squares, 3 * 40 * 40 + 49);
	/* What was drawn for sure adds nothing. */
	assert_near(sums.variance, 3 * 100 * 4 * 3);
	assert_near(sums.third, 3 * 1000 * 4 * 9);
	assert_int_equal(estimate_add(&sums, 200, ONE, 1), -EBADMSG);
	assert_int_equal(estimate_add(&sums, UINT32_MAX, ONE, 1), -EBADMSG);
	assert_near(sums.n_samples, 4);
}

static void test_largest_numbers(void **state)
{
	struct estimate_sums sums = {};
	struct estimate estimate;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		add(&sums, (struct wait_class){.bin = 1, .weight_log2 = 15}, INT64_MAX, INT64_MAX);
	estimate_init(&estimate, &sums, true, 1e30);
	assert_true(isfinite(estimate.factor) && estimate.scaled);
	assert_true(isfinite(half_width_ns(&estimate, &sums)));
}

static void test_nothing(void **state)
{
	struct estimate_sums none = {};
	struct estimate estimate;

	(void)state;
	estimate_init(&estimate, &none, false, 0);
	assert_near(estimate_ns(&estimate, &none), 0);
	assert_near(half_width_ns(&estimate, &none), 0);
	assert_near(estimate.not_sampled_ns, 0);
	/* Nothing was drawn, and the ledger knows better. */
	estimate_init(&estimate, &none, true, 1000);
	assert_false(estimate.scaled);
	assert_near(estimate.factor, 1);
	assert_near(estimate.not_sampled_ns, 1000);
	assert_near(estimate_ns(&estimate, &none), 0);
}

static void test_scaled(void **state)
{
	struct estimate_sums group = {}, a = {}, b = {};
	struct estimate estimate;

	(void)state;
	add_sampled(&a, 20, 3, 1000);
	add_sampled(&b, 20, 3, 1000);
	add(&b, (struct wait_class){.bin = 47, .exact = true}, ONE, 80000);
	add_sampled(&group, 40, 3, 1000);
	add(&group, (struct wait_class){.bin = 47, .exact = true}, ONE, 80000);
	/* 320000 were sampled, and 400000 is what was beyond the exact ones. */
	estimate_init(&estimate, &group, true, 480000);
	assert_true(estimate.scaled);
	assert_near(estimate.n_eff, 40);
	assert_near(estimate.factor, 1.25);
	assert_near(estimate.remainder_ns, 400000);
	assert_near(estimate.not_sampled_ns, 0);
	assert_near(estimate.overrun_ns, 0);
	assert_near(estimate_ns(&estimate, &a), 200000);
	assert_near(estimate_ns(&estimate, &b), 280000);
	assert_near(estimate_ns(&estimate, &group), 480000);
	/* The whole is the ledger's, and that is known. */
	assert_near(half_width_ns(&estimate, &group), 0);
	/* Half of the variance of a, as a and the rest are alike: (1-p)^2 + p^2 is a half; what
	 * makes the interval skew cancels. */
	assert_near(half_width_ns(&estimate, &a), 1.959964 * 1.25 * sqrt(20 * 56 * 1e6 / 2));
}

static void test_too_few_samples(void **state)
{
	struct estimate_sums group = {};
	struct estimate estimate;
	double sigma, skewness2;

	(void)state;
	add_sampled(&group, 29, 3, 1000);
	estimate_init(&estimate, &group, true, 300000);
	assert_false(estimate.scaled);
	assert_near(estimate.factor, 1);
	assert_near(estimate.n_eff, 29);
	assert_near(estimate_ns(&estimate, &group), 232000);
	assert_near(estimate.not_sampled_ns, 68000);
	sigma = sqrt(29 * 8 * 7 * 1e6);
	skewness2 = pow(29 * 8 * 49 * 1e9, 2) / pow(sigma, 6);
	assert_near(half_width_ns(&estimate, &group), 1.959964 * (1 + 2 * skewness2) * sigma);
	/* More was sampled than there was: nothing is left over, and the weights stand. */
	estimate_init(&estimate, &group, true, 200000);
	assert_near(estimate.not_sampled_ns, 0);
	assert_near(estimate_ns(&estimate, &group), 232000);
	/* Without a ledger nothing is known beyond the samples, however many there are. */
	add_sampled(&group, 100, 3, 1000);
	estimate_init(&estimate, &group, false, 0);
	assert_false(estimate.scaled);
	assert_near(estimate.not_sampled_ns, 0);
	assert_near(estimate.remainder_ns, 0);
	/* One sample more of that kind and it is enough. */
	group = (struct estimate_sums){};
	add_sampled(&group, 30, 3, 1000);
	estimate_init(&estimate, &group, true, 300000);
	assert_true(estimate.scaled);
}

/* A few long ones among many short ones are no more than a few. */
static void test_effective_size(void **state)
{
	struct estimate_sums group = {};
	struct estimate estimate;

	(void)state;
	add_sampled(&group, 1000, 3, 10);
	add_sampled(&group, 4, 3, 100000);
	estimate_init(&estimate, &group, true, 1e9);
	assert_true(estimate.n_eff > 4 && estimate.n_eff < 5);
	assert_false(estimate.scaled);
}

static void test_overrun(void **state)
{
	struct estimate_sums group = {};
	struct estimate estimate;

	(void)state;
	add_sampled(&group, 40, 3, 1000);
	add(&group, (struct wait_class){.bin = 47, .exact = true}, ONE, 80000);
	estimate_init(&estimate, &group, true, 70000);
	assert_near(estimate.overrun_ns, 10000);
	assert_near(estimate.remainder_ns, 0);
	/* What was sampled was there all the same. */
	assert_false(estimate.scaled);
	assert_near(estimate_ns(&estimate, &group), 80000 + 320000);
	assert_near(estimate.not_sampled_ns, 0);
	/* What is far beyond what the samples may be wrong by is theirs if it is much of all, */
	estimate_init(&estimate, &group, true, 80000 + 3 * 320000);
	assert_true(estimate.scaled);
	assert_near(estimate.factor, 3);
	/* and none of theirs beside much that is exact. */
	add(&group, (struct wait_class){.bin = 47, .exact = true}, ONE, 80000000);
	estimate_init(&estimate, &group, true, 80080000 + 3 * 320000);
	assert_false(estimate.scaled);
	assert_near(estimate_ns(&estimate, &group), 80080000 + 320000);
	assert_near(estimate.not_sampled_ns, 2 * 320000);
	estimate_init(&estimate, &group, true, 80080000 + 100000);
	assert_false(estimate.scaled);
	assert_near(estimate.not_sampled_ns, 0);
	estimate_init(&estimate, &group, true, 80080000 + 1.9 * 320000);
	assert_true(estimate.scaled);
	assert_near(estimate_ns(&estimate, &group), 80080000 + 1.9 * 320000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_largest_numbers),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_scaled),
		cmocka_unit_test(test_too_few_samples),
		cmocka_unit_test(test_effective_size),
		cmocka_unit_test(test_overrun),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
