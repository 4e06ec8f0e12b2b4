// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_estimate_sampling.c - the whole way from waits to an answer, simulated: threads wait, some
 * waits are drawn by the rule of the BPF side, and what the estimator says is held against the
 * truth of each run, at the sampler's usual rate and at a fifth of it. Seeds are 1 to 1000, or
 * with PROFD_TEST_FULL 8000 fresh ones, which are printed. Each check is given a mistake of 20 % as
 * well, which it must find.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <cmocka.h>

#include "cleanup.h"
#include "sampled_waits.h"

#define SEEDS		   1000
#define SEEDS_FULL	   8000 /* fresh ones: 0.93 is four standard errors from 0.94 */
#define SEEDS_WRONG	   250	/* a mistake of 20 % shows in as many */
#define WIDTH_WRONG	   0.8
/* Standard errors of the mean: of the seeds that are always the same, and of fresh ones. */
#define STANDARD_MAX	   3.0
#define STANDARD_MAX_FRESH 5.0
#define USUAL		   200 /* captures */
#define LOW		   40

static const struct waits_scene scenes[] = {
	{"log-normal, sigma 0.5", WAITS_LOG_NORMAL, 0.5, 1e9, USUAL, false},
	{"log-normal, sigma 1", WAITS_LOG_NORMAL, 1, 1e9, USUAL, false},
	{"log-normal, sigma 2", WAITS_LOG_NORMAL, 2, 5e9, USUAL, false},
	{"Pareto, alpha 1.5", WAITS_PARETO, 1.5, 1e9, USUAL, false},
	{"bimodal", WAITS_BIMODAL, 0, 3e9, USUAL, false},
	{"drifting", WAITS_DRIFTING, 0, 1e9, USUAL, false},
	{"log-normal, few drawn", WAITS_LOG_NORMAL, 1, 25e8, LOW, false},
	{"Pareto, few drawn", WAITS_PARETO, 1.5, 25e8, LOW, false},
	{"drifting, few drawn", WAITS_DRIFTING, 0, 25e8, LOW, false},
};

struct seeds {
	unsigned first, n;
};

/* What is counted over the runs. A part is the first stacks of all threads, as a function that all
 * of them call would be. */
struct tally {
	unsigned n, scaled;
	double error, error2; /* of the unscaled total, relative; and squared */
	unsigned total_covered, part_covered, scaled_covered;
	unsigned total_narrow, part_narrow, scaled_narrow; /* with intervals of WIDTH_WRONG */
	unsigned stacks, stacks_near;
};

static void count_cover(const struct estimate *estimate, const struct estimate_sums *sums,
			double truth_ns, unsigned *covered, unsigned *narrow)
{
	double error_ns = fabs(estimate_ns(estimate, sums) - truth_ns);
	const struct estimate_spread spread = estimate_spread_of(sums);
	double width_ns = estimate_half_width_ns(estimate, &spread);

	*covered += error_ns <= width_ns;
	*narrow += error_ns <= width_ns * WIDTH_WRONG;
}

static void count_stacks(const struct waits_run *run, struct tally *tally)
{
	for (unsigned s = 0; s < WAITS_STACKS; s++) {
		double truth_ns = run->truth_ns[s] - run->truth_exact_ns[s];
		struct estimate alone;

		estimate_init(&alone, &run->sums[s], false, 0);
		if (alone.n_eff < ESTIMATE_N_EFF_MIN)
			continue;
		tally->stacks++;
		tally->stacks_near += fabs(run->sums[s].sampled_ns - truth_ns) <=
				      3 / sqrt(alone.n_eff) * truth_ns;
	}
}

static void count_run(const struct waits_run *run, struct tally *tally)
{
	struct estimate unscaled, scaled;
	struct estimate_sums part = {};
	double error, part_truth_ns = 0;

	estimate_init(&unscaled, &run->group, false, 0);
	estimate_init(&scaled, &run->group, true, run->ledger_ns);
	/* A run with an unlucky sample may be left unscaled, by the estimator's own rule. */
	tally->scaled += scaled.scaled;
	for (unsigned s = 0; s < WAITS_STACKS; s += WAITS_STACKS_EACH) {
		estimate_sums_add(&part, &run->sums[s]);
		part_truth_ns += run->truth_ns[s];
	}
	error = estimate_ns(&unscaled, &run->group) / run->ledger_ns - 1;
	tally->n++;
	tally->error += error;
	tally->error2 += error * error;
	count_cover(&unscaled, &run->group, run->ledger_ns, &tally->total_covered,
		    &tally->total_narrow);
	count_cover(&unscaled, &part, part_truth_ns, &tally->part_covered, &tally->part_narrow);
	count_cover(&scaled, &part, part_truth_ns, &tally->scaled_covered, &tally->scaled_narrow);
	count_stacks(run, tally);
}

