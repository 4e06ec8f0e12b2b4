// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_ledger.c - what passes over all threads say: waits that go on, held ones, the ledger.
 */
#include "wait_scene.h"

#include "process/process_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Blocked from 10.4 s to 14.1 s: a row, then held, then what is left, and one wait in all. Passes
 * come late, and charge until they do; buckets have their parts all the same. */
static void test_open_wait(void **state)
{
	struct wait_scene *f = *state;
	struct wire_ledger ledger = {.elapsed_ns = S + 30 * MS,
				     .blocked_ns = 630 * MS,
				     .oncpu_ns = 400 * MS,
				     .open_since_mono_ns = 10 * S + 400 * MS,
				     .open_charge_ns = 630 * MS,
				     .open_state = WIRE_STATE_SLEEP,
				     .flags = WIRE_LEDGER_OPEN_DRAWN};
	const struct profile_bucket *p;
	const struct profile_row *row;

	wait_scene_begin(f, 1, 10 * S + 400 * MS, 0x20, false);
	wait_scene_pass(f, 1, &ledger);
	p = wait_scene_finish(f);
	row = wait_scene_find(p, SAMPLE_OFFCPU);
	assert_int_equal(row->value, 600 * MS);
	assert_int_equal(row->count, 0);
	assert_int_equal(wait_scene_class_of(row).bin, LATENCY_BIN_OPEN);
	assert_true(wait_scene_class_of(row).exact);
	assert_int_equal(wait_scene_leaf(p, row->stack)->offset, 0x20);
	assert_int_equal(p->n_held, 0);
	assert_int_equal(p->n_ledger, 1);
	assert_int_equal(p->ledger[0].series, row->series);
	assert_int_equal(p->ledger[0].user_ns, 400 * MS); /* no tick came */

	ledger.oncpu_ns = 0;
	for (int i = 0; i < 2; i++) {
		wait_scene_next_bucket(f);
		ledger.open_charge_ns = i ? S + 20 * MS : S - 30 * MS; /* 50 ms late at the end */
		wait_scene_pass(f, 1, &ledger);
		p = wait_scene_finish(f);
		assert_int_equal(p->n_rows, 0);
		assert_int_equal(p->n_held, 1);
		assert_int_equal(p->held[0].type, SAMPLE_OFFCPU);
		assert_int_equal(p->held[0].series, p->ledger[0].series);
		assert_int_equal(wait_scene_leaf(p, p->held[0].stack)->offset, 0x20);
	}

	/* A better stack is a row again. */
	wait_scene_next_bucket(f);
	wait_scene_begin(f, 1, 10 * S + 400 * MS, 0x40, true);
	ledger.open_charge_ns = S;
	wait_scene_pass(f, 1, &ledger);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_held, 0);
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->offset, 0x40);
	assert_int_equal(p->rows[0].value, S);

	wait_scene_next_bucket(f);
	wait_scene_end(f, 1,
		       &(struct wire_wait){.begin_mono_ns = 10 * S + 400 * MS,
					   .blocked_ns = 3700 * MS,
					   .charged_ns = 3620 * MS,
					   .state = WIRE_STATE_SLEEP,
					   .flags = WIRE_WAIT_EXACT | WIRE_WAIT_DRAWN});
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].value, 100 * MS);
	assert_int_equal(p->rows[0].count, PROFILE_COUNT_ONE);
	assert_int_equal(wait_scene_class_of(&p->rows[0]).bin, latency_bin_of(3700 * MS));
	assert_int_equal(wait_rows_n_open(f->rows), 0);
}

/* The ledger has every thread in each bucket: a process that is known is not read again for it, not
 * even after records were lost; for a stack it is. */
