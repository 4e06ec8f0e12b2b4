/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_privileges.c - what a running profd may do, and its child that opens perf events; on a
 * kernel that lets nobody else open them too. What it costs to lack a capability is
 * test_capabilities.c's.
 */
#include "capabilities.h"
#include "cleanup.h"
#include "daemon_fixture.h"
#include "paranoid_kernel.h"
#include "proc_status.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define THREADS_MAX 64
#define NOBODY_UID  65534
#define CHILD_SET   (CAPABILITY_BIT(CAP_SYS_ADMIN) | CAPABILITY_BIT(CAP_PERFMON))

static int teardown(void **state)
{
	paranoid_kernel_end();
	return daemon_fixture_teardown(state);
}

#define PRIVILEGE_TEST(name) cmocka_unit_test_setup_teardown(name, daemon_fixture_setup, teardown)

/* Nothing but `most` anywhere, and no way to get anything back. */
static void assert_at_most(pid_t pid, uint64_t most)
{
	pid_t threads[THREADS_MAX];
	unsigned int n = proc_threads(pid, threads, THREADS_MAX);

	assert_true(n > 0);
	for (unsigned int i = 0; i < n; i++) {
		assert_int_equal(proc_status_set(pid, threads[i], "CapEff") & ~most, 0);
		assert_int_equal(proc_status_set(pid, threads[i], "CapPrm") & ~most, 0);
		assert_int_equal(proc_status_set(pid, threads[i], "CapBnd") & ~most, 0);
		assert_int_equal(proc_status_set(pid, threads[i], "CapInh"), 0);
		assert_int_equal(proc_status_set(pid, threads[i], "CapAmb"), 0);
		assert_int_equal(proc_status_number(pid, threads[i], "NoNewPrivs"), 1);
	}
}

static void test_no_more_than_the_table_says(void **state)
{
	struct daemon_fixture *fixture = *state;
	_cleanup_free_ char *descriptors = NULL;
	pid_t pid, child;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	pid = fixture->profd.pid;
	assert_at_most(pid, capability_kept_set(false));
	assert_int_equal(proc_status_set(pid, pid, "CapEff"), capability_kept_set(false));
	child = proc_only_child(pid);
	assert_true(child > 0);
	assert_at_most(child, CHILD_SET);
	assert_int_equal(proc_status_set(child, child, "CapEff"), CHILD_SET);
	assert_int_equal(proc_status_number(child, child, "Seccomp"), 2);

	/* Nothing but its socket: not the store, not the lock, not what profd was started with. */
	descriptors = proc_descriptors(child);
	assert_int_equal(strncmp(descriptors, "socket:", 7), 0);
	assert_ptr_equal(strchr(descriptors, '\n') + 1, descriptors + strlen(descriptors));

	assert_true(daemon_burn_and_stop(fixture) > 0);
	assert_false(proc_lives(child));
}

static bool is_gone(void *ctx)
{
	return !proc_lives(*(pid_t *)ctx);
}

static void test_child_ends_with_a_killed_profd(void **state)
{
	struct daemon_fixture *fixture = *state;
	pid_t child;

	daemon_start(fixture, ARGS("--bucket", "1"));
	child = proc_only_child(fixture->profd.pid);
	assert_true(child > 0);
	child_signal(&fixture->profd, SIGKILL);
	assert_int_equal(child_wait(&fixture->profd, STOP_TIMEOUT_S), 128 + SIGKILL);
	assert_true(wait_until(is_gone, &child, 10));
}

/* A child that is gone costs what only it can do; profd goes on. */
static void test_profd_goes_on_without_its_child(void **state)
{
	struct daemon_fixture *fixture = *state;
	pid_t child;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	child = proc_only_child(fixture->profd.pid);
	assert_true(child > 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_true(wait_until(is_gone, &child, 10));
	assert_true(daemon_burn_and_stop(fixture) > 0);
}

static void test_without_sys_admin_there_is_no_child(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;

	options.lost_caps = CAPABILITY_BIT(CAP_SYS_ADMIN);
	daemon_start_as(fixture, &options, ARGS("--bucket", "1", "--frequency", "199"));
	assert_int_equal(proc_only_child(fixture->profd.pid), 0);
	assert_at_most(fixture->profd.pid, capability_kept_set(false));
	assert_true(daemon_burn_and_stop(fixture) > 0);
}

static void test_paranoid_kernel(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;
	pid_t pid;

	paranoid_kernel_begin();
	options.prepare = paranoid_kernel_enter;
	daemon_start_as(fixture, &options, ARGS("--bucket", "1", "--frequency", "199"));
	pid = fixture->profd.pid;
	assert_at_most(pid, capability_kept_set(false));
	assert_true(daemon_burn_and_stop(fixture) > 0);
	assert_true(paranoid_kernel_allowed() > 0);
	assert_int_equal(paranoid_kernel_refused(), 0);
}

static void test_paranoid_kernel_without_sys_admin(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;
	_cleanup_free_ char *said = NULL;

	paranoid_kernel_begin();
	options.prepare = paranoid_kernel_enter;
	options.lost_caps = CAPABILITY_BIT(CAP_SYS_ADMIN);
	assert_int_equal(daemon_refused(&options, ARGS("--store", fixture->store), &said), 1);
	print_message("%s", said);
	assert_non_null(strstr(said, "CAP_SYS_ADMIN"));
	assert_non_null(strstr(said, "perf_event_paranoid"));
	assert_non_null(strstr(said, "it is 3"));
	assert_true(paranoid_kernel_refused() > 0);
}

/* The table's two capabilities for it are kept then, and said to be; nothing else is. */
static void test_store_of_another_user(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;
	_cleanup_free_ char *said = NULL, *refused = NULL;
	struct stat st;

	assert_int_equal(mkdir(fixture->store, 0700), 0);
	assert_int_equal(chown(fixture->store, NOBODY_UID, NOBODY_UID), 0);
	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	said = child_stderr(&fixture->profd);
	assert_non_null(strstr(said, "belongs to another user"));
	assert_at_most(fixture->profd.pid, capability_kept_set(true));
	assert_true(daemon_burn_and_stop(fixture) > 0);
	assert_int_equal(stat(fixture->store, &st), 0);
	assert_int_equal(st.st_uid, NOBODY_UID);
	assert_int_equal(st.st_mode & 07777, 0700);

	options.lost_caps = CAPABILITY_BIT(CAP_DAC_OVERRIDE);
	assert_int_equal(daemon_refused(&options, ARGS("--store", fixture->store), &refused), 1);
	print_message("%s", refused);
	assert_non_null(strstr(refused, fixture->store));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PRIVILEGE_TEST(test_no_more_than_the_table_says),
		PRIVILEGE_TEST(test_child_ends_with_a_killed_profd),
		PRIVILEGE_TEST(test_profd_goes_on_without_its_child),
		PRIVILEGE_TEST(test_without_sys_admin_there_is_no_child),
		PRIVILEGE_TEST(test_paranoid_kernel),
		PRIVILEGE_TEST(test_paranoid_kernel_without_sys_admin),
		PRIVILEGE_TEST(test_store_of_another_user),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
