// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_waits.c - the waits that go on: begun, better known, ended, lost, and the limits.
 */
#include "capture/waits.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct stack_place two[] = {
	{.kind = LOCATION_KERNEL, .file = 1, .offset = 0x10},
	{.kind = LOCATION_FILE, .file = 2, .offset = 0x20},
};
static const struct stack_place one[] = {{.kind = LOCATION_FILE, .file = 3, .offset = 0x30}};

static int setup(void **state)
{
	return waits_new(100, 1 << 20, (struct waits **)state);
}

static int teardown(void **state)
{
	waits_free(*state);
	return 0;
}

static void test_begin_and_end(void **state)
{
	struct waits *waits = *state;
	struct wait *wait = waits_begin(waits, 5, 100, two, 2, false);

	assert_non_null(wait);
	assert_ptr_equal(waits_find(waits, 5, 100), wait);
	assert_null(waits_find(waits, 5, 101));
	assert_null(waits_find(waits, 6, 100));
	assert_int_equal(wait->n, 2);
	assert_memory_equal(wait->places, two, sizeof(two));
	assert_false(wait->kernel_only);
	waits_end(waits, 5, 100);
	assert_null(waits_find(waits, 5, 100));
	waits_end(waits, 5, 100);
	assert_int_equal(waits_n(waits), 0);
	assert_int_equal(waits_counters(waits)->n_lost, 0);
}

/* A later begin, or the end of another one, says that this one's end was lost. */
static void test_lost_ends(void **state)
{
	struct waits *waits = *state;

	assert_non_null(waits_begin(waits, 5, 100, two, 2, false));
	assert_non_null(waits_begin(waits, 5, 200, one, 1, true));
	assert_int_equal(waits_counters(waits)->n_lost, 1);
	assert_null(waits_find(waits, 5, 100));
	assert_int_equal(waits_find(waits, 5, 200)->n, 1);
	assert_true(waits_find(waits, 5, 200)->kernel_only);
	waits_end(waits, 5, 300);
	assert_int_equal(waits_counters(waits)->n_lost, 2);
	assert_int_equal(waits_n(waits), 0);
	assert_non_null(waits_begin(waits, 5, 400, one, 1, true));
	waits_forget(waits, 5); /* its thread ended: that is no loss */
	assert_int_equal(waits_n(waits), 0);
	assert_int_equal(waits_counters(waits)->n_lost, 2);
}

/* The same wait with another stack has not been charged on it. */
static void test_better_known(void **state)
{
	struct waits *waits = *state;

	waits_begin(waits, 5, 100, one, 1, true)->charged = true;
	assert_int_equal(waits_wake(waits, 5, 100, "w", one, 1), 0);
	assert_non_null(waits_begin(waits, 5, 100, two, 2, false));
	assert_int_equal(waits_n(waits), 1);
	assert_int_equal(waits_counters(waits)->n_lost, 0);
	assert_int_equal(waits_find(waits, 5, 100)->n, 2);
	assert_false(waits_find(waits, 5, 100)->charged);
	assert_false(waits_find(waits, 5, 100)->kernel_only);
	assert_non_null(waits_find(waits, 5, 100)->waker);
}

static void test_wakers(void **state)
{
	struct waits *waits = *state;
	const struct wait *wait;

	/* Of a wait that nobody drew its waker is all that is known. */
	assert_int_equal(waits_wake(waits, 6, 100, "w", two, 2), 0);
	wait = waits_find(waits, 6, 100);
	assert_int_equal(wait->n, 0);
	assert_true(wait->kernel_only);
	assert_int_equal(waits_wake(waits, 6, 200, "w", two, 2), 0);
	assert_int_equal(waits_counters(waits)->n_lost, 1);
	waits_end(waits, 6, 200);
	wait = waits_begin(waits, 5, 100, one, 1, false);
	assert_null(wait->waker);
	assert_int_equal(waits_wake(waits, 5, 99, "w", two, 2), -ENOENT);
	assert_int_equal(waits_wake(waits, 5, 100, "", NULL, 0), 0);
	assert_int_equal(waits_wake(waits, 5, 100, "server (/bin/x)", two, 2), 0);
	wait = waits_find(waits, 5, 100);
	assert_string_equal(wait->waker->label, "server (/bin/x)");
	assert_int_equal(wait->waker->n, 2);
	assert_memory_equal(wait->waker->places, two, sizeof(two));
}

