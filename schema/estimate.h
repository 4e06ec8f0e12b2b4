/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * estimate.h - what sampled waits say about all waits, for one window and one group of threads.
 * Pure arithmetic: it knows neither the store nor who asks.
 *
 * Exact parts are taken as they are. What the ledger has beyond them is shared out by the sampled
 * weights where these are enough (effective sample size >= ESTIMATE_N_EFF_MIN), else the weights
 * stand for themselves. It is done once over the whole window and group asked for: scaling thread
 * by thread and bucket by bucket is badly biased where a stratum has a sample or two.
 */
#ifndef PROFD_ESTIMATE_H
#define PROFD_ESTIMATE_H

#include "store.h"
#include "wait_class.h"

#define ESTIMATE_N_EFF_MIN   30.0
/* Three standard errors of 30 samples, and how far ledger and rows may be apart because they are
 * not measured at the same moment: a factor beyond the one that is within the other is no factor of
 * the samples. */
#define ESTIMATE_FACTOR_MIN  0.5
#define ESTIMATE_FACTOR_MAX  2.0
#define ESTIMATE_LEDGER_PART 0.02

/* Sums over the rows of a group, or of a part of it (a function, a stack, a reason). A sampled row
 * of n samples of weight w = 2^weight_log2 has count n*w and value w * the sum of durations. */
struct estimate_sums {
	double exact_ns, exact_count;	  /* open charges are exact, with count 0 */
	double sampled_ns, sampled_count; /* weighted */
	double n_samples;		  /* sampled ones, unweighted */
	double squares;	 /* sum over samples of (w*d)^2, d taken as the mean of its row */
	double variance; /* of sampled_ns as a Horvitz-Thompson estimate: sum of d^2 * w * (w-1) */
	double third;	 /* how value and variance go together: sum of d^3 * w * (w-1)^2 */
};

/* How unsure a part is: of its sums what its interval is made of. Spreads add up as sums do. */
struct estimate_spread {
	double sampled_ns, variance, third;
};

static inline struct estimate_spread estimate_spread_of(const struct estimate_sums *sums)
{
	return (struct estimate_spread){sums->sampled_ns, sums->variance, sums->third};
}

void estimate_spread_add(struct estimate_spread *to, const struct estimate_spread *more);
void estimate_sums_add(struct estimate_sums *to, const struct estimate_sums *more);

/* Adds a row. Returns 0 or -EBADMSG for a class that is none. */
int estimate_add(struct estimate_sums *sums, uint32_t bin, uint64_t count, uint64_t value);

/* What is made of the sampled part. */
struct estimate {
	double factor;	       /* of each sampled value and count; 1 when it is not scaled */
	bool scaled;	       /* the remainder of the ledger was shared out */
	double n_eff;	       /* sampled_ns^2 / squares */
	double remainder_ns;   /* ledger less exact, not below 0 */
	double overrun_ns;     /* exact less ledger where that is above 0: a counter */
	double not_sampled_ns; /* of the remainder, what no sample stands for */
	struct estimate_sums group;
};

/* `ledger_ns` is the group's blocked (less idle) or run-queue time of the same buckets; has_ledger
 * false when there is none: then nothing is scaled and nothing is known not to be sampled. */
void estimate_init(struct estimate *estimate, const struct estimate_sums *group, bool has_ledger,
		   double ledger_ns);

/*
 * The value of a part of the group, and half the width of its 95 % interval; 0 where nothing was
 * left to chance. Simulated, the interval of a group of some hundred samples covers the truth in
 * 94-96 % of runs; of a single stack with fewer than a hundred samples in 90-95 %, and it is then
 * mostly the estimate that is too low.
 */
double estimate_ns(const struct estimate *estimate, const struct estimate_sums *part);
double estimate_half_width_ns(const struct estimate *estimate, const struct estimate_spread *part);

#endif
