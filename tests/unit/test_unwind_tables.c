// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_tables.c - which files have rows: how they get in, who goes when there is no room,
 * and who comes back.
 */
#include "walker_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S	    1000000000ull
#define ROW_BYTES   16u /* of text a row holds for */
#define RECENT_NS   (1 * S)
#define ROWS_A_WORK 1000

/* Rows that take about `n_words` with their buckets. */
static struct unwind_table *table_of(uint32_t n_words)
{
	uint32_t n = (uint32_t)((uint64_t)n_words * 256 / (256 + ROW_BYTES)) - 8;
	struct unwind_row *rows = calloc(n, sizeof(*rows));
	struct unwind_table *table;

	assert_non_null(rows);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = scene_row(0x1000 + i * ROW_BYTES, UNWIND_CFA_SP, (uint16_t)(1 + i % 100),
				    UNWIND_FP_SAME, 0);
	table = scene_table(rows, n, 0x1000, (uint64_t)n * ROW_BYTES);
	free(rows);
	return table;
}

static uint64_t index_of(const struct walker_scene *s, uint32_t number)
{
	return s->maps->files[unwind_tables_slot(s->tables, number)].index;
}

/* The walker went through it that long ago. */
static void use(struct walker_scene *s, uint32_t number, uint64_t ago_ns)
{
	s->maps->files[unwind_tables_slot(s->tables, number)].used =
		UNWIND_EPOCH(s->now_mono_ns - ago_ns);
}

static const struct unwind_tables_counters *counters(const struct walker_scene *s)
{
	return unwind_tables_counters(s->tables);
}

static void load(struct walker_scene *s, uint32_t number, uint32_t n_words)
{
	(void)scene_load(s, number, table_of(n_words));
}

static void pass(struct walker_scene *s, uint64_t ns)
{
	s->now_mono_ns += ns;
}

static void test_install(void **state)
{
	struct walker_scene s;
	uint32_t slot;
	int n_works = 1;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	assert_int_equal(unwind_tables_slot(s.tables, 0), 0);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 0);
	assert_false(unwind_tables_busy(s.tables));
	slot = unwind_tables_slot(s.tables, 9);
	assert_int_not_equal(slot, 0);
	assert_int_equal(unwind_tables_slot(s.tables, 9), slot);
	assert_true(unwind_tables_busy(s.tables));
	scene_give(&s, 9, table_of(20000));
	/* Nothing is to be seen of it before all is there. */
	while (unwind_tables_work(s.tables, ROWS_A_WORK, s.now_mono_ns)) {
		assert_int_equal(s.maps->files[slot].index, 0);
		n_works++;
	}
	assert_in_range(n_works, 15, 25);
	for (uint32_t i = 0; i < 18000; i++) {
		uint64_t row = walked_row(s.maps, slot, 0x1000 + i * ROW_BYTES + 3);

		assert_int_equal(ROW_CFA(row), 1 + i % 100);
	}
	assert_false(unwind_tables_busy(s.tables));
	assert_int_equal(counters(&s)->n_installed, 1);
	assert_in_range(unwind_slabs_used(s.slabs), 19900, 20000);
	walker_scene_end(&s);
}

static void test_no_rows(void **state)
{
	struct walker_scene s;
	struct unwind_table *empty = table_of(100), *broken = table_of(100);

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	for (uint32_t number = 1; number <= 4; number++)
		(void)unwind_tables_slot(s.tables, number);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 1);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 2);
	unwind_tables_no_rows(s.tables, 1, false);
	assert_int_equal(counters(&s)->n_failed, 0);
	unwind_tables_no_rows(s.tables, 2, true);
	assert_int_equal(counters(&s)->n_failed, 1);
	unwind_tables_no_rows(s.tables, 77, true); /* nobody knows it */
	assert_int_equal(counters(&s)->n_failed, 1);
	empty->n_rows = 0;
	scene_give(&s, 3, empty);
	scene_install(&s);
	assert_int_equal(counters(&s)->n_failed, 1);
	broken->segments[0].offset = UINT32_MAX;
	scene_give(&s, 4, broken);
	scene_install(&s);
	assert_int_equal(counters(&s)->n_failed, 2);
	assert_int_equal(counters(&s)->n_installed, 0);
	assert_false(unwind_tables_busy(s.tables));
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	walker_scene_end(&s);
}

static void test_postponed(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	(void)unwind_tables_slot(s.tables, 1);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 1);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 0);
	unwind_tables_postpone(s.tables, 1);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 1);
	walker_scene_end(&s);
}

