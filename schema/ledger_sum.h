/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_sum.h - two ledger rows made one: of one series in a bucket, or of a group in a window.
 */
#ifndef PROFD_LEDGER_SUM_H
#define PROFD_LEDGER_SUM_H

#include "profile.h"

/*
 * Sums are added up, the longest waits and the peak are the greatest, the resident size is that of
 * `more` where it has one; flags are those of either. False when a sum is out of range, and then
 * `sum` is of no use.
 */
bool ledger_sum_add(struct profile_ledger *sum, const struct profile_ledger *more);

#endif
