// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_writer.c - what the writer puts into the slabs is what the walker finds there: held
 * against a search of the rows one by one, at each boundary and at random.
 */
#include "process/unwind_writer.h"
#include "walker_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SLOT	   5
#define ROWS_A_RUN 100

static uint32_t next_random(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(*seed >> 33);
}

/* ---- what is right ---- */

/* What of a row the walker uses, or 0 where there is none. */
static uint64_t wanted_row(const struct unwind_table *t, uint64_t offset)
{
	const struct unwind_row *row = NULL;

	for (uint32_t i = 0; i < t->n_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];
		uint64_t vaddr = offset - s->offset + s->vaddr;

		if (offset < s->offset || offset - s->offset >= s->size || vaddr < t->base)
			continue;
		for (uint32_t r = 0; r < t->n_rows && t->rows[r].pc <= vaddr - t->base; r++)
			row = &t->rows[r];
	}
	return row ? (uint64_t)row->cfa << 32 | (uint64_t)row->kind << 48 |
			       (uint64_t)(uint8_t)row->fp << 56
		   : 0;
}

static void expect_row(struct fake_maps *maps, const struct unwind_table *t, uint64_t offset)
{
	uint64_t found = walked_row(maps, SLOT, offset) & ~0xffffffffull;

	if (found != wanted_row(t, offset))
		fail_msg("offset %#lx: %#lx instead of %#lx", offset, found, wanted_row(t, offset));
}

static void expect_around(struct fake_maps *maps, const struct unwind_table *t, uint64_t offset)
{
	for (uint64_t at = offset - (offset != 0); at <= offset + 1; at++)
		expect_row(maps, t, at);
}

static void expect_table(struct fake_maps *maps, const struct unwind_table *t, uint64_t *seed)
{
	for (uint32_t i = 0; i < t->n_segments; i++) {
		const struct unwind_segment *s = &t->segments[i];

		expect_around(maps, t, s->offset);
		expect_around(maps, t, s->offset + s->size);
		for (uint64_t at = s->offset & ~255ull; at < s->offset + s->size; at += 256)
			if (t->n_rows < 2000 || next_random(seed) % 64 == 0)
				expect_around(maps, t, at);
		for (uint32_t r = 0; r < t->n_rows; r++) {
			uint64_t vaddr = t->base + t->rows[r].pc;

			if (vaddr >= s->vaddr && vaddr - s->vaddr < s->size &&
			    (t->n_rows < 2000 || next_random(seed) % 64 == 0))
				expect_around(maps, t, vaddr - s->vaddr + s->offset);
		}
		for (int n = 0; n < 200; n++)
			expect_row(maps, t, s->offset + next_random(seed) % (uint32_t)s->size);
	}
	expect_row(maps, t, 0);
	expect_row(maps, t, UINT32_MAX);
	expect_row(maps, t, 1ull << 32);
}

/* ---- tables at random ---- */

/* Rows that begin `gap` bytes apart at most, all over the segments and around them. */
static void add_rows(struct unwind_table *t, uint32_t capacity, uint32_t gap, uint64_t *seed)
{
	const struct unwind_segment *last = &t->segments[t->n_segments - 1];
	uint64_t pc = next_random(seed) % gap;

	t->rows = calloc(capacity, sizeof(*t->rows));
	assert_non_null(t->rows);
	while (t->n_rows < capacity && pc + t->base < last->vaddr + last->size + 300) {
		t->rows[t->n_rows++] = scene_row((uint32_t)pc, 1 + next_random(seed) % 10,
						 (uint16_t)next_random(seed), next_random(seed) % 4,
						 (int8_t)next_random(seed));
		pc += 1 + next_random(seed) % gap;
	}
}

static void add_segment(struct unwind_table *t, uint64_t offset, uint64_t vaddr, uint64_t size)
{
	if (!t->n_segments)
		t->base = vaddr & ~255ull;
	t->segments[t->n_segments++] = (struct unwind_segment){offset, vaddr, size};
}

static void make_random(struct unwind_table *t, uint64_t *seed)
{
	uint32_t n = 1 + next_random(seed) % 4;
	uint64_t offset = next_random(seed) % 5000, vaddr = 0x400000 + next_random(seed) % 5000;

	*t = (struct unwind_table){};
	for (uint32_t i = 0; i < n; i++) {
		uint64_t size = 1 + next_random(seed) % (next_random(seed) % 2 ? 300 : 20000);

		add_segment(t, offset, vaddr, size);
		/* Some begin where the one before ends, in the file or in memory. */
		offset += size + (next_random(seed) % 2 ? 0 : next_random(seed) % 3000);
		vaddr += size + (next_random(seed) % 2 ? 0 : next_random(seed) % 3000);
	}
	add_rows(t, 2000, next_random(seed) % 2 ? 3 : 200, seed);
}

/* ---- writing ---- */

struct written {
	uint32_t n_extents;
	uint32_t n_words;
};

