// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_held_set.c - waits that begin, go on and end from bucket to bucket, and buckets that are not
 * written after all.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "held_set.h"

/* What was told, as text: +series@first for begun, -series@first for ended. */
struct told {
	char text[512];
	int fail_at; /* the call that fails, from 1 on; 0: none */
	int n;
};

static int tell(struct told *told, char sign, const struct held_run *run)
{
	size_t len = strlen(told->text);

	if (++told->n == told->fail_at)
		return -EIO;
	snprintf(told->text + len, sizeof(told->text) - len, "%c%u@%d ", sign, run->series,
		 (int)run->first);
	return 0;
}

static int ended(void *ctx, const struct held_run *run)
{
	return tell(ctx, '-', run);
}

static int begun(void *ctx, const struct held_run *run)
{
	return tell(ctx, '+', run);
}

/* The series of `text`, letters, are held over bucket `seq`. */
static int next(struct held_set *set, struct told *told, const char *text, uint64_t seq)
{
	size_t n = strlen(text);
	struct held_run *runs = calloc(n + 1, sizeof(*runs));

	assert_non_null(runs);
	for (size_t i = 0; i < n; i++)
		runs[i] = (struct held_run){(uint32_t)(text[i] - 'a' + 1), 7, 2, 255, seq};
	told->text[0] = '\0';
	told->n = 0;
	return held_set_next(set, runs, (uint32_t)n, ended, begun, told);
}

static void test_runs(void **state)
{
	static const struct {
		const char *held, *told;
	} steps[] = {
		{"", ""},
		{"b", "+2@2 "},
		{"ba", "+1@3 "},
		{"abbab", ""},
		{"a", "-2@2 "},
		{"cab", "+2@6 +3@6 "},
		{"dc", "-1@3 -2@6 +4@7 "},
		{"", "-3@6 -4@7 "},
		{"", ""},
		{"a", "+1@10 "},
	};
	struct held_set set = {};
	struct told told = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		assert_int_equal(next(&set, &told, steps[i].held, i + 1), 0);
		held_set_commit(&set);
		assert_string_equal(told.text, steps[i].told);
	}
	held_set_done(&set);
}

/* Another node, type or class is another wait. */
static void test_keys(void **state)
{
	struct held_set set = {};
	struct told told = {};
	const struct held_run runs[] = {
		{1, 7, 2, 255, 1}, {1, 8, 2, 255, 1}, {1, 7, 3, 255, 1}, {1, 7, 2, 511, 1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		struct held_run *one = malloc(sizeof(*one));

		assert_non_null(one);
		*one = runs[i];
		told.n = 0;
		assert_int_equal(held_set_next(&set, one, 1, ended, begun, &told), 0);
		held_set_commit(&set);
		assert_int_equal(told.n, i ? 2 : 1);
	}
	held_set_done(&set);
}

static void test_rollback(void **state)
{
	struct held_set set = {};
	struct told told = {};

	(void)state;
	assert_int_equal(next(&set, &told, "ab", 1), 0);
	held_set_commit(&set);
	assert_int_equal(next(&set, &told, "bc", 2), 0);
	held_set_rollback(&set);
	/* As if the second had never been. */
	assert_int_equal(next(&set, &told, "bc", 2), 0);
	assert_string_equal(told.text, "-1@1 +3@2 ");
	held_set_rollback(&set);
	/* A failure is given back; the next call forgets that bucket by itself. */
	told.fail_at = 2;
	assert_int_equal(next(&set, &told, "bcd", 2), -EIO);
	told.fail_at = 0;
	assert_int_equal(next(&set, &told, "abcd", 2), 0);
	assert_string_equal(told.text, "+3@2 +4@2 ");
	held_set_commit(&set);
	/* Nothing is at hand: neither changes anything. */
	held_set_rollback(&set);
	held_set_commit(&set);
	assert_int_equal(next(&set, &told, "", 3), 0);
	assert_string_equal(told.text, "-1@1 -2@1 -3@2 -4@2 ");
	held_set_done(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runs),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_rollback),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
