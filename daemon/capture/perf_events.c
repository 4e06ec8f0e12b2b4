// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * perf_events.c - see perf_events.h.
 */
#include "capture/perf_events.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int perf_events_open_cpu_clock(struct perf_events *events, uint64_t period_ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = period_ns,
		.disabled = 1,
		.exclude_idle = 1,
	};
	int n = libbpf_num_possible_cpus();

	*events = (struct perf_events){};
	if (n < 0)
		return n;
	events->fds = calloc((size_t)n, sizeof(*events->fds));
	if (!events->fds)
		return -ENOMEM;
	events->n_possible = n;
	for (int cpu = 0; cpu < n; cpu++)
		events->fds[cpu] = -1;
	for (int cpu = 0; cpu < n; cpu++) {
		int fd =
			(int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno != ENODEV) { /* ENODEV: the CPU is offline */
			int r = -errno;

			perf_events_done(events);
			return r;
		}
		events->fds[cpu] = fd;
		events->n_open += fd >= 0;
	}
	return events->n_open ? 0 : -ENODEV;
}

void perf_events_done(struct perf_events *events)
{
	for (int i = 0; i < events->n_possible; i++)
		if (events->fds[i] >= 0)
			close(events->fds[i]);
	free(events->fds);
	*events = (struct perf_events){};
}

int perf_event_open_sideband(int cpu)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.sample_type = PERF_SAMPLE_TIME,
		.disabled = 1,
		.mmap = 1,
		.mmap2 = 1,
		.comm = 1,
		.comm_exec = 1,
		.task = 1,
		.build_id = 1,
		.cgroup = 1,
		.sample_id_all = 1,
		.use_clockid = 1,
		.clockid = CLOCK_MONOTONIC,
		.watermark = 1,
		.wakeup_watermark = 32 * 1024,
	};
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}
