// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reason_sums.c - see reason_sums.h.
 */
#include "reason_sums.h"

#include <errno.h>
#include <stdlib.h>

static int add_row(void *ctx, const struct event_row *row)
{
	struct reason_sums *sums = ctx;
	struct reason_sum *sum = &sums->sums[row->reason];

	sum->reason = row->reason;
	estimate_spread_add(&sum->spread, &row->spread);
	return __builtin_add_overflow(sum->value, row->row.value, &sum->value) ||
			       __builtin_add_overflow(sum->count, row->row.count, &sum->count)
		       ? -EBADMSG
		       : 0;
}

const struct event_sink reason_sums_sink = {.row = add_row, .series_only = true, .reasons = true};

static int by_value_falling(const void *a, const void *b)
{
	const struct reason_sum *x = a, *y = b;

	if (x->value != y->value)
		return x->value > y->value ? -1 : 1;
	return (int)x->reason - (int)y->reason;
}

size_t reason_sums_sort(struct reason_sums *sums)
{
	size_t n = 0;

	qsort(sums->sums, WAIT_REASON_MAX, sizeof(sums->sums[0]), by_value_falling);
	while (n < WAIT_REASON_MAX && (sums->sums[n].value || sums->sums[n].count))
		n++;
	return n;
}

const char *reason_sum_name(const struct reason_sum *sum)
{
	return sum->reason ? wait_reason_name(sum->reason) : "[on-cpu]";
}
