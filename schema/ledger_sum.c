// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_sum.c - see ledger_sum.h.
 */
#include "ledger_sum.h"

#include "cleanup.h"

static void keep_greater(uint64_t *kept, uint64_t other)
{
	if (other > *kept)
		*kept = other;
}

bool ledger_sum_add(struct profile_ledger *sum, const struct profile_ledger *more)
{
	const struct {
		uint64_t *sum, more;
	} sums[] = {
		{&sum->elapsed_ns, more->elapsed_ns},
		{&sum->oncpu_ns, more->oncpu_ns},
		{&sum->user_ns, more->user_ns},
		{&sum->system_ns, more->system_ns},
		{&sum->runq_ns, more->runq_ns},
		{&sum->blocked_ns, more->blocked_ns},
		{&sum->idle_ns, more->idle_ns},
		{&sum->voluntary_switches, more->voluntary_switches},
		{&sum->involuntary_switches, more->involuntary_switches},
		{&sum->minor_faults, more->minor_faults},
		{&sum->major_faults, more->major_faults},
		{&sum->read_bytes, more->read_bytes},
		{&sum->write_bytes, more->write_bytes},
	};

	for (size_t i = 0; i < ARRAY_SIZE(sums); i++)
		if (__builtin_add_overflow(*sums[i].sum, sums[i].more, sums[i].sum))
			return false;
	sum->flags |= more->flags;
	keep_greater(&sum->max_blocked_ns, more->max_blocked_ns);
	keep_greater(&sum->max_runq_ns, more->max_runq_ns);
	keep_greater(&sum->peak_rss_bytes, more->peak_rss_bytes);
	if (more->rss_bytes)
		sum->rss_bytes = more->rss_bytes;
	return true;
}
