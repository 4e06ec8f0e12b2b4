/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger.h - a record of the pass over all threads, as a row of the bucket's ledger. Pure.
 */
#ifndef PROFD_LEDGER_H
#define PROFD_LEDGER_H

#include "profile.h"
#include "wire.h"

#include <stdbool.h>

/*
 * What the record says, for that series. The scheduler's oncpu_ns is exact; how it divides into
 * user and system is as the record's utime and stime stand to each other (kernel/sched/cputime.c,
 * cputime_adjust(), does the same). Where both are 0 it is all user time if the thread has memory
 * of its own, else, as a kernel thread's, system time.
 */
void ledger_row(const struct wire_ledger *record, uint32_t series, bool has_memory,
		struct profile_ledger *ret);

/* A second record of the same thread in a bucket: it ended after a pass, say, or the bucket was cut
 * off and has two. */
void ledger_add(struct profile_ledger *row, const struct profile_ledger *more);

#endif
