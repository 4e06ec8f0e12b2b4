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
#include "switch_scene.h"
#include "symbols/kernel_symbols.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SIGMAS	   5.0
#define GATE_TRIPS 60000
#define SLACK_NS   1e6
#define SLACK_PART 0.005

/* ---- what is held against the truth ---- */

static void expect_near(const char *what, double is_ns, double true_ns, double slack_ns)
{
	print_message("%s: %.3f ms, true %.3f ms, allowed %.3f ms\n", what, is_ns / 1e6,
		      true_ns / 1e6, slack_ns / 1e6);
	assert_true(fabs(is_ns - true_ns) <= slack_ns);
}

/* Its whole life is in the ledger: it began and ended while the programs were attached. */
static struct switch_thread *expect_ledger(struct switch_scene *s, const struct truth *truth)
{
	struct switch_thread *t = switch_records_find(s->records, truth->tid);

	assert_non_null(t);
	assert_int_equal(t->ledger_flags & WIRE_LEDGER_ENDED, WIRE_LEDGER_ENDED);
	assert_int_equal(t->ledger_flags & WIRE_LEDGER_STARTED, WIRE_LEDGER_STARTED);
	expect_near("on a CPU", (double)t->sum.oncpu_ns, (double)truth->ran_ns, SLACK_NS);
	expect_near("all", (double)(t->sum.oncpu_ns + t->sum.blocked_ns + t->sum.runq_ns),
		    (double)t->sum.elapsed_ns,
		    SLACK_NS + SLACK_PART * (double)t->sum.elapsed_ns + (double)s->stolen_ns);
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
	struct switch_scene *s = *state;
	const thread_function functions[] = {sleeper, burner};
	struct switch_thread *t;
	uint32_t pid;

	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, 2);
	pid = (uint32_t)s->pid;
	switch_scene_finish(s);
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

static void storm(struct switch_scene *s, bool without_bpf_loop)
{
	const thread_function functions[] = {pinger, ponger};

	switch_scene_load(s, false, without_bpf_loop);
	switch_scene_start(s, functions, 2);
	switch_scene_finish(s);
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
	struct switch_scene *s = *state;
	const thread_function functions[] = {pinger, ponger};
	struct switch_thread *t;

	s->shared->hang_at = GATE_TRIPS - 1000;
	s->shared->n_trips = GATE_TRIPS;
	switch_scene_load(s, false, false);
	s->has_gate = true;
	switch_scene_start(s, functions, 2);
	switch_scene_finish(s);
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

static bool is_open(struct switch_scene *s, struct switch_thread **ret)
{
	switch_records_pass(s->records);
	switch_records_poll(s->records, 0);
	*ret = switch_records_find(s->records, s->shared->truths[0].tid);
	return *ret && (*ret)->open_since_mono_ns;
}

static void test_wait_over_passes(void **state)
{
	struct switch_scene *s = *state;
	const thread_function functions[] = {waiter};
	struct switch_thread *t;
	uint64_t since_mono_ns, charged_ns, n_charges = 1;

	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, 1);
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
	switch_scene_finish(s);
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
	struct switch_scene *s = *state;
	thread_function functions[MANY_THREADS];
	uint32_t n_after = 0;
	uint64_t between_ns;

	for (int i = 0; i < MANY_THREADS; i++)
		functions[i] = waiter;
	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, MANY_THREADS);
	while (__atomic_load_n(&s->shared->n_ready, __ATOMIC_SEQ_CST) < MANY_THREADS)
		switch_records_poll(s->records, 10);
	switch_records_pass(s->records);
	between_ns = switch_clock_ns(CLOCK_MONOTONIC);
	while (switch_clock_ns(CLOCK_MONOTONIC) - between_ns < 2 * WIRE_LONG_WAIT_NS)
		switch_records_poll(s->records, 10);
	between_ns = switch_clock_ns(CLOCK_MONOTONIC) - between_ns;
	switch_records_pass(s->records);
	for (int i = 0; i < MANY_THREADS; i++) {
		struct switch_thread *t = switch_records_find(s->records, s->shared->truths[i].tid);

		assert_non_null(t);
		assert_int_equal(t->n_ledger, 2);
		assert_true(t->last_elapsed_ns >= between_ns);
	}
	for (int i = 0; i < MANY_THREADS; i++)
		assert_int_equal(write(s->shared->go[1], "", 1), 1);
	switch_scene_finish(s);
	for (int i = 0; i < MANY_THREADS; i++) {
		struct switch_thread *t = switch_records_find(s->records, s->shared->truths[i].tid);

		assert_int_equal(t->n_ledger, 3);
		/* What ended behind the pass says so. */
		n_after += t->n_after;
		assert_int_equal(t->n_says_after, t->n_after);
		assert_true(t->sum.elapsed_ns >= s->shared->truths[i].lived_ns);
	}
	/* At once there are not records for all of them. */
	assert_true(n_after > 0);
}

