// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_capability_table.c - the table is whole, and keeping fewer capabilities cannot be undone.
 */
#include "capabilities.h"
#include "cleanup.h"

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cmocka.h>

static void test_every_line_says_what_it_costs(void **state)
{
	const struct capability *table;
	uint64_t seen = 0;
	size_t n;

	(void)state;
	table = capability_table(&n);
	assert_true(n > 0);
	for (size_t i = 0; i < n; i++) {
		assert_in_range(table[i].number, 0, CAP_LAST_CAP);
		assert_false(seen & CAPABILITY_BIT(table[i].number));
		seen |= CAPABILITY_BIT(table[i].number);
		assert_int_equal(strncmp(table[i].name, "CAP_", 4), 0);
		assert_true(strlen(table[i].purpose) > 0);
		assert_true(strlen(table[i].cost) > 0);
		assert_int_equal(table[i].cost[strlen(table[i].cost) - 1], '.');
	}
}

static void test_what_is_kept(void **state)
{
	const uint64_t running =
		CAPABILITY_BIT(CAP_BPF) | CAPABILITY_BIT(CAP_PERFMON) | CAPABILITY_BIT(CAP_SYSLOG) |
		CAPABILITY_BIT(CAP_SYS_PTRACE) | CAPABILITY_BIT(CAP_CHECKPOINT_RESTORE) |
		CAPABILITY_BIT(CAP_DAC_READ_SEARCH) | CAPABILITY_BIT(CAP_IPC_LOCK) |
		CAPABILITY_BIT(CAP_SETUID) | CAPABILITY_BIT(CAP_SETGID) | CAPABILITY_BIT(CAP_KILL);

	(void)state;
	assert_int_equal(capability_kept_set(false), running);
	assert_int_equal(capability_kept_set(true),
			 running | CAPABILITY_BIT(CAP_DAC_OVERRIDE) | CAPABILITY_BIT(CAP_FOWNER));
}

/* In a process of its own: 0 when it ends up as it must. */
static int keep_one(void)
{
	const uint64_t wanted = CAPABILITY_BIT(CAP_SYSLOG);
	uint64_t before, after;

	if (capabilities_read(&before) < 0 || capabilities_keep(wanted) < 0 ||
	    capabilities_read(&after) < 0 || after != (before & wanted))
		return 1;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 2;
	/* As root the bounding set is empty but for it. */
	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (before & CAPABILITY_BIT(CAP_SETPCAP) && cap != CAP_SYSLOG &&
		    prctl(PR_CAPBSET_READ, cap, 0, 0, 0) != 0)
			return 3;
	/* A wider set afterwards is not more. */
	if (capabilities_keep(~UINT64_C(0)) < 0 || capabilities_read(&after) < 0 ||
	    after != (before & wanted))
		return 4;
	return 0;
}

static void test_keep(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(keep_one());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_line_says_what_it_costs),
		cmocka_unit_test(test_what_is_kept),
		cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
