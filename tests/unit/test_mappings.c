// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_mappings.c - the text of /proc/PID/maps, with the lines that other parsers stumble over.
 */
#include "process/mappings.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char typical[] =
	"55d0c0a00000-55d0c0a05000 r--p 00000000 fe:00 1234                       /usr/bin/cat\n"
	"55d0c0a05000-55d0c0a0a000 r-xp 00005000 fe:00 1234                       /usr/bin/cat\n"
	"55d0c1000000-55d0c1021000 rw-p 00000000 00:00 0                          [heap]\n"
	"7f0000000000-7f0000001000 rwxp 00000000 00:00 0 \n"
	"7f0000010000-7f0000020000 r-xp 00001000 fe:00 77                         /opt/a b/x "
	"(deleted)\n"
	"7f0000030000-7f0000031000 r-xs 00000000 00:01 9                          /memfd:jit "
	"(deleted)\n"
	"7ffe00000000-7ffe00001000 r-xp 00000000 00:00 0                          [vdso]\n"
	"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]\n";

static void parse(const char *text, struct mappings *ret)
{
	assert_int_equal(mappings_parse(text, strlen(text), ret), 0);
}

static void test_typical(void **state)
{
	struct mappings m;
	const struct mapping *found;

	(void)state;
	parse(typical, &m);
	assert_int_equal(m.n, 6);
	assert_int_equal(m.n_dropped, 0);
	found = mappings_find(&m, 0x55d0c0a05000);
	assert_non_null(found);
	assert_int_equal(found->kind, MAPPING_FILE);
	assert_int_equal(found->file_offset, 0x5000);
	assert_int_equal(found->inode, 1234);
	assert_int_equal(found->dev_major, 0xfe);
	assert_string_equal(mappings_path(&m, found), "/usr/bin/cat");
	assert_ptr_equal(mappings_find(&m, 0x55d0c0a09fff), found);
	assert_null(mappings_find(&m, 0x55d0c0a0a000));
	assert_null(mappings_find(&m, 0x55d0c0a04fff)); /* not executable */
	assert_null(mappings_find(&m, 0));
	assert_null(mappings_find(&m, UINT64_MAX));
	mappings_done(&m);
}

static void test_kinds(void **state)
{
	struct mappings m;

	(void)state;
	parse(typical, &m);
	assert_int_equal(mappings_find(&m, 0x7f0000000000)->kind, MAPPING_ANON);
	assert_string_equal(mappings_path(&m, mappings_find(&m, 0x7f0000000000)), "");
	assert_string_equal(mappings_path(&m, mappings_find(&m, 0x7f0000010000)), "/opt/a b/x");
	assert_int_equal(mappings_find(&m, 0x7f0000030000)->kind, MAPPING_ANON);
	assert_int_equal(mappings_find(&m, 0x7ffe00000000)->kind, MAPPING_VDSO);
	mappings_done(&m);
}

static void test_broken_lines(void **state)
{
	static const char *const lines[] = {
		"garbage\n",
		"-\n",
		"2000-1000 r-xp 00000000 fe:00 1 /x\n",
		"1000-2000 r-x\n",
		"1000-2000 r-xp 0000000g fe:00 1 /x\n",
		"1000-2000 r-xp 00000000 fe00 1 /x\n",
		"1000-2000 r-xp 00000000 fe:00\n",
		"11111111111111111-2000 r-xp 00000000 fe:00 1 /x\n",
	};
	struct mappings m;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		parse(lines[i], &m);
		if (m.n != 0 || m.n_dropped != 1)
			fail_msg("%s: %zu kept, %zu dropped", lines[i], m.n, m.n_dropped);
		mappings_done(&m);
	}
	parse("1000-3000 r-xp 00000000 fe:00 1 /x\n2000-4000 r-xp 00000000 fe:00 1 /overlap\n", &m);
	assert_int_equal(m.n, 1);
	assert_int_equal(m.n_dropped, 1);
	mappings_done(&m);
	parse("1000-2000 r-xp 00000000 fe:00 1 /no newline", &m);
	assert_string_equal(mappings_path(&m, mappings_find(&m, 0x1000)), "/no newline");
	mappings_done(&m);
}

static void test_every_prefix(void **state)
{
	(void)state;
	for (size_t len = 0; len <= strlen(typical); len++) {
		struct mappings m;

		assert_int_equal(mappings_parse(typical, len, &m), 0);
		assert_true(m.n <= 6);
		mappings_done(&m);
	}
}

static void test_own(void **state)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char text[65536];
	struct mappings m;
	const struct mapping *found;
	size_t len;

	(void)state;
	assert_non_null(f);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	assert_int_equal(mappings_parse(text, len, &m), 0);
	found = mappings_find(&m, (uint64_t)(uintptr_t)&test_own);
	assert_non_null(found);
	assert_non_null(strstr(mappings_path(&m, found), "test_mappings"));
	mappings_done(&m);
}

/* What the ioctl tells is what the text tells; a kernel without it says so. */
static void test_query(void **state)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char text[65536];
	struct mappings m, queried;
	size_t len;
	int r;

	(void)state;
	assert_non_null(f);
	r = mappings_query(fileno(f), &queried);
	len = fread(text, 1, sizeof(text), f);
	fclose(f);
	if (r < 0) {
		assert_int_equal(r, -ENOTTY);
		return;
	}
	assert_int_equal(mappings_parse(text, len, &m), 0);
	/* The text has [vsyscall] as well, which is no mapping of the process. */
	assert_in_range(queried.n, m.n - 1, m.n);
	for (size_t i = 0; i < queried.n; i++) {
		const struct mapping *a = &m.entries[i], *b = &queried.entries[i];

		assert_int_equal(a->start, b->start);
		assert_int_equal(a->end, b->end);
		assert_int_equal(a->file_offset, b->file_offset);
		assert_int_equal(a->inode, b->inode);
		assert_int_equal(a->dev_major, b->dev_major);
		assert_int_equal(a->dev_minor, b->dev_minor);
		assert_int_equal(a->kind, b->kind);
		assert_string_equal(mappings_path(&m, a), mappings_path(&queried, b));
	}
	mappings_done(&m);
	mappings_done(&queried);
	f = tmpfile();
	assert_non_null(f);
	assert_int_equal(mappings_query(fileno(f), &queried), -ENOTTY);
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_typical),	     cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_broken_lines), cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_own),	     cmocka_unit_test(test_query),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
