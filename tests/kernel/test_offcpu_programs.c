// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_offcpu_programs.c - the programs behind waiting time and the ledger, as the daemon loads
 * them, against threads that know what they did.
 *
 * A thread's truth is its own two clocks: how long it lived, and for how long of that it ran
 * (CLOCK_THREAD_CPUTIME_ID); the rest it was off the CPU. Its very first and last moments are not
 * in them, in which it may wait for a CPU: so the ledger's time on the CPU is held against its
 * clock, and the ledger's parts against their whole, which is never less than what it lived.
 * What was sampled is held against the ledger by 5 sigma of the estimator, whose variance for drawn
 * waits of length d and weight w is the sum of d^2 w (w - 1) (Horvitz and Thompson).
 */
#include "cleanup.h"
#include "switch_records.h"
#include "symbols/kernel_symbols.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SIGMAS	     5.0
#define N_SLEEPS     20
#define SLEEP_NS     20000000
#define HANG_NS	     100000000
#define ROUND_TRIPS  100000
#define GATE_TRIPS   60000
#define MANY_THREADS 300
#define SLACK_NS     1e6
#define SLACK_PART   0.005
#define STACKS_PER_S 1000 /* so that a short storm has many */
#define WATCH_NS     100000000

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

struct scene {
	struct switch_records *records;
	struct shared *shared;
	pid_t pid;
	bool has_gate; /* it may shut; else it never does */
};

static uint64_t clock_ns(clockid_t clock)
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
	t->lived_ns = clock_ns(CLOCK_MONOTONIC);
}

static void end_truth(struct truth *t)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	t->voluntary = (uint64_t)usage.ru_nvcsw;
	t->involuntary = (uint64_t)usage.ru_nivcsw;
	t->lived_ns = clock_ns(CLOCK_MONOTONIC) - t->lived_ns;
	t->ran_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void *sleeper(void *arg)
{
	struct truth *t = arg;

	begin_truth(t);
	for (int i = 0; i < N_SLEEPS; i++)
		nanosleep(&(struct timespec){.tv_nsec = SLEEP_NS}, NULL);
	end_truth(t);
	return NULL;
}

static void *burner(void *arg)
{
	struct truth *t = arg;

	begin_truth(t);
	while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < 200000000)
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

static void *pinger(void *arg)
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

static void *ponger(void *arg)
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

static void *waiter(void *arg)
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

/* ---- the child ---- */

typedef void *(*thread_function)(void *arg);

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

static void start(struct scene *s, const thread_function *functions, size_t n)
{
	shared = s->shared;
	s->pid = fork();
	assert_true(s->pid >= 0);
	if (s->pid == 0)
		be_child(functions, n);
	switch_records_follow(s->records, (uint32_t)s->pid);
}

