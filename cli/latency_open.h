/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency_open.h - the waits that go on at the end of a window: which threads have one, and how
 * much of it was charged to the window. A thread has at most one. Charges come at the end of each
 * bucket that a wait outlasts; a long wait that ends has an exact row that tells so, and then the
 * charges of earlier buckets were its.
 */
#ifndef PROFD_LATENCY_OPEN_H
#define PROFD_LATENCY_OPEN_H

#include "event_read.h"
#include "id_table.h"

struct latency_open {
	struct id_table threads;
	struct latency_charge *charges;
	uint32_t n_charges, cap_charges;
};

void latency_open_init(struct latency_open *open);
void latency_open_done(struct latency_open *open);

/* Takes note of a row, in whatever order they come; `group` is the caller's number. Returns 0 or
 * -ENOMEM. */
int latency_open_add(struct latency_open *open, const struct profile_series *series,
		     const struct event_row *row, uint32_t group);

/* What a group has of a wait that is open; `wait_ns` is the whole wait's, for the group that the
 * wait counts in, and 0 for another that had a part of it. */
struct latency_open_part {
	uint32_t group;
	uint32_t count; /* 0 or 1 */
	uint64_t ns;
	uint64_t wait_ns;
};

/* Calls `each` for all parts of waits that were charged in the bucket of that number or later, the
 * last one in which any could be. To be called once, after all rows. Returns 0, or -EBADMSG for a
 * sum out of range. */
int latency_open_finish(struct latency_open *open, uint64_t last_bucket,
			void (*each)(void *ctx, const struct latency_open_part *part), void *ctx);

#endif
