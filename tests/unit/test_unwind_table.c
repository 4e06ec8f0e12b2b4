// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_table.c - entries of call frame information, made byte by byte: what kinds there are,
 * how a table is put together from them, and what is refused.
 */
#include <elf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "cfi_scene.h"

#define START 0x100u /* of the first function in the text */
#define SIZE  0x40u

static void expect_refused(const char *what, struct cfi_scene *scene, int error)
{
	struct unwind_table table;
	int r = scene_read(scene, &table);

	if (r != error)
		fail_msg("%s: %d instead of %d", what, r, error);
	scene_free(scene);
}

static const uint8_t push[] = {0x0e, 16}; /* CFA is rsp+16 */
#define PUSH push, sizeof(push)

/* A CIE of that kind, an FDE of it, and one of a plain CIE, which must be read in any case. */
static void expect_cie(uint8_t version, const char *augmentation, const uint8_t *data, size_t len,
		       enum unwind_cfa kind)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_cie(scene, version, augmentation, data, len, NO_BYTES), plain;

	scene_fde(scene, cie, START, SIZE, NO_BYTES);
	plain = scene_plain_cie(scene);
	scene_fde(scene, plain, START + SIZE, SIZE, PUSH);
	if (kind == UNWIND_CFA_NONE)
		expect_scene(augmentation, scene, 1,
			     ROWS(SP2(START + SIZE), GAP(START + 2 * SIZE)));
	else if (kind == UNWIND_CFA_SIGNAL)
		expect_scene(augmentation, scene, 0,
			     ROWS(SIG(START), SP2(START + SIZE), GAP(START + 2 * SIZE)));
	else
		expect_scene(augmentation, scene, 0,
			     ROWS(SP1(START), SP2(START + SIZE), GAP(START + 2 * SIZE)));
}

static void test_cies(void **state)
{
	(void)state;
	expect_cie(1, "zR", BYTES(0x1b), UNWIND_CFA_SP);
	expect_cie(3, "zR", BYTES(0x1b), UNWIND_CFA_SP);
	expect_cie(4, "zR", BYTES(0x1b), UNWIND_CFA_SP);
	expect_cie(2, "zR", BYTES(0x1b), UNWIND_CFA_NONE);
	expect_cie(5, "zR", BYTES(0x1b), UNWIND_CFA_NONE);
	expect_cie(1, "zRS", BYTES(0x1b), UNWIND_CFA_SIGNAL);
	expect_cie(1, "zRB", BYTES(0x1b), UNWIND_CFA_SP);
	expect_cie(1, "zPLR", BYTES(0x9b, 1, 2, 3, 4, 0x1b, 0x1b), UNWIND_CFA_SP);
	expect_cie(1, "zPLR", BYTES(0x03, 1, 2, 3, 4, 0x1b, 0x1b), UNWIND_CFA_SP);
	expect_cie(1, "zPR", BYTES(0x00, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b), UNWIND_CFA_SP);
	expect_cie(1, "zPR", BYTES(0x02, 1, 2, 0x1b), UNWIND_CFA_SP);
	expect_cie(1, "zPR", BYTES(0x01, 0x81, 0x01, 0x1b), UNWIND_CFA_SP);
	expect_cie(1, "zPR", BYTES(0xff, 0x1b), UNWIND_CFA_SP);
	/* The data begins at 17 in the section, which is aligned; the pointer stands at 24. */
	expect_cie(1, "zPR", BYTES(0x50, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0x1b),
		   UNWIND_CFA_SP);
	expect_cie(1, "zPR", BYTES(0x0f, 1, 2, 0x1b), UNWIND_CFA_NONE);
	expect_cie(1, "zRX", BYTES(0x1b), UNWIND_CFA_NONE);
	expect_cie(1, "zPR", BYTES(0x03, 1), UNWIND_CFA_NONE);
	expect_cie(1, "R", BYTES(0x1b), UNWIND_CFA_NONE);
	expect_cie(1, "armcc+", NO_BYTES, UNWIND_CFA_NONE);
}

/* GCC 2 and .debug_frame have no augmentation data, and absolute addresses. */
static void test_plain_addresses(void **state)
{
	static const char *const augmentations[] = {"", "eh"};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
		uint32_t cie = scene_cie(scene, 1, augmentations[i], NO_BYTES, NO_BYTES);
		uint32_t entry = scene_begin(scene);

		scene_cie_pointer(scene, cie);
		scene_number(scene, SCENE_TEXT + START, 8);
		scene_number(scene, SIZE, 8);
		scene_put(scene, PUSH);
		scene_end(scene, entry);
		expect_scene(augmentations[i], scene, 0, ROWS(SP2(START), GAP(START + SIZE)));
	}
}

