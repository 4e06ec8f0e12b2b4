// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_filter.c - which buckets and series a window and a filter give: bounds, pids, tids, names of
 * threads, programs, units and containers, a clock that steps back, and the lives of a pid.
 */
#include <errno.h>
#include <string.h>

#include "made_bucket.h"
#include "read_text.h"

struct fixture {
	char *dir;
	struct store_writer *writer;
	struct made_bucket made;
};

/* Three buckets, three threads of two processes in each, 1, 2 and 4 samples. */
static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	f->writer = made_writer(f->dir, NULL);
	for (uint64_t i = 0; i < 3; i++) {
		struct made_bucket *m = &f->made;
		uint32_t stack;

		made_begin(m, MADE_START_S + 10 * i);
		stack = made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "f"));
		made_cpu_row(m, made_series(m, 10, 10, "web"), stack, 1);
		made_cpu_row(m, made_series(m, 10, 11, "web:worker"), stack, 2);
		made_cpu_row(m, made_series(m, 20, 20, "db"), stack, 4);
		made_write(f->writer, m);
	}
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_writer_free(f->writer);
	made_directory_remove(f->dir);
	free(f);
	return 0;
}

static uint64_t at_ns(int64_t s)
{
	return (MADE_START_S + (uint64_t)s) * NSEC_PER_SEC;
}

/* Asserts the samples that pass and those of the whole machine in the window. */
static void assert_counts(struct fixture *f, struct store_filter filter, uint64_t samples,
			  uint64_t machine_samples)
{
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *text = NULL;

	filter.type = SAMPLE_CPU;
	text = read_text(f->dir, &filter, false, &summary);
	assert_int_equal(summary.count, samples * PROFILE_COUNT_ONE);
	assert_int_equal(summary.value, samples * MADE_PERIOD_NS);
	assert_int_equal(summary.machine_count, machine_samples * PROFILE_COUNT_ONE);
	assert_int_equal(summary.machine_value, machine_samples * MADE_PERIOD_NS);
}

static void test_window_bounds(void **state)
{
	struct fixture *f = *state;
	const struct {
		uint64_t since_ns, until_ns;
		unsigned n_buckets;
	} cases[] = {
		{0, UINT64_MAX, 3},
		{at_ns(0), at_ns(30), 3},
		{at_ns(0) + 1, at_ns(30), 2},
		{at_ns(10), at_ns(20), 1},
		{at_ns(10), at_ns(20) + 1, 2},
		{at_ns(10) + 1, at_ns(20), 0},
		{at_ns(20), UINT64_MAX, 1},
		{at_ns(21), UINT64_MAX, 0},
		{0, at_ns(0), 0},
		{at_ns(20), at_ns(10), 0},
		{UINT64_MAX, UINT64_MAX, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_counts(f,
			      (struct store_filter){.since_real_ns = cases[i].since_ns,
						    .until_real_ns = cases[i].until_ns},
			      7 * cases[i].n_buckets, 7 * cases[i].n_buckets);
}

static void test_pids(void **state)
{
	struct fixture *f = *state;
	const uint32_t pids[] = {20, 10, 99};

	for (uint32_t n = 0; n <= 3; n++) {
		const unsigned samples[] = {21, 12, 21, 21};

		assert_counts(f,
			      (struct store_filter){
				      .until_real_ns = UINT64_MAX, .pids = pids, .n_pids = n},
			      samples[n], 21);
	}
	assert_counts(
		f,
		(struct store_filter){.until_real_ns = UINT64_MAX, .pids = pids + 2, .n_pids = 1},
		0, 21);
}

static void test_comms(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *patterns[2];
		uint32_t n, samples;
	} cases[] = {
		{{"web"}, 1, 3}, {{"web*"}, 1, 9},   {{"web", "db"}, 2, 15},   {{"w[a-e]b"}, 1, 3},
		{{"?b"}, 1, 12}, {{"worker"}, 1, 0}, {{"*", "nobody"}, 2, 21},
	};
	const uint32_t pid = 10;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_counts(f,
			      (struct store_filter){.until_real_ns = UINT64_MAX,
						    .comms = cases[i].patterns,
						    .n_comms = cases[i].n},
			      cases[i].samples, 21);
	/* Both filters must pass. */
	assert_counts(f,
		      (struct store_filter){.until_real_ns = UINT64_MAX,
					    .comms = cases[2].patterns,
					    .n_comms = 2,
					    .pids = &pid,
					    .n_pids = 1},
		      3, 21);
}

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcfff0123456789abcdef0123456789abcdef0123456789abcdef"

/* Four more threads in a bucket after the others, of 1, 2, 4 and 8 samples. */
static void write_attributed(struct fixture *f)
{
	static const struct {
		const char *exe, *cgroup, *unit, *container;
	} who[] = {
		{"/usr/sbin/nginx", "/system.slice/nginx.service", "nginx.service", ""},
		{"/opt/x/nginx", "/docker/" ID, "", ID},
		{"/usr/bin/python3.11", "/system.slice/docker-" OTHER ".scope",
		 "docker-" OTHER ".scope", OTHER},
		{"", "", "old.service", "web-1"},
	};
	struct made_bucket *m = &f->made;
	uint32_t stack;

	made_begin(m, MADE_START_S + 30);
	stack = made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "f"));
	for (uint32_t i = 0; i < ARRAY_SIZE(who); i++) {
		uint32_t series = made_series(m, 100 + i, 200 + i, "named");

		m->series[series].exe = who[i].exe;
		m->series[series].cgroup = who[i].cgroup;
		m->series[series].unit = who[i].unit;
		m->series[series].container = who[i].container;
		made_cpu_row(m, series, stack, 1u << i);
	}
	made_write(f->writer, m);
}

