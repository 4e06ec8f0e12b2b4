// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_walker_depth.c - whole walks: how deep they go, that they end, whose mappings they use, and
 * what they leave in the tables.
 */
#include "step_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BOUNDED_FRAMES 128 /* the leaf and 127 steps */

/* Frames of 3 words, `n` of them besides the leaf, then the outermost. */
static struct step_scene *deep_stack(uint32_t n)
{
	struct step_scene *s =
		step_scene_new(scene_row(STEP_TEXT, UNWIND_CFA_SP, 3, UNWIND_FP_SAME, 0));

	for (uint32_t i = 0; i < n; i++)
		s->stack[SP_WORD + 3 * i + 2] = LEAF + 1 + i % 0x100;
	s->stack[SP_WORD + 3 * n + 2] = OUTER;
	return s;
}

static void expect_deep(struct step_scene *s, enum wire_stop stop, uint32_t n)
{
	uint32_t at = s->walked.at;

	walked_walk(&s->walked);
	assert_int_equal(s->walked.stop, stop);
	assert_int_equal(s->walked.n, at + n);
	assert_int_equal(s->walked.words[at], LEAF);
	for (uint32_t i = 1; i < n - 1; i++)
		assert_int_equal(s->walked.words[at + i], LEAF + 1 + (i - 1) % 0x100);
}

static void test_thousand_frames(void **state)
{
	STEP_SCENE *s = deep_stack(998);

	(void)state;
	expect_deep(s, WIRE_STOP_END, 1000);
	assert_int_equal(s->walked.words[999], OUTER);
	s->walked.of_task = true;
	expect_deep(s, WIRE_STOP_END, 1000);
}

/* Exactly what there is room for ends as it should; one more is too many. */
static void test_room(void **state)
{
	STEP_SCENE *s = deep_stack(98);

	(void)state;
	s->walked.at = 27; /* behind a kernel stack */
	s->walked.end = 127;
	expect_deep(s, WIRE_STOP_END, 100);
	s->walked.end = 126;
	s->walked.words[126] = 0x5a5a;
	expect_deep(s, WIRE_STOP_LIMIT, 99);
	assert_int_equal(s->walked.words[126], 0x5a5a);
	s->walked.end = s->walked.at + 1;
	expect_deep(s, WIRE_STOP_LIMIT, 1);
	s->walked.end = s->walked.at;
	walked_walk(&s->walked);
	assert_int_equal(s->walked.stop, WIRE_STOP_LIMIT);
	assert_int_equal(s->walked.n, 27);
}

/* Never beyond the array, whatever the limit says. */
static void test_room_beyond_words(void **state)
{
	STEP_SCENE *s = deep_stack(1300);

	(void)state;
	s->walked.at = 100;
	s->walked.end = UINT32_MAX;
	expect_deep(s, WIRE_STOP_LIMIT, WIRE_WORDS_MAX - 100);
	s->walked.end = 50; /* before where it begins */
	walked_walk(&s->walked);
	assert_int_equal(s->walked.stop, WIRE_STOP_LIMIT);
	assert_int_equal(s->walked.n, 100);
}

static void test_bounded_loop(void **state)
{
	STEP_SCENE *fits = deep_stack(BOUNDED_FRAMES - 3), *deeper = deep_stack(BOUNDED_FRAMES);

	(void)state;
	fits->walked.no_bpf_loop = deeper->walked.no_bpf_loop = true;
	expect_deep(fits, WIRE_STOP_END, BOUNDED_FRAMES - 1);
	expect_deep(deeper, WIRE_STOP_LIMIT, BOUNDED_FRAMES);
	deeper->walked.no_bpf_loop = false;
	expect_deep(deeper, WIRE_STOP_END, BOUNDED_FRAMES + 2);
}

/* Memory that leads in a circle: a signal frame may go anywhere, but not for ever. */
static void test_cycle(void **state)
{
	STEP_SCENE *s =
		step_scene_new(scene_row(STEP_TEXT, UNWIND_CFA_SIGNAL, 0, UNWIND_FP_SAME, 0));

	(void)state;
	s->stack[SP_WORD + (40 + 15 * 8) / 8] = STACK_AT(SP_WORD);
	s->stack[SP_WORD + (40 + 16 * 8) / 8] = LEAF;
	walked_walk(&s->walked);
	assert_int_equal(s->walked.stop, WIRE_STOP_LIMIT);
	assert_int_equal(s->walked.n, WIRE_USER_FRAMES_MAX);
	s->walked.no_bpf_loop = true;
	walked_walk(&s->walked);
	assert_int_equal(s->walked.stop, WIRE_STOP_LIMIT);
	assert_int_equal(s->walked.n, BOUNDED_FRAMES);
}

/* A chain of frame pointers only goes up: one that points to itself ends at once. */
static void test_frame_pointer_cycle(void **state)
{
	STEP_SCENE *s = deep_stack(0);

	(void)state;
	s->walked.ip = BARE;
	s->stack[SP_WORD + 20] = STACK_AT(SP_WORD + 20);
	s->stack[SP_WORD + 21] = BARE;
	EXPECT_WALK(s, WIRE_STOP_NO_ROW, BARE, BARE);
}

/* ---- whose mappings ---- */

/* Nothing is known of the mappings: no frame pointer leads on. */
static void expect_unknown(struct step_scene *s)
{
	s->walked.registers[WALKED_FP] = STACK_AT(SP_WORD - 1);
	EXPECT_WALK(s, WIRE_STOP_NO_MAPPING, LEAF);
}

static void test_other_process(void **state)
{
	STEP_SCENE *s = deep_stack(0);

	(void)state;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, OUTER);
	s->walked.thread.pid = 43;
	expect_unknown(s);
}

