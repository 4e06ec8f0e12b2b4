// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_code.c - rows for code that is known without call frame information: where signal
 * handlers return to, and the entry point.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cfi_scene.h"

#define SIZE 0x40u

static const uint8_t sigreturn[] = {0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05};

static void test_signal_returns(void **state)
{
	static const uint8_t of_go[] = {0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05};
	static const uint8_t of_none[] = {0xb9, 0x0f, 0, 0, 0, 0x0f, 0x05};
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_plain_cie(scene), signal;

	(void)state;
	memcpy(scene->text + 0x120, sigreturn, sizeof(sigreturn)); /* in a function */
	memcpy(scene->text + 0x180, of_go, sizeof(of_go));	   /* the entry begins too late */
	memcpy(scene->text + 0x201, sigreturn, sizeof(sigreturn)); /* known as such */
	memcpy(scene->text + 0x300, of_none, sizeof(of_none));
	memcpy(scene->text + 0xfffc, sigreturn, sizeof(sigreturn)); /* in two blocks */
	memcpy(scene->text + SCENE_TEXT_BYTES - sizeof(of_go), of_go, sizeof(of_go));
	scene_fde(scene, cie, 0x100, SIZE, BYTES(0x41, 0x0e, 16));
	scene_fde(scene, cie, 0x180, 7, NO_BYTES);
	signal = scene_cie(scene, 1, "zRS", BYTES(0x1b), NO_BYTES);
	scene_fde(scene, signal, 0x200, 10, NO_BYTES);
	expect_scene("signals", scene, 0,
		     ROWS(SP1(0x100), SP2(0x101), SIG(0x11f), SP2(0x129), GAP(0x140), SIG(0x17f),
			  GAP(0x187), SIG(0x200), GAP(0x20a), SIG(0xfffb), GAP(0x10005),
			  SIG(SCENE_TEXT_BYTES - 8), GAP(SCENE_TEXT_BYTES)));
}

/* Only the first are looked for; and no call frame information is needed. */
static void test_many_signal_returns(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	struct unwind_table table;

	(void)state;
	for (uint32_t at = 0; at + sizeof(sigreturn) <= SCENE_TEXT_BYTES; at += 32)
		memcpy(scene->text + at, sigreturn, sizeof(sigreturn));
	assert_int_equal(scene_read(scene, &table), 0);
	assert_int_equal(table.source, UNWIND_SOURCE_NONE);
	assert_in_range(table.n_rows, 2, 64);
	assert_int_equal(table.rows[0].kind, UNWIND_CFA_SIGNAL);
	assert_int_equal(table.rows[0].pc, 0);
	unwind_table_done(&table);
	scene_free(scene);
}

static void test_entry(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie;

	(void)state;
	scene->entry = SCENE_TEXT + 0x80;
	expect_scene("nothing else", scene, 0, ROWS(STOP(0x80), GAP(0xc0)));

	for (uint32_t entry = 0x80; entry <= 0x138; entry += 8) {
		scene = scene_new(SCENE_EH_FRAME);
		scene->entry = SCENE_TEXT + entry;
		cie = scene_plain_cie(scene);
		scene_fde(scene, cie, 0xa0, 0x90, NO_BYTES);
		scene_fde(scene, cie, 0x13c, 4, NO_BYTES);
		if (entry < 0xa0)
			expect_scene("before a function", scene, 0,
				     ROWS(STOP(entry), SP1(0xa0), GAP(0x140)));
		else if (entry < 0x130)
			expect_scene("in a function", scene, 0, ROWS(SP1(0xa0), GAP(0x140)));
		else if (entry == 0x130) /* what looked like padding is not */
			expect_scene("between functions", scene, 0,
				     ROWS(SP1(0xa0), STOP(0x130), SP1(0x13c), GAP(0x140)));
		else
			expect_scene(
				"in a gap", scene, 0,
				ROWS(SP1(0xa0), GAP(0x130), STOP(entry), SP1(0x13c), GAP(0x140)));
	}
	scene = scene_new(SCENE_EH_FRAME);
	scene->entry = SCENE_TEXT + SCENE_TEXT_BYTES - 4;
	expect_scene("at the end", scene, 0,
		     ROWS(STOP(SCENE_TEXT_BYTES - 4), GAP(SCENE_TEXT_BYTES)));
	scene = scene_new(SCENE_EH_FRAME);
	scene->entry = SCENE_TEXT - 1;
	expect_scene("outside", scene, 0, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signal_returns),
		cmocka_unit_test(test_many_signal_returns),
		cmocka_unit_test(test_entry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