static int write_table(struct walker_scene *s, const struct unwind_table *t, struct written *ret)
{
	struct unwind_writer *w;
	struct unwind_extent *extents;
	uint64_t index;
	int r = unwind_writer_new(s->slabs, t, &w);

	if (r < 0)
		return r;
	do
		r = unwind_writer_run(w, ROWS_A_RUN, s->now_mono_ns);
	while (r > 0);
	if (r == 0) {
		unwind_writer_take(w, &index, &s->maps->files[SLOT].start, &extents,
				   &ret->n_extents);
		s->maps->files[SLOT].index = index;
		ret->n_words = 0;
		for (uint32_t i = 0; i < ret->n_extents; i++)
			ret->n_words += extents[i].n;
		for (uint32_t i = 0; i < ret->n_extents; i++)
			unwind_slabs_give(s->slabs, extents[i], s->now_mono_ns);
		free(extents);
	}
	unwind_writer_free(w, s->now_mono_ns);
	return r;
}

static void rest(struct walker_scene *s)
{
	s->now_mono_ns += UNWIND_GRACE_NS;
	unwind_slabs_settle(s->slabs, s->now_mono_ns);
}

static void test_random_tables(void **state)
{
	struct walker_scene s;
	struct written written;
	uint64_t seed = 11;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	for (int round = 0; round < 150; round++) {
		struct unwind_table t;
		uint32_t n_words;

		make_random(&t, &seed);
		assert_int_equal(unwind_writer_words(&t, &n_words), 0);
		if (n_words) {
			assert_int_equal(write_table(&s, &t, &written), 0);
			assert_int_equal(written.n_extents, 2);
			assert_true(written.n_words <= n_words);
			expect_table(s.maps, &t, &seed);
		}
		rest(&s);
		assert_int_equal(unwind_slabs_used(s.slabs), 0);
		free(t.rows);
	}
	walker_scene_end(&s);
}

/* Rows go into holes of the slab, and are found all the same. */
static void test_fragments(void **state)
{
	struct walker_scene s;
	struct unwind_extent extents[200];
	struct unwind_table t = {};
	struct written written;
	uint64_t seed = 3;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	for (uint32_t i = 0; i < ARRAY_SIZE(extents); i++)
		assert_int_equal(unwind_slabs_take(s.slabs, 1000, 1000, &extents[i]), 0);
	for (uint32_t i = 0; i < ARRAY_SIZE(extents); i += 2)
		unwind_slabs_give(s.slabs, extents[i], s.now_mono_ns);
	rest(&s);
	while (unwind_slabs_take(s.slabs, 1001, UNWIND_CHUNK_WORDS, &extents[0]) == 0)
		;
	add_segment(&t, 0x1000, 0x401000, 100000);
	add_rows(&t, 20000, 10, &seed);
	assert_true(t.n_rows > 15000);
	assert_int_equal(write_table(&s, &t, &written), 0);
	assert_true(written.n_extents > 15);
	expect_table(s.maps, &t, &seed);
	free(t.rows);
	walker_scene_end(&s);
}

/* Text of 300 MB: 256 bytes a bucket would be more buckets than a chunk has words. */
static void test_large_text(void **state)
{
	struct walker_scene s;
	struct unwind_table t = {};
	struct written written;
	uint64_t seed = 5;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	add_segment(&t, 0x1000, 0x401000, 300u << 20);
	add_rows(&t, 200000, 3000, &seed);
	assert_int_equal(write_table(&s, &t, &written), 0);
	assert_int_equal(FILE_INDEX_SHIFT(s.maps->files[SLOT].index), 10);
	for (uint32_t i = 0; i < 3000; i++) {
		const struct unwind_row *row = &t.rows[next_random(&seed) % t.n_rows];

		expect_around(s.maps, &t, row->pc + t.base - 0x401000 + 0x1000);
		expect_row(s.maps, &t, next_random(&seed) % (301u << 20));
	}
	free(t.rows);
	walker_scene_end(&s);
}

/* Each byte of the largest bucket has a row of its own: the walker searches far enough. */
static void test_full_bucket(void **state)
{
	struct walker_scene s;
	struct unwind_table t = {};
	struct written written;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	add_segment(&t, 0, 0x400000, 1800u << 20);
	t.rows = calloc(5 * 4096, sizeof(*t.rows));
	assert_non_null(t.rows);
	for (uint32_t i = 0; i < 5 * 4096; i++)
		t.rows[t.n_rows++] = scene_row(0x1003 + i, UNWIND_CFA_SP, (uint16_t)i, 0, 0);
	assert_int_equal(write_table(&s, &t, &written), 0);
	assert_int_equal(FILE_INDEX_SHIFT(s.maps->files[SLOT].index), 12);
	for (uint32_t i = 0; i < 6 * 4096; i++) {
		uint64_t row = walked_row(s.maps, SLOT, 0x1003 + i);

		assert_int_equal(ROW_CFA(row), i < 5 * 4096 ? i : 5 * 4096 - 1);
	}
	assert_int_equal(walked_row(s.maps, SLOT, 0x1002) >> 32, 0);
	free(t.rows);
	walker_scene_end(&s);
}