/* Threads that end while a pass comes to them have their time once. */
static void test_ends_during_passes(void **state)
{
	struct switch_scene *s = *state;
	const thread_function functions[] = {mayflies};
	uint32_t n_twice = 0;

	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, 1);
	while (switch_scene_goes_on(s, 0))
		switch_records_pass(s->records);
	switch_records_poll(s->records, 0);
	n_twice = switch_records_overlaps(s->records);
	print_message("%u threads, %u with time that is counted twice\n",
		      switch_records_n(s->records), n_twice);
	assert_true(switch_records_n(s->records) >= N_MAYFLIES);
	assert_int_equal(n_twice, 0);
}

/* Threads whose first wait, for a CPU, is most of what they ever wait: it is drawn as others are.
 */
static void test_first_waits(void **state)
{
	struct switch_scene *s = *state;
	const thread_function functions[] = {brooder};
	struct switch_thread all;
	double true_ns, sigma;

	s->stacks_per_s = 100000; /* the odds are even within half a second */
	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, 1);
	switch_scene_finish(s);
	assert_true(switch_records_rest(s->records, s->shared->truths[0].tid, &all) ==
		    N_BROODS * N_BROOD);
	true_ns = (double)(all.sum.blocked_ns + all.sum.runq_ns);
	sigma = sqrt(all.variance);
	print_message("n = %u told of, %u exact: off by %.2f sigma\n", all.n_ends, all.n_exact,
		      sigma > 0 ? (all.off_ns - true_ns) / sigma : 0);
	assert_true(all.n_ends >= 30);
	expect_near("estimated", all.off_ns, true_ns, SIGMAS * sigma + SLACK_NS);
	/* A fifth more would be seen. */
	assert_true(SIGMAS * sigma + SLACK_NS < 0.2 * true_ns);
}

/* A long wait that was not drawn has its user stack too, most often: of the thread's 40 such waits
 * a second some 10 are drawn, and 50 of the CPU's could have their stacks taken besides. */
static void test_long_waits_have_stacks(void **state)
{
	struct switch_scene *s = *state;
	const thread_function functions[] = {dozer};
	struct switch_thread *t;

	s->leaves_cpu = true;
	s->stacks_per_s = 10;
	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, 1);
	switch_scene_finish(s);
	t = expect_ledger(s, &s->shared->truths[0]);
	print_message("%u long waits, %u with their stacks\n", t->n_exact, t->n_drawn);
	assert_true(t->n_exact >= N_DOZES);
	assert_true(t->n_drawn * 2 >= t->n_exact);
	assert_int_equal(t->n_begins, t->n_user_stacks);
}

/* After a long one a short one is told of, too, but as what counts nothing: of each beginning there
 * is an end. */
static void test_begun_in_vain(void **state)
{
	struct switch_scene *s = *state;
	const thread_function functions[] = {napper};
	struct switch_thread *t;

	s->leaves_cpu = true;
	s->stacks_per_s = 10;
	switch_scene_load(s, false, false);
	switch_scene_start(s, functions, 1);
	switch_scene_finish(s);
	t = expect_ledger(s, &s->shared->truths[0]);
	print_message("%u begun, %u in vain\n", t->n_begins, t->n_void);
	assert_true(t->n_void >= N_DOZES / 10);
	assert_int_equal(t->n_begins, t->n_drawn);
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
	struct switch_scene *s = *state;
	const thread_function functions[] = {pinger, ponger, sleeper};
	struct switch_thread *t;

	assert_int_equal(kernel_symbols_load(&symbols), 0);
	switch_scene_load(s, true, false);
	switch_scene_start(s, functions, 3);
	switch_scene_finish(s);
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
		cmocka_unit_test_setup_teardown(test_timers_and_an_end, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_storm, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_storm_without_bpf_loop, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_hang_behind_the_gate, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_wait_over_passes, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_pass_over_many_threads, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_ends_during_passes, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_first_waits, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_long_waits_have_stacks, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_begun_in_vain, switch_scene_set_up,
						switch_scene_tear_down),
		cmocka_unit_test_setup_teardown(test_who_woke_whom, switch_scene_set_up,
						switch_scene_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
