// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * frameless.c - a workload without frame pointers: burns CPU time at the bottom of a recursion that
 * a callback of the C library began, and sleeps now and then.
 *
 * Usage: frameless DEPTH. Prints where the recursion's code is and runs until it is killed.
 */
#include "burn.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define DESCENT KEPT_FUNCTION __attribute__((section("descent")))

/* The linker's names for the bounds of a section. */
extern const char __start_descent[], __stop_descent[];

static volatile unsigned long sink;
static volatile int stopped; /* never */

void bottom(void);
KEPT_FUNCTION void bottom(void)
{
	for (unsigned long i = 0; !stopped; i++) {
		sink += i * i;
		if (i % 1000000 == 0)
			(void)nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
}

unsigned long descend(unsigned int depth);
/* The sum after the call keeps it from becoming a jump, the array makes frames of several sizes. */
DESCENT unsigned long descend(unsigned int depth)
{
	volatile unsigned long levels[9] = {depth};

	if (depth > 1)
		levels[1] = descend(depth - 1);
	else
		bottom();
	return levels[0] + levels[1];
}

static unsigned int depth;

static int compare(const void *a, const void *b)
{
	(void)a;
	(void)b;
	sink += descend(depth);
	return 0;
}

int main(int argc, char **argv)
{
	int numbers[2] = {2, 1};

	if (argc != 2)
		return 2;
	depth = (unsigned int)strtoul(argv[1], NULL, 10);
	printf("%p %p\n", (const void *)__start_descent, (const void *)__stop_descent);
	fflush(stdout);
	qsort(numbers, 2, sizeof(numbers[0]), compare);
	return 0;
}
