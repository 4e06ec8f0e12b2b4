// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_kernel_symbols.c - kallsyms as text, and what an address then is.
 */
#include "symbols/kernel_symbols.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const char kallsyms[] = "ffffffff80000000 T _text\n"
			       "ffffffff81000000 T _stext\n"
			       "ffffffff81000000 T startup\n"
			       "ffffffff81000100 t local_one\n"
			       "ffffffff81000100 T global_one\n"
			       "ffffffff81000100 W weak_one\n"
			       "ffffffff81000200 T last_in_text\n"
			       "ffffffff81001000 T _etext\n"
			       "ffffffff82000000 D some_data\n"
			       "ffffffffc0001000 t xfs_read\t[xfs]\n"
			       "ffffffffc0001800 T xfs_write\t[xfs]\n"
			       "ffffffffc0009000 t late_module\t[late]\n"
			       "ffffffffc0100000 t bpf_prog_6deef7357e7b4530_cpu_tick\t[bpf]\n"
			       "ffffffffc0110000 t bpf_trampoline_1\t[bpf]\n"
			       "zzz not a line\n"
			       "ffffffffc0200000\n";
static const char modules[] = "xfs 8192 1 - Live 0xffffffffc0001000\nbroken\n";

static const struct bpf_program_range programs[] = {{0xffffffffc0100000, 0xffffffffc0100400}};

static struct kernel_symbols *parse(void)
{
	struct kernel_symbols *ks = NULL;

	assert_int_equal(
		kernel_symbols_parse(kallsyms, strlen(kallsyms), modules, programs, 1, &ks), 0);
	return ks;
}

static void expect(uint64_t addr, enum file_kind kind, const char *module, uint64_t offset,
		   const char *function)
{
	struct kernel_symbols *ks = parse();
	struct kernel_place place;

	assert_int_equal(kernel_symbols_find(ks, addr, &place), 0);
	assert_int_equal(place.kind, kind);
	assert_string_equal(place.module, module);
	assert_int_equal(place.offset, offset);
	if (function)
		assert_string_equal(place.function, function);
	else
		assert_null(place.function);
	kernel_symbols_free(ks);
}

static void expect_none(uint64_t addr)
{
	struct kernel_symbols *ks = parse();
	struct kernel_place place;

	assert_int_equal(kernel_symbols_find(ks, addr, &place), -ENOENT);
	kernel_symbols_free(ks);
}

static void test_kernel(void **state)
{
	(void)state;
	expect(0xffffffff81000000, FILE_KERNEL, "[kernel]", 0, "startup");
	expect(0xffffffff810000ff, FILE_KERNEL, "[kernel]", 0xff, "startup");
	expect(0xffffffff81000150, FILE_KERNEL, "[kernel]", 0x150, "global_one");
	expect(0xffffffff81000fff, FILE_KERNEL, "[kernel]", 0xfff, "last_in_text");
	expect_none(0xffffffff81001000); /* _etext: data, not the last function */
	expect_none(0xffffffff82000000);
	expect_none(0);
}

static void test_modules(void **state)
{
	(void)state;
	expect(0xffffffffc0001010, FILE_MODULE, "[xfs]", 0x10, "xfs_read");
	expect(0xffffffffc0002fff, FILE_MODULE, "[xfs]", 0x1fff, "xfs_write");
	expect_none(0xffffffffc0003000); /* behind the module's end */
	expect_none(0xffffffffc0009000); /* not in /proc/modules */
}

static void test_bpf(void **state)
{
	(void)state;
	expect(0xffffffffc0100010, FILE_BPF, "[bpf]", 0xffffffffc0100010 - 0xffffffff81000000,
	       "bpf_prog_6deef7357e7b4530_cpu_tick");
	/* Behind its end begins one that was loaded after kallsyms was read. */
	expect_none(0xffffffffc0100400);
	expect(0xffffffffc0110020, FILE_BPF, "[bpf]", 0xffffffffc0110020 - 0xffffffff81000000,
	       "bpf_trampoline_1");
	expect_none(0xffffffffc0111000);
}

/* As without CAP_SYS_ADMIN. */
static void test_bpf_without_ends(void **state)
{
	struct kernel_symbols *ks = NULL;
	struct kernel_place place;

	(void)state;
	assert_int_equal(kernel_symbols_parse(kallsyms, strlen(kallsyms), modules, NULL, 0, &ks),
			 0);
	assert_int_equal(kernel_symbols_find(ks, 0xffffffffc0100fff, &place), 0);
	assert_int_equal(place.kind, FILE_BPF);
	assert_string_equal(place.function, "bpf_prog_6deef7357e7b4530_cpu_tick");
	assert_int_equal(kernel_symbols_find(ks, 0xffffffffc0101000, &place), -ENOENT);
	assert_int_equal(kernel_symbols_find(ks, 0xffffffffc0110020, &place), 0);
	assert_string_equal(place.function, "bpf_trampoline_1");
	kernel_symbols_free(ks);
}

static void test_hidden_and_empty(void **state)
{
	static const char hidden[] = "0000000000000000 T _stext\n0000000000000000 T x\n";
	struct kernel_symbols *ks = NULL;

	(void)state;
	assert_int_equal(kernel_symbols_parse(hidden, strlen(hidden), "", NULL, 0, &ks), -EPERM);
	assert_int_equal(kernel_symbols_parse("", 0, "", NULL, 0, &ks), -ENOENT);
	assert_int_equal(kernel_symbols_parse("ffffffff81000000 D data\n", 24, "", NULL, 0, &ks),
			 -ENOENT);
	assert_null(ks);
}

static void test_every_prefix(void **state)
{
	(void)state;
	for (size_t len = 0; len < strlen(kallsyms); len++) {
		struct kernel_symbols *ks = NULL;
		int r = kernel_symbols_parse(kallsyms, len, modules, programs, 1, &ks);

		assert_true(r == 0 || r == -ENOENT || r == -EPERM);
		kernel_symbols_free(ks);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_modules),
		cmocka_unit_test(test_bpf),
		cmocka_unit_test(test_bpf_without_ends),
		cmocka_unit_test(test_hidden_and_empty),
		cmocka_unit_test(test_every_prefix),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
