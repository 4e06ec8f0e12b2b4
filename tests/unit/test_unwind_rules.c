// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_rules.c - call frame instructions and expressions, one function each, and their rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cfi_scene.h"

#define START	  0x100u /* of the function in the text */
#define SIZE	  0x40u
#define ROWS_MAX  8
#define AT(delta) (START + (delta))

/* A function, and the rows for it: the last, of the end, is added. */
struct rule_case {
	const char *name;
	const uint8_t *program;
	size_t len;
	struct unwind_row rows[ROWS_MAX];
	uint32_t n_rows;
	bool is_broken;
};

#define CASE(name, program, ...)                                                                   \
	{                                                                                          \
		name, program, .rows = {__VA_ARGS__},                                              \
			       .n_rows = sizeof((const struct unwind_row[]){__VA_ARGS__}) /        \
					 sizeof(struct unwind_row)                                 \
	}
#define BROKEN(name, program)                                                                      \
	{                                                                                          \
		name, program, .rows = {ROW(START, UNSUPPORTED, 0, SAME, 0)}, .n_rows = 1,         \
			       .is_broken = true                                                   \
	}

static void run_case(const struct rule_case *c)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	struct unwind_row rows[ROWS_MAX + 1];
	struct unwind_table table;
	uint32_t cie = scene_plain_cie(scene);

	scene_fde(scene, cie, START, SIZE, c->program, c->len);
	assert_int_equal(scene_read(scene, &table), 0);
	if (table.n_fdes != 1 || table.n_fdes_broken != c->is_broken)
		fail_msg("%s: %u FDEs, %u broken", c->name, table.n_fdes, table.n_fdes_broken);
	assert_int_equal(table.base, SCENE_TEXT);
	assert_int_equal(table.source, UNWIND_SOURCE_EH_FRAME);
	for (uint32_t i = 0; i < c->n_rows; i++)
		rows[i] = c->rows[i];
	rows[c->n_rows] = ROW(START + SIZE, NONE, 0, SAME, 0);
	expect_rows(c->name, &table, rows, c->n_rows + 1);
	scene_free(scene);
}

static void run_cases(const struct rule_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++)
		run_case(&cases[i]);
}

#define RUN(cases) run_cases(cases, sizeof(cases) / sizeof((cases)[0]))

static void test_locations(void **state)
{
	const struct rule_case cases[] = {
		CASE("nothing but what the CIE says", NO_BYTES, SP1(START)),
		CASE("advance_loc", BYTES(0x41, 0x0e, 16, 0x7f), SP1(START),
		     ROW(AT(1), SP, 2, SAME, 0)),
		CASE("advance_loc1", BYTES(0x02, 0x21, 0x0e, 16), SP1(START),
		     ROW(AT(0x21), SP, 2, SAME, 0)),
		CASE("advance_loc2", BYTES(0x03, 0x21, 0, 0x0e, 16), SP1(START),
		     ROW(AT(0x21), SP, 2, SAME, 0)),
		CASE("advance_loc4", BYTES(0x04, 0x21, 0, 0, 0, 0x0e, 16), SP1(START),
		     ROW(AT(0x21), SP, 2, SAME, 0)),
		CASE("advance_loc8", BYTES(0x1d, 0x21, 0, 0, 0, 0, 0, 0, 0, 0x0e, 16), SP1(START),
		     ROW(AT(0x21), SP, 2, SAME, 0)),
		CASE("no distance", BYTES(0x40, 0x0e, 16, 0x40), ROW(START, SP, 2, SAME, 0)),
		CASE("to the last byte", BYTES(0x7f, 0x0e, 16), SP1(START),
		     ROW(AT(0x3f), SP, 2, SAME, 0)),
		CASE("to the end", BYTES(0x02, 0x40, 0x0e, 16), SP1(START)),
		CASE("far behind the end", BYTES(0x04, 0xff, 0xff, 0xff, 0xff, 0x0e, 16),
		     SP1(START)),
		CASE("around",
		     BYTES(0x1d, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0e, 16),
		     SP1(START)),
		CASE("what is behind the end is not looked at", BYTES(0x02, 0x40, 0x3f, 0x3f),
		     SP1(START)),
		CASE("equal neighbours", BYTES(0x41, 0x0e, 16, 0x41, 0x0e, 16, 0x41, 0x83, 3, 0x41),
		     SP1(START), ROW(AT(1), SP, 2, SAME, 0)),
	};

	(void)state;
	RUN(cases);
}

