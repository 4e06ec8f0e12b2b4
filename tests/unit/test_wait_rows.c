// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_rows.c - waits that ended as rows of a bucket: with which class, on which stack, of
 * whom, and who ended them.
 */
#include "wait_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define CODE WAIT_SCENE_CODE

/* A sampled wait is worth what it stands for, on the stack of its beginning. */
static void test_sampled(void **state)
{
	struct wait_scene *f = *state;
	const struct profile_bucket *p;
	const struct profile_row *row;

	wait_scene_begin(f, 1, 10 * S, 0x20, false);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	wait_scene_end(f, 1,
		       &(struct wire_wait){.begin_mono_ns = 10 * S,
					   .blocked_ns = 1 * MS,
					   .runq_ns = 20000,
					   .weight_log2 = 4,
					   .state = WIRE_STATE_DISK,
					   .flags = WIRE_WAIT_DRAWN | WIRE_WAIT_GATE});
	assert_int_equal(wait_rows_n_open(f->rows), 0);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 2);
	row = wait_scene_find(p, SAMPLE_OFFCPU);
	assert_int_equal(row->value, 16 * MS);
	assert_int_equal(row->count, 16 * PROFILE_COUNT_ONE);
	assert_int_equal(wait_scene_class_of(row).bin, latency_bin_of(1 * MS));
	assert_int_equal(wait_scene_class_of(row).state, WAIT_STATE_DISK);
	assert_int_equal(wait_scene_class_of(row).weight_log2, 4);
	assert_true(wait_scene_class_of(row).gate);
	assert_false(wait_scene_class_of(row).exact);
	assert_false(wait_scene_class_of(row).kernel_only);
	assert_int_equal(wait_scene_leaf(p, row->stack)->kind, LOCATION_FILE);
	assert_int_equal(wait_scene_leaf(p, row->stack)->offset, 0x20);
	assert_string_equal(p->series[row->series].exe, "/bin/sleeper");
	assert_string_equal(p->series[row->series].comm, "t1");
	assert_int_equal(wait_scene_find(p, SAMPLE_RUNQ)->value, 16 * 20000);
	assert_int_equal(wait_scene_find(p, SAMPLE_RUNQ)->count, 16 * PROFILE_COUNT_ONE);
	assert_int_equal(wait_scene_class_of(wait_scene_find(p, SAMPLE_RUNQ)).bin,
			 latency_bin_of(20000));
	assert_int_equal(wait_scene_find(p, SAMPLE_RUNQ)->stack, row->stack);
}

/* An exact wait that nobody drew: the kernel's words, or not even these. */
static void test_exact_without_begin(void **state)
{
	struct wait_scene *f = *state;
	const struct wire_wait wait = {.begin_mono_ns = 10 * S,
				       .blocked_ns = 30 * MS,
				       .state = WIRE_STATE_SLEEP,
				       .flags = WIRE_WAIT_EXACT};
	const struct profile_bucket *p;
	struct sample *sample = wait_scene_make(WIRE_WAIT_END, 1, 11 * S);

	sample->wait = wait;
	sample->n_kernel = 1;
	sample->kernel[0] =
		(struct sample_frame){.kind = LOCATION_KERNEL, .addr = 0xffffffff81000010};
	wait_scene_add(f, sample);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].value, 30 * MS);
	assert_int_equal(p->rows[0].count, PROFILE_COUNT_ONE);
	assert_true(wait_scene_class_of(&p->rows[0]).exact);
	assert_true(wait_scene_class_of(&p->rows[0]).kernel_only);
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->kind, LOCATION_KERNEL);
	assert_int_equal(p->stacks[p->rows[0].stack].n, 1);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 0);

	wait_scene_next_bucket(f);
	wait_scene_end(f, 1, &wait);
	p = wait_scene_finish(f);
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->kind, LOCATION_SYNTHETIC);
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->offset, SYNTHETIC_NOT_SAMPLED);
	assert_int_equal(p->stacks[p->rows[0].stack].n, 1);
}

