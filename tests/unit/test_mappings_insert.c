// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_mappings_insert.c - mappings as they are made, one over the other, against a model that
 * knows each page.
 */
#include "process/mappings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void insert(struct mappings *m, uint64_t start, uint64_t end, uint64_t file_offset,
		   const char *path)
{
	struct mapping mapping = {
		.start = start, .end = end, .file_offset = file_offset, .inode = 9};

	assert_int_equal(mappings_insert(m, &mapping, path), 0);
}

/* Entry `i` is exactly that. */
static void expect(const struct mappings *m, size_t i, uint64_t start, uint64_t end,
		   uint64_t file_offset, const char *path)
{
	const struct mapping *entry = &m->entries[i];

	assert_true(i < m->n);
	assert_int_equal(entry->start, start);
	assert_int_equal(entry->end, end);
	assert_int_equal(entry->file_offset, file_offset);
	assert_string_equal(mappings_path(m, entry), path);
}

static void test_replace_whole(void **state)
{
	struct mappings m = {};

	(void)state;
	insert(&m, 0x1000, 0x3000, 0x100000, "/a");
	insert(&m, 0x1000, 0x3000, 0x200000, "/b");
	assert_int_equal(m.n, 1);
	expect(&m, 0, 0x1000, 0x3000, 0x200000, "/b");
	insert(&m, 0x5000, 0x6000, 0, "/c");
	insert(&m, 0x7000, 0x8000, 0, "/d");
	insert(&m, 0, 0x9000, 0x300000, "/all"); /* several, and the gaps between them */
	assert_int_equal(m.n, 1);
	expect(&m, 0, 0, 0x9000, 0x300000, "/all");
	mappings_done(&m);
}

static void test_cut_left_right_and_both(void **state)
{
	struct mappings m = {};

	(void)state;
	insert(&m, 0x2000, 0x6000, 0x10000, "/a");
	insert(&m, 0x1000, 0x3000, 0x20000, "/left");
	assert_int_equal(m.n, 2);
	expect(&m, 0, 0x1000, 0x3000, 0x20000, "/left");
	expect(&m, 1, 0x3000, 0x6000, 0x11000, "/a");
	insert(&m, 0x5000, 0x8000, 0x30000, "/right");
	assert_int_equal(m.n, 3);
	expect(&m, 1, 0x3000, 0x5000, 0x11000, "/a");
	expect(&m, 2, 0x5000, 0x8000, 0x30000, "/right");
	insert(&m, 0x2000, 0x6000, 0x40000, "/over"); /* one whole, two in part */
	assert_int_equal(m.n, 3);
	expect(&m, 0, 0x1000, 0x2000, 0x20000, "/left");
	expect(&m, 1, 0x2000, 0x6000, 0x40000, "/over");
	expect(&m, 2, 0x6000, 0x8000, 0x31000, "/right");
	mappings_done(&m);
}

static void test_hole_in_the_middle(void **state)
{
	struct mappings m = {};

	(void)state;
	insert(&m, 0x1000, 0x9000, 0x10000, "/a");
	m.entries[0].file = 7;
	insert(&m, 0x3000, 0x4000, 0x20000, "/b");
	assert_int_equal(m.n, 3);
	expect(&m, 0, 0x1000, 0x3000, 0x10000, "/a");
	expect(&m, 1, 0x3000, 0x4000, 0x20000, "/b");
	expect(&m, 2, 0x4000, 0x9000, 0x13000, "/a");
	assert_int_equal(m.entries[0].file, 7); /* both halves are of the same file */
	assert_int_equal(m.entries[1].file, 0);
	assert_int_equal(m.entries[2].file, 7);
	mappings_done(&m);
}

static void test_touching_ones_stay(void **state)
{
	struct mappings m = {};

	(void)state;
	insert(&m, 0x2000, 0x3000, 0, "/b");
	insert(&m, 0x3000, 0x4000, 0, "/c");
	insert(&m, 0x1000, 0x2000, 0, "/a");
	assert_int_equal(m.n, 3);
	expect(&m, 0, 0x1000, 0x2000, 0, "/a");
	expect(&m, 1, 0x2000, 0x3000, 0, "/b");
	expect(&m, 2, 0x3000, 0x4000, 0, "/c");
	mappings_done(&m);
}