static void test_known_process(void **state)
{
	struct wait_scene *f = *state;
	const struct wire_ledger ledger = {.elapsed_ns = S, .blocked_ns = S};
	const struct process_counters *counters = process_table_counters(f->scene->table);
	const struct profile_bucket *p;

	process_table_set_followed(f->scene->table, true);
	wait_scene_begin(f, 1, 10 * S + 400 * MS, 0x20, false);
	assert_int_equal(counters->n_read, 1);
	process_events_lost(f->scene->table);
	wait_scene_pass(f, 1, &ledger);
	assert_int_equal(counters->n_read, 1);
	wait_scene_begin(f, 1, 10 * S + 500 * MS, 0x20, false);
	assert_int_equal(counters->n_read, 2);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_ledger, 1);
	assert_string_equal(p->series[p->ledger[0].series].exe, "/bin/sleeper");
}

/* The stack of an open wait that nobody drew comes with the pass, once, and is remembered. */
static void test_open_without_begin(void **state)
{
	struct wait_scene *f = *state;
	const struct wire_ledger ledger = {.elapsed_ns = S,
					   .open_since_mono_ns = 10 * S,
					   .open_charge_ns = S,
					   .open_state = WIRE_STATE_DISK};
	struct sample *sample = wait_scene_make(WIRE_LEDGER, 1, 50 * S);
	const struct profile_bucket *p;

	sample->ledger = ledger;
	sample->n_kernel = 1;
	sample->kernel[0] =
		(struct sample_frame){.kind = LOCATION_KERNEL, .addr = 0xffffffff81000010};
	wait_scene_add(f, sample);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_held, 0); /* the first is a row, however long */
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->kind, LOCATION_KERNEL);
	assert_true(wait_scene_class_of(&p->rows[0]).kernel_only);
	assert_int_equal(wait_scene_class_of(&p->rows[0]).state, WAIT_STATE_DISK);

	wait_scene_next_bucket(f);
	wait_scene_pass(f, 1, &ledger);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_held, 1);
	assert_int_equal(wait_scene_leaf(p, p->held[0].stack)->kind, LOCATION_KERNEL);
}

/* The stack that was taken behind the pass comes before what the pass says. */
static void test_late_stack(void **state)
{
	struct wait_scene *f = *state;
	const struct wire_ledger ledger = {.elapsed_ns = S,
					   .open_since_mono_ns = 10 * S + 500 * MS,
					   .open_charge_ns = 500 * MS,
					   .open_state = WIRE_STATE_SLEEP};
	const struct profile_bucket *p;

	wait_scene_begin(f, 1, 10 * S + 500 * MS, 0x40, true);
	wait_scene_begin(f, 2, 10 * S, 0x40, true); /* this one has ended by now */
	wait_scene_pass(f, 1, &ledger);
	wait_rows_passed(f->rows, 11 * S);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_late, 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 0);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->offset, 0x40);
	assert_false(wait_scene_class_of(&p->rows[0]).kernel_only);
}

/* Waits that passes do not see any more are forgotten, and so is what a thread leaves behind. */
static void test_forgotten(void **state)
{
	struct wait_scene *f = *state;
	const struct wire_ledger open = {
		.elapsed_ns = S, .open_since_mono_ns = 10 * S, .open_charge_ns = S};

	wait_scene_begin(f, 1, 10 * S, 0x20, false);
	wait_scene_begin(f, 2, 10 * S, 0x20, false);
	wait_scene_begin(f, 3, 10 * S, 0x20, false);
	wait_scene_pass(f, 1, &open);
	wait_scene_pass(f, 3, &(struct wire_ledger){.elapsed_ns = 5, .flags = WIRE_LEDGER_ENDED});
	assert_int_equal(wait_rows_n_open(f->rows), 2);
	wait_rows_passed(f->rows, 20 * S);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 1);
}