static void test_lost_begin(void **state)
{
	struct wait_scene *f = *state;
	struct wire_wait wait = {.begin_mono_ns = 10 * S,
				 .blocked_ns = MS,
				 .weight_log2 = 2,
				 .flags = WIRE_WAIT_DRAWN};
	const struct profile_bucket *p;

	wait_scene_begin(f, 1, 9 * S, 0x20, false); /* another wait, whose end is lost */
	wait_scene_end(f, 1, &wait);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 1);
	p = wait_scene_finish(f);
	assert_int_equal(wait_scene_find(p, SAMPLE_OFFCPU)->value, 4 * MS); /* no less for that */
	assert_int_equal(wait_scene_leaf(p, wait_scene_find(p, SAMPLE_OFFCPU)->stack)->offset,
			 SYNTHETIC_NOT_SAMPLED);
}

/* One that was expected to be long and was not: nothing of it stays, and nothing was lost. */
static void test_begun_in_vain(void **state)
{
	struct wait_scene *f = *state;
	struct wire_wait wait = {.begin_mono_ns = 10 * S,
				 .blocked_ns = MS,
				 .flags = WIRE_WAIT_DRAWN | WIRE_WAIT_VOID};
	const struct profile_bucket *p;

	wait_scene_begin(f, 1, 10 * S, 0x20, false);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	wait_scene_end(f, 1, &wait);
	assert_int_equal(wait_rows_n_open(f->rows), 0);
	/* Also without its beginning. */
	wait_scene_end(f, 1, &wait);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 0);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 0);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 0);
}

/* A kernel thread with nothing to do is no wait; one that waits has all of its stack. */
static void test_kernel_thread(void **state)
{
	struct wait_scene *f = *state;
	struct sample *sample = wait_scene_make(WIRE_WAIT_END, 1, 11 * S);
	const struct profile_bucket *p;

	sample->start_code = sample->end_code = 0;
	sample->start_boot_ns++;
	sample->wait = (struct wire_wait){.begin_mono_ns = 10 * S,
					  .blocked_ns = S,
					  .state = WIRE_STATE_IDLE,
					  .flags = WIRE_WAIT_EXACT};
	wait_scene_add(f, sample);
	sample->wait.state = WIRE_STATE_BLOCKED;
	wait_scene_add(f, sample);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_false(wait_scene_class_of(&p->rows[0]).kernel_only);
	assert_string_equal(p->series[p->rows[0].series].exe, "");
}

