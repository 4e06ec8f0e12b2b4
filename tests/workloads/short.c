/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * short.c - a workload: one child after another, each living for some milliseconds of CPU time.
 *
 * Most are gone before anybody can look at their /proc entry twice. Prints the children's number
 * and their CPU time together.
 *
 * Usage: short CHILDREN CPU_MS_EACH
 */
#include "burn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

DEFINE_BURNER(brief_work, 6364136223846793005ull);

static int run_child(uint64_t goal_ns, uint64_t rounds)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		return 1;
	if (pid == 0) {
		while (thread_cpu_ns() < goal_ns)
			(void)brief_work(rounds);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && status == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	unsigned int n = argc == 3 ? (unsigned int)strtoul(argv[1], NULL, 10) : 0;
	uint64_t goal_ns = argc == 3 ? strtoull(argv[2], NULL, 10) * 1000000 : 0;
	uint64_t rounds;
	struct rusage usage = {0};

	if (!n || !goal_ns) {
		fprintf(stderr, "usage: short CHILDREN CPU_MS_EACH\n");
		return 2;
	}
	rounds = calibrate(brief_work, 500000);
	for (unsigned int i = 0; i < n; i++) {
		if (run_child(goal_ns, rounds))
			return 1;
	}
	(void)getrusage(RUSAGE_CHILDREN, &usage);
	printf("{\"pid\":%d,\"children\":%u,\"cpu_ns\":%" PRIu64 "}\n", getpid(), n,
	       (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * NSEC_PER_SEC +
		       (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1000);
	return 0;
}
