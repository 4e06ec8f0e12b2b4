// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_walker.c - each step of the walker of user stacks: by each kind of row, each rule of rbp,
 * and the frame pointer, and what each of them refuses.
 */
#include "step_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Rows of the leaf. */
static struct unwind_row by(enum unwind_cfa kind, uint16_t cfa)
{
	return scene_row(STEP_TEXT, kind, cfa, UNWIND_FP_SAME, 0);
}

static struct unwind_row by_fp(uint16_t cfa, enum unwind_fp how, int8_t fp)
{
	return scene_row(STEP_TEXT, UNWIND_CFA_SP, cfa, how, fp);
}

static uint16_t low_high(int low, int high)
{
	return (uint16_t)((uint8_t)low | (uint8_t)high << 8);
}

/* The walk goes to the outermost frame, whose stack pointer is word `sp_word`. */
static void expect_outer(struct step_scene *s, uint32_t sp_word)
{
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, OUTER);
	assert_int_equal(s->walked.sp, STACK_AT(sp_word));
}

static void test_from_sp(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SP, 3));

	(void)state;
	s->stack[SP_WORD + 2] = OUTER;
	expect_outer(s, SP_WORD + 3);
	assert_int_equal(s->walked.fp, STACK_AT(SP_WORD + 20));
}

/* A frame of half a megabyte, as far as a row reaches. */
static void test_from_sp_far(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SP, UINT16_MAX));
	uint64_t there = OUTER;
	const struct walked_region regions[] = {
		{STACK_AT(SP_WORD + UINT16_MAX - 1), &there, sizeof(there)}};

	(void)state;
	s->walked.regions = regions;
	expect_outer(s, SP_WORD + UINT16_MAX);
}

static void test_from_fp(void **state)
{
	STEP_SCENE *s = step_scene_new(scene_row(STEP_TEXT, UNWIND_CFA_FP, 2, UNWIND_FP_CFA, -2));

	(void)state;
	s->stack[SP_WORD + 20] = 0x1234;
	s->stack[SP_WORD + 21] = OUTER;
	expect_outer(s, SP_WORD + 22);
	assert_int_equal(s->walked.fp, 0x1234);
}

static void test_plt(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_PLT, 11));

	(void)state;
	s->stack[SP_WORD] = OUTER; /* nothing pushed yet */
	s->walked.ip = LEAF + 10;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF + 10, OUTER);
	assert_int_equal(s->walked.sp, STACK_AT(SP_WORD + 1));
	s->stack[SP_WORD] = 5; /* the number of the relocation */
	s->stack[SP_WORD + 1] = OUTER;
	s->walked.ip = LEAF + 11;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF + 11, OUTER);
	assert_int_equal(s->walked.sp, STACK_AT(SP_WORD + 2));
}

static void test_deref(void **state)
{
	static const struct {
		enum unwind_cfa kind;
		int low, high;
		uint32_t at;
	} cases[] = {
		{UNWIND_CFA_DEREF_SP, 4, 2, SP_WORD + 4},
		{UNWIND_CFA_DEREF_SP, -3, -5, SP_WORD - 3},
		{UNWIND_CFA_DEREF_FP, -10, 0, SP_WORD + 10},
		{UNWIND_CFA_DEREF_FP, 127, -128, SP_WORD + 147},
	};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(cases); i++) {
		STEP_SCENE *s =
			step_scene_new(by(cases[i].kind, low_high(cases[i].low, cases[i].high)));

		s->stack[cases[i].at] = STACK_AT(SP_WORD + 500);
		s->stack[SP_WORD + 500 + cases[i].high - 1] = OUTER;
		expect_outer(s, (uint32_t)(SP_WORD + 500 + cases[i].high));
		s->stack[cases[i].at] = 8; /* what is found there is no stack */
		EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	}
}

static void test_deref_unreadable(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_DEREF_SP, low_high(-100, 0)));

	(void)state;
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
}