/* Who ended the wait: the series is the sleeper's, the stack the waker's. */
static void test_waker(void **state)
{
	struct wait_scene *f = *state;
	const struct wire_wait wait = {.begin_mono_ns = 10 * S,
				       .blocked_ns = MS,
				       .weight_log2 = 3,
				       .state = WIRE_STATE_SLEEP,
				       .flags = WIRE_WAIT_DRAWN};
	const struct profile_location *outer;
	const struct profile_bucket *p;
	const struct profile_row *row;
	struct sample *sample;

	wait_scene_begin(f, 1, 10 * S, 0x20, false);
	sample = wait_scene_make(WIRE_WAKER, 2, 10 * S + MS);
	sample->user_stop = WIRE_STOP_END;
	sample->n_user = 1;
	sample->user[0] = (struct sample_frame){.kind = LOCATION_FILE, .addr = CODE + 0x80};
	sample->waker = (struct wire_waker){.begin_mono_ns = 10 * S, .tid = 1};
	wait_scene_add(f, sample);
	wait_scene_end(f, 1, &wait);
	p = wait_scene_finish(f);
	row = wait_scene_find(p, SAMPLE_WAKER);
	assert_int_equal(row->value, 8 * MS);
	assert_int_equal(row->count, 8 * PROFILE_COUNT_ONE);
	assert_int_equal(row->series, wait_scene_find(p, SAMPLE_OFFCPU)->series);
	assert_int_equal(p->stacks[row->stack].n, 2);
	assert_int_equal(wait_scene_leaf(p, row->stack)->offset, 0x80);
	outer = &p->locations[p->stack_locations[p->stacks[row->stack].first + 1]];
	assert_string_equal(outer->frames[0].function, "t2 (/bin/sleeper)");

	wait_scene_next_bucket(f);
	wait_scene_begin(f, 1, 10 * S, 0x20, false);
	sample = wait_scene_make(WIRE_WAKER, 0, 10 * S + MS);
	sample->waker = (struct wire_waker){.begin_mono_ns = 10 * S, .tid = 1, .in_interrupt = 1};
	wait_scene_add(f, sample);
	wait_scene_end(f, 1, &wait);
	p = wait_scene_finish(f);
	row = wait_scene_find(p, SAMPLE_WAKER);
	assert_int_equal(p->stacks[row->stack].n, 1);
	assert_int_equal(wait_scene_leaf(p, row->stack)->kind, LOCATION_SYNTHETIC);
	assert_int_equal(wait_scene_leaf(p, row->stack)->offset, SYNTHETIC_INTERRUPT);

	/* A long wait that nobody drew has a waker as well. */
	wait_scene_next_bucket(f);
	sample = wait_scene_make(WIRE_WAKER, 0, 12 * S);
	sample->waker = (struct wire_waker){.begin_mono_ns = 11 * S, .tid = 1, .in_interrupt = 1};
	wait_scene_add(f, sample);
	sample->waker.begin_mono_ns = 9 * S;
	wait_scene_add(f, sample);
	assert_int_equal(wait_rows_counters(f->rows)->n_waker_lost, 1);
	wait_scene_end(f, 1,
		       &(struct wire_wait){
			       .begin_mono_ns = 11 * S, .blocked_ns = S, .flags = WIRE_WAIT_EXACT});
	p = wait_scene_finish(f);
	assert_int_equal(wait_scene_find(p, SAMPLE_WAKER)->value, S);
	row = wait_scene_find(p, SAMPLE_OFFCPU);
	assert_int_equal(wait_scene_leaf(p, row->stack)->offset, SYNTHETIC_NOT_SAMPLED);
	assert_true(wait_scene_class_of(row).kernel_only);
}

/* What [filter] excludes is neither kept nor held, and counted once with its time. */
static void test_filter(void **state)
{
	struct wait_scene *f = *state;
	struct filter filter = {.comms = {.n = 1, .used = 3, .text = "t1"}};
	const struct wire_wait wait = {.begin_mono_ns = 10 * S,
				       .blocked_ns = 30 * MS,
				       .flags = WIRE_WAIT_EXACT | WIRE_WAIT_DRAWN};
	const struct wire_ledger ledger = {
		.elapsed_ns = S, .open_since_mono_ns = 10 * S, .open_charge_ns = S};
	const struct attribution_counters *counters = attribution_counters(f->attribution);
	const struct profile_bucket *p;

	attribution_set_filter(f->attribution, &filter);
	for (uint32_t tid = 1; tid <= 2; tid++) {
		wait_scene_begin(f, tid, 10 * S, 0x20, false);
		wait_scene_pass(f, tid, &ledger);
	}
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	for (uint32_t tid = 1; tid <= 2; tid++)
		wait_scene_end(f, tid, &wait);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_series, 1 + 1);
	assert_string_equal(p->series[1].comm, "t2");
	assert_int_equal(p->n_ledger, 1);
	assert_int_equal(counters->n_filtered, 2);
	assert_int_equal(counters->filtered_ns, 30 * MS);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 0);
}

