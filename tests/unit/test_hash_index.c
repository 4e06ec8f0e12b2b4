// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_hash_index.c - the open-addressing index against a plain model, with hashes that collide.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "hash_index.h"

#define N_KEYS 5000

static uint64_t keys[N_KEYS];

static bool equal(const void *ctx, uint32_t id, const void *key)
{
	return ((const uint64_t *)ctx)[id] == *(const uint64_t *)key;
}

static uint32_t find(const struct hash_index *index, uint64_t hash, uint32_t id)
{
	return hash_index_find(index, hash, equal, keys, &keys[id]);
}

/* Few hashes make long runs of slots, and the last ones wrap around the end of the table. */
static uint64_t hash_of(uint32_t id, unsigned spread)
{
	return spread ? UINT32_MAX - id % spread : hash_u64(id, 0);
}

static void test_against_model(void **state)
{
	static const unsigned spreads[] = {0, 1, 7, 1000};
	static bool there[N_KEYS];

	(void)state;
	for (uint32_t i = 0; i < N_KEYS; i++)
		keys[i] = i * 3ull;
	for (size_t s = 0; s < sizeof(spreads) / sizeof(*spreads); s++) {
		struct hash_index index = {};
		uint32_t count = 0, n_ids = spreads[s] ? 300 : N_KEYS;

		memset(there, 0, sizeof(there));
		srandom(7);
		for (unsigned step = 0; step < 20000; step++) {
			uint32_t id = 1 + (uint32_t)random() % (n_ids - 1);
			uint64_t hash = hash_of(id, spreads[s]);

			assert_int_equal(find(&index, hash, id), there[id] ? id : 0);
			if (there[id]) {
				assert_int_equal(hash_index_remove(&index, hash, id), 0);
				count--;
			} else {
				assert_int_equal(hash_index_remove(&index, hash, id), -ENOENT);
				assert_int_equal(hash_index_insert(&index, hash, id), 0);
				count++;
			}
			there[id] = !there[id];
			assert_int_equal(index.count, count);
		}
		for (uint32_t id = 1; id < n_ids; id++)
			assert_int_equal(find(&index, hash_of(id, spreads[s]), id),
					 there[id] ? id : 0);
		hash_index_done(&index);
	}
}

static void test_empty_and_clear(void **state)
{
	struct hash_index index = {};

	(void)state;
	assert_int_equal(find(&index, 1, 1), 0);
	assert_int_equal(hash_index_remove(&index, 1, 1), -ENOENT);
	for (uint32_t id = 1; id < 100; id++)
		assert_int_equal(hash_index_insert(&index, hash_of(id, 0), id), 0);
	assert_true(index.count * 4 <= index.capacity * 3 + 4);
	hash_index_clear(&index);
	assert_int_equal(index.count, 0);
	for (uint32_t id = 1; id < 100; id++)
		assert_int_equal(find(&index, hash_of(id, 0), id), 0);
	assert_int_equal(hash_index_insert(&index, hash_of(5, 0), 5), 0);
	assert_int_equal(find(&index, hash_of(5, 0), 5), 5);
	hash_index_done(&index);
	assert_null(index.slots);
}

static void test_hash_of_bytes(void **state)
{
	char a[40] = "the quick brown fox jumps over the dog", b[41];

	(void)state;
	/* The same bytes at another alignment; a difference in any byte; another length. */
	memcpy(b + 1, a, sizeof(a));
	for (size_t len = 0; len <= sizeof(a); len++) {
		assert_true(hash_bytes(a, len) == hash_bytes(b + 1, len));
		for (size_t i = 0; i < len; i++) {
			b[1 + i] ^= 1;
			assert_true(hash_bytes(a, len) != hash_bytes(b + 1, len));
			b[1 + i] ^= 1;
		}
		if (len)
			assert_true(hash_bytes(a, len) != hash_bytes(a, len - 1));
	}
	assert_true(hash_u64(1, 2) != hash_u64(2, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_empty_and_clear),
		cmocka_unit_test(test_hash_of_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