static void test_tids(void **state)
{
	struct fixture *f = *state;
	const uint32_t tids[] = {11, 20, 21}, pids[] = {10};
	const struct store_filter all = {
		.until_real_ns = UINT64_MAX, .tids = tids, .n_tids = ARRAY_SIZE(tids)};
	struct store_filter one = all, both = all;

	assert_counts(f, all, 18, 21);
	one.tids = &tids[2];
	one.n_tids = 1;
	assert_counts(f, one, 0, 21);
	both.pids = pids;
	both.n_pids = 1;
	assert_counts(f, both, 6, 21);
}

static void test_exes(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *patterns[2];
		uint32_t n, samples;
	} cases[] = {
		{{"nginx"}, 1, 3},
		{{"/usr/sbin/nginx"}, 1, 1},
		{{"*/nginx"}, 1, 3},
		{{"ngin"}, 1, 0},
		{{"/usr/*"}, 1, 21 + 1 + 4},
		{{"/*nginx"}, 1, 3},
		{{"python3*"}, 1, 4},
		{{"program"}, 1, 21},
		{{"sbin/nginx"}, 1, 0},
		{{"python*", "ngin?"}, 2, 7},
		{{"*"}, 1, 28},
	};

	write_attributed(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_counts(f,
			      (struct store_filter){.until_real_ns = UINT64_MAX,
						    .exes = cases[i].patterns,
						    .n_exes = cases[i].n},
			      cases[i].samples, 36);
}

static void test_units(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *patterns[2];
		uint32_t n, samples;
	} cases[] = {
		{{"nginx.service"}, 1, 1},
		{{"nginx"}, 1, 1},
		{{"a"}, 1, 21},
		{{"system.slice"}, 1, 21 + 1 + 4},
		{{"docker-*"}, 1, 4},
		{{"docker"}, 1, 0},
		{{"old.service"}, 1, 8},
		{{"old"}, 1, 8},
		{{"nginx", "old"}, 2, 9},
		{{"*"}, 1, 34},
		{{"user.slice", "x*"}, 2, 0},
	};

	write_attributed(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_counts(f,
			      (struct store_filter){.until_real_ns = UINT64_MAX,
						    .units = cases[i].patterns,
						    .n_units = cases[i].n},
			      cases[i].samples, 36);
}