/* A register of the leaf is known, and of no other frame. */
static void test_register(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_REGISTER, low_high(2, 10)));

	(void)state;
	s->walked.registers[10] = STACK_AT(SP_WORD + 30);
	s->stack[SP_WORD + 31] = OUTER;
	expect_outer(s, SP_WORD + 32);
	s->stack[SP_WORD + 31] = LEAF + 1;
	EXPECT_WALK(s, WIRE_STOP_UNSUPPORTED, LEAF, LEAF + 1);
}

static void test_return_in_register(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_RA_REGISTER, low_high(1, 5)));

	(void)state;
	s->walked.registers[5] = OUTER;
	expect_outer(s, SP_WORD + 1);
	s->walked.registers[5] = LEAF + 1;
	EXPECT_WALK(s, WIRE_STOP_UNSUPPORTED, LEAF, LEAF + 1);
	s->walked.registers[5] = 0; /* as by any other row, a frame has an address */
	EXPECT_WALK(s, WIRE_STOP_FP_END, LEAF);
	s->walked.registers[5] = UINT64_MAX;
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
}

/* vfork() keeps the return address in a register and pops it: the stack is where it was. */
static void test_return_in_register_same_stack(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_RA_REGISTER, low_high(0, 5)));

	(void)state;
	s->walked.registers[5] = OUTER;
	expect_outer(s, SP_WORD);
}

static void test_return_in_register_below(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_RA_REGISTER, low_high(-1, 5)));

	(void)state;
	s->walked.registers[5] = OUTER;
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
}

/* What the kernel leaves on the stack for __restore_rt, by its own declaration. */
static void put_signal_frame(struct step_scene *s, uint64_t fp, uint64_t sp, uint64_t ip)
{
	s->stack[SP_WORD + (40 + 10 * 8) / 8] = fp;
	s->stack[SP_WORD + (40 + 15 * 8) / 8] = sp;
	s->stack[SP_WORD + (40 + 16 * 8) / 8] = ip;
}

/* The interrupted frame is told as exact, and its row is that of its very address. */
static void test_signal(void **state)
{
	const uint64_t exact = WIRE_FRAME_EXACT << WIRE_FRAME_SHIFT;
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SIGNAL, 0));

	(void)state;
	put_signal_frame(s, 0x77, STACK_AT(8), STEP_BIAS + STEP_OUTER);
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, (STEP_BIAS + STEP_OUTER) | exact);
	assert_int_equal(s->walked.sp, STACK_AT(8)); /* below: another stack */
	assert_int_equal(s->walked.fp, 0x77);
	/* Such a frame's registers other than these are not known. */
	put_signal_frame(s, 0x77, STACK_AT(8), 0);
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	put_signal_frame(s, 0x77, STACK_AT(8), 1ull << 47);
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	s->walked.registers[WALKED_SP] = STACK_AT(STACK_WORDS - 21);
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
}

static void test_stop_and_unsupported(void **state)
{
	STEP_SCENE *stop = step_scene_new(by(UNWIND_CFA_STOP, 0));
	STEP_SCENE *unsupported = step_scene_new(by(UNWIND_CFA_UNSUPPORTED, 0));
	STEP_SCENE *unknown = step_scene_new(by(UNWIND_CFA_MAX, 1));

	(void)state;
	EXPECT_WALK(stop, WIRE_STOP_END, LEAF);
	EXPECT_WALK(unsupported, WIRE_STOP_UNSUPPORTED, LEAF);
	EXPECT_WALK(unknown, WIRE_STOP_UNSUPPORTED, LEAF);
}

/* ---- rules of rbp ---- */

static void test_fp_at_cfa(void **state)
{
	static const int8_t places[] = {-1, -2, -3, -6, -7, -8, -9, -128, 0, 1, 127};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		STEP_SCENE *s = step_scene_new(by_fp(200, UNWIND_FP_CFA, places[i]));
		uint32_t cfa = SP_WORD + 200;

		s->stack[cfa - 1] = OUTER;
		if (places[i] != -1) /* there the return address is */
			s->stack[(int)cfa + places[i]] = 0x4321;
		expect_outer(s, cfa);
		assert_int_equal(s->walked.fp, places[i] == -1 ? OUTER : 0x4321);
	}
}