/* Reads records until the child has ended, and then the rest. */
static void finish(struct scene *s)
{
	int status = 0;
	pid_t ended;
	uint64_t now_ns, watched_ns = 0;

	do {
		switch_records_poll(s->records, 10);
		now_ns = clock_ns(CLOCK_MONOTONIC);
		if (s->has_gate && now_ns - watched_ns >= WATCH_NS) {
			switch_records_watch(s->records, now_ns);
			watched_ns = now_ns;
		}
		ended = waitpid(s->pid, &status, WNOHANG);
	} while (ended == 0);
	assert_int_equal(ended, s->pid);
	s->pid = 0;
	assert_int_equal(status, 0);
	switch_records_poll(s->records, 0);
	assert_int_equal(switch_records_drops(s->records), 0);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	if (!s)
		return -1;
	s->shared = mmap(NULL, sizeof(*s->shared), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->shared == MAP_FAILED || pipe(s->shared->go) < 0 || pipe(s->shared->pipes[0]) < 0 ||
	    pipe(s->shared->pipes[1]) < 0)
		return -1;
	s->shared->hang_at = UINT64_MAX;
	s->shared->n_trips = ROUND_TRIPS;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	if (s->pid > 0) {
		kill(s->pid, SIGKILL);
		waitpid(s->pid, NULL, 0);
	}
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

static void load(struct scene *s, bool wakers, bool without_bpf_loop)
{
	s->records =
		switch_records_new(&(struct offcpu_options){.stacks_per_s = STACKS_PER_S,
							    .wakers = wakers,
							    .without_bpf_loop = without_bpf_loop});
}

/* ---- what is held against the truth ---- */

static void expect_near(const char *what, double is_ns, double true_ns, double slack_ns)
{
	print_message("%s: %.3f ms, true %.3f ms, allowed %.3f ms\n", what, is_ns / 1e6,
		      true_ns / 1e6, slack_ns / 1e6);
	assert_true(fabs(is_ns - true_ns) <= slack_ns);
}

/* Its whole life is in the ledger: it began and ended while the programs were attached. */
static struct switch_thread *expect_ledger(struct scene *s, const struct truth *truth)
{
	struct switch_thread *t = switch_records_find(s->records, truth->tid);

	assert_non_null(t);
	assert_int_equal(t->ledger_flags & WIRE_LEDGER_ENDED, WIRE_LEDGER_ENDED);
	assert_int_equal(t->ledger_flags & WIRE_LEDGER_STARTED, WIRE_LEDGER_STARTED);
	expect_near("on a CPU", (double)t->sum.oncpu_ns, (double)truth->ran_ns, SLACK_NS);
	expect_near("all", (double)(t->sum.oncpu_ns + t->sum.blocked_ns + t->sum.runq_ns),
		    (double)t->sum.elapsed_ns, SLACK_NS + SLACK_PART * (double)t->sum.elapsed_ns);
	assert_true(t->sum.elapsed_ns >= truth->lived_ns);
	/* And the switches of its end: to be joined, to be gone. */
	assert_in_range(t->sum.voluntary_switches, truth->voluntary, truth->voluntary + 4);
	assert_in_range(t->sum.involuntary_switches, truth->involuntary, truth->involuntary + 4);
	assert_int_equal(t->n_unpaired, 0);
	return t;
}

static void expect_estimate(const struct switch_thread *t)
{
	double true_ns = (double)(t->sum.blocked_ns + t->sum.runq_ns), sigma = sqrt(t->variance);

	print_message("n = %u drawn, %u exact: off by %.2f sigma\n", t->n_drawn, t->n_exact,
		      sigma > 0 ? (t->off_ns - true_ns) / sigma : 0);
	expect_near("estimated", t->off_ns, true_ns, SIGMAS * sigma + SLACK_NS);
}

static void test_timers_and_an_end(void **state)
{
	struct scene *s = *state;
	const thread_function functions[] = {sleeper, burner};
	struct switch_thread *t;
	uint32_t pid;

	load(s, false, false);
	start(s, functions, 2);
	pid = (uint32_t)s->pid;
	finish(s);
	t = expect_ledger(s, &s->shared->truths[0]);
	assert_true(t->n_exact >= N_SLEEPS);
	assert_true(t->sum.blocked_ns >= (uint64_t)N_SLEEPS * SLEEP_NS);
	assert_true(t->longest_ns >= SLEEP_NS && t->sum.max_blocked_ns >= SLEEP_NS);
	assert_int_equal(t->ledger_flags & WIRE_LEDGER_GATE, 0);
	(void)expect_ledger(s, &s->shared->truths[1]);
	/* The process itself: its peak is known at its end. */
	t = switch_records_find(s->records, pid);
	assert_non_null(t);
	assert_true(t->sum.peak_rss_bytes >= 65536);
}

static void storm(struct scene *s, bool without_bpf_loop)
{
	const thread_function functions[] = {pinger, ponger};

	load(s, false, without_bpf_loop);
	start(s, functions, 2);
	finish(s);
	for (int i = 0; i < 2; i++) {
		struct switch_thread *t = expect_ledger(s, &s->shared->truths[i]);

		assert_true(t->n_drawn >= 30);
		assert_true(t->n_user_stacks >= t->n_drawn);
		assert_int_equal(t->ledger_flags & WIRE_LEDGER_GATE, 0);
		expect_estimate(t);
	}
}

static void test_storm(void **state)
{
	storm(*state, false);
}

static void test_storm_without_bpf_loop(void **state)
{
	storm(*state, true);
}

/* Shut after the first 200 ms of the storm. */
static void test_hang_behind_the_gate(void **state)
{
	struct scene *s = *state;
	const thread_function functions[] = {pinger, ponger};
	struct switch_thread *t;

	s->shared->hang_at = GATE_TRIPS - 1000;
	s->shared->n_trips = GATE_TRIPS;
	load(s, false, false);
	s->has_gate = true;
	start(s, functions, 2);
	finish(s);
	for (int i = 0; i < 2; i++) {
		t = expect_ledger(s, &s->shared->truths[i]);
		assert_int_equal(t->ledger_flags & WIRE_LEDGER_GATE, WIRE_LEDGER_GATE);
		assert_true(t->n_gate >= 1);
		assert_true(t->longest_ns >= HANG_NS);
		print_message("the hang: %.3f ms\n", (double)t->longest_ns / 1e6);
	}
	expect_estimate(t);
}

/* ---- waits that go on ---- */

static bool is_open(struct scene *s, struct switch_thread **ret)
{
	switch_records_pass(s->records);
	switch_records_poll(s->records, 0);
	*ret = switch_records_find(s->records, s->shared->truths[0].tid);
	return *ret && (*ret)->open_since_mono_ns;
}

static void test_wait_over_passes(void **state)
{
	struct scene *s = *state;
	const thread_function functions[] = {waiter};
	struct switch_thread *t;
	uint64_t since_mono_ns, charged_ns, n_charges = 1;

	load(s, false, false);
	start(s, functions, 1);
	while (!is_open(s, &t))
		switch_records_poll(s->records, 10);
	since_mono_ns = t->open_since_mono_ns;
	switch_records_stacks(s->records);
	assert_true(t->n_user_stacks >= 1);
	assert_true(switch_thread_has_begin(t, since_mono_ns));
	for (charged_ns = t->open_charge_ns; n_charges < 4; n_charges++) {
		assert_true(is_open(s, &t));
		assert_true(t->open_charge_ns > charged_ns);
		charged_ns = t->open_charge_ns;
		assert_int_equal(t->open_since_mono_ns, since_mono_ns);
	}
	assert_int_equal(write(s->shared->go[1], "", 1), 1);
	finish(s);
	(void)expect_ledger(s, &s->shared->truths[0]);
	/* Each nanosecond once: the end knows what the passes gave away. */
	assert_int_equal(t->longest_charged_ns, charged_ns);
	assert_int_equal(t->longest_begin_mono_ns, since_mono_ns);
	assert_true(t->longest_ns >= charged_ns);
}

/* More than fit into the kernel's buffer of a reading: each has its record in each pass, and each
 * record all the time since the one before. */
static void test_pass_over_many_threads(void **state)
{
	struct scene *s = *state;
	thread_function functions[MANY_THREADS];
	uint64_t between_ns;

	for (int i = 0; i < MANY_THREADS; i++)
		functions[i] = waiter;
	load(s, false, false);
	start(s, functions, MANY_THREADS);
	while (__atomic_load_n(&s->shared->n_ready, __ATOMIC_SEQ_CST) < MANY_THREADS)
		switch_records_poll(s->records, 10);
	switch_records_pass(s->records);
	between_ns = clock_ns(CLOCK_MONOTONIC);
	switch_records_poll(s->records, 10);
	between_ns = clock_ns(CLOCK_MONOTONIC) - between_ns;
	switch_records_pass(s->records);
	for (int i = 0; i < MANY_THREADS; i++) {
		struct switch_thread *t = switch_records_find(s->records, s->shared->truths[i].tid);

		assert_non_null(t);
		assert_int_equal(t->n_ledger, 2);
		assert_true(t->last_elapsed_ns >= between_ns);
	}
	for (int i = 0; i < MANY_THREADS; i++)
		assert_int_equal(write(s->shared->go[1], "", 1), 1);
	finish(s);
	for (int i = 0; i < MANY_THREADS; i++) {
		struct switch_thread *t = switch_records_find(s->records, s->shared->truths[i].tid);

		assert_int_equal(t->n_ledger, 3);
		assert_true(t->sum.elapsed_ns >= s->shared->truths[i].lived_ns);
	}
}

/* ---- wakers ---- */

static const char *function_at(const struct kernel_symbols *symbols, uint64_t addr)
{
	struct kernel_place place = {};

	return kernel_symbols_find(symbols, addr, &place) == 0 && place.function ? place.function
										 : "";
}

static void test_who_woke_whom(void **state)
{
	_cleanup_(kernel_symbols_freep) struct kernel_symbols *symbols = NULL;
	struct scene *s = *state;
	const thread_function functions[] = {pinger, ponger, sleeper};
	struct switch_thread *t;

	assert_int_equal(kernel_symbols_load(&symbols), 0);
	load(s, true, false);
	start(s, functions, 3);
	finish(s);
	for (int i = 0; i < 2; i++) {
		t = switch_records_find(s->records, s->shared->truths[i].tid);
		assert_non_null(t);
		print_message("%u wakers for %u drawn, %u of them interrupts\n", t->n_wakers,
			      t->n_drawn, t->n_interrupts);
		/* But for waits of its begin and end, all are ended by the other one. */
		assert_true(t->n_wakers >= 30);
		assert_true(t->n_known >= 30);
		assert_true(t->n_interrupts * 10 <= t->n_wakers);
		/* No frame of profd's own. */
		assert_string_equal(function_at(symbols, t->waker_leaf), "try_to_wake_up");
	}
	t = switch_records_find(s->records, s->shared->truths[2].tid);
	assert_non_null(t);
	print_message("timers: %u wakers, %u of them interrupts\n", t->n_wakers, t->n_interrupts);
	assert_true(t->n_interrupts > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_timers_and_an_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_storm_without_bpf_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hang_behind_the_gate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wait_over_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pass_over_many_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_woke_whom, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
