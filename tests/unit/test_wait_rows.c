// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_rows.c - records of waits and of the ledger as rows of a bucket: what is charged where,
 * with which class, on which stack, of whom.
 */
#include "capture/wait_rows.h"

#include "process_scene.h"
#include "wait_class.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PID	 4242u
#define START_NS (77ull * 10 * MS)
#define CODE	 0x400000ull
#define NOW_NS	 (100 * S)

struct fixture {
	struct scene *scene;
	struct cgroups *cgroups;
	struct attribution *attribution;
	struct wait_rows *rows;
	struct bucket *bucket;
	uint64_t begin_ns; /* of the bucket */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const struct scene_process process = {.pid = PID,
					      .start_ns = START_NS,
					      .code = CODE,
					      .exe = "/bin/sleeper",
					      .maps = "00400000-00500000 r-xp 00000000 fe:01 7 "
						      "/bin/sleeper\n"};

	assert_non_null(f);
	scene_set_up((void **)&f->scene);
	scene_make_process(f->scene, &process);
	assert_int_equal(cgroups_new("/dev/null", &f->cgroups), 0);
	assert_int_equal(
		attribution_new(f->scene->symbolize, f->scene->table, f->cgroups, &f->attribution),
		0);
	assert_int_equal(wait_rows_new(f->attribution, &f->rows), 0);
	assert_int_equal(bucket_new(&f->bucket), 0);
	f->begin_ns = 10 * S;
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	bucket_free(f->bucket);
	wait_rows_free(f->rows);
	attribution_free(f->attribution);
	cgroups_free(f->cgroups);
	scene_tear_down((void **)&f->scene);
	free(f);
	return 0;
}

/* A record of the thread `tid` of the sleeper, with one user frame or without a stack. */
static struct sample *make(enum wire_kind kind, uint32_t tid, uint64_t mono_ns)
{
	static struct sample sample;

	memset(&sample, 0, offsetof(struct sample, kernel));
	sample.kind = kind;
	sample.pid = PID;
	sample.tid = tid;
	sample.mono_ns = mono_ns;
	sample.start_boot_ns = START_NS;
	sample.start_code = CODE;
	sample.end_code = CODE + 4096;
	(void)snprintf(sample.comm, sizeof(sample.comm), "t%u", tid);
	return &sample;
}

static void add(struct fixture *f, const struct sample *sample)
{
	wait_rows_add(f->rows, sample, NOW_NS, &(struct wait_bucket){f->bucket, f->begin_ns});
}

static void begin(struct fixture *f, uint32_t tid, uint64_t mono_ns, uint64_t offset, bool late)
{
	struct sample *sample = make(WIRE_WAIT_BEGIN, tid, mono_ns);

	sample->user_stop = WIRE_STOP_END;
	sample->n_user = 1;
	sample->user[0] = (struct sample_frame){.kind = LOCATION_FILE, .addr = CODE + offset};
	sample->late = late;
	add(f, sample);
}

static void end(struct fixture *f, uint32_t tid, const struct wire_wait *wait)
{
	struct sample *sample =
		make(WIRE_WAIT_END, tid, wait->begin_mono_ns + wait->blocked_ns + wait->runq_ns);

	sample->value = wait->blocked_ns + wait->runq_ns - wait->charged_ns;
	sample->wait = *wait;
	add(f, sample);
}

/* Of the bucket's end, a second after its beginning. */
static void pass(struct fixture *f, uint32_t tid, const struct wire_ledger *ledger)
{
	struct sample *sample = make(WIRE_LEDGER, tid, f->begin_ns + S - 1);

	sample->ledger = *ledger;
	add(f, sample);
}

static void next_bucket(struct fixture *f)
{
	bucket_free(f->bucket);
	assert_int_equal(bucket_new(&f->bucket), 0);
	f->begin_ns += S;
}

static const struct profile_bucket *finish(struct fixture *f)
{
	const struct bucket_head head = {.duration_ns = S};

	assert_int_equal(attribution_finish(f->attribution, f->bucket, &head), 0);
	return bucket_profile(f->bucket);
}

static const struct profile_row *find(const struct profile_bucket *p, enum sample_type type)
{
	const struct profile_row *found = NULL;

	for (uint32_t i = 0; i < p->n_rows; i++)
		if (p->rows[i].type == type) {
			assert_null(found);
			found = &p->rows[i];
		}
	assert_non_null(found);
	return found;
}

static const struct profile_location *leaf(const struct profile_bucket *p, uint32_t stack)
{
	return &p->locations[p->stack_locations[p->stacks[stack].first]];
}

