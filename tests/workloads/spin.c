/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spin.c - a workload: all its time is in spin_hot, until a signal ends it or its time is used up.
 *
 * Copied under other names and to other places it is what attribution is tested with: its thread
 * has the name of the file.
 *
 * Usage: spin [CPU_MS]    prints its CPU time when that is over
 */
#include "burn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

DEFINE_BURNER(spin_hot, 6364136223846793005ull);

int main(int argc, char **argv)
{
	uint64_t spin_ns = argc == 2 ? strtoull(argv[1], NULL, 10) * 1000000 : UINT64_MAX;
	uint64_t start_ns = thread_cpu_ns(); /* the dynamic linker's time is not of the goal */
	uint64_t rounds;

	if (argc > 2 || !spin_ns) {
		fprintf(stderr, "usage: spin [CPU_MS]\n");
		return 2;
	}
	rounds = calibrate(spin_hot, 5000000);
	while (thread_cpu_ns() - start_ns < spin_ns)
		(void)spin_hot(rounds);
	printf("{\"pid\":%d,\"cpu_ns\":%" PRIu64 "}\n", getpid(), thread_cpu_ns());
	return 0;
}