static void test_fp_at_fp(void **state)
{
	static const int8_t places[] = {-20, -1, 0, 1, 127, -128};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		STEP_SCENE *s = step_scene_new(by_fp(200, UNWIND_FP_FP, places[i]));

		s->walked.registers[WALKED_FP] = STACK_AT(1000);
		s->stack[SP_WORD + 199] = OUTER;
		s->stack[1000 + places[i]] = 0x4321;
		expect_outer(s, SP_WORD + 200);
		assert_int_equal(s->walked.fp, 0x4321);
		s->walked.registers[WALKED_FP] = 0x10000;
		EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	}
}

static void test_fp_unknown(void **state)
{
	STEP_SCENE *s = step_scene_new(by_fp(2, UNWIND_FP_UNKNOWN, 0));

	(void)state;
	s->stack[SP_WORD + 1] = OUTER;
	expect_outer(s, SP_WORD + 2);
	assert_int_equal(s->walked.fp, 0);
	s->stack[SP_WORD + 1] = BARE; /* no row there, and no frame pointer to go on with */
	EXPECT_WALK(s, WIRE_STOP_NO_ROW, LEAF, BARE);
}

/* ---- checks of a step by row ---- */

static void test_row_refusals(void **state)
{
	STEP_SCENE *s = step_scene_new(scene_row(STEP_TEXT, UNWIND_CFA_FP, 2, UNWIND_FP_CFA, -2));
	uint64_t *fp = &s->walked.registers[WALKED_FP];

	(void)state;
	s->stack[SP_WORD + 21] = OUTER;
	*fp = STACK_AT(SP_WORD - 2); /* CFA = sp: it goes nowhere */
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	*fp = STACK_AT(SP_WORD - 20); /* backwards */
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	*fp = STACK_AT(SP_WORD + 20) + 4; /* misaligned */
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	*fp = STACK_AT(STACK_WORDS - 1); /* unreadable */
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	*fp = UINT64_MAX - 15; /* it wraps to 0 */
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	*fp = 0xffff888000000000ull; /* the kernel's */
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	*fp = STACK_AT(SP_WORD + 20);
	s->stack[SP_WORD + 21] = 0xffffffff81000000ull;
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
	s->stack[SP_WORD + 21] = 0;
	EXPECT_WALK(s, WIRE_STOP_FP_END, LEAF);
	s->stack[SP_WORD + 21] = OUTER;
	expect_outer(s, SP_WORD + 22);
}

/* A return address belongs to the call before it, an interrupted one to itself. */
static void test_boundary(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SP, 1));

	(void)state;
	s->stack[SP_WORD] = STEP_BIAS + STEP_OUTER; /* behind the last instruction of the leaf */
	s->stack[SP_WORD + 1] = OUTER;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, STEP_BIAS + STEP_OUTER, OUTER);
	s->walked.ip = STEP_BIAS + STEP_OUTER;
	EXPECT_WALK(s, WIRE_STOP_END, STEP_BIAS + STEP_OUTER);
	s->walked.is_return = true; /* in a system call */
	s->stack[SP_WORD] = OUTER;
	EXPECT_WALK(s, WIRE_STOP_END, STEP_BIAS + STEP_OUTER, OUTER);
}

/* ---- by frame pointer ---- */