static struct wait_class class_of(const struct profile_row *row)
{
	struct wait_class class;

	assert_int_equal(wait_class_unpack(row->bin, &class), 0);
	return class;
}

/* A sampled wait is worth what it stands for, on the stack of its beginning. */
static void test_sampled(void **state)
{
	struct fixture *f = *state;
	const struct profile_bucket *p;
	const struct profile_row *row;

	begin(f, 1, 10 * S, 0x20, false);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	end(f, 1,
	    &(struct wire_wait){.begin_mono_ns = 10 * S,
				.blocked_ns = 1 * MS,
				.runq_ns = 20000,
				.weight_log2 = 4,
				.state = WIRE_STATE_DISK,
				.flags = WIRE_WAIT_DRAWN | WIRE_WAIT_GATE});
	assert_int_equal(wait_rows_n_open(f->rows), 0);
	p = finish(f);
	assert_int_equal(p->n_rows, 2);
	row = find(p, SAMPLE_OFFCPU);
	assert_int_equal(row->value, 16 * MS);
	assert_int_equal(row->count, 16 * PROFILE_COUNT_ONE);
	assert_int_equal(class_of(row).bin, latency_bin_of(1 * MS));
	assert_int_equal(class_of(row).state, WAIT_STATE_DISK);
	assert_int_equal(class_of(row).weight_log2, 4);
	assert_true(class_of(row).gate);
	assert_false(class_of(row).exact);
	assert_false(class_of(row).kernel_only);
	assert_int_equal(leaf(p, row->stack)->kind, LOCATION_FILE);
	assert_int_equal(leaf(p, row->stack)->offset, 0x20);
	assert_string_equal(p->series[row->series].exe, "/bin/sleeper");
	assert_string_equal(p->series[row->series].comm, "t1");
	assert_int_equal(find(p, SAMPLE_RUNQ)->value, 16 * 20000);
	assert_int_equal(find(p, SAMPLE_RUNQ)->count, 16 * PROFILE_COUNT_ONE);
	assert_int_equal(class_of(find(p, SAMPLE_RUNQ)).bin, latency_bin_of(20000));
	assert_int_equal(find(p, SAMPLE_RUNQ)->stack, row->stack);
}

/* An exact wait that nobody drew: the kernel's words, or not even these. */
static void test_exact_without_begin(void **state)
{
	struct fixture *f = *state;
	const struct wire_wait wait = {.begin_mono_ns = 10 * S,
				       .blocked_ns = 30 * MS,
				       .state = WIRE_STATE_SLEEP,
				       .flags = WIRE_WAIT_EXACT};
	const struct profile_bucket *p;
	struct sample *sample = make(WIRE_WAIT_END, 1, 11 * S);

	sample->wait = wait;
	sample->n_kernel = 1;
	sample->kernel[0] =
		(struct sample_frame){.kind = LOCATION_KERNEL, .addr = 0xffffffff81000010};
	add(f, sample);
	p = finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].value, 30 * MS);
	assert_int_equal(p->rows[0].count, PROFILE_COUNT_ONE);
	assert_true(class_of(&p->rows[0]).exact);
	assert_true(class_of(&p->rows[0]).kernel_only);
	assert_int_equal(leaf(p, p->rows[0].stack)->kind, LOCATION_KERNEL);
	assert_int_equal(p->stacks[p->rows[0].stack].n, 1);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 0);

	next_bucket(f);
	end(f, 1, &wait);
	p = finish(f);
	assert_int_equal(leaf(p, p->rows[0].stack)->kind, LOCATION_SYNTHETIC);
	assert_int_equal(leaf(p, p->rows[0].stack)->offset, SYNTHETIC_NOT_SAMPLED);
	assert_int_equal(p->stacks[p->rows[0].stack].n, 1);
}

static void test_lost_begin(void **state)
{
	struct fixture *f = *state;
	struct wire_wait wait = {.begin_mono_ns = 10 * S,
				 .blocked_ns = MS,
				 .weight_log2 = 2,
				 .flags = WIRE_WAIT_DRAWN};
	const struct profile_bucket *p;

	begin(f, 1, 9 * S, 0x20, false); /* another wait, whose end is lost */
	end(f, 1, &wait);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 1);
	p = finish(f);
	assert_int_equal(find(p, SAMPLE_OFFCPU)->value, 4 * MS); /* no less for that */
	assert_int_equal(leaf(p, find(p, SAMPLE_OFFCPU)->stack)->offset, SYNTHETIC_NOT_SAMPLED);
}

