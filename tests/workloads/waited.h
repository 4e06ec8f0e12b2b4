/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * waited.h - what a thread of the waiting workloads knows of its own waits, which is the truth that
 * a profile is held against: the clock around each wait, and over its whole life its CPU time, its
 * time in the run queue (the kernel's own count) and its switches.
 */
#ifndef WORKLOAD_WAITED_H
#define WORKLOAD_WAITED_H

#include "burn.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define WAITED_PARTS_MAX 2

/* Waits below one function, which is in all their stacks. */
struct waited_part {
	const char *function;
	uint64_t ns, n;
};

struct waited {
	char name[16];
	pid_t tid;
	uint64_t start_mono_ns, elapsed_ns;
	uint64_t cpu_ns, runq_ns;
	long voluntary, involuntary;
	struct waited_part parts[WAITED_PARTS_MAX];
};

static inline uint64_t mono_ns(void)
{
	struct timespec t = {0};

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NSEC_PER_SEC + (uint64_t)t.tv_nsec;
}

static inline void waited_add(struct waited_part *part, const char *function, uint64_t since_ns)
{
	part->function = function;
	part->ns += mono_ns() - since_ns;
	part->n++;
}

/* The second number of schedstat is run_delay (Documentation/scheduler/sched-stats.rst). */
static inline uint64_t own_runq_ns(pid_t tid)
{
	char path[64], text[128];
	uint64_t runq_ns = 0;
	ssize_t n;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, text, sizeof(text) - 1);
	if (n <= 0)
		abort();
	text[n] = '\0';
	(void)close(fd);
	if (sscanf(text, "%*u %" SCNu64, &runq_ns) != 1)
		abort();
	return runq_ns;
}

/* The first and the last thing that the thread does. It may have had to wait for a CPU before. */
static inline void waited_begin(struct waited *w)
{
	w->start_mono_ns = mono_ns();
	w->tid = gettid();
	w->runq_ns = own_runq_ns(w->tid);
	(void)pthread_setname_np(pthread_self(), w->name);
}

static inline void waited_end(struct waited *w)
{
	struct rusage usage = {0};

	w->runq_ns = own_runq_ns(w->tid) - w->runq_ns;
	(void)getrusage(RUSAGE_THREAD, &usage);
	w->voluntary = usage.ru_nvcsw;
	w->involuntary = usage.ru_nivcsw;
	w->cpu_ns = thread_cpu_ns();
	w->elapsed_ns = mono_ns() - w->start_mono_ns;
}

static inline void waited_print(const struct waited *w)
{
	printf("{\"comm\":\"%s\",\"tid\":%d,\"start_mono_ns\":%" PRIu64 ",\"elapsed_ns\":%" PRIu64
	       ",\"cpu_ns\":%" PRIu64 ",\"runq_ns\":%" PRIu64
	       ",\"voluntary_switches\":%ld,\"involuntary_switches\":%ld,\"parts\":[",
	       w->name, w->tid, w->start_mono_ns, w->elapsed_ns, w->cpu_ns, w->runq_ns,
	       w->voluntary, w->involuntary);
	for (int i = 0; i < WAITED_PARTS_MAX && w->parts[i].function; i++)
		printf("%s{\"function\":\"%s\",\"ns\":%" PRIu64 ",\"n\":%" PRIu64 "}", i ? "," : "",
		       w->parts[i].function, w->parts[i].ns, w->parts[i].n);
	printf("]}");
}

#endif
