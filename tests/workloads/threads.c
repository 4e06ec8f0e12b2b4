/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * threads.c - a workload: three named threads burn 5, 3 and 2 parts of a given CPU time.
 *
 * Prints as JSON each thread's name, tid and CPU time by its own clock.
 *
 * Usage: threads CPU_SECONDS
 */
#include "burn.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#define N_THREADS 3

struct worker {
	const char *name;
	uint64_t goal_ns;
	uint64_t cpu_ns;
	long switches;
	pid_t tid;
	pthread_t thread;
};

DEFINE_BURNER(thread_work, 6364136223846793005ull);

static void *worker_run(void *arg)
{
	struct worker *worker = arg;
	struct rusage usage = {0};
	uint64_t rounds;

	(void)pthread_setname_np(pthread_self(), worker->name);
	worker->tid = gettid();
	rounds = calibrate(thread_work, 1000000);
	while (thread_cpu_ns() < worker->goal_ns)
		(void)thread_work(rounds);
	(void)getrusage(RUSAGE_THREAD, &usage);
	worker->switches = usage.ru_nvcsw + usage.ru_nivcsw;
	worker->cpu_ns = thread_cpu_ns();
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t total_ns = argc == 2 ? strtoull(argv[1], NULL, 10) * NSEC_PER_SEC : 0;
	struct worker workers[N_THREADS] = {
		{.name = "worker-five", .goal_ns = total_ns * 5 / 10},
		{.name = "worker-three", .goal_ns = total_ns * 3 / 10},
		{.name = "worker-two", .goal_ns = total_ns * 2 / 10},
	};

	if (!total_ns) {
		fprintf(stderr, "usage: threads CPU_SECONDS\n");
		return 2;
	}
	for (int i = 0; i < N_THREADS; i++) {
		if (pthread_create(&workers[i].thread, NULL, worker_run, &workers[i]))
			return 1;
	}
	for (int i = 0; i < N_THREADS; i++)
		(void)pthread_join(workers[i].thread, NULL);
	printf("{\"pid\":%d,\"threads\":[", getpid());
	for (int i = 0; i < N_THREADS; i++)
		printf("%s{\"comm\":\"%s\",\"tid\":%d,\"cpu_ns\":%" PRIu64 ",\"switches\":%ld}",
		       i ? "," : "", workers[i].name, workers[i].tid, workers[i].cpu_ns,
		       workers[i].switches);
	printf("]}\n");
	return 0;
}