/* A kernel thread with nothing to do is no wait; one that waits has all of its stack. */
static void test_kernel_thread(void **state)
{
	struct fixture *f = *state;
	struct sample *sample = make(WIRE_WAIT_END, 1, 11 * S);
	const struct profile_bucket *p;

	sample->start_code = sample->end_code = 0;
	sample->start_boot_ns++;
	sample->wait = (struct wire_wait){.begin_mono_ns = 10 * S,
					  .blocked_ns = S,
					  .state = WIRE_STATE_IDLE,
					  .flags = WIRE_WAIT_EXACT};
	add(f, sample);
	sample->wait.state = WIRE_STATE_BLOCKED;
	add(f, sample);
	p = finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_false(class_of(&p->rows[0]).kernel_only);
	assert_string_equal(p->series[p->rows[0].series].exe, "");
}

/* Blocked from 10.4 s to 14.1 s: a row, then held, then what is left, and one wait in all. Passes
 * come late, and charge until they do; buckets have their parts all the same. */
static void test_open_wait(void **state)
{
	struct fixture *f = *state;
	struct wire_ledger ledger = {.elapsed_ns = S + 30 * MS,
				     .blocked_ns = 630 * MS,
				     .oncpu_ns = 400 * MS,
				     .open_since_mono_ns = 10 * S + 400 * MS,
				     .open_charge_ns = 630 * MS,
				     .open_state = WIRE_STATE_SLEEP,
				     .flags = WIRE_LEDGER_OPEN_DRAWN};
	const struct profile_bucket *p;
	const struct profile_row *row;

	begin(f, 1, 10 * S + 400 * MS, 0x20, false);
	pass(f, 1, &ledger);
	p = finish(f);
	row = find(p, SAMPLE_OFFCPU);
	assert_int_equal(row->value, 600 * MS);
	assert_int_equal(row->count, 0);
	assert_int_equal(class_of(row).bin, LATENCY_BIN_OPEN);
	assert_true(class_of(row).exact);
	assert_int_equal(leaf(p, row->stack)->offset, 0x20);
	assert_int_equal(p->n_held, 0);
	assert_int_equal(p->n_ledger, 1);
	assert_int_equal(p->ledger[0].series, row->series);
	assert_int_equal(p->ledger[0].user_ns, 400 * MS); /* no tick came */

	ledger.oncpu_ns = 0;
	for (int i = 0; i < 2; i++) {
		next_bucket(f);
		ledger.open_charge_ns = i ? S + 20 * MS : S - 30 * MS; /* 50 ms late at the end */
		pass(f, 1, &ledger);
		p = finish(f);
		assert_int_equal(p->n_rows, 0);
		assert_int_equal(p->n_held, 1);
		assert_int_equal(p->held[0].type, SAMPLE_OFFCPU);
		assert_int_equal(p->held[0].series, p->ledger[0].series);
		assert_int_equal(leaf(p, p->held[0].stack)->offset, 0x20);
	}

	/* A better stack is a row again. */
	next_bucket(f);
	begin(f, 1, 10 * S + 400 * MS, 0x40, true);
	ledger.open_charge_ns = S;
	pass(f, 1, &ledger);
	p = finish(f);
	assert_int_equal(p->n_held, 0);
	assert_int_equal(leaf(p, p->rows[0].stack)->offset, 0x40);
	assert_int_equal(p->rows[0].value, S);

	next_bucket(f);
	end(f, 1,
	    &(struct wire_wait){.begin_mono_ns = 10 * S + 400 * MS,
				.blocked_ns = 3700 * MS,
				.charged_ns = 3620 * MS,
				.state = WIRE_STATE_SLEEP,
				.flags = WIRE_WAIT_EXACT | WIRE_WAIT_DRAWN});
	p = finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].value, 100 * MS);
	assert_int_equal(p->rows[0].count, PROFILE_COUNT_ONE);
	assert_int_equal(class_of(&p->rows[0]).bin, latency_bin_of(3700 * MS));
	assert_int_equal(wait_rows_n_open(f->rows), 0);
}