/* Rows that nobody asked for, and more than may wait. */
static void test_given(void **state)
{
	struct walker_scene s;
	uint32_t n = 0;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	assert_int_equal(unwind_tables_give(s.tables, 1, table_of(100)), 0);
	(void)unwind_tables_slot(s.tables, 1);
	assert_int_equal(unwind_tables_give(s.tables, 1, table_of(100)), 0);
	assert_int_equal(unwind_tables_work(s.tables, ROWS_A_WORK, s.now_mono_ns), 0);
	for (uint32_t number = 1; number < 1000; number++) {
		(void)unwind_tables_slot(s.tables, number);
		assert_int_equal(unwind_tables_next_wanted(s.tables), number);
		if (unwind_tables_give(s.tables, number, table_of(100)) == -EAGAIN)
			break;
		n++;
	}
	assert_int_equal(n, 64);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 65); /* again */
	scene_install(&s);
	assert_int_equal(counters(&s)->n_installed, 64);
	walker_scene_end(&s);
}

static void test_slots(void **state)
{
	struct walker_scene s;
	uint32_t slot;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	for (uint32_t number = 1; number < UNWIND_FILES_MAX; number++) {
		slot = unwind_tables_slot(s.tables, number);
		assert_in_range(slot, 1, UNWIND_FILES_MAX - 1);
	}
	assert_int_equal(unwind_tables_slot(s.tables, UNWIND_FILES_MAX), 0);
	assert_int_equal(counters(&s)->n_full, 1);
	slot = unwind_tables_slot(s.tables, 4000);
	unwind_tables_remove(s.tables, 4000, s.now_mono_ns);
	assert_int_equal(unwind_tables_slot(s.tables, UNWIND_FILES_MAX), slot);
	walker_scene_end(&s);
}

/* Eight files of 1 MB that fill the slab; number 1 was used most recently, and none of late. */
static void fill(struct walker_scene *s, uint32_t n_files)
{
	for (uint32_t number = 1; number <= n_files; number++) {
		load(s, number, UNWIND_SLAB_WORDS / 8 - 2000);
		use(s, number, number * 10 * S);
	}
}

static void test_evicts_what_is_needed(void **state)
{
	struct walker_scene s;
	const uint32_t needed = 3 * WORDS_A_MB;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	fill(&s, 8);
	use(&s, 8, 5 * S); /* but for this one, the higher the older */
	scene_give(&s, 20, table_of(needed));
	assert_int_equal(unwind_tables_work(s.tables, ROWS_A_WORK, s.now_mono_ns), 0);
	assert_int_equal(counters(&s)->n_evicted, 3);
	assert_in_range(counters(&s)->evicted_words, needed - 15000, needed + 15000);
	for (uint32_t number = 1; number <= 8; number++)
		assert_int_equal(index_of(&s, number) == 0, number >= 5 && number <= 7);
	/* What they had rests first. */
	assert_int_equal(index_of(&s, 20), 0);
	pass(&s, UNWIND_GRACE_NS - 1);
	assert_int_equal(unwind_tables_work(s.tables, ROWS_A_WORK, s.now_mono_ns), 0);
	assert_int_equal(unwind_slabs_waiting(s.slabs), counters(&s)->evicted_words);
	pass(&s, 1);
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 20), 0);
	assert_int_equal(counters(&s)->n_evicted, 3);
	assert_true(unwind_slabs_used(s.slabs) <= UNWIND_SLAB_WORDS);
	walker_scene_end(&s);
}

/* All are in use: the new one waits, and is asked for again when it is walked through later. */
static void test_recently_used_stays(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	fill(&s, 8);
	for (uint32_t number = 1; number <= 8; number++)
		use(&s, number, RECENT_NS);
	scene_give(&s, 20, table_of(WORDS_A_MB));
	scene_install(&s);
	assert_int_equal(counters(&s)->n_evicted, 0);
	assert_int_equal(counters(&s)->n_refused, 1);
	pass(&s, 5 * S);
	use(&s, 20, 0);
	unwind_tables_scan(s.tables, s.now_mono_ns);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 0); /* too soon */
	pass(&s, 5 * S);
	unwind_tables_scan(s.tables, s.now_mono_ns);
	scene_give(&s, 20, table_of(WORDS_A_MB));
	scene_install(&s);
	assert_int_equal(counters(&s)->n_evicted, 1); /* by now they are not in use any more */
	pass(&s, UNWIND_GRACE_NS);
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 20), 0);
	walker_scene_end(&s);
}

