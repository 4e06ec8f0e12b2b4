/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu_ticks.h - a ticking perf event on each online CPU with a program attached to it, through CPUs
 * that come and go.
 *
 * Where the events come from is perf_opener.h's, which CPUs there are online_cpus.h's.
 */
#ifndef PROFD_CPU_TICKS_H
#define PROFD_CPU_TICKS_H

#include "capture/online_cpus.h"
#include "capture/perf_opener.h"

struct bpf_program;
struct cpu_ticks;

struct cpu_ticks_counters {
	uint64_t n_failed;  /* seconds, of all CPUs together, that one was online and not sampled */
	uint64_t n_revived; /* events that had ended unseen, and were opened anew */
};

/*
 * Opens the events, of `period_ns` each; they do not tick yet. A CPU that went away meanwhile is
 * left out. Returns 0; errors as of perf_opener_event() for the first CPU that gives one, -ENODEV
 * when no CPU is left.
 */
int cpu_ticks_new(struct perf_opener *opener, const struct cpu_list *online, uint64_t period_ns,
		  struct cpu_ticks **ret);
struct cpu_ticks *cpu_ticks_free(struct cpu_ticks *ticks);
DEFINE_CLEANUP(struct cpu_ticks *, cpu_ticks_free);

/* Attaches `program`, which has to outlive the object, to all of them: now they tick. Returns 0, or
 * negative errno and the CPU it is about. */
int cpu_ticks_attach(struct cpu_ticks *ticks, const struct bpf_program *program, int *ret_cpu);

/*
 * Brings the events in line with the CPUs that are online; to be called once a second. What cannot
 * be opened is counted and tried again. An event ends with its CPU and does not come back with it
 * (kernel/events/core.c, perf_event_exit_cpu()), and a CPU may have been away between two calls, as
 * all but the first are while the machine is suspended: so each event is asked every ten calls
 * whether it still counts.
 */
void cpu_ticks_follow(struct cpu_ticks *ticks, const struct cpu_list *online);

/* Another period, for events of now and those to come: they are opened anew, since the kernel would
 * go on telling the old one in samples (perf_event.hw.last_period). One that cannot be opened is
 * counted and keeps the old one. Returns 0, or the error of the first that could not; those that
 * could are then of the old period again, or missed and tried again. */
int cpu_ticks_set_period(struct cpu_ticks *ticks, uint64_t period_ns);

/* Ends all events; cpu_ticks_n() stays what it was, and nothing may be followed any more. */
void cpu_ticks_detach(struct cpu_ticks *ticks);

/* CPUs with an event. */
uint32_t cpu_ticks_n(const struct cpu_ticks *ticks);
const struct cpu_ticks_counters *cpu_ticks_counters(const struct cpu_ticks *ticks);

#endif