/* Records of one thread add up; its end says nothing of its image and changes nothing in it. */
static void test_ended_thread(void **state)
{
	struct wait_scene *f = *state;
	struct sample *sample;
	const struct profile_bucket *p;

	wait_scene_pass(f, 1,
			&(struct wire_ledger){.elapsed_ns = 10, .oncpu_ns = 4, .utime_ns = 1});
	sample = wait_scene_make(WIRE_LEDGER, 1, 50 * S);
	sample->start_code = sample->end_code = 0;
	sample->exec_id = 9;
	sample->ledger =
		(struct wire_ledger){.elapsed_ns = 20, .oncpu_ns = 6, .flags = WIRE_LEDGER_ENDED};
	wait_scene_add(f, sample);
	p = wait_scene_finish(f);
	assert_int_equal(p->n_ledger, 1);
	assert_int_equal(p->ledger[0].elapsed_ns, 30);
	assert_int_equal(p->ledger[0].oncpu_ns, 10);
	assert_int_equal(p->ledger[0].user_ns, 10);
	assert_int_equal(p->ledger[0].flags, PROFILE_LEDGER_ENDED);
	assert_string_equal(p->series[p->ledger[0].series].exe, "/bin/sleeper");
}

static void test_unsent(void **state)
{
	struct wait_scene *f = *state;
	const struct profile_bucket *p;

	wait_scene_pass(f, 1,
			&(struct wire_ledger){.elapsed_ns = S,
					      .unsent_ns = 90 * MS,
					      .unsent_count = 3,
					      .unsent_runq_ns = 40 * MS,
					      .unsent_runq_count = 2});
	p = wait_scene_finish(f);
	assert_int_equal(p->n_rows, 2);
	assert_int_equal(p->rows[1].type, SAMPLE_RUNQ);
	assert_int_equal(p->rows[1].value, 40 * MS);
	assert_int_equal(p->rows[1].count, 2 * PROFILE_COUNT_ONE);
	assert_int_equal(wait_scene_class_of(&p->rows[1]).bin, latency_bin_of(20 * MS));
	assert_int_equal(p->rows[0].type, SAMPLE_OFFCPU);
	assert_int_equal(p->rows[0].value, 90 * MS);
	assert_int_equal(p->rows[0].count, 3 * PROFILE_COUNT_ONE);
	assert_int_equal(wait_scene_class_of(&p->rows[0]).bin, latency_bin_of(30 * MS));
	assert_true(wait_scene_class_of(&p->rows[0]).exact);
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->offset, SYNTHETIC_NOT_SAMPLED);
	assert_int_equal(wait_rows_counters(f->rows)->n_unsent, 5);
}

/* ---- threads that came and went ---- */

static void end_thread(struct wait_scene *f, uint32_t pid, uint32_t tid)
{
	struct sample *sample = wait_scene_make(WIRE_LEDGER, tid, 10 * S + 500 * MS);
	uint32_t scene_pid = sample->pid;

	if (pid) {
		sample->pid = pid;
		sample->start_boot_ns = 7;
		sample->start_code = sample->end_code = 0;
	}
	sample->ledger = (struct wire_ledger){.elapsed_ns = MS,
					      .oncpu_ns = MS,
					      .unsent_ns = 20 * MS,
					      .unsent_count = 1,
					      .flags = WIRE_LEDGER_ENDED};
	wait_scene_add(f, sample);
	sample->pid = scene_pid;
}

static const struct profile_ledger *ledger_of(const struct profile_bucket *p, uint32_t pid,
					      uint32_t tid)
{
	for (uint32_t i = 0; i < p->n_ledger; i++) {
		const struct profile_series *series = &p->series[p->ledger[i].series];

		if (series->pid == pid && series->tid == tid)
			return &p->ledger[i];
	}
	return NULL;
}

/* So many that they would fill the bucket share a row: nothing is lost, neither of the process's
 * time nor room for the threads that live; one that the bucket knows keeps its own. */
