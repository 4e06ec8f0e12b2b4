// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_resolver.c - the profd-resolver of a real profd: what it may do, and what its end costs.
 */
#include "capabilities.h"
#include "cleanup.h"
#include "daemon_fixture.h"
#include "proc_status.h"

#include <inttypes.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NAME   "profd-resolver"
#define WAIT_S 20

static pid_t resolver_of(pid_t profd)
{
	return proc_child_named(profd, NAME);
}

struct wait {
	pid_t profd, before, now;
};

static bool is_another(void *ctx)
{
	struct wait *wait = ctx;

	wait->now = resolver_of(wait->profd);
	return wait->now && wait->now != wait->before;
}

static bool is_gone(void *ctx)
{
	return !proc_lives(*(pid_t *)ctx);
}

/* It bears its name before it is in its sandbox. */
static bool is_confined(void *ctx)
{
	pid_t pid = *(pid_t *)ctx;

	return proc_status_number(pid, pid, "Seccomp") == 2;
}

/* The resolver of the fixture's profd, another one than `before`. */
static pid_t wait_for_resolver(const struct daemon_fixture *fixture, pid_t before)
{
	struct wait wait = {.profd = fixture->profd.pid, .before = before};

	if (!wait_until(is_another, &wait, WAIT_S))
		fail_msg("there is no " NAME);
	assert_true(wait_until(is_confined, &wait.now, WAIT_S));
	return wait.now;
}

/* No privilege, and nothing open but one socket and files of others. */
static void assert_confined(const struct daemon_fixture *fixture, pid_t pid)
{
	static const char *const sets[] = {"CapEff", "CapPrm", "CapInh", "CapAmb"};
	_cleanup_free_ char *descriptors = proc_descriptors(pid);
	char *rest = descriptors, *line;
	int n_sockets = 0;

	for (size_t i = 0; i < ARRAY_SIZE(sets); i++)
		assert_int_equal(proc_status_set(pid, pid, sets[i]), 0);
	assert_int_equal(proc_status_number(pid, pid, "NoNewPrivs"), 1);
	assert_int_equal(proc_status_number(pid, pid, "Seccomp"), 2);
	assert_int_equal(proc_status_number(pid, pid, "Threads"), 1);
	while ((line = strsep(&rest, "\n")) && *line) {
		n_sockets += strncmp(line, "socket:", 7) == 0;
		if (strncmp(line, "socket:", 7) != 0 && line[0] != '/')
			fail_msg("it holds %s", line);
		assert_null(strstr(line, fixture->dir));
		assert_null(strstr(line, "/dev/"));
	}
	assert_int_equal(n_sockets, 1);
}

static uint64_t restarts_in_store(const struct daemon_fixture *fixture)
{
	_cleanup_free_ char *out = NULL;
	const json_t *losses, *loss;
	json_t *status;
	uint64_t count;

	assert_int_equal(profctl(fixture, "status", ARGS("-o", "json"), &out), 0);
	assert_non_null(strchr(out, '\n'));
	status = json_loads(strchr(out, '\n') + 1, 0, NULL); /* behind the window's line */
	losses = json_object_get(json_object_get(status, "last_10m"), "losses");
	assert_non_null(losses);
	loss = json_object_get(losses, "resolver_restarted");
	count = (uint64_t)json_integer_value(json_object_get(loss, "count"));
	json_decref(status);
	return count;
}

static void test_a_user_of_its_own(void **state)
{
	struct daemon_fixture *fixture = *state;
	pid_t resolver;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	resolver = wait_for_resolver(fixture, 0);
	assert_confined(fixture, resolver);
	assert_int_not_equal(proc_status_number(resolver, resolver, "Uid"), 0);
	assert_int_not_equal(proc_status_number(resolver, resolver, "Gid"), 0);
	assert_true(daemon_burn_and_stop(fixture) > 0);
	assert_false(proc_lives(resolver));
	assert_int_equal(restarts_in_store(fixture), 0);
}

/* Names come again, and that one ended is told. */
static void test_killed(void **state)
{
	struct daemon_fixture *fixture = *state;
	pid_t first, second;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	first = wait_for_resolver(fixture, 0);
	assert_int_equal(kill(first, SIGKILL), 0);
	assert_true(wait_until(is_gone, &first, WAIT_S));
	second = wait_for_resolver(fixture, first);
	assert_confined(fixture, second);
	assert_true(daemon_burn_and_stop(fixture) > 0);
	assert_false(proc_lives(second));
	assert_true(restarts_in_store(fixture) >= 1);
}

static void test_ends_with_a_killed_profd(void **state)
{
	struct daemon_fixture *fixture = *state;
	pid_t resolver;

	daemon_start(fixture, ARGS("--bucket", "1"));
	resolver = wait_for_resolver(fixture, 0);
	/* It does not read its socket now, so that it is the kernel that ends it. */
	assert_int_equal(kill(resolver, SIGSTOP), 0);
	child_signal(&fixture->profd, SIGKILL);
	assert_int_equal(child_wait(&fixture->profd, STOP_TIMEOUT_S), 128 + SIGKILL);
	assert_true(wait_until(is_gone, &resolver, WAIT_S));
}

/* It keeps profd's user, and gives up all else: each of the three is needed for another one. */
static void test_without_a_capability(void **state)
{
	static const int numbers[] = {CAP_SETUID, CAP_SETGID, CAP_KILL};
	struct daemon_fixture *fixture = *state;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		struct child_options options = CHILD_DEFAULTS;
		pid_t resolver;

		options.lost_caps = CAPABILITY_BIT(numbers[i]);
		daemon_start_as(fixture, &options, ARGS("--bucket", "1", "--frequency", "199"));
		resolver = wait_for_resolver(fixture, 0);
		assert_confined(fixture, resolver);
		assert_int_equal(proc_status_number(resolver, resolver, "Uid"), 0);
		assert_true(daemon_burn_and_stop(fixture) > 0);
		assert_false(proc_lives(resolver));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_a_user_of_its_own),
		DAEMON_TEST(test_killed),
		DAEMON_TEST(test_ends_with_a_killed_profd),
		DAEMON_TEST(test_without_a_capability),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