/* What a CIE's own instructions break, all of its functions lose. */
static void test_broken_cie(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_cie(scene, 1, "zR", BYTES(0x1b), BYTES(0x41));

	(void)state;
	scene_fde(scene, cie, START, SIZE, NO_BYTES);
	expect_scene("a CIE that moves on", scene, 1, ROWS(BAD(START), GAP(START + SIZE)));
	scene = scene_new(SCENE_EH_FRAME);
	cie = scene_cie(scene, 1, "zR", BYTES(0x1b), BYTES(0x86, 2, 0xc6));
	scene_fde(scene, cie, START, SIZE, NO_BYTES);
	expect_scene("a CIE that restores", scene, 0, ROWS(SP1(START), GAP(START + SIZE)));
}

/* One FDE whose pointers have that encoding. */
static void expect_encoding(uint8_t encoding, const uint8_t *start, size_t start_len,
			    const uint8_t *size, size_t size_len, bool is_known)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_cie(scene, 1, "zR", &encoding, 1, NO_BYTES), entry, plain;
	char what[16];

	snprintf(what, sizeof(what), "encoding %x", encoding);
	entry = scene_begin(scene);
	scene_cie_pointer(scene, cie);
	scene_put(scene, start, start_len);
	scene_put(scene, size, size_len);
	scene_put(scene, BYTES(0, 0x0e, 16));
	scene_end(scene, entry);
	plain = scene_plain_cie(scene);
	scene_fde(scene, plain, START + SIZE, SIZE, NO_BYTES);
	if (is_known)
		expect_scene(what, scene, 0,
			     ROWS(SP2(START), SP1(START + SIZE), GAP(START + 2 * SIZE)));
	else
		expect_scene(what, scene, 1, ROWS(SP1(START + SIZE), GAP(START + 2 * SIZE)));
}

static void test_encodings(void **state)
{
	(void)state;
	/* The text is at 0x401000, the GOT at 0x900000, the pointer at 0x800020. */
	expect_encoding(0x00, BYTES(0, 0x11, 0x40, 0, 0, 0, 0, 0), BYTES(0x40, 0, 0, 0, 0, 0, 0, 0),
			true);
	expect_encoding(0x04, BYTES(0, 0x11, 0x40, 0, 0, 0, 0, 0), BYTES(0x40, 0, 0, 0, 0, 0, 0, 0),
			true);
	expect_encoding(0x0c, BYTES(0, 0x11, 0x40, 0, 0, 0, 0, 0), BYTES(0x40, 0, 0, 0, 0, 0, 0, 0),
			true);
	expect_encoding(0x03, BYTES(0, 0x11, 0x40, 0), BYTES(0x40, 0, 0, 0), true);
	expect_encoding(0x0b, BYTES(0, 0x11, 0x40, 0), BYTES(0x40, 0, 0, 0), true);
	expect_encoding(0x01, BYTES(0x80, 0xa2, 0x80, 0x02), BYTES(0x40), true);
	expect_encoding(0x09, BYTES(0x80, 0xa2, 0x80, 0x02), BYTES(0xc0, 0), true);
	expect_encoding(0x22, BYTES(0, 1), BYTES(0x40, 0), true); /* from .text */
	expect_encoding(0x2a, BYTES(0, 1), BYTES(0x40, 0), true);
	expect_encoding(0x3b, BYTES(0, 0x11, 0xb0, 0xff), BYTES(0x40, 0, 0, 0), true); /* .got */
	expect_encoding(0x1b, BYTES(0xe0, 0x10, 0xc0, 0xff), BYTES(0x40, 0, 0, 0), true);
	expect_encoding(0x9b, BYTES(0xe0, 0x10, 0xc0, 0xff), BYTES(0x40, 0, 0, 0), false);
	expect_encoding(0x4b, BYTES(0, 0x11, 0x40, 0), BYTES(0x40, 0, 0, 0), false);
	expect_encoding(0x50, BYTES(0, 0x11, 0x40, 0, 0, 0, 0, 0), BYTES(0x40, 0, 0, 0, 0, 0, 0, 0),
			false);
	expect_encoding(0x0d, BYTES(0, 0x11, 0x40, 0), BYTES(0x40, 0, 0, 0), false);
}

