/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency_groups.h - how long waits lasted, per group: a histogram of those that ended, what was
 * waited in all, and what is still open. Groups are told apart by numbers and texts; what to show
 * of them is their owner's.
 */
#ifndef PROFD_LATENCY_GROUPS_H
#define PROFD_LATENCY_GROUPS_H

#include "cleanup.h"
#include "event_read.h"

/* What a grouping does not tell apart is 0 or "". */
struct latency_key {
	uint64_t start_boot_ns;
	uint32_t pid, tid;
	const char *unit, *container;
	uint32_t reason; /* enum wait_reason */
	uint32_t node;	 /* of a stack table, or a function's number */
};

struct latency_bin {
	uint32_t bin;	/* wait_class.h */
	uint64_t count; /* in 1/PROFILE_COUNT_ONE */
};

struct latency {
	uint32_t reason, node; /* of the key */
	uint64_t count;	       /* of waits that ended, in 1/PROFILE_COUNT_ONE */
	uint64_t total_ns;     /* waited, also by those still open */
	uint64_t open_count, open_ns;
	/* At most so long; 0 = none ended. A bin's upper bound, or max_ns where that is less. */
	uint64_t p50_ns, p95_ns, p99_ns;
	uint64_t max_ns; /* the longest; 0 = not known */
	const struct latency_bin *bins;
	uint32_t n_bins;
};

struct latency_groups;

int latency_groups_new(struct latency_groups **ret);
struct latency_groups *latency_groups_free(struct latency_groups *groups);
DEFINE_CLEANUP(struct latency_groups *, latency_groups_free);

/* The group's number, made when it is new. Returns 0 or -ENOMEM. */
int latency_groups_find(struct latency_groups *groups, const struct latency_key *key,
			uint32_t *ret);

/* Adds a row; its series is for what is open. Returns 0, -ENOMEM, or -EBADMSG for a sum out of
 * range. */
int latency_groups_add(struct latency_groups *groups, uint32_t group, const struct event_row *row,
		       const struct profile_series *series);

/* A wait of the group lasted so long, by an exact measurement. */
void latency_groups_set_max(struct latency_groups *groups, uint32_t group, uint64_t max_ns);

/*
 * After all rows: `last_bucket` as in latency_open.h. Without an exact longest wait of a group's
 * own it is that of its highest bin, but not beyond `max_ns` of all groups (0 = not known). Returns
 * 0, -ENOMEM or -EBADMSG.
 */
int latency_groups_finish(struct latency_groups *groups, uint64_t last_bucket, uint64_t max_ns);

/* Numbers are 1 to n - 1. */
uint32_t latency_groups_n(const struct latency_groups *groups);

/* Valid until latency_groups_free(). */
void latency_groups_get(const struct latency_groups *groups, uint32_t group, struct latency *ret);

/* Widest bin that any group has, in percent of its lower bound: an upper bound says at most that
 * much more. */
double latency_groups_resolution(const struct latency_groups *groups);

#endif
