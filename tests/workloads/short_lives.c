/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * short_lives.c - a workload: what is gone before anybody looks: threads by the thousand, each of
 * which burns a little CPU time, or a process that dies with much memory.
 *
 * Usage: short_lives threads N | memory MEGABYTES
 * The truth is what wait4(2) says of it.
 */
#include "burn.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define AT_ONCE 8
/* Long beside what a thread still runs after the kernel has given its process the sums, which no
 * count but the scheduler's has: several microseconds. */
#define BURN_NS 2000000

DEFINE_BURNER(burn_shortly, 6364136223846793005ull);

static void *live_shortly(void *rounds)
{
	(void)pthread_setname_np(pthread_self(), "short-lived");
	(void)burn_shortly(*(const uint64_t *)rounds);
	return NULL;
}

static int have_threads(unsigned long n)
{
	uint64_t rounds = calibrate(burn_shortly, BURN_NS);
	pthread_t threads[AT_ONCE];

	while (n) {
		unsigned long at_once = n < AT_ONCE ? n : AT_ONCE;

		for (unsigned long i = 0; i < at_once; i++)
			if (pthread_create(&threads[i], NULL, live_shortly, &rounds))
				return 1;
		for (unsigned long i = 0; i < at_once; i++)
			(void)pthread_join(threads[i], NULL);
		n -= at_once;
	}
	return 0;
}

/* The kernel gives the memory back when the process is past its exit: CPU time of its own. */
static int die_with(unsigned long megabytes)
{
	char *memory = mmap(NULL, megabytes << 20, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || madvise(memory, megabytes << 20, MADV_NOHUGEPAGE) < 0)
		return 1;
	memset(memory, 1, megabytes << 20);
	_exit(0);
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;

	if (n && strcmp(argv[1], "threads") == 0)
		return have_threads(n);
	if (n && strcmp(argv[1], "memory") == 0)
		return die_with(n);
	fprintf(stderr, "usage: short_lives threads N | memory MEGABYTES\n");
	return 2;
}
