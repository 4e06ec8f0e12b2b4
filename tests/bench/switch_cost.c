// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * switch_cost.c - holds a program at the switch hook until its input ends, and tells what it cost.
 *
 * Usage: switch-cost empty
 *        switch-cost offcpu | no-gate    profd's; the second with the gate open, whatever happens
 *        switch-cost pass N              profd's, with N passes of the ledger right away
 *   Says "ready" once it is attached (with "pass", after that) and at the end:
 *   "cost NS RUNS"    the kernel's count of its run time (kernel.bpf_stats_enabled; 0 without);
 *                     the same for each byte of its input, when that comes
 *   "gates N"         CPUs that were behind a shut gate at once, the most
 *   "drops N"         records and switches that profd's program lost
 *   "pass MS RECORDS" for each of the N
 *   "thread TID BLOCKED_NS RUNQ_NS ERROR_NS DRAWN ELAPSED_NS ONCPU_NS BLOCKED_NS RUNQ_NS"
 *                     sums of the estimates, unscaled, the standard error of their sum, how many
 *                     waits it rests on, and then the ledger's
 */
#include "lone_collector.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "empty_switch.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_EACH_MS  20
#define WATCH_EACH_MS 500

static void say_ready(void)
{
	printf("ready\n");
	(void)fflush(stdout);
}

static void print_cost(int program_fd)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(program_fd, &info, &size) < 0)
		err(1, "bpf_obj_get_info_by_fd");
	printf("cost %llu %llu\n", (unsigned long long)info.run_time_ns,
	       (unsigned long long)info.run_cnt);
}

/* A byte asks for the cost until now. */
static bool has_ended(int timeout_ms, int program_fd)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
	char byte;

	if (poll(&in, 1, timeout_ms) != 1)
		return false;
	if (read(STDIN_FILENO, &byte, 1) <= 0)
		return true;
	print_cost(program_fd);
	return false;
}

static void print_thread(uint32_t tid, const struct lone_thread *t)
{
	printf("thread %" PRIu32 " %.0f %.0f %.0f %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	       " %" PRIu64 "\n",
	       tid, t->estimated_blocked_ns, t->estimated_runq_ns, sqrt(t->variance), t->n_drawn,
	       t->elapsed_ns, t->oncpu_ns, t->blocked_ns, t->runq_ns);
}

static int hold_empty(void)
{
	struct empty_switch_bpf *empty = empty_switch_bpf__open_and_load();

	if (!empty || empty_switch_bpf__attach(empty) < 0)
		err(1, "cannot attach the program");
	say_ready();
	while (!has_ended(-1, bpf_program__fd(empty->progs.empty_switch)))
		;
	print_cost(bpf_program__fd(empty->progs.empty_switch));
	empty_switch_bpf__destroy(empty);
	return 0;
}

static int hold_collector(bool with_gate, uint32_t n_passes)
{
	struct lone_collector *c = lone_collector_new();
	uint32_t n_records = 0, n_reads = 0, max_gates = 0;
	int program_fd = lone_collector_switch();

	for (uint32_t i = 0; i < n_passes; i++) {
		uint64_t ns = lone_collector_pass_ns(c, &n_records);

		printf("pass %.3f %" PRIu32 "\n", (double)ns / 1e6, n_records);
		(void)usleep(100000); /* threads run meanwhile, as they do in a bucket */
	}
	say_ready();
	while (!has_ended(READ_EACH_MS, program_fd)) {
		lone_collector_read(c);
		if (with_gate && ++n_reads % (WATCH_EACH_MS / READ_EACH_MS) == 0)
			lone_collector_watch(c);
		if (lone_collector_gates(c) > max_gates)
			max_gates = lone_collector_gates(c);
	}
	(void)lone_collector_pass_ns(c, NULL);
	lone_collector_read(c);
	print_cost(program_fd);
	printf("gates %" PRIu32 "\ndrops %" PRIu64 "\n", max_gates, lone_collector_drops(c));
	lone_collector_each(c, print_thread);
	lone_collector_free(c);
	return 0;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (argc == 2 && strcmp(what, "empty") == 0)
		return hold_empty();
	if (argc == 2 && (strcmp(what, "offcpu") == 0 || strcmp(what, "no-gate") == 0))
		return hold_collector(strcmp(what, "offcpu") == 0, 0);
	if (argc == 3 && strcmp(what, "pass") == 0)
		return hold_collector(true, (uint32_t)strtoul(argv[2], NULL, 10));
	errx(2, "usage: switch-cost empty | offcpu | no-gate | pass N");
}