static void test_ended_threads_share(void **state)
{
	struct wait_scene *f = *state;
	const uint32_t n = BUCKET_SERIES_MAX + 1000, first = 100000;
	uint32_t pid = wait_scene_make(WIRE_LEDGER, 1, 0)->pid, n_own = 0;
	const struct profile_bucket *p;
	const struct profile_ledger *shared;
	uint64_t elapsed_ns = 0, unsent_ns = 0;

	for (uint32_t i = 0; i < n; i++)
		end_thread(f, 0, first + i);
	end_thread(f, 0, first); /* it has its row */
	wait_scene_pass(f, 1, &(struct wire_ledger){.elapsed_ns = S, .oncpu_ns = S});
	p = wait_scene_finish(f);
	shared = ledger_of(p, pid, 0);
	assert_non_null(shared);
	assert_string_equal(p->series[shared->series].comm, ATTRIBUTION_ENDED_THREADS);
	assert_string_equal(p->series[shared->series].exe, "/bin/sleeper");
	assert_int_equal(shared->flags, PROFILE_LEDGER_ENDED);
	assert_int_equal(ledger_of(p, pid, first)->elapsed_ns, 2 * MS);
	assert_int_equal(ledger_of(p, pid, 1)->elapsed_ns, S);
	for (uint32_t i = 0; i < p->n_ledger; i++) {
		elapsed_ns += p->ledger[i].elapsed_ns;
		n_own += p->series[p->ledger[i].series].tid >= first;
	}
	for (uint32_t i = 0; i < p->n_rows; i++)
		unsent_ns += p->rows[i].value;
	assert_int_equal(elapsed_ns, (n + 1) * MS + S);
	assert_int_equal(unsent_ns, (n + 1) * 20 * MS);
	assert_int_equal(n_own, ATTRIBUTION_CROWDED - 1);
	assert_int_equal(p->n_series, ATTRIBUTION_CROWDED + 2); /* with the unused one */
	assert_int_equal(wait_rows_counters(f->rows)->n_ledger_folded, n - n_own);
	assert_int_equal(wait_rows_counters(f->rows)->n_ledger_refused, 0);
}

/* So do processes, of each cgroup, and threads of ever new ones. */
static void test_ended_processes_share(void **state)
{
	struct wait_scene *f = *state;
	const uint32_t first = 100000;
	const struct profile_bucket *p;
	const struct profile_ledger *shared;

	for (uint32_t i = 1; i < ATTRIBUTION_CROWDED; i++)
		end_thread(f, first + i, first + i);
	end_thread(f, 20, 20);
	end_thread(f, 21, 22);
	end_thread(f, 21, 21);
	p = wait_scene_finish(f);
	shared = ledger_of(p, 0, 0);
	assert_non_null(shared);
	assert_string_equal(p->series[shared->series].comm, ATTRIBUTION_ENDED_PROCESSES);
	assert_int_equal(shared->elapsed_ns, 2 * MS);
	assert_int_equal(ledger_of(p, 21, 0)->elapsed_ns, MS);
	assert_int_equal(wait_rows_counters(f->rows)->n_ledger_folded, 3);

	wait_scene_next_bucket(f);
	for (uint32_t i = 1; i < BUCKET_SERIES_MAX; i++)
		end_thread(f, first + i, 9);
	p = wait_scene_finish(f);
	assert_int_equal(ledger_of(p, first + ATTRIBUTION_FULL - 1, 0)->elapsed_ns, MS);
	assert_null(ledger_of(p, first + ATTRIBUTION_FULL, 0));
	assert_int_equal(ledger_of(p, 0, 0)->elapsed_ns,
			 (BUCKET_SERIES_MAX - ATTRIBUTION_FULL) * MS);
	assert_int_equal(wait_rows_counters(f->rows)->n_ledger_refused, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WAIT_TEST(test_known_process),
		WAIT_TEST(test_open_wait),
		WAIT_TEST(test_open_without_begin),
		WAIT_TEST(test_late_stack),
		WAIT_TEST(test_forgotten),
		WAIT_TEST(test_ended_thread),
		WAIT_TEST(test_unsent),
		WAIT_TEST(test_ended_threads_share),
		WAIT_TEST(test_ended_processes_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
