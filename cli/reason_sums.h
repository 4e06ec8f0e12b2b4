/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reason_sums.h - time and waits by what was waited for.
 */
#ifndef PROFD_REASON_SUMS_H
#define PROFD_REASON_SUMS_H

#include "event_read.h"

struct reason_sum {
	enum wait_reason reason; /* NONE: on a CPU */
	uint64_t value, count;
	struct estimate_spread spread;
};

struct reason_sums {
	struct reason_sum sums[WAIT_REASON_MAX]; /* by reason, until they are sorted */
};

/* For event_read(): fills struct reason_sums, its context. */
extern const struct event_sink reason_sums_sink;

/* By falling time; returns how many there are of, which are the first ones. */
size_t reason_sums_sort(struct reason_sums *sums);

/* "disk", "[on-cpu]" */
const char *reason_sum_name(const struct reason_sum *sum);

#endif