/* The pid is another process's by now, or it has executed another program. */
static void test_other_image(void **state)
{
	STEP_SCENE *s = deep_stack(0);
	const struct walked_thread same = s->walked.thread;

	(void)state;
	s->walked.thread.start_boot_ns++;
	expect_unknown(s);
	s->walked.thread = same;
	s->walked.thread.exec_id++;
	expect_unknown(s);
	s->walked.thread = same;
	s->walked.thread.start_code++;
	expect_unknown(s);
	s->walked.thread = same;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, OUTER);
}

/* A child that nothing is known of has its parent's mappings, until it executes a program. */
static void test_child(void **state)
{
	STEP_SCENE *s = deep_stack(0);
	struct walked_thread *thread = &s->walked.thread;

	(void)state;
	thread->parent_pid = thread->pid;
	thread->pid = 50;
	thread->start_boot_ns = 9999;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, OUTER);
	thread->exec_id++;
	expect_unknown(s);
	thread->exec_id--;
	thread->start_code++;
	expect_unknown(s);
}

/* Its own mappings come first, even when they are none. */
static void test_child_of_its_own(void **state)
{
	STEP_SCENE *s = deep_stack(0);
	struct walked_thread *thread = &s->walked.thread;

	(void)state;
	thread->parent_pid = thread->pid;
	thread->pid = 50;
	assert_int_equal(scene_publish(&s->scene, thread, NULL, 0), 0);
	expect_unknown(s);
}

/* ---- many mappings ---- */

/* From the first byte of one mapping to another, and nothing beside it. */
static void expect_mapping(struct step_scene *s, const struct mapping *leaf,
			   const struct mapping *outer)
{
	s->stack[SP_WORD + 2] = outer->start + STEP_OUTER - STEP_TEXT + 1;
	s->walked.ip = leaf->start;
	s->walked.registers[WALKED_FP] = STACK_AT(SP_WORD - 1);
	EXPECT_WALK(s, WIRE_STOP_END, leaf->start, s->stack[SP_WORD + 2]);
	s->walked.ip = leaf->end - 1;
	EXPECT_WALK(s, WIRE_STOP_NO_ROW, leaf->end - 1);
	s->walked.ip = leaf->end;
	EXPECT_WALK(s, WIRE_STOP_NO_MAPPING, leaf->end);
	s->walked.ip = leaf->start - 1;
	EXPECT_WALK(s, WIRE_STOP_NO_MAPPING, leaf->start - 1);
}

static void test_every_mapping(void **state)
{
	STEP_SCENE *s = deep_stack(0);
	struct mapping *m = calloc(MAPPINGS_MAX, sizeof(*m));
	static const uint32_t counts[] = {1, 2, 3, 100, 4095, MAPPINGS_MAX};

	(void)state;
	assert_non_null(m);
	for (uint32_t i = 0; i < MAPPINGS_MAX; i++)
		m[i] = (struct mapping){.start = 0x10000000ull + i * 0x10000ull,
					.end = 0x10000000ull + i * 0x10000ull + STEP_SIZE,
					.file_offset = STEP_TEXT,
					.file = 7};
	for (uint32_t c = 0; c < ARRAY_SIZE(counts); c++) {
		uint32_t n = counts[c];

		assert_int_equal(scene_publish(&s->scene, &s->walked.thread, m, n), 0);
		for (uint32_t i = 0; i < n; i++)
			expect_mapping(s, &m[i], &m[n - 1 - i]);
	}
	free(m);
}

/* ---- what it leaves ---- */

static void test_used(void **state)
{
	STEP_SCENE *s = deep_stack(0);
	uint32_t slot = unwind_tables_slot(s->scene.tables, 7);
	struct unwind_file *file = &s->scene.maps->files[slot];

	(void)state;
	file->used = 0;
	s->walked.ip = STEP_JIT;
	walked_walk(&s->walked);
	assert_int_equal(file->used, 0);
	s->walked.ip = LEAF;
	walked_walk(&s->walked);
	assert_int_equal(file->used, UNWIND_EPOCH(s->walked.mono_ns));
	/* A file without rows as well: that is how it becomes known that it lacks them. */
	file->index = 0;
	s->walked.mono_ns += 1000000000;
	s->walked.registers[WALKED_FP] = 0;
	EXPECT_WALK(s, WIRE_STOP_NO_ROW, LEAF);
	assert_int_equal(file->used, UNWIND_EPOCH(s->walked.mono_ns));
}

/* A process whose entry names words that nobody has. */
static void test_no_slab(void **state)
{
	STEP_SCENE *s = deep_stack(0);
	struct unwind_process *process = fake_maps_process(s->scene.maps, 42);
	uint32_t mappings = process->mappings;
	struct unwind_file *file = &s->scene.maps->files[unwind_tables_slot(s->scene.tables, 7)];

	(void)state;
	process->mappings = 5 * UNWIND_SLAB_WORDS;
	expect_unknown(s);
	process->mappings = UINT32_MAX;
	expect_unknown(s);
	process->mappings = mappings;
	file->index = FILE_INDEX(5 * UNWIND_SLAB_WORDS, 48, 8);
	EXPECT_WALK(s, WIRE_STOP_NO_ROW, LEAF);
	file->index = FILE_INDEX(UINT32_MAX, 48, 8);
	EXPECT_WALK(s, WIRE_STOP_NO_ROW, LEAF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_thousand_frames),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_room_beyond_words),
		cmocka_unit_test(test_bounded_loop),
		cmocka_unit_test(test_cycle),
		cmocka_unit_test(test_frame_pointer_cycle),
		cmocka_unit_test(test_other_process),
		cmocka_unit_test(test_other_image),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_child_of_its_own),
		cmocka_unit_test(test_every_mapping),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_no_slab),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