static struct tally run_all(const struct waits_scene *scene, unsigned first, unsigned n_seeds)
{
	struct tally tally = {};

	for (unsigned i = 0; i < n_seeds; i++) {
		struct waits_run run;

		waits_run(scene, first + i, &run);
		/* Neither was everything drawn nor next to nothing, but at low rates little. */
		if (scene->budget == LOW)
			assert_in_range(run.n_drawn * 100 / run.n_waits, 1, 9);
		else
			assert_in_range(run.n_drawn * 100 / run.n_waits, 10, 80);
		count_run(&run, &tally);
	}
	return tally;
}

/* How many standard errors the mean error is away from none. */
static double mean_error(const struct tally *tally)
{
	double mean = tally->error / tally->n;

	return mean / sqrt((tally->error2 / tally->n - mean * mean) / tally->n);
}

static bool covers_95(const struct tally *tally, unsigned covered)
{
	double share = (double)covered / tally->n;

	return share >= 0.93 && share <= 0.97;
}

static bool are_near(const struct tally *tally)
{
	/* Enough of them that one in a hundred is some. */
	assert_true(tally->stacks > 2 * tally->n);
	return tally->stacks_near >= 0.99 * tally->stacks;
}

static double standard_max(void)
{
	return getenv("PROFD_TEST_FULL") ? STANDARD_MAX_FRESH : STANDARD_MAX;
}

static void test_right(void **state)
{
	const struct seeds *seeds = *state;

	print_message("seeds %u to %u; again with PROFD_TEST_SEED=%u\n", seeds->first,
		      seeds->first + seeds->n - 1, seeds->first);
	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct tally t = run_all(&scenes[i], seeds->first, seeds->n);

		assert_true(t.scaled >= 0.95 * t.n);
		print_message("%-22s mean error %+.2f standard errors; covered: total %.3f, "
			      "part %.3f, scaled part %.3f; stacks near %.4f of %u\n",
			      scenes[i].name, mean_error(&t), (double)t.total_covered / t.n,
			      (double)t.part_covered / t.n, (double)t.scaled_covered / t.n,
			      (double)t.stacks_near / t.stacks, t.stacks);
		if (fabs(mean_error(&t)) > standard_max() || !covers_95(&t, t.total_covered) ||
		    !covers_95(&t, t.part_covered) || !covers_95(&t, t.scaled_covered) ||
		    !are_near(&t))
			fail_msg("%s: the estimate is off", scenes[i].name);
		/* Intervals of four fifths of their width are found to be too narrow. */
		if (covers_95(&t, t.total_narrow) || covers_95(&t, t.part_narrow) ||
		    covers_95(&t, t.scaled_narrow))
			fail_msg("%s: narrow intervals pass", scenes[i].name);
	}
}

/* Waits of one of the two stacks of each thread are worth 20 % more: every check sees it. */
static void test_mistake_is_found(void **state)
{
	const struct seeds *seeds = *state;

	for (size_t i = 0; i < ARRAY_SIZE(scenes); i++) {
		struct waits_scene scene = scenes[i];
		struct tally t;

		scene.stack_worth_more = true;
		t = run_all(&scene, seeds->first, SEEDS_WRONG);
		if (fabs(mean_error(&t)) <= standard_max() || covers_95(&t, t.total_covered) ||
		    covers_95(&t, t.part_covered) || covers_95(&t, t.scaled_covered) ||
		    are_near(&t))
			fail_msg("%s: a mistake of 20 %% is not found (%+.1f, %.3f, %.3f, %.3f, "
				 "%.4f)",
				 scene.name, mean_error(&t), (double)t.total_covered / t.n,
				 (double)t.part_covered / t.n, (double)t.scaled_covered / t.n,
				 (double)t.stacks_near / t.stacks);
	}
}

static int choose_seeds(void **state)
{
	const char *wanted = getenv("PROFD_TEST_SEED");
	struct seeds *seeds = malloc(sizeof(*seeds));

	assert_non_null(seeds);
	*state = seeds;
	seeds->n = getenv("PROFD_TEST_FULL") ? SEEDS_FULL : SEEDS;
	seeds->first = wanted ? (unsigned)strtoul(wanted, NULL, 10) : 1;
	if (!wanted && getenv("PROFD_TEST_FULL"))
		assert_int_equal(getrandom(&seeds->first, sizeof(seeds->first), 0),
				 sizeof(seeds->first));
	return 0;
}

static int forget_seeds(void **state)
{
	free(*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),
		cmocka_unit_test(test_mistake_is_found),
	};

	return cmocka_run_group_tests(tests, choose_seeds, forget_seeds);
}
