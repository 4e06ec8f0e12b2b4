// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * estimate.c - see estimate.h. Sampled sums are Horvitz-Thompson estimates: each wait is drawn with
 * a chance q = 1/w that is fixed before it begins, so that w * d of the drawn ones adds up to d of
 * all on average, whatever the chance was made of.
 */
#include "estimate.h"

#include <errno.h>
#include <math.h>

#define NORMAL_95 1.959964 /* half the width of the 95 % interval, in standard deviations */

int estimate_add(struct estimate_sums *sums, uint32_t bin, uint64_t count, uint64_t value)
{
	double n_waits = (double)count / PROFILE_COUNT_ONE, ns = (double)value, weight, mean;
	struct wait_class class;

	if (wait_class_unpack(bin, &class) < 0)
		return -EBADMSG;
	/* A charge of a wait that goes on was measured, not drawn. */
	if (class.exact || class.bin == LATENCY_BIN_OPEN || !count) {
		sums->exact_ns += ns;
		sums->exact_count += n_waits;
		return 0;
	}
	weight = (double)(1u << class.weight_log2);
	mean = ns / n_waits;
	sums->sampled_ns += ns;
	sums->sampled_count += n_waits;
	sums->n_samples += n_waits / weight;
	sums->squares += n_waits * weight * mean * mean;
	sums->variance += n_waits * (weight - 1) * mean * mean;
	sums->third += n_waits * (weight - 1) * (weight - 1) * mean * mean * mean;
	return 0;
}

void estimate_spread_add(struct estimate_spread *to, const struct estimate_spread *more)
{
	to->sampled_ns += more->sampled_ns;
	to->variance += more->variance;
	to->third += more->third;
}

void estimate_sums_add(struct estimate_sums *to, const struct estimate_sums *more)
{
	to->exact_ns += more->exact_ns;
	to->exact_count += more->exact_count;
	to->sampled_ns += more->sampled_ns;
	to->sampled_count += more->sampled_count;
	to->n_samples += more->n_samples;
	to->squares += more->squares;
	to->variance += more->variance;
	to->third += more->third;
}

/* Whether the remainder is what the sampled waits add up to. Where much is exact it is a small
 * difference of large numbers, and may be anything. */
static bool is_share(const struct estimate *estimate, double ledger_ns)
{
	double sampled_ns = estimate->group.sampled_ns;
	double factor = estimate->remainder_ns / sampled_ns;

	if (estimate->remainder_ns <= 0)
		return false;
	return (factor >= ESTIMATE_FACTOR_MIN && factor <= ESTIMATE_FACTOR_MAX) ||
	       fabs(estimate->remainder_ns - sampled_ns) > ESTIMATE_LEDGER_PART * ledger_ns;
}

void estimate_init(struct estimate *estimate, const struct estimate_sums *group, bool has_ledger,
		   double ledger_ns)
{
	double beyond_ns = ledger_ns - group->exact_ns;

	*estimate = (struct estimate){.factor = 1, .group = *group};
	if (group->squares > 0)
		estimate->n_eff = group->sampled_ns * group->sampled_ns / group->squares;
	if (!has_ledger)
		return;
	if (beyond_ns < 0)
		estimate->overrun_ns = -beyond_ns;
	else
		estimate->remainder_ns = beyond_ns;
	if (estimate->n_eff >= ESTIMATE_N_EFF_MIN && is_share(estimate, ledger_ns)) {
		estimate->scaled = true;
		estimate->factor = estimate->remainder_ns / group->sampled_ns;
	} else if (estimate->remainder_ns > group->sampled_ns) {
		estimate->not_sampled_ns = estimate->remainder_ns - group->sampled_ns;
	}
}

double estimate_ns(const struct estimate *estimate, const struct estimate_sums *part)
{
	return part->exact_ns + estimate->factor * part->sampled_ns;
}

/*
 * By how much the interval is wider than that of a normal estimate. The spread is estimated from
 * the same samples as the value: where a few large ones carry both, too few of them make both too
 * small. Edgeworth's expansion of Student's t has a term for it, skewness^2 * (x^4 + 2 x^2 - 3) /
 * 18, which is 1.08 * skewness^2 at x = 1.96 (Hall, The Bootstrap and Edgeworth Expansion, 2.6). It
 * is taken twice, since the skewness too is estimated too small then; test_estimate_sampling.c
 * measures what that is worth. At most it makes the interval three times as wide.
 */
static double widening(double variance, double third)
{
	return 1 + 2 * fmin(third * third / (variance * variance * variance), 1);
}

static double above_0(double value)
{
	return value > 0 ? value : 0;
}

/*
 * Scaled, a part is the share p of a known remainder: a ratio of two estimates, of which the one
 * contains the other. To first order its error is that of (1 - p) * part - p * rest, and draws are
 * independent (Cochran, Sampling Techniques, 6.3).
 */
double estimate_half_width_ns(const struct estimate *estimate, const struct estimate_spread *part)
{
	const struct estimate_sums *group = &estimate->group;
	double variance = part->variance, third = part->third;

	if (estimate->scaled) {
		double p = fmin(part->sampled_ns / group->sampled_ns, 1), rest = 1 - p;

		variance = rest * rest * variance + p * p * above_0(group->variance - variance);
		third = rest * rest * rest * third - p * p * p * above_0(group->third - third);
	}
	if (!(variance > 0))
		return 0;
	return NORMAL_95 * widening(variance, third) * estimate->factor * sqrt(variance);
}