/* Who wakes another thread, and is excluded, has no name and no stack there either. */
static void test_filtered_waker(void **state)
{
	struct wait_scene *f = *state;
	struct filter filter = {.comms = {.n = 1, .used = 3, .text = "t2"}};
	const struct wire_wait wait = {.begin_mono_ns = 10 * S,
				       .blocked_ns = MS,
				       .state = WIRE_STATE_SLEEP,
				       .flags = WIRE_WAIT_DRAWN};
	const struct profile_bucket *p;
	const struct profile_row *row;
	struct sample *sample;

	attribution_set_filter(f->attribution, &filter);
	wait_scene_begin(f, 1, 10 * S, 0x20, false);
	sample = wait_scene_make(WIRE_WAKER, 2, 10 * S + MS);
	sample->n_user = 1;
	sample->user[0] = (struct sample_frame){.kind = LOCATION_FILE, .addr = CODE + 0x80};
	sample->waker = (struct wire_waker){.begin_mono_ns = 10 * S, .tid = 1};
	wait_scene_add(f, sample);
	wait_scene_end(f, 1, &wait);
	p = wait_scene_finish(f);
	row = wait_scene_find(p, SAMPLE_WAKER);
	assert_int_equal(row->value, MS);
	assert_int_equal(p->stacks[row->stack].n, 1);
	assert_int_equal(wait_scene_leaf(p, row->stack)->offset, SYNTHETIC_NOT_SAMPLED);
}

/* A pass reads threads until a little after its boundary: what it has of a thread has what ended
 * meanwhile, and the thread's last record if there was one before the pass came. */
static void test_before_the_boundary(void **state)
{
	const struct wait_pass pass = {20 * S, 20 * S + 5 * MS}, none = {};
	const struct {
		enum wire_kind kind;
		uint64_t since_ns, mono_ns;
		bool is_before;
	} cases[] = {
		/* The pass comes to the thread at 20 s and 2 ms. */
		{WIRE_WAIT_END, 10 * S + 1 * MS, 20 * S - 1, false}, /* before it anyhow */
		{WIRE_WAIT_END, 10 * S + 1 * MS, 20 * S, true},
		{WIRE_WAIT_END, 10 * S + 1 * MS, 20 * S + 1 * MS, true},
		{WIRE_WAIT_END, 20 * S + 2 * MS, 20 * S + 3 * MS, false},
		/* It began behind the boundary. */
		{WIRE_WAIT_END, 20 * S, 20 * S + 1 * MS, false},
		/* The pass had no record of it. */
		{WIRE_WAIT_END, 10 * S + 1 * MS, 20 * S + 5 * MS, false},
		{WIRE_LEDGER, 10 * S + 1 * MS, 20 * S + 1 * MS, true},
		{WIRE_LEDGER, 20 * S + 2 * MS, 20 * S + 3 * MS, false},
		{WIRE_LEDGER, 10 * S + 1 * MS, 25 * S, false},
		{WIRE_WAIT_BEGIN, 0, 20 * S + 1 * MS, false},
		{WIRE_WAKER, 0, 20 * S + 1 * MS, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sample *sample = wait_scene_make(cases[i].kind, 1, cases[i].mono_ns);

		if (cases[i].kind == WIRE_WAIT_END)
			sample->wait.ledger_since_mono_ns = cases[i].since_ns;
		else if (cases[i].kind == WIRE_LEDGER)
			sample->ledger.elapsed_ns = cases[i].mono_ns - cases[i].since_ns;
		assert_int_equal(wait_rows_is_before(sample, &pass), cases[i].is_before);
		assert_false(wait_rows_is_before(sample, &none));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WAIT_TEST(test_sampled),
		WAIT_TEST(test_exact_without_begin),
		WAIT_TEST(test_lost_begin),
		WAIT_TEST(test_begun_in_vain),
		WAIT_TEST(test_kernel_thread),
		WAIT_TEST(test_waker),
		WAIT_TEST(test_filtered_waker),
		WAIT_TEST(test_filter),
		WAIT_TEST(test_before_the_boundary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