/* For a file that is larger than all there may ever be, nobody has to go. */
static void test_too_large(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	fill(&s, 4);
	use(&s, 1, 0); /* it stays: the others are not enough */
	scene_give(&s, 20, table_of(UNWIND_SLAB_WORDS - WORDS_A_MB / 2));
	scene_install(&s);
	assert_int_equal(counters(&s)->n_refused, 1);
	assert_int_equal(counters(&s)->n_evicted, 0);
	scene_give(&s, 21, table_of(2 * UNWIND_SLAB_WORDS));
	scene_install(&s);
	assert_int_equal(counters(&s)->n_refused, 2);
	assert_int_equal(counters(&s)->n_evicted, 0);
	pass(&s, 100000000000ull); /* what is larger than the budget is not asked for again */
	use(&s, 20, 0);
	use(&s, 21, 0);
	unwind_tables_scan(s.tables, s.now_mono_ns);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 20);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 0);
	walker_scene_end(&s);
}

/* A file that cannot be read for now is asked for again when it is used, ever more seldom. */
static void test_unread(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	(void)unwind_tables_slot(s.tables, 1);
	for (uint64_t wait_ns = 10000000000ull; wait_ns < 600000000000ull; wait_ns *= 2) {
		assert_int_equal(unwind_tables_next_wanted(s.tables), 1);
		unwind_tables_unread(s.tables, 1, s.now_mono_ns);
		pass(&s, wait_ns - 1);
		use(&s, 1, 0);
		unwind_tables_scan(s.tables, s.now_mono_ns);
		assert_int_equal(unwind_tables_next_wanted(s.tables), 0);
		pass(&s, 1);
		unwind_tables_scan(s.tables, s.now_mono_ns);
	}
	assert_int_equal(counters(&s)->n_unread, 6);
	walker_scene_end(&s);
}

/* What was just installed is not the first to go. */
static void test_new_one_stays(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	load(&s, 1, 3 * WORDS_A_MB);
	pass(&s, 5000000000ull);
	load(&s, 2, 3 * WORDS_A_MB);
	scene_give(&s, 3, table_of(3 * WORDS_A_MB));
	scene_install(&s);
	assert_int_equal(index_of(&s, 1), 0);
	pass(&s, UNWIND_GRACE_NS);
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 2), 0);
	assert_int_not_equal(index_of(&s, 3), 0);
	walker_scene_end(&s);
}

static void test_evicted_and_used_again(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	fill(&s, 8);
	scene_give(&s, 20, table_of(WORDS_A_MB / 2));
	scene_install(&s);
	assert_int_equal(index_of(&s, 8), 0);
	unwind_tables_scan(s.tables, s.now_mono_ns);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 0);
	pass(&s, S);
	scene_install(&s);
	use(&s, 8, 0);
	unwind_tables_scan(s.tables, s.now_mono_ns);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 8);
	assert_int_equal(unwind_tables_give(s.tables, 8, table_of(WORDS_A_MB)), 0);
	scene_install(&s);
	pass(&s, UNWIND_GRACE_NS);
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 8), 0);
	walker_scene_end(&s);
}

/* The index of a file with much text lies in one piece, and where there is none, more has to go. */
static void test_scattered(void **state)
{
	struct walker_scene s;
	struct unwind_row row = scene_row(0x1000, UNWIND_CFA_SP, 1, UNWIND_FP_SAME, 0);

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	fill(&s, 8);
	for (uint32_t number = 1; number <= 7; number += 2)
		unwind_tables_remove(s.tables, number, s.now_mono_ns);
	pass(&s, UNWIND_GRACE_NS);
	scene_give(&s, 20, scene_table(&row, 1, 0x1000, 2 * WORDS_A_MB * 256ull));
	for (int i = 0; i < 10 && !index_of(&s, 20); i++) {
		scene_install(&s);
		pass(&s, UNWIND_GRACE_NS);
	}
	assert_int_not_equal(index_of(&s, 20), 0);
	assert_int_equal(counters(&s)->n_refused, 0);
	assert_in_range(counters(&s)->n_evicted, 1, 3);
	walker_scene_end(&s);
}

