// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_slabs.c - who has which words: nobody's words are another's, chunks are not crossed,
 * the budget holds, and what is given back rests for a while.
 */
#include "process/unwind_slabs.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CHUNK UNWIND_CHUNK_WORDS
#define SLAB  UNWIND_SLAB_WORDS

/* Memory is only looked up here, never touched. */
static uint64_t words_of_slabs[2];

static struct unwind_slabs *new_slabs(uint32_t budget, uint32_t n)
{
	struct unwind_slabs *s;

	assert_int_equal(unwind_slabs_new(budget, &s), 0);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(unwind_slabs_add(s, &words_of_slabs[i]), 0);
	return s;
}

static struct unwind_extent take(struct unwind_slabs *s, uint32_t n)
{
	struct unwind_extent extent;

	assert_int_equal(unwind_slabs_take(s, n, n, &extent), 0);
	assert_int_equal(extent.n, n);
	return extent;
}

static void give_at_once(struct unwind_slabs *s, struct unwind_extent extent)
{
	unwind_slabs_give(s, extent, 0);
	unwind_slabs_settle(s, UNWIND_GRACE_NS);
}

static void test_growth(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(SLAB + 1, 0);
	struct unwind_extent extent;

	(void)state;
	assert_int_equal(unwind_slabs_max(s), 2);
	assert_int_equal(unwind_slabs_available(s), 0);
	assert_int_equal(unwind_slabs_take(s, 1, 1, &extent), -ENOSPC);
	assert_int_equal(unwind_slabs_add(s, &words_of_slabs[0]), 0);
	assert_int_equal(unwind_slabs_available(s), SLAB - 1);
	assert_int_equal(unwind_slabs_add(s, &words_of_slabs[1]), 0);
	assert_int_equal(unwind_slabs_available(s), SLAB + 1); /* the budget's */
	assert_int_equal(unwind_slabs_add(s, &words_of_slabs[1]), -ENOSPC);
	assert_int_equal(unwind_slabs_n(s), 2);
	assert_ptr_equal(unwind_slabs_words(s, 0), &words_of_slabs[0]);
	assert_ptr_equal(unwind_slabs_words(s, SLAB), &words_of_slabs[1]);
}

static void test_budget_beyond_slabs(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(UINT32_MAX, 0);

	(void)state;
	assert_int_equal(unwind_slabs_max(s), UNWIND_SLABS_MAX);
}

/* Word 0 is nobody's; an extent ends where its chunk does. */
static void test_chunks(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(SLAB, 1);
	struct unwind_extent a, b;

	(void)state;
	assert_int_equal(unwind_slabs_take(s, CHUNK + 1, CHUNK + 1, &a), -ENOSPC);
	assert_int_equal(unwind_slabs_take(s, 1, SLAB, &a), 0); /* the largest there is */
	assert_int_equal(a.first, CHUNK);
	assert_int_equal(a.n, CHUNK);
	b = take(s, CHUNK - 1);
	assert_int_equal(b.first, 1);
	assert_int_equal(unwind_slabs_available(s), 0);
	/* Given back side by side, they do not become one. */
	give_at_once(s, b);
	give_at_once(s, a);
	assert_int_equal(unwind_slabs_available(s), SLAB - 1);
	assert_int_equal(unwind_slabs_take(s, CHUNK + 1, CHUNK + 1, &a), -ENOSPC);
}

static void test_first_fit_and_joining(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(SLAB, 1);
	struct unwind_extent a = take(s, 100), b = take(s, 50), c = take(s, 100), d = take(s, 10);

	(void)state;
	assert_int_equal(b.first, a.first + 100);
	give_at_once(s, a);
	give_at_once(s, c);
	assert_int_equal(take(s, 60).first, a.first);
	assert_int_equal(take(s, 60).first, c.first);
	give_at_once(s, b); /* behind the rest of the first */
	assert_int_equal(take(s, 40).first, a.first + 60);
	give_at_once(s, (struct unwind_extent){a.first + 60, 40}); /* before what is free */
	give_at_once(s, (struct unwind_extent){a.first, 60});
	assert_int_equal(take(s, 150).first, a.first);
	give_at_once(s, d);
	give_at_once(s, (struct unwind_extent){c.first, 60}); /* between two that are free */
	assert_int_equal(take(s, CHUNK - 151).first, c.first);
}

static void test_largest(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(SLAB, 1);
	struct unwind_extent a = take(s, 100), gap = take(s, 1), b = take(s, 200), extent;

	(void)state;
	(void)gap;
	(void)take(s, CHUNK);
	(void)take(s, CHUNK - 302);
	give_at_once(s, a);
	give_at_once(s, b);
	assert_int_equal(unwind_slabs_take(s, 201, 1000, &extent), -ENOSPC);
	assert_int_equal(unwind_slabs_take(s, 50, 1000, &extent), 0);
	assert_int_equal(extent.first, b.first);
	assert_int_equal(extent.n, 200);
	assert_int_equal(unwind_slabs_take(s, 0, 10, &extent), -ENOSPC);
	assert_int_equal(unwind_slabs_take(s, 11, 10, &extent), -ENOSPC);
}