static void test_neighbours_share_the_path(void **state)
{
	struct mappings m = {};
	size_t len;

	(void)state;
	insert(&m, 0x1000, 0x2000, 0, "/lib/shared.so");
	len = m.paths_len;
	insert(&m, 0x2000, 0x3000, 0x1000, "/lib/shared.so");
	assert_int_equal(m.paths_len, len);
	assert_int_equal(m.entries[0].path, m.entries[1].path);
	mappings_done(&m);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *path;
		bool has_identity;
		enum mapping_kind kind;
		const char *kept;
	} cases[] = {
		{"/bin/x", true, MAPPING_FILE, "/bin/x"},
		{"/bin/x (deleted)", true, MAPPING_FILE, "/bin/x"},
		{"/bin/x", false, MAPPING_ANON, "/bin/x"},
		{"//anon", false, MAPPING_ANON, "//anon"},
		{"[heap]", false, MAPPING_ANON, "[heap]"},
		{"", false, MAPPING_ANON, ""},
		{"/memfd:jit (deleted)", true, MAPPING_ANON, "/memfd:jit"},
		{"/dev/zero (deleted)", true, MAPPING_ANON, "/dev/zero"},
		{"/SYSV00000000 (deleted)", true, MAPPING_ANON, "/SYSV00000000"},
		{"anon_inode:[perf_event]", true, MAPPING_ANON, "anon_inode:[perf_event]"},
		{"[vdso]", false, MAPPING_VDSO, "[vdso]"},
		{"/srv/[vdso]", true, MAPPING_FILE, "/srv/[vdso]"},
		{" (deleted)", true, MAPPING_FILE, " (deleted)"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int with_build_id = 0; with_build_id < 2; with_build_id++) {
			struct mapping mapping = {.start = 1, .end = 2};
			struct mappings m = {};

			if (cases[i].has_identity && with_build_id)
				mapping.build_id_len = 20;
			else if (cases[i].has_identity)
				mapping.inode = 9;
			assert_int_equal(mappings_insert(&m, &mapping, cases[i].path), 0);
			assert_int_equal(m.n, 1);
			if (m.entries[0].kind != cases[i].kind)
				fail_msg("%s: kind %d", cases[i].path, m.entries[0].kind);
			assert_string_equal(mappings_path(&m, &m.entries[0]), cases[i].kept);
			mappings_done(&m);
		}
	}
}

static void test_empty_is_dropped(void **state)
{
	struct mappings m = {};

	(void)state;
	insert(&m, 0x1000, 0x3000, 0, "/a");
	insert(&m, 0x2000, 0x2000, 0, "/empty");
	insert(&m, 0x2000, 0x1000, 0, "/backward");
	assert_int_equal(m.n, 1);
	assert_int_equal(m.n_dropped, 2);
	mappings_done(&m);
}

static void fill(struct mappings *m)
{
	for (uint64_t i = 0; i < MAPPINGS_MAX; i++)
		insert(m, i * 0x4000, i * 0x4000 + 0x3000, 0, "/a");
	assert_int_equal(m->n, MAPPINGS_MAX);
	assert_int_equal(m->n_dropped, 0);
}

/* A process that maps more than is kept: the new one is counted, and what it covers is not taken
 * for what was there before. */
static void test_too_many(void **state)
{
	struct mappings m = {};

	(void)state;
	fill(&m);
	insert(&m, 0x7f0000000000, 0x7f0000001000, 0, "/b");
	assert_int_equal(m.n, MAPPINGS_MAX);
	assert_int_equal(m.n_dropped, 1);
	assert_null(mappings_find(&m, 0x7f0000000000));
	insert(&m, 0, 0x3000, 0x5000, "/instead"); /* it has the room of the old one */
	assert_int_equal(m.n, MAPPINGS_MAX);
	expect(&m, 0, 0, 0x3000, 0x5000, "/instead");
	assert_int_equal(m.n_dropped, 1);
	insert(&m, 0x5000, 0x6000, 0, "/hole"); /* no room for it, nor for the upper part */
	assert_int_equal(m.n, MAPPINGS_MAX);
	assert_string_equal(mappings_path(&m, mappings_find(&m, 0x4000)), "/a");
	assert_null(mappings_find(&m, 0x5000));
	assert_null(mappings_find(&m, 0x6000));
	assert_true(m.n_dropped > 1);
	insert(&m, 0x4000, 0xb000, 0, "/two"); /* two for one */
	assert_int_equal(m.n, MAPPINGS_MAX - 1);
	insert(&m, 0x7f0000000000, 0x7f0000001000, 0, "/b");
	assert_int_equal(m.n, MAPPINGS_MAX);
	mappings_done(&m);
}

