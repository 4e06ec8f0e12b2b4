// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * switch_scene.c - see switch_scene.h.
 */
#include "switch_scene.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STACKS_PER_S 1000 /* so that a short storm has many */
#define WATCH_NS     100000000

uint64_t switch_clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- what the child's threads do ---- */

static struct shared *shared;

static void begin_truth(struct truth *t)
{
	t->tid = (uint32_t)gettid();
	t->lived_ns = switch_clock_ns(CLOCK_MONOTONIC);
}

static void end_truth(struct truth *t)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	t->voluntary = (uint64_t)usage.ru_nvcsw;
	t->involuntary = (uint64_t)usage.ru_nivcsw;
	t->lived_ns = switch_clock_ns(CLOCK_MONOTONIC) - t->lived_ns;
	t->ran_ns = switch_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

void *sleeper(void *arg)
{
	struct truth *t = arg;

	begin_truth(t);
	for (int i = 0; i < N_SLEEPS; i++)
		nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
	end_truth(t);
	return NULL;
}

void *burner(void *arg)
{
	struct truth *t = arg;

	begin_truth(t);
	while (switch_clock_ns(CLOCK_THREAD_CPUTIME_ID) < 200000000)
		;
	end_truth(t);
	return NULL;
}

/* Both on one CPU, so that each step is a switch. */
static void pin(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(0, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

void *dozer(void *arg)
{
	pin();
	begin_truth(arg);
	for (int i = 0; i < N_DOZES; i++)
		nanosleep(&(struct timespec){.tv_nsec = DOZE_NS}, NULL);
	end_truth(arg);
	return NULL;
}

void *napper(void *arg)
{
	pin();
	begin_truth(arg);
	for (int i = 0; i < N_DOZES; i++)
		nanosleep(&(struct timespec){.tv_nsec = i % 2 ? NAP_NS : DOZE_NS}, NULL);
	end_truth(arg);
	return NULL;
}

void *pinger(void *arg)
{
	struct truth *t = arg;
	char byte = 0;

	pin();
	begin_truth(t);
	for (uint64_t i = 0; i < shared->n_trips; i++) {
		if (i == shared->hang_at)
			nanosleep(&(struct timespec){.tv_nsec = HANG_NS}, NULL);
		if (write(shared->pipes[0][1], &byte, 1) != 1 ||
		    read(shared->pipes[1][0], &byte, 1) != 1)
			_exit(1);
	}
	end_truth(t);
	return NULL;
}

void *ponger(void *arg)
{
	struct truth *t = arg;
	char byte = 0;

	pin();
	begin_truth(t);
	for (uint64_t i = 0; i < shared->n_trips; i++)
		if (read(shared->pipes[0][0], &byte, 1) != 1 ||
		    write(shared->pipes[1][1], &byte, 1) != 1)
			_exit(1);
	end_truth(t);
	return NULL;
}

void *waiter(void *arg)
{
	struct truth *t = arg;
	char byte;

	begin_truth(t);
	__atomic_add_fetch(&shared->n_ready, 1, __ATOMIC_SEQ_CST);
	if (read(shared->go[0], &byte, 1) != 1)
		_exit(1);
	end_truth(t);
	return NULL;
}

static void *mayfly(void *arg)
{
	return arg;
}

void *mayflies(void *arg)
{
	pthread_t thread;

	begin_truth(arg);
	for (int i = 0; i < N_MAYFLIES; i++)
		if (pthread_create(&thread, NULL, mayfly, NULL) != 0 ||
		    pthread_join(thread, NULL) != 0)
			_exit(1);
	end_truth(arg);
	return NULL;
}

static void *chick(void *arg)
{
	while (switch_clock_ns(CLOCK_THREAD_CPUTIME_ID) < CHICK_NS)
		;
	return arg;
}

void *brooder(void *arg)
{
	pthread_t threads[N_BROOD];

	pin();
	begin_truth(arg);
	for (int i = 0; i < N_BROODS; i++) {
		for (int j = 0; j < N_BROOD; j++)
			if (pthread_create(&threads[j], NULL, chick, NULL) != 0)
				_exit(1);
		for (int j = 0; j < N_BROOD; j++)
			pthread_join(threads[j], NULL);
	}
	end_truth(arg);
	return NULL;
}

/* ---- the child ---- */

static void be_child(const thread_function *functions, size_t n)
{
	pthread_t threads[MANY_THREADS];
	pthread_attr_t attr;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (size_t i = 0; i < n; i++)
		if (pthread_create(&threads[i], &attr, functions[i], &shared->truths[i]) != 0)
			_exit(1);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	_exit(0);
}

/* The one that pin() takes, if there is another. */
static void leave_cpu(void)
{
	cpu_set_t set;

	sched_getaffinity(0, sizeof(set), &set);
	CPU_CLR(0, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

/* Of all CPUs since boot; proc(5), steal. */
static uint64_t stolen_since_boot_ns(void)
{
	FILE *f = fopen("/proc/stat", "re");
	unsigned long long ticks = 0;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "cpu %*u %*u %*u %*u %*u %*u %*u %llu", &ticks), 1);
	(void)fclose(f);
	return ticks * (1000000000 / (uint64_t)sysconf(_SC_CLK_TCK));
}

void switch_scene_start(struct switch_scene *s, const thread_function *functions, size_t n)
{
	shared = s->shared;
	s->stolen_ns = stolen_since_boot_ns();
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		be_child(functions, n);
	if (s->leaves_cpu)
		leave_cpu();
	switch_records_follow(s->records, (uint32_t)s->pid);
}

bool switch_scene_goes_on(struct switch_scene *s, int timeout_ms)
{
	uint64_t now_ns = switch_clock_ns(CLOCK_MONOTONIC);
	int status = 0;
	pid_t ended;

	switch_records_poll(s->records, timeout_ms);
	if (s->has_gate && now_ns - s->watched_ns >= WATCH_NS) {
		switch_records_watch(s->records, now_ns);
		s->watched_ns = now_ns;
	}
	ended = waitpid(s->pid, &status, WNOHANG);
	if (ended == 0)
		return true;
	assert_int_equal(ended, s->pid);
	s->pid = 0;
	assert_int_equal(status, 0);
	return false;
}

void switch_scene_finish(struct switch_scene *s)
{
	while (switch_scene_goes_on(s, 10))
		;
	s->stolen_ns = stolen_since_boot_ns() - s->stolen_ns;
	switch_records_poll(s->records, 0);
	assert_int_equal(switch_records_drops(s->records), 0);
}

int switch_scene_set_up(void **state)
{
	struct switch_scene *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -1;
	sched_getaffinity(0, sizeof(s->cpus), &s->cpus);
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->shared == MAP_FAILED || pipe(s->shared->go) < 0 || pipe(s->shared->pipes[0]) < 0 ||
	    pipe(s->shared->pipes[1]) < 0)
		return -1;
	s->stacks_per_s = STACKS_PER_S;
	s->shared->hang_at = UINT64_MAX;
	s->shared->n_trips = ROUND_TRIPS;
	return 0;
}

int switch_scene_tear_down(void **state)
{
	struct switch_scene *s = *state;

	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
	(void)sched_setaffinity(0, sizeof(s->cpus), &s->cpus);
	switch_records_free(s->records);
	for (int i = 0; i < 2; i++) {
		close(s->shared->go[i]);
		close(s->shared->pipes[0][i]);
		close(s->shared->pipes[1][i]);
	}
	munmap(s->shared, sizeof(*s->shared));
	free(s);
	return 0;
}

void switch_scene_load(struct switch_scene *s, bool wakers, bool without_bpf_loop)
{
	s->records =
		switch_records_new(&(struct offcpu_options){.stacks_per_s = s->stacks_per_s,
							    .wakers = wakers,
							    .without_bpf_loop = without_bpf_loop});
}
