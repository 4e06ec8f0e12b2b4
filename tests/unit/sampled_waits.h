/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sampled_waits.h - threads that wait, and a sampler that draws some of their waits as the BPF side
 * does: one run of simulated time, of which the whole truth is known. Rows come out as the store
 * would have them, added up by stack and class, so that an estimate is made of what a reader has.
 */
#ifndef PROFD_TEST_SAMPLED_WAITS_H
#define PROFD_TEST_SAMPLED_WAITS_H

#include "estimate.h"

#define WAITS_THREADS	  4
#define WAITS_STACKS_EACH 2
#define WAITS_STACKS	  (WAITS_THREADS * WAITS_STACKS_EACH)

enum waits_shape {
	WAITS_LOG_NORMAL, /* with `parameter` as sigma */
	WAITS_PARETO,	  /* with it as alpha, up to 1000 times the least */
	WAITS_BIMODAL,	  /* nine of ten are a hundredth of the tenth */
	WAITS_DRIFTING,	  /* exponential, its mean moves by a factor of 30 and back */
};

struct waits_scene {
	const char *name;
	enum waits_shape shape;
	double parameter;
	double run_ns;	       /* simulated time */
	unsigned budget;       /* captures in a tenth of a second that the sampler aims at */
	bool stack_worth_more; /* a mistake: waits of the first stack of a thread count 20 % more */
};

struct waits_run {
	double truth_ns[WAITS_STACKS];	     /* of all waits */
	double truth_exact_ns[WAITS_STACKS]; /* of those that were long */
	struct estimate_sums sums[WAITS_STACKS], group;
	double ledger_ns;
	unsigned long n_waits, n_drawn;
};

/* Stack s belongs to thread s / WAITS_STACKS_EACH. */
void waits_run(const struct waits_scene *scene, unsigned seed, struct waits_run *ret);

#endif
