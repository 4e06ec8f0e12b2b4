// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_cgroup.c - cgroups by id as records tell them, without a hierarchy to look them up in: how
 * long they are kept, and how many. With one: tests/kernel.
 */
#include "process/cgroup.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define S 1000000000ull

static struct cgroups *make(const char *mountinfo)
{
	char path[] = "/tmp/profd-test-mountinfo-XXXXXX";
	_cleanup_close_ int fd = mkstemp(path);
	struct cgroups *cgroups;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, mountinfo, strlen(mountinfo)), strlen(mountinfo));
	assert_int_equal(cgroups_new(path, &cgroups), 0);
	assert_int_equal(unlink(path), 0);
	return cgroups;
}

static void expect(struct cgroups *cgroups, uint64_t id, uint64_t now_ns, const char *path,
		   const char *unit, const char *container)
{
	const struct cgroup *cgroup = cgroups_get(cgroups, id, now_ns);

	assert_non_null(cgroup);
	assert_string_equal(cgroup->path, path);
	assert_string_equal(cgroup->unit, unit);
	assert_string_equal(cgroup->container, container);
}

#define CONTAINER "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void test_records(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");

	(void)state;
	cgroups_add(cgroups, 5, "/system.slice/cron.service", S);
	cgroups_add(cgroups, 0x700000006, "/system.slice/docker-" CONTAINER ".scope", S);
	cgroups_add(cgroups, 7, "/", S);
	expect(cgroups, 5, 2 * S, "/system.slice/cron.service", "cron.service", "");
	expect(cgroups, 0x700000006, 2 * S, "/system.slice/docker-" CONTAINER ".scope",
	       "docker-" CONTAINER ".scope", CONTAINER);
	expect(cgroups, 7, 2 * S, "/", "", "");
	assert_int_equal(cgroups_size(cgroups), 3);
	/* It was moved, or told twice: the last one holds. */
	cgroups_add(cgroups, 5, "/user.slice/at.service", 3 * S);
	expect(cgroups, 5, 3 * S, "/user.slice/at.service", "at.service", "");
	assert_int_equal(cgroups_size(cgroups), 3);
	assert_int_equal(cgroups_counters(cgroups)->n_unknown, 0);
}

static void test_none(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");

	(void)state;
	expect(cgroups, 0, S, "", "", "");
	cgroups_add(cgroups, 0, "/nobody", S);
	expect(cgroups, 0, S, "", "", "");
	assert_int_equal(cgroups_size(cgroups), 0);
	assert_int_equal(cgroups_counters(cgroups)->n_unknown, 0);
	assert_null(cgroups_free(NULL));
}

static void test_unknown_is_counted_and_asked_seldom(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");

	(void)state;
	for (uint64_t now = 100 * S; now < 109 * S; now += S / 10)
		expect(cgroups, 5, now, "", "", "");
	assert_int_equal(cgroups_counters(cgroups)->n_unknown, 1);
	expect(cgroups, 5, 111 * S, "", "", "");
	assert_int_equal(cgroups_counters(cgroups)->n_unknown, 2);
	cgroups_add(cgroups, 5, "/system.slice/late.service", 112 * S);
	expect(cgroups, 5, 112 * S, "/system.slice/late.service", "late.service", "");
	assert_int_equal(cgroups_size(cgroups), 1);
}

/* Ten minutes after it was seen last, by a record or by a sample. */
static void test_kept_for_ten_minutes(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");

	(void)state;
	cgroups_add(cgroups, 5, "/a.slice/five.service", 1000 * S);
	cgroups_add(cgroups, 6, "/a.slice/six.service", 1000 * S);
	cgroups_sweep(cgroups, 1000 * S + CGROUP_KEPT_NS - 1);
	assert_int_equal(cgroups_size(cgroups), 2);
	expect(cgroups, 6, 1500 * S, "/a.slice/six.service", "six.service", "");
	cgroups_sweep(cgroups, 1000 * S + CGROUP_KEPT_NS);
	assert_int_equal(cgroups_size(cgroups), 1);
	expect(cgroups, 6, 1601 * S, "/a.slice/six.service", "six.service", "");
	expect(cgroups, 5, 1601 * S, "", "", "");
	cgroups_sweep(cgroups, 1601 * S + CGROUP_KEPT_NS);
	assert_int_equal(cgroups_size(cgroups), 0);
}

