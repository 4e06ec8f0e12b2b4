// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_name_cache.c - two generations: what is in use stays, what is not goes, memory is bounded.
 */
#include "symbols/name_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void put(struct name_cache *cache, uint64_t offset)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "f%llu", (unsigned long long)offset);
	assert_int_equal(name_cache_put(cache, 1, offset, UNKNOWN_NONE, name), 0);
}

static bool has(struct name_cache *cache, uint64_t offset)
{
	enum unknown_reason unknown;
	const char *name;
	char wanted[32];

	if (!name_cache_find(cache, 1, offset, &unknown, &name))
		return false;
	(void)snprintf(wanted, sizeof(wanted), "f%llu", (unsigned long long)offset);
	assert_int_equal(unknown, UNKNOWN_NONE);
	assert_string_equal(name, wanted);
	return true;
}

static void test_put_and_replace(void **state)
{
	struct name_cache cache;
	enum unknown_reason unknown;
	const char *name;

	(void)state;
	name_cache_init(&cache, 10);
	assert_false(name_cache_find(&cache, 1, 5, &unknown, &name));
	assert_int_equal(name_cache_put(&cache, 1, 5, UNKNOWN_PENDING, NULL), 0);
	assert_true(name_cache_find(&cache, 1, 5, &unknown, &name));
	assert_int_equal(unknown, UNKNOWN_PENDING);
	assert_null(name);
	put(&cache, 5);
	assert_true(has(&cache, 5));
	assert_false(name_cache_find(&cache, 2, 5, &unknown, &name));
	name_cache_done(&cache);
}

static void test_generations(void **state)
{
	struct name_cache cache;

	(void)state;
	name_cache_init(&cache, 100);
	for (uint64_t i = 0; i < 10000; i++) {
		put(&cache, i);
		assert_true(has(&cache, 0)); /* in use all the time */
		assert_true(cache.young.n <= 100 && cache.old.n <= 100);
	}
	assert_false(has(&cache, 9000));
	assert_true(has(&cache, 9999));
	name_cache_done(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_put_and_replace),
		cmocka_unit_test(test_generations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
