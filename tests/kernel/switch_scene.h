/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * switch_scene.h - a child process whose threads know what they did, and the programs behind
 * waiting time and the ledger that watch it, for tests/kernel.
 */
#ifndef TEST_SWITCH_SCENE_H
#define TEST_SWITCH_SCENE_H

#include "switch_records.h"

#include <sched.h>
#include <sys/types.h>
#include <time.h>

#define MANY_THREADS 300
#define N_SLEEPS     20
#define SLEEP_NS     20000000
#define HANG_NS	     100000000
#define N_DOZES	     60
#define DOZE_NS	     25000000
#define NAP_NS	     1000000
#define ROUND_TRIPS  100000
#define N_MAYFLIES   3000
#define N_BROODS     200
#define N_BROOD	     20
#define CHICK_NS     200000

/* A thread's own two clocks, and what getrusage(2) says of it. */
struct truth {
	uint32_t tid;
	uint64_t lived_ns, ran_ns;
	uint64_t voluntary, involuntary;
};

struct shared {
	struct truth truths[MANY_THREADS];
	int go[2]; /* a pipe: the child's threads that wait wait for it */
	int pipes[2][2];
	uint32_t n_ready;
	uint64_t hang_at; /* round trip */
	uint64_t n_trips;
};

struct switch_scene {
	struct switch_records *records;
	struct shared *shared;
	pid_t pid;
	bool has_gate;	 /* it may shut; else it never does */
	bool leaves_cpu; /* who reads the records has waits of its own */
	uint32_t stacks_per_s;
	cpu_set_t cpus; /* that the test had */
	uint64_t watched_ns;
	/* What the machine below took from the CPUs since the start, which is nobody's time. */
	uint64_t stolen_ns;
};

uint64_t switch_clock_ns(clockid_t clock);

/* What the child's threads may do; `arg` is their truth. */
typedef void *(*thread_function)(void *arg);
void *sleeper(void *arg);
void *burner(void *arg);
/* Sleeps too, for longer and more often, on the CPU of the two that follow. */
void *dozer(void *arg);
/* The same, but each second sleep is a short one. */
void *napper(void *arg);
/* These two pass a byte back and forth, on one CPU, so that each step is a switch. */
void *pinger(void *arg);
void *ponger(void *arg);
void *waiter(void *arg);
/* Makes threads that end at once, one after the other. */
void *mayflies(void *arg);
/* Makes some at once, N_BROODS times, who have to wait for one another on one CPU. */
void *brooder(void *arg);

/* cmocka fixtures: *state is a struct switch_scene. */
int switch_scene_set_up(void **state);
int switch_scene_tear_down(void **state);

/* Loads and attaches the programs; then the child may be started. */
void switch_scene_load(struct switch_scene *s, bool wakers, bool without_bpf_loop);
void switch_scene_start(struct switch_scene *s, const thread_function *functions, size_t n);
/* Reads records; false once the child has ended, and it must have ended well. */
bool switch_scene_goes_on(struct switch_scene *s, int timeout_ms);
/* Reads records until the child has ended, and then the rest. */
void switch_scene_finish(struct switch_scene *s);

#endif