static void test_containers(void **state)
{
	struct fixture *f = *state;
	const struct {
		const char *patterns[2];
		uint32_t n, samples;
	} cases[] = {
		{{ID}, 1, 2},
		{{"0123456789ab"}, 1, 2 + 4},
		{{"0123456789abcd"}, 1, 2},
		{{"0123456789a"}, 1, 0},
		{{"0123456789a*"}, 1, 2 + 4},
		{{"0123456789AB"}, 1, 0},
		{{ID "0"}, 1, 0},
		{{"web-1"}, 1, 8},
		{{"web"}, 1, 0},
		{{"web-?", OTHER}, 2, 12},
		{{"*"}, 1, 14},
	};
	const char *nginx = "nginx";

	write_attributed(f);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_counts(f,
			      (struct store_filter){.until_real_ns = UINT64_MAX,
						    .containers = cases[i].patterns,
						    .n_containers = cases[i].n},
			      cases[i].samples, 36);
	/* All kinds must pass. */
	assert_counts(f,
		      (struct store_filter){.until_real_ns = UINT64_MAX,
					    .containers = cases[1].patterns,
					    .n_containers = 1,
					    .exes = &nginx,
					    .n_exes = 1},
		      2, 36);
}

/* Anywhere in the store, whatever the window. */
static void test_has_series(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *store = NULL;
	const char *there[] = {"nginx.service"}, *not_there[] = {"apache2.service"};
	struct store_filter filter = {.units = there, .n_units = 1};
	struct store_error error;

	write_attributed(f);
	/* A partition that has it, and a newer one that has not. */
	f->writer = store_writer_free(f->writer);
	f->writer = made_writer(f->dir, NULL);
	made_begin(&f->made, MADE_START_S + 40);
	made_series(&f->made, 1, 1, "init");
	made_write(f->writer, &f->made);
	assert_int_equal(store_open(f->dir, &store, &error), 0);
	assert_int_equal(store_has_series(store, &filter, &error), 1);
	filter.units = not_there;
	assert_int_equal(store_has_series(store, &filter, &error), 0);
}

/* A visitor of series alone sees the same rows, and no trie. */
static int see_series(void *ctx, const struct dictionary *dictionary)
{
	(void)ctx;
	assert_true(dictionary->n_series > 1);
	assert_int_equal(dictionary->n_locations, 1);
	return 0;
}

static int add_sample(void *ctx, const struct store_row *row)
{
	uint64_t *sum = ctx;

	assert_true(row->series > 0);
	*sum += row->count;
	return 0;
}

static void test_series_only(void **state)
{
	struct fixture *f = *state;
	const struct store_visitor visitor = {see_series, add_sample, see_series,
					      .series_only = true};
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_(store_freep) struct store *store = NULL;
	uint64_t sum = 0;

	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read(store, &filter, &visitor, &sum, &summary, NULL), 0);
	assert_int_equal(sum, 21 * PROFILE_COUNT_ONE);
	assert_int_equal(summary.count, sum);
}

static void test_summary_alone(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *store = NULL;
	_cleanup_(store_summary_done) struct store_summary all = {};
	_cleanup_(store_summary_done) struct store_summary one = {};
	struct store_filter filter = read_all(SAMPLE_CPU);
	const uint32_t pid = 20;

	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read(store, &filter, NULL, NULL, &all, NULL), 0);
	assert_int_equal(all.count, 21 * PROFILE_COUNT_ONE);
	filter.pids = &pid;
	filter.n_pids = 1;
	assert_int_equal(store_read(store, &filter, NULL, NULL, &one, NULL), 0);
	assert_int_equal(one.count, 12 * PROFILE_COUNT_ONE);
	assert_int_equal(one.machine_count, 21 * PROFILE_COUNT_ONE);
}

static int refuse_row(void *ctx, const struct store_row *row)
{
	(void)ctx;
	(void)row;
	return -ECANCELED;
}

