/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lone_collector.h - profd's off-CPU programs by profd's own loader, but without the rest: nothing
 * is resolved or stored. For benchmarks of what they cost and how right their sums are.
 */
#ifndef BENCH_LONE_COLLECTOR_H
#define BENCH_LONE_COLLECTOR_H

#include <stdint.h>

struct lone_collector;

/* What is known of a thread since the collector began. */
struct lone_thread {
	/* Of drawn waits, times their weights, of exact ones and of charges of open ones. */
	double estimated_blocked_ns, estimated_runq_ns;
	double variance;  /* of their sum, as estimated from the same draws (Horvitz-Thompson) */
	uint64_t n_drawn; /* waits that stand for more than themselves */
	/* By the ledger. */
	uint64_t elapsed_ns, oncpu_ns, blocked_ns, runq_ns;
};

/* Loads and attaches. A failure ends the program with a message. */
struct lone_collector *lone_collector_new(void);
void lone_collector_free(struct lone_collector *collector);

/* Sets the gate by how often each CPU switched since it was called last; without, it stays open. */
void lone_collector_watch(struct lone_collector *collector);
/* CPUs behind a shut gate. */
uint32_t lone_collector_gates(const struct lone_collector *collector);

/* Reads all records that are there. */
void lone_collector_read(struct lone_collector *collector);

/* One pass of the ledger over all threads, as profd makes one a bucket. Returns how long it took;
 * the number of records in ret_records. */
uint64_t lone_collector_pass_ns(struct lone_collector *collector, uint32_t *ret_records);

/* The descriptor of the program at the switch hook. */
int lone_collector_switch(void);

/* Calls it for each thread of which there is anything. */
void lone_collector_each(const struct lone_collector *collector,
			 void (*call)(uint32_t tid, const struct lone_thread *thread));

/* How many records were lost, and switches of threads without storage. */
uint64_t lone_collector_drops(const struct lone_collector *collector);

#endif
