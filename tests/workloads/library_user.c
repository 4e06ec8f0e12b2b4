/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library_user.c - a workload: its time is spent in a function of a shared library.
 *
 * Usage: library_user CPU_SECONDS
 */
#include "burn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

uint64_t burn_in_library(uint64_t rounds);

uint64_t library_caller(uint64_t total_ns);
KEPT_FUNCTION uint64_t library_caller(uint64_t total_ns)
{
	uint64_t rounds = calibrate(burn_in_library, 1000000), x = 0;

	while (thread_cpu_ns() < total_ns)
		x += burn_in_library(rounds);
	return x;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: library_user CPU_SECONDS\n");
		return 2;
	}
	(void)library_caller(strtoull(argv[1], NULL, 10) * NSEC_PER_SEC);
	printf("{\"pid\":%d,\"cpu_ns\":%" PRIu64 "}\n", getpid(), thread_cpu_ns());
	return 0;
}
