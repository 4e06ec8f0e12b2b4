// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * perf_events.c - see perf_events.h.
 */
#include "capture/perf_events.h"

#include "cleanup.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <time.h>

static const char *const names[] = {
	[PERF_EVENT_CPU_CLOCK] = "cpu_clock",
	[PERF_EVENT_SIDEBAND] = "sideband",
};
_Static_assert(ARRAY_SIZE(names) == PERF_EVENT_KIND_MAX, "a kind without a name");

const char *perf_event_kind_name(enum perf_event_kind kind)
{
	return (unsigned)kind < PERF_EVENT_KIND_MAX ? names[kind] : "";
}

static int open_attr(struct perf_event_attr *attr, int cpu)
{
	int fd = (int)syscall(SYS_perf_event_open, attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int open_cpu_clock(int cpu, uint64_t period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
		.exclude_idle = 1,
	};

	return open_attr(&attr, cpu);
}

/* A bit that the kernel does not know is -EINVAL. Two failing calls a CPU on an old kernel cost
 * less than a place to remember them in. */
static int open_sideband(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_period = 1, /* as perf sets it; the event never happens */
		.sample_type = PERF_SAMPLE_TIME,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.mmap = 1,
		.mmap2 = 1,
		.build_id = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.cgroup = 1,
		.watermark = 1,
		.wakeup_watermark = PERF_EVENT_SIDEBAND_WAKEUP_BYTES,
	};
	int r = open_attr(&attr, cpu);

	if (r == -EINVAL || r == -E2BIG) {
		attr.build_id = 0; /* the younger of the two */
		r = open_attr(&attr, cpu);
	}
	if (r == -EINVAL || r == -E2BIG) {
		attr.cgroup = 0;
		r = open_attr(&attr, cpu);
	}
	return r;
}

int perf_event_open_on(enum perf_event_kind kind, int cpu, uint64_t period_ns)
{
	switch (kind) {
	case PERF_EVENT_CPU_CLOCK:
		return open_cpu_clock(cpu, period_ns);
	case PERF_EVENT_SIDEBAND:
		return open_sideband(cpu);
	default:
		return -EINVAL;
	}
}