static void test_grace(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(1000, 1);
	struct unwind_extent a = take(s, 600), b = take(s, 300), extent;

	(void)state;
	unwind_slabs_give(s, a, 1000);
	assert_int_equal(unwind_slabs_used(s), 300);
	assert_int_equal(unwind_slabs_waiting(s), 600);
	assert_int_equal(unwind_slabs_available(s), 100); /* what waits counts */
	unwind_slabs_give(s, b, 2000);
	assert_int_equal(unwind_slabs_take(s, 101, 101, &extent), -ENOSPC);
	unwind_slabs_settle(s, 1000 + UNWIND_GRACE_NS - 1);
	assert_int_equal(unwind_slabs_waiting(s), 900);
	unwind_slabs_settle(s, 1000 + UNWIND_GRACE_NS);
	assert_int_equal(unwind_slabs_waiting(s), 300);
	assert_int_equal(unwind_slabs_available(s), 700);
	unwind_slabs_settle(s, 2000 + UNWIND_GRACE_NS);
	assert_int_equal(unwind_slabs_available(s), 1000);
	assert_int_equal(take(s, 1000).first, 1);
	assert_int_equal(unwind_slabs_lost(s), 0);
}

/* ---- at random, against a map of who has what ---- */

#define HELD_MAX 400

struct held {
	struct unwind_extent extent;
	uint64_t given_ns; /* 0 = in use */
};

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

/* Nobody else has any of it, nor rests it. */
static void expect_own(const struct held *held, uint32_t n, struct unwind_extent e)
{
	assert_true(e.n && e.first);
	assert_int_equal(e.first / CHUNK, (e.first + e.n - 1) / CHUNK);
	for (uint32_t i = 0; i < n; i++)
		assert_true(e.first + e.n <= held[i].extent.first ||
			    held[i].extent.first + held[i].extent.n <= e.first);
}

static uint32_t drop_settled(struct held *held, uint32_t n, uint64_t now_ns)
{
	for (uint32_t i = 0; i < n; i++)
		if (held[i].given_ns && now_ns - held[i].given_ns >= UNWIND_GRACE_NS)
			held[i--] = held[--n];
	return n;
}

static void test_random(void **state)
{
	_cleanup_(unwind_slabs_freep) struct unwind_slabs *s = new_slabs(SLAB + CHUNK, 2);
	struct held held[HELD_MAX];
	uint64_t seed = 7, now_ns = 1;
	uint32_t n = 0, used = 0;

	(void)state;
	for (int round = 0; round < 50000; round++) {
		uint32_t size = 1 + next_random(&seed) % (round % 7 ? 5000 : CHUNK);
		struct unwind_extent extent;

		now_ns += UNWIND_GRACE_NS / 20;
		unwind_slabs_settle(s, now_ns);
		n = drop_settled(held, n, now_ns);
		if (next_random(&seed) % 2 && n) {
			struct held *h = &held[next_random(&seed) % n];

			if (h->given_ns)
				continue;
			h->given_ns = now_ns;
			used -= h->extent.n;
			unwind_slabs_give(s, h->extent, now_ns);
		} else if (n < HELD_MAX && unwind_slabs_take(s, 1 + next_random(&seed) % size, size,
							     &extent) == 0) {
			assert_true(extent.n <= size);
			expect_own(held, n, extent);
			held[n++] = (struct held){.extent = extent};
			used += extent.n;
		}
		assert_int_equal(unwind_slabs_used(s), used);
		assert_true(used + unwind_slabs_waiting(s) <= SLAB + CHUNK);
	}
	/* All of it comes back as it was. */
	for (uint32_t i = 0; i < n; i++)
		if (!held[i].given_ns)
			unwind_slabs_give(s, held[i].extent, now_ns);
	unwind_slabs_settle(s, now_ns + UNWIND_GRACE_NS);
	assert_int_equal(take(s, CHUNK - 1).first, 1);
	assert_int_equal(take(s, CHUNK).first, CHUNK);
	assert_int_equal(take(s, CHUNK).first, SLAB);
	assert_int_equal(unwind_slabs_lost(s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_growth),	cmocka_unit_test(test_budget_beyond_slabs),
		cmocka_unit_test(test_chunks),	cmocka_unit_test(test_first_fit_and_joining),
		cmocka_unit_test(test_largest), cmocka_unit_test(test_grace),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
