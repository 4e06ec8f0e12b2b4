/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf_events.h - one perf event of profd's on one CPU, by kind.
 *
 * What the events are is written here and nowhere else, so that the child with the privilege to
 * open them (perf_server.h) can be asked for nothing but these. Who keeps them is cpu_ticks.h.
 */
#ifndef PROFD_PERF_EVENTS_H
#define PROFD_PERF_EVENTS_H

#include <stdint.h>

enum perf_event_kind {
	/* Ticks each `period_ns`, disabled until it is attached to. cpu-clock counts nanoseconds by
	 * definition and ticks from a timer interrupt, never an NMI (kernel/events/core.c,
	 * perf_swevent_init_hrtimer()). Idle is excluded, so an idle CPU runs no program. */
	PERF_EVENT_CPU_CLOCK,
	/* Never ticks; its ring buffer gets mmap2 records (with build ID where the kernel can),
	 * comm, fork, exit and cgroup records of all processes, each with its time on
	 * CLOCK_MONOTONIC and nothing else behind it (sample_id_all). Enabled from the start;
	 * `period_ns` is 0. */
	PERF_EVENT_SIDEBAND,
	PERF_EVENT_KIND_MAX
};

#define PERF_EVENT_SIDEBAND_WAKEUP_BYTES (32u << 10) /* of the ring, before its reader is woken */

/* "cpu_clock", "sideband"; "" for what is no kind. */
const char *perf_event_kind_name(enum perf_event_kind kind);

/*
 * Opens an event for all processes on one CPU. Returns a descriptor (close on exec), or -errno of
 * perf_event_open(2): -EACCES or -EPERM without the privilege, -ENODEV when the CPU is offline,
 * -EINVAL for a kind that is none; -EMFILE, -ENOMEM. What a kernel does not know of side-band
 * (build IDs since 5.12, cgroup records since 5.7) is left out; a record without a build ID says so
 * (PERF_RECORD_MISC_MMAP_BUILD_ID).
 */
int perf_event_open_on(enum perf_event_kind kind, int cpu, uint64_t period_ns);

#endif