static void test_long_lengths(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_plain_cie(scene);

	(void)state;
	scene_number(scene, 0xffffffff, 4);
	scene_number(scene, 15, 8);
	scene_cie_pointer(scene, cie);
	scene_distance(scene, SCENE_TEXT + START);
	scene_number(scene, SIZE, 4);
	scene_put(scene, BYTES(0, 0x0e, 16));
	expect_scene(".eh_frame", scene, 0, ROWS(SP2(START), GAP(START + SIZE)));

	scene = scene_new(SCENE_DEBUG_FRAME);
	scene_number(scene, 0xffffffff, 4);
	scene_number(scene, 18, 8);
	scene_number(scene, UINT64_MAX, 8); /* a CIE */
	scene_put(scene, BYTES(3, 0, 1, 0x78, 16, 0x0c, 7, 8, 0x90, 1));
	scene_number(scene, 0xffffffff, 4);
	scene_number(scene, 26, 8);
	scene_number(scene, 0, 8);
	scene_number(scene, SCENE_TEXT + START, 8);
	scene_number(scene, SIZE, 8);
	scene_put(scene, PUSH);
	expect_scene(".debug_frame", scene, 0, ROWS(SP2(START), GAP(START + SIZE)));
}

static void test_debug_frame(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_DEBUG_FRAME);
	uint32_t cie = scene_cie(scene, 4, "", NO_BYTES, NO_BYTES), size_4;
	struct unwind_table table;

	(void)state;
	scene_fde(scene, cie, START, SIZE, PUSH);
	scene_fde(scene, cie, -SCENE_TEXT, SIZE, NO_BYTES); /* of a dropped function: at 0 */
	size_4 = scene_begin(scene);
	scene_number(scene, UINT32_MAX, 4);
	scene_put(scene, BYTES(4, 0, 4, 0, 1, 0x78, 16)); /* addresses of four bytes */
	scene_end(scene, size_4);
	scene_fde(scene, size_4, START + SIZE, SIZE, NO_BYTES);
	assert_int_equal(scene_read(scene, &table), 0);
	assert_int_equal(table.source, UNWIND_SOURCE_DEBUG_FRAME);
	assert_int_equal(table.n_fdes, 3);
	unwind_table_done(&table);
	expect_scene(".debug_frame", scene, 1, ROWS(SP2(START), GAP(START + SIZE)));
}

/* Wraps the section up as zlib does without compressing: RFC 1950 and 1951, a stored block. */
static struct cfi_scene *wrap_up(struct cfi_scene *scene, uint64_t size)
{
	struct cfi_scene *wrapped = scene_new(SCENE_DEBUG_FRAME);
	uint32_t a = 1, b = 0, len = scene->n_cfi;

	wrapped->section_flags = SHF_COMPRESSED;
	scene_number(wrapped, ELFCOMPRESS_ZLIB, 8);
	scene_number(wrapped, size, 8);
	scene_number(wrapped, 8, 8); /* alignment */
	scene_put(wrapped, BYTES(0x78, 0x01, 0x01));
	scene_number(wrapped, len, 2);
	scene_number(wrapped, ~len, 2);
	scene_put(wrapped, scene->cfi, len);
	for (uint32_t i = 0; i < len; i++) {
		a = (a + scene->cfi[i]) % 65521;
		b = (b + a) % 65521;
	}
	scene_number(wrapped, __builtin_bswap32(b << 16 | a), 4);
	scene_free(scene);
	return wrapped;
}

static void test_compressed(void **state)
{
	const uint64_t sizes[] = {0, 1, 1ull << 40}; /* of what comes out; 0: right */
	const int errors[] = {0, -EBADMSG, -EFBIG};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct cfi_scene *scene = scene_new(SCENE_DEBUG_FRAME);

		scene_fde(scene, scene_cie(scene, 3, "", NO_BYTES, NO_BYTES), START, SIZE, PUSH);
		scene = wrap_up(scene, sizes[i] ? sizes[i] : scene->n_cfi);
		if (errors[i])
			expect_refused("compressed", scene, errors[i]);
		else
			expect_scene("compressed", scene, 0, ROWS(SP2(START), GAP(START + SIZE)));
	}
}

/* By start, whatever the order; of overlapping ones the later holds from its start. */
static void test_order(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_plain_cie(scene);

	(void)state;
	scene_fde(scene, cie, 0x300, 0x100, BYTES(0x50, 0x0e, 24, 0x02, 0x80, 0x0e, 32));
	scene_fde(scene, cie, 0x100, 0x30, PUSH);
	scene_fde(scene, cie, 0x100, 0x80, NO_BYTES);	       /* the first counts */
	scene_fde(scene, cie, 0x340, 0x10, PUSH);	       /* in the middle of the very first */
	scene_fde(scene, cie, 0x200, 0, NO_BYTES);	       /* empty */
	scene_fde(scene, cie, SCENE_TEXT_BYTES, 16, NO_BYTES); /* no code of this file */
	scene_fde(scene, cie, SCENE_TEXT_BYTES - 16, UINT32_MAX, NO_BYTES);
	expect_scene("order", scene, 0,
		     ROWS(SP2(0x100), GAP(0x130), SP1(0x300), ROW(0x310, SP, 3, SAME, 0),
			  SP2(0x340), GAP(0x350), SP1(SCENE_TEXT_BYTES - 16),
			  GAP(SCENE_TEXT_BYTES)));
}