/* ---- what is refused ---- */

static void test_refusals(void **state)
{
	struct unwind_row row = scene_row(0, UNWIND_CFA_SP, 1, 0, 0);
	static const struct {
		struct unwind_segment segments[2];
		uint32_t n;
		int error;
	} cases[] = {
		{{{0, 0, 0}}, 1, -EFBIG},
		{{{UINT32_MAX, 0, 1}}, 1, -EFBIG},
		{{{1ull << 32, 0, 1}}, 1, -EFBIG},
		{{{1, 0, UINT32_MAX}}, 1, -EFBIG},
		{{{0, UINT64_MAX, 2}}, 1, -EFBIG},
		{{{0, 0, 1u << 31}}, 1, -EFBIG}, /* more buckets than a chunk has words */
		{{{0, 0, (1u << 31) - 4096}}, 1, 0},
		{{{4096, 0, (1u << 31) - 4096}}, 1, 0},
		{{{0, 100, 50}, {40, 200, 50}}, 2, -EBADMSG},
		{{{0, 100, 50}, {50, 140, 50}}, 2, -EBADMSG},
		{{{100, 100, 50}, {0, 200, 50}}, 2, -EBADMSG},
		{{{0, 100, 50}, {50, 150, 50}}, 2, 0},
	};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unwind_table t = {.rows = &row, .n_rows = 1, .n_segments = cases[i].n};
		uint32_t n;

		memcpy(t.segments, cases[i].segments, sizeof(cases[i].segments));
		assert_int_equal(unwind_writer_words(&t, &n), cases[i].error);
		assert_int_equal(n != 0, cases[i].error == 0);
	}
}

/* Rows that go back and forth, and a base that makes addresses wrap: no word is written outside of
 * what was taken, whatever the process says that made them. */
static void test_rows_in_no_order(void **state)
{
	struct walker_scene s;
	struct unwind_row rows[3000];
	struct unwind_table t = {.rows = rows,
				 .n_rows = ARRAY_SIZE(rows),
				 .n_segments = 1,
				 .segments = {{0, 0x1000, 100000}},
				 .base = 0x1000};
	struct unwind_writer *w;
	uint32_t n;
	int r;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = scene_row(i % 2 ? 90000 : i % 7, UNWIND_CFA_SP, 1, 0, 0);
	assert_int_equal(unwind_writer_new(s.slabs, &t, &w), 0);
	do
		r = unwind_writer_run(w, 100, s.now_mono_ns);
	while (r > 0);
	assert_true(r == 0 || r == -EBADMSG);
	unwind_writer_free(w, s.now_mono_ns);
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	t.base = (uint64_t)-256;
	assert_int_equal(unwind_writer_words(&t, &n), -EBADMSG);
	walker_scene_end(&s);
}

static void test_nothing_to_write(void **state)
{
	struct walker_scene s;
	struct unwind_row row = scene_row(0, UNWIND_CFA_SP, 1, 0, 0);
	struct unwind_table no_rows = {.segments = {{0, 0, 1}}, .n_segments = 1};
	struct unwind_table no_text = {.rows = &row, .n_rows = 1};
	struct unwind_writer *w;
	uint32_t n = 1;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	assert_int_equal(unwind_writer_words(&no_rows, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(unwind_writer_words(&no_text, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(unwind_writer_new(s.slabs, &no_rows, &w), -EINVAL);
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	walker_scene_end(&s);
}

/* What it says it takes is enough, down to the last word, and with less nothing is kept. */
static void test_words_are_enough(void **state)
{
	uint64_t seed = 23;

	(void)state;
	for (int round = 0; round < 60; round++) {
		struct unwind_table t;
		struct walker_scene s;
		struct written written;
		uint32_t n_words;

		make_random(&t, &seed);
		assert_int_equal(unwind_writer_words(&t, &n_words), 0);
		if (n_words) {
			walker_scene_begin(&s, n_words);
			assert_int_equal(write_table(&s, &t, &written), 0);
			expect_table(s.maps, &t, &seed);
			walker_scene_end(&s);
			walker_scene_begin(&s, written.n_words - 1);
			assert_int_equal(write_table(&s, &t, &written), -ENOSPC);
			assert_int_equal(unwind_slabs_used(s.slabs), 0);
			walker_scene_end(&s);
		}
		free(t.rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random_tables),	 cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_large_text),	 cmocka_unit_test(test_full_bucket),
		cmocka_unit_test(test_refusals),	 cmocka_unit_test(test_nothing_to_write),
		cmocka_unit_test(test_words_are_enough), cmocka_unit_test(test_rows_in_no_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