/* Whoever has a subtree fills the table as fast as he likes: that takes nobody's name away. */
static void test_limit(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");
	char path[64];

	(void)state;
	cgroups_add(cgroups, 1, "/x.slice/busy.service", S);
	expect(cgroups, 1, S, "/x.slice/busy.service", "busy.service", ""); /* sampled */
	for (uint64_t id = 2; id <= 4 * CGROUPS_MAX; id++) {
		(void)snprintf(path, sizeof(path), "/x.slice/u%d.service", (int)id);
		cgroups_add(cgroups, id, path, 2 * S);
		assert_true(cgroups_size(cgroups) <= CGROUPS_MAX);
	}
	expect(cgroups, 1, 3 * S, "/x.slice/busy.service", "busy.service", "");
	expect(cgroups, 4 * CGROUPS_MAX, 3 * S, path, path + 9, "");
	assert_true(cgroups_counters(cgroups)->n_evicted >= 2 * CGROUPS_MAX);
	assert_int_equal(cgroups_counters(cgroups)->n_refused, 0);
}

/* More that are sampled than it holds: those that were longest ago make room. */
static void test_limit_of_sampled(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");
	char path[64];

	(void)state;
	for (uint64_t id = 1; id <= CGROUPS_MAX + 1; id++) {
		(void)snprintf(path, sizeof(path), "/x.slice/u%d.service", (int)id);
		cgroups_add(cgroups, id, path, id);
		expect(cgroups, id, id, path, path + 9, "");
	}
	assert_true(cgroups_size(cgroups) < CGROUPS_MAX);
	assert_true(cgroups_size(cgroups) > CGROUPS_MAX / 3);
	expect(cgroups, CGROUPS_MAX + 1, 3 * S, path, path + 9, "");
	expect(cgroups, 1, 3 * S, "", "", "");
}

static void test_long_path(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");
	char path[3 * CGROUP_PATH_MAX];

	(void)state;
	memset(path, 'x', sizeof(path));
	memcpy(path, "/", 1);
	(void)snprintf(path + sizeof(path) - 16, 16, "/deep.service");
	cgroups_add(cgroups, 7, path, S);
	assert_int_equal(strlen(cgroups_get(cgroups, 7, S)->path), CGROUP_PATH_MAX - 1);
	assert_string_equal(cgroups_get(cgroups, 7, S)->unit, "deep.service");
}

/* A machine that starts containers all day. */
static void test_many_after_each_other(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups = make("");
	size_t before = 0;
	char path[64];

	(void)state;
	for (uint64_t id = 1; id <= 100000; id++) {
		(void)snprintf(path, sizeof(path), "/x.slice/u%06d.service", (int)id);
		cgroups_add(cgroups, id, path, id * S);
		expect(cgroups, id, id * S, path, path + 9, "");
		if (id % 10 == 0)
			cgroups_sweep(cgroups, id * S);
		assert_true(cgroups_size(cgroups) <= 611);
		if (id == 10000)
			before = mallinfo2().uordblks;
	}
	assert_true(mallinfo2().uordblks <= before + 64 * 1024u);
	assert_int_equal(cgroups_counters(cgroups)->n_refused, 0);
}

/* A folder that is no hierarchy, and one that is not there: nothing is found, and nothing breaks.
 */
static void test_mounts(void **state)
{
	static const char *const texts[] = {
		"36 35 0:25 / /tmp rw - cgroup2 cgroup2 rw\n",
		"36 35 0:25 / /nowhere/at/all rw shared:4 - cgroup2 cgroup2 rw\n",
		"no line of it\n - cgroup2\n36 35\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		_cleanup_(cgroups_freep) struct cgroups *cgroups = make(texts[i]);

		expect(cgroups, 5, S, "", "", "");
		assert_int_equal(cgroups_counters(cgroups)->n_unknown, 1);
		cgroups_add(cgroups, 6, "/a.slice/six.service", S);
		expect(cgroups, 6, S, "/a.slice/six.service", "six.service", "");
	}
}

/* Records of another hierarchy, whose ids mean others in this one, are not believed. */
static void test_records_of_version_1(void **state)
{
	_cleanup_(cgroups_freep) struct cgroups *cgroups =
		make("35 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		     "36 30 0:32 / /sys/fs/cgroup/perf rw - cgroup cgroup rw,perf_event\n"
		     "40 30 0:37 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n");
	_cleanup_(cgroups_freep) struct cgroups *hybrid =
		make("35 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
		     "40 30 0:37 / /nowhere rw - cgroup2 cgroup2 rw\n");

	(void)state;
	cgroups_add(cgroups, 1ull << 40, "/other", S);
	expect(cgroups, 1ull << 40, S, "", "", "");
	cgroups_add(hybrid, 1ull << 40, "/right", S);
	expect(hybrid, 1ull << 40, S, "/right", "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_unknown_is_counted_and_asked_seldom),
		cmocka_unit_test(test_kept_for_ten_minutes),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_limit_of_sampled),
		cmocka_unit_test(test_long_path),
		cmocka_unit_test(test_many_after_each_other),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_records_of_version_1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