static void test_sweep(void **state)
{
	struct waits *waits = *state;

	waits_begin(waits, 5, 100, one, 1, false)->seen = true;
	waits_begin(waits, 6, 100, one, 1, false);
	waits_begin(waits, 7, 300, one, 1, false);
	waits_sweep(waits, 200);
	assert_non_null(waits_find(waits, 5, 100));
	assert_null(waits_find(waits, 6, 100));
	assert_non_null(waits_find(waits, 7, 300));
	assert_int_equal(waits_counters(waits)->n_lost, 1);
	waits_sweep(waits, 200); /* not seen again */
	assert_null(waits_find(waits, 5, 100));
	assert_int_equal(waits_n(waits), 1);
}

/* A stack that comes late may be of a wait that has ended: that is no lost end. */
static void test_late(void **state)
{
	struct waits *waits = *state;

	waits_late(waits, 5, 100, two, 2);
	assert_true(waits_find(waits, 5, 100)->unconfirmed);
	assert_non_null(waits_begin(waits, 5, 200, one, 1, false));
	assert_int_equal(waits_counters(waits)->n_late, 1);
	waits_late(waits, 5, 100, two, 2); /* the newer one stays */
	assert_int_equal(waits_counters(waits)->n_late, 2);
	waits_late(waits, 5, 200, two, 2);
	assert_int_equal(waits_find(waits, 5, 200)->n, 2);
	assert_false(waits_find(waits, 5, 200)->unconfirmed);
	waits_late(waits, 6, 100, two, 2);
	waits_sweep(waits, 150);
	assert_int_equal(waits_counters(waits)->n_late, 3);
	assert_int_equal(waits_counters(waits)->n_lost, 0);
	assert_int_equal(waits_n(waits), 1);
}

/* Slots are used again, and nobody is lost when many come and go. */
static void test_many(void **state)
{
	struct waits *waits = *state;

	for (uint64_t round = 1; round <= 50; round++) {
		for (uint32_t tid = 1; tid <= 100; tid++)
			assert_non_null(waits_begin(waits, tid, round, two, 2, false));
		assert_null(waits_begin(waits, 101, round, two, 2, false));
		assert_int_equal(waits_counters(waits)->n_full, round);
		for (uint32_t tid = 1; tid <= 100; tid++) {
			assert_non_null(waits_find(waits, tid, round));
			waits_end(waits, tid, round);
		}
	}
	assert_int_equal(waits_n(waits), 0);
	assert_int_equal(waits_counters(waits)->n_lost, 0);
}

/* Bytes are counted to the last one: a table that was emptied takes as much as a new one. */
static void test_bytes(void **state)
{
	struct waits *waits;
	uint32_t n = 0, again = 0;

	(void)state;
	assert_int_equal(waits_new(1000, 4096, &waits), 0);
	while (waits_begin(waits, n + 1, 1, two, 2, false))
		n++;
	assert_in_range(n, 4096 / 128, 4096 / sizeof(two));
	assert_int_equal(waits_wake(waits, 1, 1, "server", two, 2), -ENOMEM);
	assert_int_equal(waits_counters(waits)->n_full, 2);
	/* The stack that is known stays when there is no room for a better one. */
	assert_null(waits_begin(waits, 1, 1, two, 2, false));
	assert_non_null(waits_find(waits, 1, 1));
	waits_forget(waits, n);
	waits_forget(waits, n - 1);
	waits_forget(waits, n - 2);
	assert_int_equal(waits_wake(waits, 1, 1, "server", one, 1), 0);
	for (uint32_t tid = 1; tid <= n; tid++)
		waits_forget(waits, tid);
	while (waits_begin(waits, again + 1, 1, two, 2, false))
		again++;
	assert_int_equal(again, n);
	waits_free(waits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_begin_and_end, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_better_known, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wakers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
