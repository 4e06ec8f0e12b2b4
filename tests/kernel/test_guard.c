/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_guard.c - what the real profd does after its host went down: the flag of the boot before is
 * laid into its store.
 */
#include "cleanup.h"
#include "daemon_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define OTHER_BOOT "01234567-89ab-cdef-0123-456789abcdef"

static void flag_path(const struct daemon_fixture *fixture, char path[PATH_MAX])
{
	(void)snprintf(path, PATH_MAX, "%.3000s/attached", fixture->store);
}

static void lay_flag(const struct daemon_fixture *fixture, const char *mode, int n_crashes)
{
	char path[PATH_MAX];
	FILE *flag;

	(void)mkdir(fixture->store, 0750);
	flag_path(fixture, path);
	flag = fopen(path, "we");
	assert_non_null(flag);
	assert_true(fprintf(flag,
			    "profd-attached 1\nboot_id " OTHER_BOOT
			    "\nmode %s\nsafe_mode_crashes %d\n",
			    mode, n_crashes) > 0);
	assert_int_equal(fclose(flag), 0);
}

static char *read_flag(const struct daemon_fixture *fixture)
{
	_cleanup_fclose_ FILE *flag = NULL;
	char path[PATH_MAX], *text = NULL;
	size_t size = 0;

	flag_path(fixture, path);
	flag = fopen(path, "re");
	if (flag && getdelim(&text, &size, '\0', flag) < 0) {
		free(text);
		text = NULL;
	}
	return text;
}

/* A workload whose functions are called by main; the whole of its answer. */
static void record_split(struct daemon_fixture *fixture, struct answer *ret)
{
	struct child workload = {0};
	char pid[32];
	json_t *truth;

	workload_start(&workload, -1, ARGS("split603010", "1"));
	truth = workload_truth(&workload);
	(void)snprintf(pid, sizeof(pid), "%llu", (unsigned long long)truth_number(truth, "pid"));
	json_decref(truth);
	daemon_stop(fixture, SIGTERM);
	profctl_top(fixture, ARGS("--pid", pid), ret);
}

static void test_after_a_crash_no_user_stack_is_walked(void **state)
{
	struct daemon_fixture *fixture = *state;
	_cleanup_free_ char *said = NULL, *flag = NULL;
	struct answer answer;

	lay_flag(fixture, "normal", 0);
	daemon_start(fixture, ARGS("--frequency", "499"));
	said = child_stderr(&fixture->profd);
	assert_non_null(strstr(said, "safe mode"));
	flag = read_flag(fixture);
	assert_non_null(flag);
	assert_non_null(strstr(flag, "mode safe"));
	assert_null(strstr(flag, OTHER_BOOT));

	record_split(fixture, &answer);
	assert_true(answer_total(&answer, "burn_alpha") > 0);
	assert_int_equal(answer_total(&answer, "main"), 0); /* the caller of them all */
	assert_true(answer_window(&answer, "truncated_ns") >
		    answer_window(&answer, "total_ns") / 10 * 9);
	answer_done(&answer);
	assert_null(read_flag(fixture));
}

static void test_the_next_start_is_a_normal_one(void **state)
{
	struct daemon_fixture *fixture = *state;
	_cleanup_free_ char *flag = NULL;
	struct answer answer;

	lay_flag(fixture, "safe", 0);
	daemon_start(fixture, ARGS("--frequency", "499"));
	daemon_stop(fixture, SIGTERM);
	daemon_start(fixture, ARGS("--frequency", "499"));
	flag = read_flag(fixture);
	assert_non_null(flag);
	assert_non_null(strstr(flag, "mode normal"));
	record_split(fixture, &answer);
	assert_true(answer_total(&answer, "main") > 0);
	answer_done(&answer);
}

/* profd alone was killed: that is not the host's end. */
static void test_a_killed_profd_is_no_crash(void **state)
{
	struct daemon_fixture *fixture = *state;
	_cleanup_free_ char *flag = NULL;

	daemon_start(fixture, NULL);
	child_signal(&fixture->profd, SIGKILL);
	assert_int_equal(child_wait(&fixture->profd, STOP_TIMEOUT_S), 128 + SIGKILL);
	daemon_start(fixture, NULL);
	flag = read_flag(fixture);
	assert_non_null(flag);
	assert_non_null(strstr(flag, "mode normal"));
	daemon_stop(fixture, SIGTERM);
}

static void test_crashes_in_safe_mode_are_refused(void **state)
{
	struct daemon_fixture *fixture = *state;
	const struct child_options options = CHILD_DEFAULTS;
	_cleanup_free_ char *said = NULL, *flag = NULL;

	lay_flag(fixture, "safe", 1); /* and this boot makes it two */
	assert_int_equal(daemon_refused(&options, ARGS("--store", fixture->store), &said), 5);
	assert_non_null(strstr(said, "nothing is profiled"));
	assert_non_null(strstr(said, fixture->store));
	flag = read_flag(fixture);
	assert_non_null(flag);
	assert_non_null(strstr(flag, OTHER_BOOT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_after_a_crash_no_user_stack_is_walked),
		DAEMON_TEST(test_the_next_start_is_a_normal_one),
		DAEMON_TEST(test_a_killed_profd_is_no_crash),
		DAEMON_TEST(test_crashes_in_safe_mode_are_refused),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