static void test_visitor_ends_the_reading(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *store = NULL;
	const struct store_visitor visitor = {.row = refuse_row};
	const struct store_filter filter = read_all(SAMPLE_CPU);
	struct store_summary summary;

	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	assert_int_equal(store_read(store, &filter, &visitor, NULL, &summary, NULL), -ECANCELED);
}

static void test_clock_steps_back(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;

	/* Inside the partition: a start twice. Before its first bucket: a partition of its own. */
	for (int i = 0; i < 2; i++) {
		made_begin(m, i ? MADE_START_S - 40 : MADE_START_S + 10);
		made_cpu_row(m, made_series(m, 30, 30, "again"),
			     made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "f")), 100);
		made_write(f->writer, m);
	}
	assert_counts(f,
		      (struct store_filter){.since_real_ns = at_ns(10), .until_real_ns = at_ns(20)},
		      107, 107);
	assert_counts(f, (struct store_filter){.until_real_ns = at_ns(0)}, 100, 100);
	assert_counts(f, (struct store_filter){.until_real_ns = UINT64_MAX}, 221, 221);
}

static void test_lives_of_a_pid(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	_cleanup_(store_freep) struct store *store = NULL;
	_cleanup_free_ struct store_life *lives = NULL;
	const uint32_t pids[] = {10, 20, 11};
	struct store_error error;

	made_begin(m, MADE_START_S + 30);
	made_series(m, 10, 10, "reused");
	m->series[1].start_boot_ns = 99000;
	m->series[1].exe = "/bin/other";
	made_write(f->writer, m);
	/* The next partition has it too. */
	f->writer = store_writer_free(f->writer);
	f->writer = made_writer(f->dir, NULL);
	made_write(f->writer, m);
	assert_int_equal(store_open(f->dir, &store, &error), 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(pids); i++)
		assert_int_equal(
			store_has_series(store,
					 &(struct store_filter){.pids = &pids[i], .n_pids = 1},
					 &error),
			pids[i] != 11);
	assert_int_equal(store_pid_lives(store, 10, 0, UINT64_MAX, &lives, &error), 2);
	assert_int_equal(lives[0].start_boot_ns, 99000);
	/* MADE_START_S + 30 s is that many microseconds after the boot. */
	assert_int_equal(lives[0].start_real_ns,
			 (MADE_START_S + 30) * (NSEC_PER_SEC - 1000) + 99000);
	assert_string_equal(lives[0].exe, "/bin/other");
	assert_int_equal(lives[1].start_boot_ns, 10000);
	assert_string_equal(lives[1].exe, "/usr/bin/program");
}

/* A file may say that a pid had any number of lives: the list ends, and soon. */
static void test_too_many_lives(void **state)
{
	enum { N = 30001, MOST = 10000 };
	struct fixture *f = *state;
	_cleanup_free_ struct profile_series *series = calloc(N, sizeof(*series));
	_cleanup_(store_freep) struct store *store = NULL;
	_cleanup_free_ struct store_life *lives = NULL;
	struct store_error error;

	assert_non_null(series);
	made_begin(&f->made, MADE_START_S + 30);
	made_series(&f->made, 77, 77, "many");
	for (uint32_t i = 1; i < N; i++) {
		series[i] = f->made.series[1];
		series[i].start_boot_ns = i;
	}
	f->made.bucket.series = series;
	f->made.bucket.n_series = N;
	made_write(f->writer, &f->made);
	assert_int_equal(store_open(f->dir, &store, &error), 0);
	assert_int_equal(store_pid_lives(store, 77, 0, UINT64_MAX, &lives, &error), MOST);
	assert_int_equal(lives[0].start_boot_ns, MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_window_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_comms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tids, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_units, setup, teardown),
		cmocka_unit_test_setup_teardown(test_containers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_has_series, setup, teardown),
		cmocka_unit_test_setup_teardown(test_series_only, setup, teardown),
		cmocka_unit_test_setup_teardown(test_summary_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_visitor_ends_the_reading, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_steps_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lives_of_a_pid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_lives, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
