/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_sum.h - two rows of block I/O made one: of one device in a bucket, or of a group in a window.
 */
#ifndef PROFD_IO_SUM_H
#define PROFD_IO_SUM_H

#include "profile.h"

/* Adds counts, bytes, errors and times; device, operation and flags stay what they are. False when
 * a sum is out of range, and then `sum` is of no use. */
bool io_sum_add(struct profile_io *sum, const struct profile_io *more);

/* The latency that `percent` of those that are known do not exceed: the least value above its bin,
 * in nanoseconds (latency_bin_until_ns()); 0 when of none it is known. */
uint64_t io_time_percentile_ns(const struct profile_io_time *time, double percent);

#endif
