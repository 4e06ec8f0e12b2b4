// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_query_args.c - which window the flags mean, what is refused and with which words, and the
 * flags printed back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "query_args.h"
#include "units.h"

#define S   NSEC_PER_SEC
#define NOW (1795422600 * S) /* 2026-11-23 08:30:00 UTC */

static void test_windows(void **state)
{
	static const struct {
		const char *since, *until;
		uint64_t since_ns, until_ns;
	} cases[] = {
		{NULL, NULL, NOW - 600 * S, NOW},
		{"1h", NULL, NOW - 3600 * S, NOW},
		{NULL, "08:00", NOW - 2400 * S, NOW - 1800 * S},
		{"08:00", "08:10", NOW - 1800 * S, NOW - 1200 * S},
		{"@0", "@1", 0, S},
		{"10m", "2030-01-01", NOW - 600 * S, 1893456000 * S},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct query_args args = {.since = cases[i].since, .until = cases[i].until};
		uint64_t since = 0, until = 0;
		char message[QUERY_MESSAGE_MAX];

		assert_int_equal(query_args_window(&args, NOW, &since, &until, message), 0);
		assert_int_equal(since, cases[i].since_ns);
		assert_int_equal(until, cases[i].until_ns);
	}
}

static void test_windows_refused(void **state)
{
	static const struct {
		const char *since, *until;
		const char *says;
	} cases[] = {
		{"yesterdayish", NULL, "--since 'yesterdayish' is no time; give one like 10m"},
		{NULL, "soon", "--until 'soon' is no time; give one like 10m"},
		{"100y", NULL, "--since '100y' is before 1970"},
		{"09:00", NULL, "--since '09:00' is in the future"},
		{"09:00", "10:00", "--since '09:00' is in the future"},
		{NULL, "09:00", "the 10 minutes before --until '09:00' are in the future"},
		{"08:10", "08:00", "--until '08:00' is not after --since '08:10'"},
		{"08:10", "08:10", "--until '08:10' is not after --since '08:10'"},
		{"now", NULL, "--until 'now' is not after --since 'now'"},
		{NULL, "@0", "--until '@0' is not after"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct query_args args = {.since = cases[i].since, .until = cases[i].until};
		uint64_t since = 7, until = 7;
		char message[QUERY_MESSAGE_MAX] = "";

		assert_int_equal(query_args_window(&args, NOW, &since, &until, message), -EINVAL);
		assert_int_equal(since, 7);
		assert_int_equal(until, 7);
		if (strncmp(message, cases[i].says, strlen(cases[i].says)) != 0)
			fail_msg("said: %s", message);
	}
}

static void test_print(void **state)
{
	uint32_t pids[] = {1, 4194304}, tids[] = {7};
	const char *comms[] = {"nginx*", "it's"}, *units[] = {"a@1.service", "b\\x2d.scope"};
	const char *exes[] = {"/usr/bin/*"}, *containers[] = {"web"};
	struct query_args args = {
		.store_dir = "/tmp/a store",
		.since = "2h 30m ago",
		.until = "08:00",
		.pids = {pids, 2, 2},
		.tids = {tids, 1, 1},
		.units = {units, 2, 2},
		.comms = {comms, 2, 2},
		.exes = {exes, 1, 1},
		.containers = {containers, 1, 1},
	};
	char buf[256];

	(void)state;
	query_args_print(&args, buf, sizeof(buf));
	/* What cannot be quoted is left out rather than typed wrong. */
	assert_string_equal(buf, " --store '/tmp/a store' --since '2h 30m ago' --until 08:00"
				 " --pid 1 --pid 4194304 --tid 7 --unit a@1.service"
				 " --unit 'b\\x2d.scope' --container web --comm 'nginx*'"
				 " --exe '/usr/bin/*'");
	query_args_print(&args, buf, 40);
	assert_string_equal(buf, " --store '/tmp/a store' --until 08:00");
	query_args_print_kinds(&args, buf, sizeof(buf));
	assert_string_equal(buf, "--pid, --tid, --unit, --container, --comm and --exe");
	query_args_print_kinds(&args, buf, 8);
	assert_string_equal(buf, "--pid, ");
	args.units.n_values = args.pids.n_values = args.exes.n_values = args.comms.n_values = 0;
	query_args_print_kinds(&args, buf, sizeof(buf));
	assert_string_equal(buf, "--tid and --container");
	query_args_init(&args);
	query_args_print(&args, buf, sizeof(buf));
	assert_string_equal(buf, "");
	query_args_print_kinds(&args, buf, sizeof(buf));
	assert_string_equal(buf, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_windows_refused),
		cmocka_unit_test(test_print),
	};

	(void)setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
