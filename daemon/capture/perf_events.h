/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf_events.h - one sampling perf event per online CPU.
 */
#ifndef PROFD_PERF_EVENTS_H
#define PROFD_PERF_EVENTS_H

#include <stdint.h>

struct perf_events {
	int *fds; /* by CPU; -1 where the CPU is offline */
	int n_possible;
	uint32_t n_open;
};

/*
 * Opens `cpu-clock` with a period of `period_ns` on each online CPU, for all processes, disabled.
 * cpu-clock counts nanoseconds by definition and ticks from a timer interrupt, never an NMI
 * (kernel/events/core.c, perf_swevent_init_hrtimer()). Idle is excluded, so that an idle CPU does
 * not run the program at all. Returns 0 or -errno of perf_event_open(2).
 */
int perf_events_open_cpu_clock(struct perf_events *events, uint64_t period_ns);
int perf_event_open_sideband(int cpu);
/* Closes; the object may be zero. */
void perf_events_done(struct perf_events *events);

#endif