static void test_padding(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_plain_cie(scene);

	(void)state;
	scene_fde(scene, cie, 0x100, 0x31, NO_BYTES);
	scene_fde(scene, cie, 0x140, 0x30, PUSH); /* 15 bytes behind */
	scene_fde(scene, cie, 0x180, 0x10, NO_BYTES);
	scene_fde(scene, cie, 0x190, 0x10, NO_BYTES);
	expect_scene("padding", scene, 0,
		     ROWS(SP1(0x100), SP2(0x140), GAP(0x170), SP1(0x180), GAP(0x1a0)));
}

/* Without sections the end is at a terminator, or where no entry is, but not too early. */
static void test_open_end(void **state)
{
	(void)state;
	for (int with_terminator = 0; with_terminator < 2; with_terminator++) {
		struct cfi_scene *scene = scene_new(SCENE_STRIPPED);
		uint32_t cie = scene_plain_cie(scene);
		struct unwind_table table;

		scene->hdr_count = 2;
		scene_fde(scene, cie, START, SIZE, PUSH);
		scene_number(scene, 0, 4); /* of a file that was linked in */
		scene_fde(scene, cie, START + SIZE, SIZE, NO_BYTES);
		if (with_terminator)
			scene_number(scene, 0, 4);
		scene_put(scene, "what is no entry at all", 23);
		assert_int_equal(scene_read(scene, &table), 0);
		assert_int_equal(table.source, UNWIND_SOURCE_EH_FRAME_HDR);
		unwind_table_done(&table);
		scene->hdr_count = 3;
		assert_int_equal(scene_read(scene, &table), -EBADMSG);
		scene->hdr_count = 2;
		expect_scene("open end", scene, 0,
			     ROWS(SP2(START), SP1(START + SIZE), GAP(START + 2 * SIZE)));
	}
}

static void test_refused(void **state)
{
	static const uint32_t lengths[] = {1, 3, 64, 0x7fffffff, 0xfffffff0};
	struct cfi_scene *scene;
	uint32_t cie, entry;

	(void)state;
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		scene = scene_new(SCENE_EH_FRAME);
		scene_fde(scene, scene_plain_cie(scene), START, SIZE, PUSH);
		scene_number(scene, lengths[i], 4);
		scene_number(scene, 0, 8);
		expect_refused("length", scene, -EBADMSG);
	}
	scene = scene_new(SCENE_EH_FRAME);
	scene_fde(scene, scene_plain_cie(scene), START, SIZE, PUSH);
	scene_number(scene, 0xffffffff, 4);
	scene_number(scene, UINT64_MAX - 4, 8);
	expect_refused("length of 64 bits", scene, -EBADMSG);

	for (uint32_t pointer = 1; pointer < 100; pointer += 3) { /* itself, and all around */
		scene = scene_new(SCENE_EH_FRAME);
		cie = scene_plain_cie(scene);
		scene_fde(scene, cie, START, SIZE, PUSH);
		entry = scene_begin(scene);
		if (scene->n_cfi - pointer == cie)
			pointer += 4;
		scene_number(scene, pointer, 4);
		scene_distance(scene, SCENE_TEXT + START + SIZE);
		scene_number(scene, SIZE, 4);
		scene_end(scene, entry);
		expect_refused("pointer to a CIE", scene, -EBADMSG);
	}
	scene = scene_new(SCENE_EH_FRAME);
	scene->type = ET_REL;
	expect_refused("relocatable", scene, -EBADMSG);
	scene = scene_new(SCENE_EH_FRAME);
	scene->machine = EM_AARCH64;
	expect_refused("foreign", scene, -EBADMSG);
}

/* Cut anywhere, entries are refused or read as far as they go. */
static void test_cut_short(void **state)
{
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_plain_cie(scene), whole;

	(void)state;
	scene_fde(scene, cie, START, SIZE, PUSH);
	whole = scene->n_cfi;
	for (uint32_t n = 0; n < whole; n++) {
		struct unwind_table table;
		int r;

		scene->n_cfi = n;
		r = scene_read(scene, &table);
		assert_int_equal(r, n == 0 || n == cie + 24 ? 0 : -EBADMSG);
		assert_int_equal(table.n_rows, 0);
	}
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cies),	     cmocka_unit_test(test_plain_addresses),
		cmocka_unit_test(test_broken_cie),   cmocka_unit_test(test_encodings),
		cmocka_unit_test(test_long_lengths), cmocka_unit_test(test_debug_frame),
		cmocka_unit_test(test_compressed),   cmocka_unit_test(test_order),
		cmocka_unit_test(test_padding),	     cmocka_unit_test(test_open_end),
		cmocka_unit_test(test_refused),	     cmocka_unit_test(test_cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
