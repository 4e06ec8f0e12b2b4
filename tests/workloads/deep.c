/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * deep.c - a workload: burns CPU time at the bottom of a recursion deeper than any stack limit.
 *
 * Usage: deep CPU_SECONDS DEPTH
 */
#include "burn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

DEFINE_BURNER(bottom, 6364136223846793005ull);

static uint64_t burn_until(uint64_t total_ns)
{
	uint64_t rounds = calibrate(bottom, 1000000), x = 0;

	while (thread_cpu_ns() < total_ns)
		x += bottom(rounds);
	return x;
}

uint64_t recurse(unsigned int depth, uint64_t total_ns);
/* The sum after the call keeps it from becoming a jump; an inlined level would be no frame. */
KEPT_FUNCTION uint64_t recurse(unsigned int depth, uint64_t total_ns)
{
	volatile uint64_t level = depth;
	uint64_t below = depth ? recurse(depth - 1, total_ns) : burn_until(total_ns);

	return below + level;
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		fprintf(stderr, "usage: deep CPU_SECONDS DEPTH\n");
		return 2;
	}
	(void)recurse((unsigned int)strtoul(argv[2], NULL, 10),
		      strtoull(argv[1], NULL, 10) * NSEC_PER_SEC);
	printf("{\"pid\":%d,\"cpu_ns\":%" PRIu64 "}\n", getpid(), thread_cpu_ns());
	return 0;
}