/* The same, where a further slab helps and nobody has to go. */
static void test_scattered_with_slabs(void **state)
{
	struct walker_scene s;
	struct unwind_row row = scene_row(0x1000, UNWIND_CFA_SP, 1, UNWIND_FP_SAME, 0);

	(void)state;
	walker_scene_begin(&s, 8 * UNWIND_SLAB_WORDS);
	load(&s, 1, WORDS_A_MB);
	load(&s, 2, 3 * WORDS_A_MB);
	load(&s, 3, WORDS_A_MB);
	assert_int_equal(s.maps->n_slabs, 1);
	/* 6 MB are free, in two pieces. */
	unwind_tables_remove(s.tables, 2, s.now_mono_ns);
	pass(&s, UNWIND_GRACE_NS);
	unwind_slabs_settle(s.slabs, s.now_mono_ns);
	assert_in_range(unwind_slabs_available(s.slabs), 5 * WORDS_A_MB, 7 * WORDS_A_MB);
	scene_give(&s, 20, scene_table(&row, 1, 0x1000, WORDS_A_MB * 256ull * 7 / 2));
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 20), 0);
	assert_int_equal(s.maps->n_slabs, 2);
	assert_int_equal(counters(&s)->n_evicted, 0);
	walker_scene_end(&s);
}

static void test_growth(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, 2 * UNWIND_SLAB_WORDS);
	fill(&s, 8);
	s.maps->slab_error = -EAGAIN; /* it is being made */
	scene_give(&s, 20, table_of(WORDS_A_MB));
	assert_int_equal(unwind_tables_work(s.tables, ROWS_A_WORK, s.now_mono_ns), 0);
	assert_true(unwind_tables_busy(s.tables));
	assert_int_equal(counters(&s)->n_evicted, 0);
	s.maps->slab_error = 0;
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 20), 0);
	assert_int_equal(counters(&s)->n_evicted, 0);
	assert_int_equal(s.maps->n_slabs, 2);
	walker_scene_end(&s);
}

/* No memory for another slab: those that are there have to do. */
static void test_no_growth(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, 2 * UNWIND_SLAB_WORDS);
	fill(&s, 8);
	s.maps->slab_error = -ENOMEM;
	scene_give(&s, 20, table_of(WORDS_A_MB));
	scene_install(&s);
	pass(&s, UNWIND_GRACE_NS);
	scene_install(&s);
	assert_int_not_equal(index_of(&s, 20), 0);
	assert_int_equal(counters(&s)->n_evicted, 1);
	walker_scene_end(&s);
}

static void test_remove(void **state)
{
	struct walker_scene s;
	uint32_t slot;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	load(&s, 1, WORDS_A_MB);
	slot = unwind_tables_slot(s.tables, 1);
	use(&s, 1, 0);
	unwind_tables_remove(s.tables, 1, s.now_mono_ns);
	assert_int_equal(s.maps->files[slot].index, 0);
	assert_int_equal(s.maps->files[slot].used, 0);
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	assert_int_not_equal(unwind_slabs_waiting(s.slabs), 0);
	unwind_tables_remove(s.tables, 1, s.now_mono_ns); /* nobody knows it any more */
	assert_int_equal(counters(&s)->n_evicted, 0);
	walker_scene_end(&s);
}

static void test_remove_pending(void **state)
{
	struct walker_scene s;

	(void)state;
	walker_scene_begin(&s, UNWIND_SLAB_WORDS);
	scene_give(&s, 1, table_of(50000));
	scene_give(&s, 2, table_of(40000));
	scene_give(&s, 3, table_of(30000));
	assert_int_equal(unwind_tables_work(s.tables, ROWS_A_WORK, s.now_mono_ns), 1);
	unwind_tables_remove(s.tables, 2, s.now_mono_ns);
	unwind_tables_remove(s.tables, 1, s.now_mono_ns); /* half written */
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	scene_install(&s);
	assert_int_equal(counters(&s)->n_installed, 1);
	assert_int_not_equal(index_of(&s, 3), 0);
	assert_int_equal(index_of(&s, 1), 0); /* known anew */
	assert_int_equal(unwind_tables_next_wanted(s.tables), 1);
	unwind_tables_remove(s.tables, 1, s.now_mono_ns); /* its rows are on their way */
	assert_int_equal(unwind_tables_give(s.tables, 1, table_of(100)), 0);
	assert_false(unwind_tables_busy(s.tables));
	walker_scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_install),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_postponed),
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_slots),
		cmocka_unit_test(test_evicts_what_is_needed),
		cmocka_unit_test(test_recently_used_stays),
		cmocka_unit_test(test_too_large),
		cmocka_unit_test(test_unread),
		cmocka_unit_test(test_new_one_stays),
		cmocka_unit_test(test_evicted_and_used_again),
		cmocka_unit_test(test_scattered),
		cmocka_unit_test(test_scattered_with_slabs),
		cmocka_unit_test(test_growth),
		cmocka_unit_test(test_no_growth),
		cmocka_unit_test(test_remove),
		cmocka_unit_test(test_remove_pending),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