static void test_frame_pointer(void **state)
{
	const uint64_t places[] = {BARE, STEP_JIT + 5, STEP_NOWHERE};
	const enum wire_stop stops[] = {WIRE_STOP_NO_ROW, WIRE_STOP_NO_ROW, WIRE_STOP_NO_MAPPING};

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(places); i++) {
		STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SP, 1));
		uint64_t *fp = &s->walked.registers[WALKED_FP];

		s->walked.ip = places[i];
		s->stack[SP_WORD + 20] = 0x55;
		s->stack[SP_WORD + 21] = OUTER;
		EXPECT_WALK(s, WIRE_STOP_END, places[i], OUTER);
		assert_int_equal(s->walked.sp, STACK_AT(SP_WORD + 22));
		assert_int_equal(s->walked.fp, 0x55);
		s->stack[SP_WORD + 21] = 0;
		EXPECT_WALK(s, WIRE_STOP_FP_END, places[i]);
		s->stack[SP_WORD + 21] = 1ull << 63;
		EXPECT_WALK(s, stops[i], places[i]);
		*fp = STACK_AT(SP_WORD - 1); /* backwards */
		EXPECT_WALK(s, stops[i], places[i]);
		*fp = STACK_AT(SP_WORD + 20) + 1;
		EXPECT_WALK(s, stops[i], places[i]);
		*fp = STACK_AT(SP_WORD) + (1 << 20) + 8; /* too far */
		EXPECT_WALK(s, stops[i], places[i]);
		*fp = STACK_AT(SP_WORD) + (1 << 20); /* not too far, and not there */
		EXPECT_WALK(s, WIRE_STOP_FAULT, places[i]);
		*fp = 0;
		EXPECT_WALK(s, stops[i], places[i]);
		/* An end that frame pointers have led to is one. */
		*fp = STACK_AT(SP_WORD + 20);
		s->stack[SP_WORD + 20] = 0;
		s->stack[SP_WORD + 21] = STEP_JIT + 0x10;
		EXPECT_WALK(s, WIRE_STOP_END, places[i], STEP_JIT + 0x10);
		s->stack[SP_WORD + 21] = STEP_NOWHERE;
		EXPECT_WALK(s, WIRE_STOP_FP_END, places[i], STEP_NOWHERE);
	}
}

/* Rows after frame pointers after rows: what was found is kept where it ends. */
static void test_mixed(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SP, 4));

	(void)state;
	s->stack[SP_WORD + 3] = STEP_JIT + 0x10;
	s->stack[SP_WORD + 20] = STACK_AT(SP_WORD + 40);
	s->stack[SP_WORD + 21] = BARE;
	s->stack[SP_WORD + 40] = STACK_AT(SP_WORD + 60);
	s->stack[SP_WORD + 41] = LEAF + 8;
	s->stack[SP_WORD + 45] = STEP_NOWHERE;
	s->stack[SP_WORD + 60] = 3;
	s->stack[SP_WORD + 61] = OUTER;
	EXPECT_WALK(s, WIRE_STOP_END, LEAF, STEP_JIT + 0x10, BARE, LEAF + 8, STEP_NOWHERE, OUTER);
	s->stack[SP_WORD + 40] = 0;
	EXPECT_WALK(s, WIRE_STOP_NO_MAPPING, LEAF, STEP_JIT + 0x10, BARE, LEAF + 8, STEP_NOWHERE);
	s->stack[SP_WORD + 40] = STACK_AT(SP_WORD + 30);
	EXPECT_WALK(s, WIRE_STOP_NO_MAPPING, LEAF, STEP_JIT + 0x10, BARE, LEAF + 8, STEP_NOWHERE);
}

/* The same steps with the other way to read memory. */
static void test_memory_of_task(void **state)
{
	STEP_SCENE *s = step_scene_new(by(UNWIND_CFA_SP, 3));

	(void)state;
	s->walked.of_task = true;
	s->stack[SP_WORD + 2] = OUTER;
	expect_outer(s, SP_WORD + 3);
	s->walked.registers[WALKED_SP] = STACK_AT(STACK_WORDS);
	EXPECT_WALK(s, WIRE_STOP_FAULT, LEAF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_from_sp),
		cmocka_unit_test(test_from_sp_far),
		cmocka_unit_test(test_from_fp),
		cmocka_unit_test(test_plt),
		cmocka_unit_test(test_deref),
		cmocka_unit_test(test_deref_unreadable),
		cmocka_unit_test(test_register),
		cmocka_unit_test(test_return_in_register),
		cmocka_unit_test(test_return_in_register_same_stack),
		cmocka_unit_test(test_return_in_register_below),
		cmocka_unit_test(test_signal),
		cmocka_unit_test(test_stop_and_unsupported),
		cmocka_unit_test(test_fp_at_cfa),
		cmocka_unit_test(test_fp_at_fp),
		cmocka_unit_test(test_fp_unknown),
		cmocka_unit_test(test_row_refusals),
		cmocka_unit_test(test_boundary),
		cmocka_unit_test(test_frame_pointer),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_memory_of_task),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