/* A process that loads ever new modules at the same place. */
static void test_paths_do_not_grow(void **state)
{
	struct mappings m = {};
	char path[64];

	(void)state;
	insert(&m, 0x1000, 0x2000, 0, "/first");
	insert(&m, 0x9000, 0xa000, 0, "/last");
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(path, sizeof(path), "/tmp/module-%d.so", i);
		insert(&m, 0x4000, 0x5000, 0, path);
		assert_true(m.paths_capacity <= 3 * 4096);
	}
	assert_int_equal(m.n, 3);
	assert_true(m.capacity < 64);
	expect(&m, 0, 0x1000, 0x2000, 0, "/first");
	expect(&m, 1, 0x4000, 0x5000, 0, path);
	expect(&m, 2, 0x9000, 0xa000, 0, "/last");
	mappings_done(&m);
}

static void test_copy(void **state)
{
	struct mappings m = {}, copy, empty = {};

	(void)state;
	assert_int_equal(mappings_copy(&empty, &copy), 0);
	assert_int_equal(copy.n, 0);
	insert(&copy, 0x1000, 0x2000, 0, "/into an empty one");
	mappings_done(&copy);
	insert(&m, 0x1000, 0x4000, 0, "/a");
	insert(&m, 0x5000, 0x6000, 0, "/b");
	m.entries[0].file = 3;
	assert_int_equal(mappings_copy(&m, &copy), 0);
	insert(&m, 0x2000, 0x3000, 0, "/only here");
	insert(&copy, 0x5000, 0x6000, 0, "/only there");
	assert_int_equal(m.n, 4);
	assert_int_equal(copy.n, 2);
	expect(&m, 3, 0x5000, 0x6000, 0, "/b");
	mappings_done(&m);
	expect(&copy, 0, 0x1000, 0x4000, 0, "/a");
	expect(&copy, 1, 0x5000, 0x6000, 0, "/only there");
	assert_int_equal(copy.entries[0].file, 3);
	mappings_done(&copy);
}

/* ---- any sequence ---- */

#define PAGES  64
#define PAGE   0x1000ull
#define ROUNDS 5000

/* What lies in one page. */
struct page {
	int path; /* 0 = nothing */
	uint64_t file_offset;
};

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const char *path_of(int number)
{
	static char path[128];

	/* Some long, so that the paths are compacted many times. */
	(void)snprintf(path, sizeof(path), "/dir/%0*d", number % 3 ? 3 : 90, number);
	return path;
}

static void compare(const struct mappings *m, const struct page pages[PAGES])
{
	for (size_t i = 0; i < m->n; i++) {
		assert_true(m->entries[i].start < m->entries[i].end);
		assert_true(i == 0 || m->entries[i - 1].end <= m->entries[i].start);
	}
	for (uint64_t page = 0; page < PAGES; page++) {
		for (uint64_t addr = page * PAGE; addr < page * PAGE + PAGE; addr += PAGE - 1) {
			const struct mapping *found = mappings_find(m, addr);

			assert_int_equal(found != NULL, pages[page].path != 0);
			if (!found)
				continue;
			assert_string_equal(mappings_path(m, found), path_of(pages[page].path));
			assert_int_equal(found->file_offset + addr - found->start,
					 pages[page].file_offset + addr - page * PAGE);
		}
	}
}

static void test_any_sequence(void **state)
{
	uint64_t random = 88172645463325252ull;
	struct page pages[PAGES] = {};
	struct mappings m = {};

	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t first = next_random(&random) % PAGES;
		uint64_t n = 1 + next_random(&random) % (next_random(&random) % 8 ? 8 : PAGES);
		uint64_t offset = next_random(&random) % 1000 * PAGE;
		int path = 1 + (int)(next_random(&random) % 200);

		n = first + n > PAGES ? PAGES - first : n;
		for (uint64_t k = 0; k < n; k++)
			pages[first + k] = (struct page){path, offset + k * PAGE};
		insert(&m, first * PAGE, (first + n) * PAGE, offset, path_of(path));
		compare(&m, pages);
		if (i % 100 == 0) {
			struct mappings copy;

			assert_int_equal(mappings_copy(&m, &copy), 0);
			compare(&copy, pages);
			mappings_done(&m);
			m = copy;
		}
	}
	assert_int_equal(m.n_dropped, 0);
	mappings_done(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_replace_whole),
		cmocka_unit_test(test_cut_left_right_and_both),
		cmocka_unit_test(test_hole_in_the_middle),
		cmocka_unit_test(test_touching_ones_stay),
		cmocka_unit_test(test_neighbours_share_the_path),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_empty_is_dropped),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_paths_do_not_grow),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_any_sequence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
