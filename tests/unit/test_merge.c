// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_merge.c - records of several rings by time: order, ties, hold and the limit of memory.
 */
#include "capture/merge.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROOMY (1u << 20)

static struct merge *make(size_t max_bytes)
{
	struct merge *merge;

	assert_int_equal(merge_new(max_bytes, &merge), 0);
	return merge;
}

static void push(struct merge *merge, uint64_t mono_ns, uint32_t value)
{
	assert_int_equal(merge_push(merge, value % 2 ? MERGE_SAMPLE : MERGE_SIDEBAND, mono_ns,
				    &value, sizeof(value)),
			 0);
}

/* The next record; it must be of that time. Returns its value. */
static uint32_t pop(struct merge *merge, uint64_t until_ns, uint64_t mono_ns)
{
	_cleanup_free_ struct merge_item *item = merge_pop(merge, until_ns);
	uint32_t value;

	assert_non_null(item);
	assert_int_equal(item->mono_ns, mono_ns);
	assert_int_equal(item->size, sizeof(value));
	memcpy(&value, item->bytes, sizeof(value));
	assert_int_equal(item->kind, value % 2 ? MERGE_SAMPLE : MERGE_SIDEBAND);
	return value;
}

static void test_empty(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(ROOMY);

	(void)state;
	assert_null(merge_pop(merge, UINT64_MAX));
	push(merge, 1, 1);
	assert_int_equal(pop(merge, UINT64_MAX, 1), 1);
	assert_null(merge_pop(merge, UINT64_MAX));
	assert_int_equal(merge_n_early(merge), 0);
}

static void test_by_time(void **state)
{
	static const uint64_t times[] = {50, 10, 40, 20, 60, 30, UINT64_MAX, 0};
	static const uint64_t sorted[] = {0, 10, 20, 30, 40, 50, 60, UINT64_MAX};
	_cleanup_(merge_freep) struct merge *merge = make(ROOMY);

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(times); i++)
		push(merge, times[i], i);
	for (uint32_t i = 0; i < ARRAY_SIZE(sorted); i++)
		assert_int_equal(times[pop(merge, UINT64_MAX, sorted[i])], sorted[i]);
	assert_null(merge_pop(merge, UINT64_MAX));
}

static void test_ties_keep_the_order_of_arrival(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(ROOMY);

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		push(merge, 7 + i % 3, i);
	for (uint64_t mono_ns = 7; mono_ns < 10; mono_ns++)
		for (uint32_t i = (uint32_t)mono_ns - 7; i < 1000; i += 3)
			assert_int_equal(pop(merge, UINT64_MAX, mono_ns), i);
	assert_null(merge_pop(merge, UINT64_MAX));
}

static void test_nothing_before_its_time(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(ROOMY);

	(void)state;
	push(merge, 200, 2);
	push(merge, 100, 1);
	assert_null(merge_pop(merge, 99));
	assert_int_equal(pop(merge, 100, 100), 1);
	assert_null(merge_pop(merge, 199));
	push(merge, 150, 3); /* late, and older than what waits */
	assert_int_equal(pop(merge, 199, 150), 3);
	assert_int_equal(pop(merge, 200, 200), 2);
	assert_int_equal(merge_n_early(merge), 0);
}

static void test_bytes_are_kept_and_aligned(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(ROOMY);
	unsigned char bytes[1000];

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t size = 0; size <= sizeof(bytes); size += 37)
		assert_int_equal(merge_push(merge, MERGE_SAMPLE, size, bytes, size), 0);
	for (size_t size = 0; size <= sizeof(bytes); size += 37) {
		_cleanup_free_ struct merge_item *item = merge_pop(merge, UINT64_MAX);

		assert_non_null(item);
		assert_int_equal(item->size, size);
		assert_int_equal((uintptr_t)item->bytes % 8, 0);
		assert_memory_equal(item->bytes, bytes, size);
	}
}

/* Beyond the limit the oldest come out though it is not their time; none is lost. */
static void test_limit_of_memory(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(4096);
	uint32_t n_out = 0, n_pushed = 1000;
	struct merge_item *item;

	(void)state;
	for (uint32_t i = 0; i < n_pushed; i++)
		push(merge, 1000000 + i, i);
	while ((item = merge_pop(merge, 0))) {
		assert_int_equal(item->mono_ns, 1000000 + n_out++);
		free(item);
	}
	/* What is left is within the limit, and at least half of it is used. */
	assert_in_range(n_pushed - n_out, 4096 / 2 / (sizeof(*item) + 20), 4096 / sizeof(*item));
	assert_int_equal(merge_n_early(merge), n_out);
	for (; n_out < n_pushed; n_out++)
		assert_int_equal(pop(merge, UINT64_MAX, 1000000 + n_out), n_out);
	assert_null(merge_pop(merge, UINT64_MAX));
	/* In their time they are not early. */
	assert_true(merge_n_early(merge) < n_pushed);
}

static void test_larger_than_all(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(100);
	char bytes[101] = "";

	(void)state;
	assert_int_equal(merge_push(merge, MERGE_SAMPLE, 1, bytes, sizeof(bytes)), -ENOMEM);
	assert_null(merge_pop(merge, UINT64_MAX));
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

#define RECORDS 20000

/* Pushes and pops at random: what comes out at one time is in order, not before its time, and each
 * record comes once. The order holds across calls when nothing older than `until` is pushed. */
static void test_any_sequence(void **state)
{
	_cleanup_(merge_freep) struct merge *merge = make(ROOMY * 16);
	static bool seen[RECORDS];
	uint64_t random = 0x9e3779b97f4a7c15, until = 0, last_ns = 0;
	uint32_t n_pushed = 0, n_out = 0, last_value = 0;

	(void)state;
	while (n_out < RECORDS) {
		for (uint64_t n = next_random(&random) % 50; n && n_pushed < RECORDS; n--)
			push(merge, until + 1 + next_random(&random) % 300, n_pushed++);
		until += next_random(&random) % 200;
		for (;;) {
			_cleanup_free_ struct merge_item *item = merge_pop(merge, until);
			uint32_t value;

			if (!item)
				break;
			memcpy(&value, item->bytes, sizeof(value));
			assert_true(item->mono_ns <= until && item->mono_ns >= last_ns);
			assert_true(item->mono_ns > last_ns || !n_out || value > last_value);
			assert_false(seen[value]);
			seen[value] = true;
			last_ns = item->mono_ns;
			last_value = value;
			n_out++;
		}
	}
	assert_int_equal(n_out, RECORDS);
	assert_null(merge_pop(merge, UINT64_MAX));
	assert_int_equal(merge_n_early(merge), 0);
}

/* Freed with what it holds: the sanitizers see a leak. */
static void test_free_full(void **state)
{
	struct merge *merge = make(ROOMY);

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		push(merge, i, i);
	assert_null(merge_free(merge));
	assert_null(merge_free(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_by_time),
		cmocka_unit_test(test_ties_keep_the_order_of_arrival),
		cmocka_unit_test(test_nothing_before_its_time),
		cmocka_unit_test(test_bytes_are_kept_and_aligned),
		cmocka_unit_test(test_limit_of_memory),
		cmocka_unit_test(test_larger_than_all),
		cmocka_unit_test(test_any_sequence),
		cmocka_unit_test(test_free_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
