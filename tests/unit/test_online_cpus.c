// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_online_cpus.c - lists of CPUs as the kernel writes them, and as nobody should; a list that
 * changes.
 */
#include "capture/online_cpus.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int parse(const char *text, struct cpu_list *ret)
{
	return cpu_list_parse(text, strlen(text), ret);
}

static void test_lists(void **state)
{
	static const struct {
		const char *text, *has, *has_not;
		uint32_t n;
	} cases[] = {
		{"0\n", "\0", "\1", 1},	      {"0-3,5\n", "\3\5", "\4\6", 5},
		{"0,2,4", "\2\4", "\1\3", 3}, {"1,1-2,2\n", "\1\2", "\3", 2},
		{"\n", "", "\0", 0},	      {"", "", "\0", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpu_list list;

		assert_int_equal(parse(cases[i].text, &list), 0);
		assert_int_equal(list.n, cases[i].n);
		for (const char *cpu = cases[i].has; *cpu; cpu++)
			assert_true(cpu_list_has(&list, (uint32_t)*cpu));
		for (const char *cpu = cases[i].has_not; *cpu; cpu++)
			assert_false(cpu_list_has(&list, (uint32_t)*cpu));
	}
}

static void test_limits(void **state)
{
	struct cpu_list list;

	(void)state;
	assert_int_equal(parse("0-8191\n", &list), 0);
	assert_int_equal(list.n, CPU_LIST_MAX);
	assert_true(cpu_list_has(&list, CPU_LIST_MAX - 1));
	assert_false(cpu_list_has(&list, CPU_LIST_MAX));
	assert_false(cpu_list_has(&list, UINT32_MAX));
	assert_int_equal(parse("8192\n", &list), -EINVAL);
	assert_int_equal(parse("0-8192\n", &list), -EINVAL);
	assert_int_equal(parse("0-99999999999999999999\n", &list), -EINVAL);
}

static void test_no_lists(void **state)
{
	static const char *const texts[] = {"x",  "-",	  "3-1", "1-",	   "-1",    ",",   "1,",
					    ",1", "1,,2", "1 2", "1\n2\n", "1-2-3", "0x1", "1\n\n"};
	struct cpu_list list;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		assert_int_equal(parse(texts[i], &list), -EINVAL);
	assert_int_equal(cpu_list_parse("1\0002", 3, &list), -EINVAL);
}

static void write_text(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void test_changes(void **state)
{
	_cleanup_(online_cpus_freep) struct online_cpus *online = NULL;
	const char *tmp = getenv("TMPDIR");
	_cleanup_free_ char *path = NULL;
	int fd;

	(void)state;
	assert_true(asprintf(&path, "%s/profd-online-XXXXXX", tmp ? tmp : "/tmp") > 0);
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(online_cpus_new(path, &online), -EINVAL); /* empty: no CPU at all */
	write_text(path, "0-1\n");
	assert_int_equal(online_cpus_new(path, &online), 0);
	assert_int_equal(online_cpus_list(online)->n, 2);
	assert_int_equal(online_cpus_read(online), 0);
	write_text(path, "0\n");
	assert_int_equal(online_cpus_read(online), 1);
	assert_int_equal(online_cpus_list(online)->n, 1);
	/* What is no list leaves the last one. */
	write_text(path, "none\n");
	assert_int_equal(online_cpus_read(online), -EINVAL);
	write_text(path, "\n");
	assert_int_equal(online_cpus_read(online), -EINVAL);
	assert_true(cpu_list_has(online_cpus_list(online), 0));
	write_text(path, "0,2\n");
	assert_int_equal(online_cpus_read(online), 1);
	assert_true(cpu_list_has(online_cpus_list(online), 2));
	assert_int_equal(close(fd), 0);
	assert_int_equal(unlink(path), 0);
	online = online_cpus_free(online);
	assert_int_equal(online_cpus_new(path, &online), -ENOENT);
	assert_null(online);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_no_lists),
		cmocka_unit_test(test_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
