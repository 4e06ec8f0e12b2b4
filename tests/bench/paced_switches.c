/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paced_switches.c - a load of a given number of switches a second, from many threads, on all CPUs,
 * or of a given number of threads that do nothing.
 *
 * Usage: paced-switches rate PER_SECOND THREADS | idle THREADS
 *   Pairs of threads wake one another in turns, a burst each millisecond, with a little work
 * between two switches, until they are killed. Says "ready" when all have started.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PERIOD_NS   1000000
#define STACK_BYTES 65536
#define WORK_ROUNDS 2000

struct pair {
	int there[2], back[2];
	uint32_t each_period; /* switches, in 1/1000 */
};

static void work(void)
{
	for (volatile int i = 0; i < WORK_ROUNDS; i++)
		;
}

static void pass(int to, int from)
{
	char byte = 0;

	if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
		abort();
	work();
}

/* A turn is two switches of each of the two. */
static void *lead(void *arg)
{
	struct pair *p = arg;
	struct timespec next;
	uint32_t due = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	for (;;) {
		for (due += p->each_period; due >= 1000; due -= 1000)
			pass(p->there[1], p->back[0]);
		next.tv_nsec += PERIOD_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		(void)clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return NULL;
}

static void *follow(void *arg)
{
	struct pair *p = arg;
	char byte;

	while (read(p->there[0], &byte, 1) == 1) {
		work();
		if (write(p->back[1], &byte, 1) != 1)
			abort();
	}
	return NULL;
}

static void *idle(void *arg)
{
	(void)pause();
	return arg;
}

static void start(void *(*run)(void *), void *arg)
{
	pthread_attr_t attributes;
	pthread_t thread;

	if (pthread_attr_init(&attributes) || pthread_attr_setstacksize(&attributes, STACK_BYTES) ||
	    pthread_create(&thread, &attributes, run, arg)) {
		perror("pthread_create");
		exit(1);
	}
}

int main(int argc, char **argv)
{
	long rate = argc == 4 ? atol(argv[2]) : 0, n = argc > 2 ? atol(argv[argc - 1]) : 0;

	if (n <= 0 || (strcmp(argv[1], "idle") != 0 && rate <= 0)) {
		fprintf(stderr, "usage: paced-switches rate PER_SECOND THREADS | idle THREADS\n");
		return 2;
	}
	for (long i = 0; !rate && i < n; i++)
		start(idle, NULL);
	for (long i = 0; rate && i < n / 2; i++) {
		struct pair *p = calloc(1, sizeof(*p));

		if (!p || pipe(p->there) < 0 || pipe(p->back) < 0)
			return 1;
		/* Two threads switch out once a turn each; and the leader sleeps once a period. */
		p->each_period = (uint32_t)((rate * 1000 / 1000 / (n / 2) - 1000) / 2);
		start(lead, p);
		start(follow, p);
	}
	printf("ready\n");
	(void)fflush(stdout);
	(void)pause();
	return 0;
}
