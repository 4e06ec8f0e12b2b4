// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_filter.c - which samples [filter] refuses.
 */
#include "filter.h"

#include "cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void make(struct filter *filter, const char *units, const char *comms)
{
	struct config config;
	struct config_error error;

	config_init(&config);
	assert_int_equal(config_set(&config, "filter", "exclude_units", units, "test", &error), 0);
	assert_int_equal(config_set(&config, "filter", "exclude_comms", comms, "test", &error), 0);
	filter_init(filter, &config);
}

static void test_nothing_excluded(void **state)
{
	struct filter filter;

	(void)state;
	make(&filter, " \t ", "");
	assert_true(filter_is_empty(&filter));
	assert_true(filter_passes(&filter, "", NULL));
	assert_true(filter_passes(&filter, "a", "/system.slice/a.service"));
}

static void test_excluded(void **state)
{
	static const struct {
		const char *comm, *cgroup;
		bool passes;
	} cases[] = {
		{"bash", "/system.slice/a.service", true},
		{"kworker/0:1", "/", false},
		{"kworker", "/", true},
		{"Web Content", NULL, false},
		{"bash", NULL, true},
		{"bash", "", true},
		{"bash", "/system.slice/backup.service", false},
		{"bash", "/system.slice/backup.service/deeper", false},
		{"bash", "/system.slice/backup2.service", true},
		{"bash", "/system.slice/nginx.service", false}, /* as systemctl takes "nginx" */
		{"bash", "/user.slice/user-1000.slice/session-2.scope", false},
		{"bash", "/user.slice/user-1001.slice/session-3.scope", true},
		{"bash", "/system.slice/system-getty.slice/getty@tty1.service", false},
	};
	struct filter filter;

	(void)state;
	make(&filter, "backup.service  user-1000.slice nginx getty@*", "kworker/* Web?Content");
	assert_false(filter_is_empty(&filter));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (filter_passes(&filter, cases[i].comm, cases[i].cgroup) != cases[i].passes)
			fail_msg("'%s' in '%s'", cases[i].comm,
				 cases[i].cgroup ? cases[i].cgroup : "(unknown)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_excluded),
		cmocka_unit_test(test_excluded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
