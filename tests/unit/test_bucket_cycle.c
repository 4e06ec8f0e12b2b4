// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_bucket_cycle.c - from one bucket to the next, with a real writer behind it: which one is it
 * that ended at a time, how long it waits for what comes late, and where a cut lies.
 */
#include "bucket_cycle.h"

#include "process_scene.h"
#include "store_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BUCKET_NS (600 * S)

struct fixture {
	struct scene *scene;
	struct cgroups *cgroups;
	struct attribution *attribution;
	struct writer *writer;
	struct bucket_cycle *cycle;
	char store[64];
};

static void describe(void *ctx, struct bucket_head *head)
{
	(void)ctx;
	head->period_ns = 1;
	head->n_cpus = 1;
}

static void count(void *ctx, struct losses *losses)
{
	(void)ctx;
	(void)losses;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct store_options options = {.bucket_ns = BUCKET_NS, .now_real_ns = 1700000000ull * S};
	struct bucket_cycle_parts parts = {.describe = describe, .count = count};
	struct store_writer *store;

	assert_non_null(f);
	*state = f;
	scene_set_up((void **)&f->scene);
	assert_int_equal(cgroups_new("/dev/null", &f->cgroups), 0);
	assert_int_equal(
		attribution_new(f->scene->symbolize, f->scene->table, f->cgroups, &f->attribution),
		0);
	(void)snprintf(f->store, sizeof(f->store), "/tmp/profd-test-XXXXXX");
	assert_non_null(mkdtemp(f->store));
	assert_int_equal(store_writer_open(f->store, &options, &store, NULL), 0);
	assert_int_equal(writer_new(store, &f->writer), 0);
	parts.attribution = f->attribution;
	parts.processes = f->scene->table;
	parts.symbolize = f->scene->symbolize;
	parts.resolver = f->scene->resolver;
	parts.writer = f->writer;
	/* So wide that none ends by itself. */
	assert_int_equal(bucket_cycle_new(&parts, BUCKET_NS, &f->cycle), 0);
	bucket_cycle_start(f->cycle);
	scene_settle(f->scene); /* no name is on its way */
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	bucket_cycle_free(f->cycle);
	writer_free(f->writer);
	attribution_free(f->attribution);
	cgroups_free(f->cgroups);
	scene_tear_down((void **)&f->scene);
	store_folder_remove(f->store);
	free(f);
	return 0;
}

static uint64_t n_written(struct fixture *f)
{
	assert_int_equal(writer_stop(f->writer), 0);
	return bucket_cycle_buckets(f->cycle).n_written;
}

/* Cuts a moment ago. */
static uint64_t cut(struct fixture *f)
{
	struct clock_reading at = bucket_cycle_read_clocks();

	assert_int_equal(bucket_cycle_cut(f->cycle, at), 0);
	assert_int_equal(bucket_cycle_begin_mono_ns(f->cycle), at.mono_ns);
	return at.mono_ns;
}

/* What ended then can be had until it is given to the writer, and no other for it. */
static void test_ended_at(void **state)
{
	struct fixture *f = *state;
	struct bucket *first = bucket_cycle_open(f->cycle), *second;
	uint64_t cut_ns = cut(f);

	second = bucket_cycle_open(f->cycle);
	assert_ptr_not_equal(first, second);
	assert_ptr_equal(bucket_cycle_ended_at(f->cycle, cut_ns), first);
	assert_ptr_equal(bucket_cycle_ended_at(f->cycle, cut_ns - 1), second);
	assert_ptr_equal(bucket_cycle_ended_at(f->cycle, cut_ns + 1), second);
	bucket_cycle_settle(f->cycle);
	assert_ptr_equal(bucket_cycle_ended_at(f->cycle, cut_ns), second);
	assert_int_equal(n_written(f), 1);
}

/* It is not given away before what may be its was given on. */
static void test_kept(void **state)
{
	struct fixture *f = *state;
	struct bucket *first = bucket_cycle_open(f->cycle);
	uint64_t cut_ns = cut(f);

	bucket_cycle_keep(f->cycle, cut_ns + 10);
	assert_int_equal(bucket_cycle_passed(f->cycle, cut_ns + 9), 0);
	bucket_cycle_settle(f->cycle);
	assert_ptr_equal(bucket_cycle_ended_at(f->cycle, cut_ns), first);
	assert_int_equal(bucket_cycle_passed(f->cycle, cut_ns + 10), 0);
	bucket_cycle_settle(f->cycle);
	assert_ptr_not_equal(bucket_cycle_ended_at(f->cycle, cut_ns), first);
	assert_int_equal(n_written(f), 1);
}

/* Nor is one that begins later than the cut, as when the wall clock was set meanwhile. */
static void test_cut_too_late(void **state)
{
	struct fixture *f = *state;
	struct clock_reading before = bucket_cycle_read_clocks();
	uint64_t cut_ns = cut(f), n_ended = bucket_cycle_buckets(f->cycle).n_ended;
	struct bucket *open = bucket_cycle_open(f->cycle);

	assert_int_equal(bucket_cycle_cut(f->cycle, before), 0);
	assert_ptr_equal(bucket_cycle_open(f->cycle), open);
	assert_int_equal(bucket_cycle_begin_mono_ns(f->cycle), cut_ns);
	assert_int_equal(bucket_cycle_buckets(f->cycle).n_ended, n_ended);
}

/* But the next one's end does not wait for it. */
static void test_the_next_one_ends(void **state)
{
	struct fixture *f = *state;

	bucket_cycle_keep(f->cycle, cut(f) + 1000 * S);
	(void)cut(f);
	assert_int_equal(n_written(f), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ended_at, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_too_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_next_one_ends, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
