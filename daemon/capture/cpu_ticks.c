// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_ticks.c - see cpu_ticks.h.
 */
#include "capture/cpu_ticks.h"

#include "log.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <string.h>

#define CALLS_A_ROUND 10 /* each asks a tenth of the CPUs: an answer may wake an idle one */

struct tick {
	int fd;		       /* -1 = none; closed by the link as soon as there is one */
	struct bpf_link *link; /* NULL until attached */
	uint64_t count;	       /* of the event when it was asked last, in ns */
};

struct cpu_ticks {
	struct perf_opener *opener;
	const struct bpf_program *program; /* NULL until attached */
	uint64_t period_ns;
	struct tick *ticks; /* by CPU */
	uint32_t n_possible, n_open;
	uint32_t next; /* to be asked */
	int last_error;
	struct cpu_ticks_counters counters;
};

static void release_tick(const struct tick *tick)
{
	if (tick->link)
		(void)bpf_link__destroy(tick->link);
	else
		(void)close(tick->fd);
}

static void close_tick(struct cpu_ticks *t, uint32_t cpu)
{
	struct tick *tick = &t->ticks[cpu];

	if (tick->fd < 0)
		return;
	release_tick(tick);
	*tick = (struct tick){.fd = -1};
	t->n_open--;
}

static int open_tick(struct cpu_ticks *t, uint32_t cpu)
{
	int fd = perf_opener_event(t->opener, PERF_EVENT_CPU_CLOCK, (int)cpu, t->period_ns);

	if (fd < 0)
		return fd;
	t->ticks[cpu] = (struct tick){.fd = fd};
	t->n_open++;
	return 0;
}

/* The link enables the event, and closes it at its end. */
static int attach_tick(struct cpu_ticks *t, uint32_t cpu)
{
	struct tick *tick = &t->ticks[cpu];

	tick->link = bpf_program__attach_perf_event(t->program, tick->fd);
	return tick->link ? 0 : -errno;
}

int cpu_ticks_new(struct perf_opener *opener, const struct cpu_list *online, uint64_t period_ns,
		  struct cpu_ticks **ret)
{
	_cleanup_(cpu_ticks_freep) struct cpu_ticks *t = calloc(1, sizeof(*t));
	int n = libbpf_num_possible_cpus();

	if (!t)
		return -ENOMEM;
	if (n < 0)
		return n;
	t->opener = opener;
	t->period_ns = period_ns;
	t->ticks = calloc((size_t)n, sizeof(*t->ticks));
	if (!t->ticks)
		return -ENOMEM;
	t->n_possible = (uint32_t)n;
	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++)
		t->ticks[cpu].fd = -1;
	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++) {
		int r = cpu_list_has(online, cpu) ? open_tick(t, cpu) : 0;

		if (r < 0 && r != -ENODEV)
			return r;
	}
	if (!t->n_open)
		return -ENODEV;
	*ret = take_ptr(t);
	return 0;
}

struct cpu_ticks *cpu_ticks_free(struct cpu_ticks *t)
{
	if (!t)
		return NULL;
	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++)
		close_tick(t, cpu);
	free(t->ticks);
	free(t);
	return NULL;
}

int cpu_ticks_attach(struct cpu_ticks *t, const struct bpf_program *program, int *ret_cpu)
{
	t->program = program;
	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++) {
		int r = t->ticks[cpu].fd >= 0 ? attach_tick(t, cpu) : 0;

		if (r < 0) {
			*ret_cpu = (int)cpu;
			return r;
		}
	}
	return 0;
}

/* A line for the first of a kind; the counter has the rest. */
static void count_failure(struct cpu_ticks *t, uint32_t cpu, int error)
{
	t->counters.n_failed++;
	if (error != t->last_error)
		log_warning("CPU %u came online and cannot be sampled: %s; tried again each second",
			    cpu, strerror(-error));
	t->last_error = error;
}

/* cpu-clock counts while its CPU is online, idle or not (cpu_clock_event_update()). */
static bool has_ended(struct tick *tick)
{
	uint64_t count, before = tick->count;

	if (read(tick->fd, &count, sizeof(count)) != sizeof(count))
		return true;
	tick->count = count;
	return count == before;
}

static void open_late(struct cpu_ticks *t, uint32_t cpu)
{
	int r = open_tick(t, cpu);

	if (r == 0)
		r = attach_tick(t, cpu);
	if (r == 0)
		return;
	close_tick(t, cpu);
	if (r != -ENODEV) /* it went offline again */
		count_failure(t, cpu, r);
}

/* The next tenth of the CPUs. A call is a second after the last, so an event that lives has
 * counted since it was asked. */
static void revive_some(struct cpu_ticks *t)
{
	uint32_t n = (t->n_possible + CALLS_A_ROUND - 1) / CALLS_A_ROUND;

	for (uint32_t i = 0; i < n; i++) {
		uint32_t cpu = t->next++ % t->n_possible;

		if (t->ticks[cpu].fd < 0 || !has_ended(&t->ticks[cpu]))
			continue;
		close_tick(t, cpu);
		open_late(t, cpu);
		t->counters.n_revived++;
	}
}

void cpu_ticks_follow(struct cpu_ticks *t, const struct cpu_list *online)
{
	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++) {
		bool is_online = cpu_list_has(online, cpu), is_open = t->ticks[cpu].fd >= 0;

		if (is_open && !is_online)
			close_tick(t, cpu);
		else if (is_online && !is_open)
			open_late(t, cpu);
	}
	revive_some(t);
}

void cpu_ticks_detach(struct cpu_ticks *t)
{
	uint32_t n_open = t->n_open;

	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++)
		close_tick(t, cpu);
	t->n_open = n_open;
}

static int renew_all(struct cpu_ticks *t)
{
	for (uint32_t cpu = 0; cpu < t->n_possible; cpu++) {
		struct tick before = t->ticks[cpu];
		int r;

		if (before.fd < 0)
			continue;
		t->ticks[cpu] = (struct tick){.fd = -1};
		t->n_open--;
		r = open_tick(t, cpu);
		if (r == 0)
			r = attach_tick(t, cpu);
		if (r < 0) {
			close_tick(t, cpu);
			t->ticks[cpu] = before;
			t->n_open++;
		} else {
			release_tick(&before);
		}
		if (r < 0 && r != -ENODEV) /* gone offline: followed as such */
			return r;
	}
	return 0;
}

int cpu_ticks_set_period(struct cpu_ticks *t, uint64_t period_ns)
{
	uint64_t before_ns = t->period_ns;
	int r;

	t->period_ns = period_ns;
	r = renew_all(t);
	if (r < 0) {
		t->period_ns = before_ns;
		(void)renew_all(t);
	}
	return r;
}

uint32_t cpu_ticks_n(const struct cpu_ticks *t)
{
	return t->n_open;
}

const struct cpu_ticks_counters *cpu_ticks_counters(const struct cpu_ticks *t)
{
	return &t->counters;
}
