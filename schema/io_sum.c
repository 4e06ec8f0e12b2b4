// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_sum.c - see io_sum.h.
 */
#include "io_sum.h"

#include <math.h>

#include "wait_class.h"

static bool add(uint64_t *sum, uint64_t more)
{
	return !__builtin_add_overflow(*sum, more, sum) && *sum <= INT64_MAX;
}

static bool add_time(struct profile_io_time *sum, const struct profile_io_time *more)
{
	if (!add(&sum->known, more->known) || !add(&sum->sum_ns, more->sum_ns))
		return false;
	for (uint32_t i = 0; i < PROFILE_IO_BINS; i++)
		sum->bins[i] += more->bins[i]; /* parts of `known` */
	return true;
}

bool io_sum_add(struct profile_io *sum, const struct profile_io *more)
{
	return add(&sum->ios, more->ios) && add(&sum->bytes, more->bytes) &&
	       add(&sum->errors, more->errors) && add_time(&sum->queue, &more->queue) &&
	       add_time(&sum->service, &more->service) && add_time(&sum->total, &more->total);
}

uint64_t io_time_percentile_ns(const struct profile_io_time *time, double percent)
{
	double wanted = ceil((double)time->known * percent / 100);
	uint64_t n = 0;

	if (!time->known)
		return 0;
	for (uint32_t i = 1; i < PROFILE_IO_BINS; i++) {
		n += time->bins[i];
		if (n && (double)n >= wanted)
			return latency_bin_until_ns(i);
	}
	return latency_bin_until_ns(PROFILE_IO_BINS - 1);
}