static void test_set_loc(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	struct unwind_table table;
	uint32_t cie = scene_plain_cie(scene);

	(void)state;
	for (uint32_t i = 0; i < 2; i++) { /* forwards, then backwards */
		uint32_t entry = scene_begin(scene);

		scene_cie_pointer(scene, cie);
		scene_distance(scene, SCENE_TEXT + START + i * SIZE);
		scene_number(scene, SIZE, 4);
		scene_put(scene, BYTES(0, 0x01));
		scene_distance(scene, SCENE_TEXT + START + 4);
		scene_put(scene, BYTES(0x0e, 24));
		scene_end(scene, entry);
	}
	assert_int_equal(scene_read(scene, &table), 0);
	assert_int_equal(table.n_fdes_broken, 1);
	expect_rows("set_loc", &table,
		    (const struct unwind_row[]){SP1(START), ROW(AT(4), SP, 3, SAME, 0),
						ROW(START + SIZE, UNSUPPORTED, 0, SAME, 0),
						ROW(START + 2 * SIZE, NONE, 0, SAME, 0)},
		    4);
	scene_free(scene);
}

static void test_cfa(void **state)
{
	const struct rule_case cases[] = {
		CASE("a frame with rbp",
		     BYTES(0x41, 0x0e, 16, 0x86, 2, 0x43, 0x0d, 6, 0x50, 0x0c, 7, 8, 0x41, 0xc6),
		     SP1(START), ROW(AT(1), SP, 2, CFA, -2), ROW(AT(4), FP, 2, CFA, -2),
		     ROW(AT(0x14), SP, 1, CFA, -2), SP1(AT(0x15))),
		CASE("def_cfa_sf", BYTES(0x12, 7, 0x7e), ROW(START, SP, 2, SAME, 0)),
		CASE("def_cfa_offset_sf", BYTES(0x13, 0x7d), ROW(START, SP, 3, SAME, 0)),
		CASE("GNU_args_size", BYTES(0x2e, 0x80, 0x01, 0x0e, 16),
		     ROW(START, SP, 2, SAME, 0)),
		CASE("the largest offset", BYTES(0x0e, 0xf8, 0xff, 0x1f),
		     ROW(START, SP, 65535, SAME, 0)),
		CASE("a larger one", BYTES(0x0e, 0x80, 0x80, 0x20),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("a larger one than there is",
		     BYTES(0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("no multiple of 8", BYTES(0x0e, 12), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("negative", BYTES(0x12, 6, 1), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("in r10", BYTES(0x0c, 10, 0), ROW(START, REGISTER, TWO(0, 10), SAME, 0)),
		CASE("in rax", BYTES(0x0c, 0, 8, 0x86, 2),
		     ROW(START, REGISTER, TWO(1, 0), CFA, -2)),
		CASE("in rsi, negative", BYTES(0x12, 4, 2),
		     ROW(START, REGISTER, TWO(-2, 4), SAME, 0)),
		CASE("in r11, too far", BYTES(0x0c, 11, 0x80, 8),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("in xmm0", BYTES(0x0c, 17, 8), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("remembered", BYTES(0x0a, 0x41, 0x0c, 6, 16, 0x86, 2, 0x41, 0x0b), SP1(START),
		     ROW(AT(1), FP, 2, CFA, -2), SP1(AT(2))),
		CASE("remembered twice",
		     BYTES(0x0a, 0x0e, 16, 0x0a, 0x0e, 24, 0x41, 0x0b, 0x41, 0x0b),
		     ROW(START, SP, 3, SAME, 0), ROW(AT(1), SP, 2, SAME, 0), SP1(AT(2))),
		CASE("rsp elsewhere", BYTES(0x09, 7, 8, 0x41, 0xc7),
		     ROW(START, UNSUPPORTED, 0, SAME, 0), SP1(AT(1))),
		CASE("rsp is the CFA", BYTES(0x14, 7, 0), SP1(START)),
	};

	(void)state;
	RUN(cases);
}

static void test_rbp(void **state)
{
	const struct rule_case cases[] = {
		CASE("offset_extended", BYTES(0x05, 6, 3), ROW(START, SP, 1, CFA, -3)),
		CASE("offset_extended_sf", BYTES(0x11, 6, 0x7e), ROW(START, SP, 1, CFA, 2)),
		CASE("GNU_negative_offset", BYTES(0x2f, 6, 2), ROW(START, SP, 1, CFA, 2)),
		CASE("as far as it goes", BYTES(0x86, 0x80, 1), ROW(START, SP, 1, CFA, -128)),
		CASE("too far", BYTES(0x86, 0x81, 1), ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("restored", BYTES(0x86, 2, 0x41, 0x06, 6), ROW(START, SP, 1, CFA, -2),
		     SP1(AT(1))),
		CASE("undefined", BYTES(0x07, 6), ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("the same", BYTES(0x86, 2, 0x08, 6), SP1(START)),
		CASE("in rax", BYTES(0x09, 6, 0), ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("in itself", BYTES(0x09, 6, 6), SP1(START)),
		CASE("a value, not a place", BYTES(0x14, 6, 2), ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("the same, signed", BYTES(0x15, 6, 0x7e), ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("at rbp-16", BYTES(0x10, 6, 2, 0x76, 0x70), ROW(START, SP, 1, FP, -2)),
		CASE("at rsp-16", BYTES(0x10, 6, 2, 0x77, 0x70), ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("at where rbp-16 points", BYTES(0x10, 6, 3, 0x76, 0x70, 0x06),
		     ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("the value of an expression", BYTES(0x16, 6, 2, 0x76, 0x70),
		     ROW(START, SP, 1, UNKNOWN, 0)),
		CASE("other registers", BYTES(0x83, 2, 0x05, 12, 3, 0x10, 3, 1, 0x06, 0x07, 14),
		     SP1(START)),
	};

	(void)state;
	RUN(cases);
}

static void test_return_address(void **state)
{
	const struct rule_case cases[] = {
		CASE("end of stack", BYTES(0x07, 16), ROW(START, STOP, 0, SAME, 0)),
		CASE("end of stack, with rbp", BYTES(0x86, 2, 0x0e, 12, 0x07, 16),
		     ROW(START, STOP, 0, SAME, 0)),
		CASE("in rdi", BYTES(0x0c, 7, 0, 0x09, 16, 5),
		     ROW(START, RA_REGISTER, TWO(0, 5), SAME, 0)),
		CASE("in rdi, and back", BYTES(0x0c, 7, 0, 0x09, 16, 5, 0x41, 0x0c, 7, 8, 0xd0),
		     ROW(START, RA_REGISTER, TWO(0, 5), SAME, 0), SP1(AT(1))),
		CASE("in rdx, CFA not of rsp", BYTES(0x0c, 5, 0, 0x09, 16, 1),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("in xmm0", BYTES(0x09, 16, 17), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("elsewhere", BYTES(0x90, 2), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("of an expression", BYTES(0x10, 16, 2, 0x77, 0),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("unchanged", BYTES(0x08, 16), ROW(START, UNSUPPORTED, 0, SAME, 0)),
	};

	(void)state;
	RUN(cases);
}

#define PLT(n) BYTES(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x30 + (n), 0x2a, 0x33, 0x24, 0x22)

static void test_expressions(void **state)
{
	const struct rule_case cases[] = {
		CASE("PLT of 11", PLT(11), ROW(START, PLT, 11, SAME, 0)),
		CASE("PLT of 10", PLT(10), ROW(START, PLT, 10, SAME, 0)),
		CASE("PLT of 0", PLT(0), ROW(START, PLT, 0, SAME, 0)),
		CASE("PLT of 15", PLT(15), ROW(START, PLT, 15, SAME, 0)),
		CASE("PLT of 16", PLT(16), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("*(rbp-8)", BYTES(0x0f, 3, 0x76, 0x78, 0x06, 0x10, 6, 2, 0x76, 0),
		     ROW(START, DEREF_FP, TWO(-1, 0), FP, 0)),
		CASE("*(rsp+16)+8", BYTES(0x0f, 5, 0x77, 16, 0x06, 0x23, 8),
		     ROW(START, DEREF_SP, TWO(2, 1), SAME, 0)),
		CASE("*(rsp+16)+8, in words", BYTES(0x0f, 5, 0x77, 16, 0x06, 0x38, 0x22),
		     ROW(START, DEREF_SP, TWO(2, 1), SAME, 0)),
		CASE("two adds", BYTES(0x0f, 8, 0x77, 16, 0x06, 0x23, 8, 0x08, 24, 0x22),
		     ROW(START, DEREF_SP, TWO(2, 4), SAME, 0)),
		CASE("an add before", BYTES(0x0f, 5, 0x77, 8, 0x23, 8, 0x06),
		     ROW(START, DEREF_SP, TWO(2, 0), SAME, 0)),
		CASE("signed numbers",
		     BYTES(0x0f, 9, 0x77, 0, 0x06, 0x09, 0xf8, 0x22, 0x11, 0x70, 0x22),
		     ROW(START, DEREF_SP, TWO(0, -3), SAME, 0)),
		CASE("numbers of two bytes",
		     BYTES(0x0f, 11, 0x77, 0, 0x06, 0x0b, 0xf8, 0xff, 0x22, 0x0a, 16, 0, 0x22),
		     ROW(START, DEREF_SP, TWO(0, 1), SAME, 0)),
		CASE("no deref", BYTES(0x0f, 4, 0x77, 8, 0x23, 8), ROW(START, SP, 2, SAME, 0)),
		CASE("then a register again", BYTES(0x0f, 3, 0x76, 0x78, 0x06, 0x41, 0x0c, 7, 8),
		     ROW(START, DEREF_FP, TWO(-1, 0), SAME, 0), SP1(AT(1))),
		CASE("*(r10)", BYTES(0x0f, 3, 0x7a, 0, 0x06), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("too far", BYTES(0x0f, 4, 0x77, 0x80, 0x08, 0x06),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("odd", BYTES(0x0f, 3, 0x77, 4, 0x06), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("cut short", BYTES(0x0f, 4, 0x77, 8, 0x06, 0x23),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("empty", BYTES(0x0f, 0), ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("two derefs", BYTES(0x0f, 4, 0x77, 8, 0x06, 0x06),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
		CASE("an index", BYTES(0x0f, 7, 0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22),
		     ROW(START, UNSUPPORTED, 0, SAME, 0)),
	};

	(void)state;
	RUN(cases);
}

/* A broken program costs its function the rows, and nothing else. */
static void test_broken(void **state)
{
	const struct rule_case cases[] = {
		BROKEN("unknown instruction", BYTES(0x41, 0x0e, 16, 0x3f)),
		BROKEN("nothing remembered", BYTES(0x41, 0x0b)),
		BROKEN("too much remembered",
		       BYTES(0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a, 0x0a,
			     0x0a, 0x0a, 0x0a, 0x0a, 0x0a)),
		BROKEN("operand cut short", BYTES(0x41, 0x0e, 16, 0x0e, 0x80, 0x80, 0x80)),
		BROKEN("distance cut short", BYTES(0, 0, 0, 0x04, 1)),
		BROKEN("expression cut short", BYTES(0x0f, 40, 0x77, 8)),
	};

	(void)state;
	RUN(cases);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locations),
		cmocka_unit_test(test_set_loc),
		cmocka_unit_test(test_cfa),
		cmocka_unit_test(test_rbp),
		cmocka_unit_test(test_return_address),
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_broken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