/* The stack of an open wait that nobody drew comes with the pass, once, and is remembered. */
static void test_open_without_begin(void **state)
{
	struct fixture *f = *state;
	const struct wire_ledger ledger = {.elapsed_ns = S,
					   .open_since_mono_ns = 10 * S,
					   .open_charge_ns = S,
					   .open_state = WIRE_STATE_DISK};
	struct sample *sample = make(WIRE_LEDGER, 1, 50 * S);
	const struct profile_bucket *p;

	sample->ledger = ledger;
	sample->n_kernel = 1;
	sample->kernel[0] =
		(struct sample_frame){.kind = LOCATION_KERNEL, .addr = 0xffffffff81000010};
	add(f, sample);
	p = finish(f);
	assert_int_equal(p->n_held, 0); /* the first is a row, however long */
	assert_int_equal(leaf(p, p->rows[0].stack)->kind, LOCATION_KERNEL);
	assert_true(class_of(&p->rows[0]).kernel_only);
	assert_int_equal(class_of(&p->rows[0]).state, WAIT_STATE_DISK);

	next_bucket(f);
	pass(f, 1, &ledger);
	p = finish(f);
	assert_int_equal(p->n_held, 1);
	assert_int_equal(leaf(p, p->held[0].stack)->kind, LOCATION_KERNEL);
}

/* The stack that was taken behind the pass comes before what the pass says. */
static void test_late_stack(void **state)
{
	struct fixture *f = *state;
	const struct wire_ledger ledger = {.elapsed_ns = S,
					   .open_since_mono_ns = 10 * S + 500 * MS,
					   .open_charge_ns = 500 * MS,
					   .open_state = WIRE_STATE_SLEEP};
	const struct profile_bucket *p;

	begin(f, 1, 10 * S + 500 * MS, 0x40, true);
	begin(f, 2, 10 * S, 0x40, true); /* this one has ended by now */
	pass(f, 1, &ledger);
	wait_rows_passed(f->rows, 11 * S);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_late, 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 0);
	p = finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(leaf(p, p->rows[0].stack)->offset, 0x40);
	assert_false(class_of(&p->rows[0]).kernel_only);
}

/* Waits that passes do not see any more are forgotten, and so is what a thread leaves behind. */
static void test_forgotten(void **state)
{
	struct fixture *f = *state;
	const struct wire_ledger open = {
		.elapsed_ns = S, .open_since_mono_ns = 10 * S, .open_charge_ns = S};

	begin(f, 1, 10 * S, 0x20, false);
	begin(f, 2, 10 * S, 0x20, false);
	begin(f, 3, 10 * S, 0x20, false);
	pass(f, 1, &open);
	pass(f, 3, &(struct wire_ledger){.elapsed_ns = 5, .flags = WIRE_LEDGER_ENDED});
	assert_int_equal(wait_rows_n_open(f->rows), 2);
	wait_rows_passed(f->rows, 20 * S);
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	assert_int_equal(wait_rows_waits(f->rows)->n_lost, 1);
}

/* Records of one thread add up; its end says nothing of its image and changes nothing in it. */
static void test_ended_thread(void **state)
{
	struct fixture *f = *state;
	struct sample *sample;
	const struct profile_bucket *p;

	pass(f, 1, &(struct wire_ledger){.elapsed_ns = 10, .oncpu_ns = 4, .utime_ns = 1});
	sample = make(WIRE_LEDGER, 1, 50 * S);
	sample->start_code = sample->end_code = 0;
	sample->exec_id = 9;
	sample->ledger =
		(struct wire_ledger){.elapsed_ns = 20, .oncpu_ns = 6, .flags = WIRE_LEDGER_ENDED};
	add(f, sample);
	p = finish(f);
	assert_int_equal(p->n_ledger, 1);
	assert_int_equal(p->ledger[0].elapsed_ns, 30);
	assert_int_equal(p->ledger[0].oncpu_ns, 10);
	assert_int_equal(p->ledger[0].user_ns, 10);
	assert_int_equal(p->ledger[0].flags, PROFILE_LEDGER_ENDED);
	assert_string_equal(p->series[p->ledger[0].series].exe, "/bin/sleeper");
}

static void test_unsent(void **state)
{
	struct fixture *f = *state;
	const struct profile_bucket *p;

	pass(f, 1, &(struct wire_ledger){.elapsed_ns = S, .unsent_ns = 90 * MS, .unsent_count = 3});
	p = finish(f);
	assert_int_equal(p->n_rows, 1);
	assert_int_equal(p->rows[0].value, 90 * MS);
	assert_int_equal(p->rows[0].count, 3 * PROFILE_COUNT_ONE);
	assert_int_equal(class_of(&p->rows[0]).bin, latency_bin_of(30 * MS));
	assert_true(class_of(&p->rows[0]).exact);
	assert_int_equal(leaf(p, p->rows[0].stack)->offset, SYNTHETIC_NOT_SAMPLED);
	assert_int_equal(wait_rows_counters(f->rows)->n_unsent, 3);
}

