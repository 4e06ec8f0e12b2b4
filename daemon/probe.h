/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * probe.h - what this machine lets profd do, tried and not guessed: profd --probe, which prints
 * what profctl doctor shows.
 *
 * Needs no store and disturbs no profd that runs. The finding is probe.c's, the printing
 * probe_json.c's.
 */
#ifndef PROFD_PROBE_H
#define PROFD_PROBE_H

#include "capture/perf_opener.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PROBE_BLOCKERS_MAX 8
#define PROBE_TEXT_MAX	   512
#define PROBE_UNKNOWN	   INT32_MIN /* a number that could not be read */
#define PROBE_EXIT_BLOCKED 5

struct probe_result {
	char release[PROBE_TEXT_MAX], build[PROBE_TEXT_MAX], arch[PROBE_TEXT_MAX]; /* uname(2) */
	char version[PROBE_TEXT_MAX]; /* the real one; "" when it is not known */
	char cgroup2[PROBE_TEXT_MAX]; /* where it is mounted; "" = nowhere */
	int32_t perf_event_paranoid, kptr_restrict, perf_event_max_stack;
	int perf_events[PERF_EVENT_KIND_MAX]; /* 0 = can be opened, or negative errno */
	int bpf_stats;			      /* likewise */
	bool btf, ring_buffer, programs, procmap_query;
	uint64_t capabilities; /* as profd was started with */
	char blockers[PROBE_BLOCKERS_MAX][PROBE_TEXT_MAX];
	unsigned n_blockers;
};

/* Tries everything. `have` is the effective set that profd was started with. */
void probe_run(struct perf_opener *opener, uint64_t have, struct probe_result *ret);

/* One JSON object and a newline; pure. Returns 0, or -EIO when not all of it could be written. */
int probe_print(const struct probe_result *result, FILE *out);

/* Both. Returns an exit code: 0 when profd could run, 5 when something keeps it from running, 1
 * when nothing could be printed. */
int probe(struct perf_opener *opener, uint64_t have, FILE *out);

#endif