/* Who ended the wait: the series is the sleeper's, the stack the waker's. */
static void test_waker(void **state)
{
	struct fixture *f = *state;
	const struct wire_wait wait = {.begin_mono_ns = 10 * S,
				       .blocked_ns = MS,
				       .weight_log2 = 3,
				       .state = WIRE_STATE_SLEEP,
				       .flags = WIRE_WAIT_DRAWN};
	const struct profile_location *outer;
	const struct profile_bucket *p;
	const struct profile_row *row;
	struct sample *sample;

	begin(f, 1, 10 * S, 0x20, false);
	sample = make(WIRE_WAKER, 2, 10 * S + MS);
	sample->user_stop = WIRE_STOP_END;
	sample->n_user = 1;
	sample->user[0] = (struct sample_frame){.kind = LOCATION_FILE, .addr = CODE + 0x80};
	sample->waker = (struct wire_waker){.begin_mono_ns = 10 * S, .tid = 1};
	add(f, sample);
	end(f, 1, &wait);
	p = finish(f);
	row = find(p, SAMPLE_WAKER);
	assert_int_equal(row->value, 8 * MS);
	assert_int_equal(row->count, 8 * PROFILE_COUNT_ONE);
	assert_int_equal(row->series, find(p, SAMPLE_OFFCPU)->series);
	assert_int_equal(p->stacks[row->stack].n, 2);
	assert_int_equal(leaf(p, row->stack)->offset, 0x80);
	outer = &p->locations[p->stack_locations[p->stacks[row->stack].first + 1]];
	assert_string_equal(outer->frames[0].function, "t2 (/bin/sleeper)");

	next_bucket(f);
	begin(f, 1, 10 * S, 0x20, false);
	sample = make(WIRE_WAKER, 0, 10 * S + MS);
	sample->waker = (struct wire_waker){.begin_mono_ns = 10 * S, .tid = 1, .in_interrupt = 1};
	add(f, sample);
	end(f, 1, &wait);
	p = finish(f);
	row = find(p, SAMPLE_WAKER);
	assert_int_equal(p->stacks[row->stack].n, 1);
	assert_int_equal(leaf(p, row->stack)->kind, LOCATION_SYNTHETIC);
	assert_int_equal(leaf(p, row->stack)->offset, SYNTHETIC_INTERRUPT);

	/* A long wait that nobody drew has a waker as well. */
	next_bucket(f);
	sample = make(WIRE_WAKER, 0, 12 * S);
	sample->waker = (struct wire_waker){.begin_mono_ns = 11 * S, .tid = 1, .in_interrupt = 1};
	add(f, sample);
	sample->waker.begin_mono_ns = 9 * S;
	add(f, sample);
	assert_int_equal(wait_rows_counters(f->rows)->n_waker_lost, 1);
	end(f, 1,
	    &(struct wire_wait){
		    .begin_mono_ns = 11 * S, .blocked_ns = S, .flags = WIRE_WAIT_EXACT});
	p = finish(f);
	assert_int_equal(find(p, SAMPLE_WAKER)->value, S);
	row = find(p, SAMPLE_OFFCPU);
	assert_int_equal(leaf(p, row->stack)->offset, SYNTHETIC_NOT_SAMPLED);
	assert_true(class_of(row).kernel_only);
}

/* What [filter] excludes is neither kept nor held, and counted once with its time. */
static void test_filter(void **state)
{
	struct fixture *f = *state;
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
		begin(f, tid, 10 * S, 0x20, false);
		pass(f, tid, &ledger);
	}
	assert_int_equal(wait_rows_n_open(f->rows), 1);
	for (uint32_t tid = 1; tid <= 2; tid++)
		end(f, tid, &wait);
	p = finish(f);
	assert_int_equal(p->n_series, 1 + 1);
	assert_string_equal(p->series[1].comm, "t2");
	assert_int_equal(p->n_ledger, 1);
	assert_int_equal(counters->n_filtered, 2);
	assert_int_equal(counters->filtered_ns, 30 * MS);
	assert_int_equal(wait_rows_counters(f->rows)->n_begin_lost, 0);
}

#define ROWS_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROWS_TEST(test_sampled),    ROWS_TEST(test_exact_without_begin),
		ROWS_TEST(test_lost_begin), ROWS_TEST(test_kernel_thread),
		ROWS_TEST(test_open_wait),  ROWS_TEST(test_open_without_begin),
		ROWS_TEST(test_forgotten),  ROWS_TEST(test_ended_thread),
		ROWS_TEST(test_unsent),	    ROWS_TEST(test_waker),
		ROWS_TEST(test_filter),	    ROWS_TEST(test_late_stack),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
