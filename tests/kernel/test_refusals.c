/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_refusals.c - what profd does not accept: exit code 2 for what was written wrongly, 1 for
 * what the machine does not give, always with a sentence that says what would be right.
 */
#include "cleanup.h"
#include "daemon_fixture.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define NOBODY_UID 65534

/* Requires the exit code and that stderr has all the words; NULL ends them. */
static void assert_refused(const struct child_options *child_options, const char *const options[],
			   int code, const char *const words[])
{
	_cleanup_free_ char *said = NULL;
	int got = daemon_refused(child_options, options, &said);

	print_message("%s", said);
	assert_int_equal(got, code);
	for (int i = 0; words[i]; i++) {
		if (!strstr(said, words[i]))
			fail_msg("stderr has no \"%s\"", words[i]);
	}
	assert_null(strstr(said, "profd: ready"));
}

static void write_file(char path[PATH_MAX], const struct daemon_fixture *fixture, const char *name,
		       const char *text)
{
	FILE *file;

	(void)snprintf(path, PATH_MAX, "%s/%s", fixture->dir, name);
	file = fopen(path, "we");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void assert_config_refused(struct daemon_fixture *fixture, const char *text,
				  const char *const words[])
{
	struct child_options options = CHILD_DEFAULTS;
	char path[PATH_MAX];

	write_file(path, fixture, "profd.conf", text);
	assert_refused(&options, ARGS("--store", fixture->store, "--config", path), 2, words);
	assert_refused(&options, ARGS("--store", fixture->store, "--config", path), 2,
		       ARGS("profd.conf"));
	assert_int_not_equal(access(fixture->store, F_OK), 0);
}

static void test_unknown_key(void **state)
{
	assert_config_refused(*state, "[cpu]\n# a comment\nfrequency = 99\n",
			      ARGS("profd.conf:3", "frequency_hz"));
}

static void test_value_out_of_range(void **state)
{
	assert_config_refused(*state, "[cpu]\nfrequency_hz = 5000\n",
			      ARGS("profd.conf:2", "5000", "19", "999"));
	assert_config_refused(*state, "[store]\n\nbucket_s = 7\n",
			      ARGS("profd.conf:3", "7", "3600"));
}

static void test_line_that_is_none(void **state)
{
	assert_config_refused(*state, "[cpu]\nfrequency_hz\n", ARGS("profd.conf:2"));
}

static void test_unreadable_config(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;

	assert_refused(&options, ARGS("--store", fixture->store, "--config", "/nonexistent/p.conf"),
		       2, ARGS("/nonexistent/p.conf", "No such file"));
	/* A directory can be opened and not read. */
	assert_refused(&options, ARGS("--store", fixture->store, "--config", fixture->dir), 2,
		       ARGS(fixture->dir));
}

static void test_option_out_of_range(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;

	assert_refused(&options, ARGS("--store", fixture->store, "--frequency", "5"), 2,
		       ARGS("--frequency", "19", "999"));
	assert_refused(&options, ARGS("--store", fixture->store, "--bucket", "x"), 2,
		       ARGS("--bucket", "3600"));
	assert_refused(&options, ARGS("--stroe", fixture->store), 2, ARGS("--stroe"));
}

static void test_no_permission(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;

	options.uid = NOBODY_UID;
	assert_refused(&options, ARGS("--store", fixture->store), 1, ARGS("root"));
}

/* A kernel without BTF, as profd sees it: nothing is where the kernel has it. */
static int hide_btf(void)
{
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("none", "/sys/kernel/btf", "tmpfs", 0, NULL);
}

static void test_no_btf(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;

	options.prepare = hide_btf;
	assert_refused(&options, ARGS("--store", fixture->store), 5,
		       ARGS("BTF", "/sys/kernel/btf/vmlinux", "CONFIG_DEBUG_INFO_BTF"));
}

/* A kernel without perf events: the system call is not there. */
static int refuse_perf_events(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_perf_event_open, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(filter), .filter = filter};

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void test_no_perf_events(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;

	options.prepare = refuse_perf_events;
	assert_refused(&options, ARGS("--store", fixture->store), 1,
		       ARGS("no perf events", "CONFIG_PERF_EVENTS", "seccomp"));
}

static void test_store_that_is_a_file(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;
	char path[PATH_MAX], text[16] = "";
	FILE *file;

	write_file(path, fixture, "occupied", "precious\n");
	assert_refused(&options, ARGS("--store", path), 1, ARGS(path));
	file = fopen(path, "re");
	assert_non_null(file);
	assert_non_null(fgets(text, sizeof(text), file));
	assert_int_equal(fclose(file), 0);
	assert_string_equal(text, "precious\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_unknown_key),
		DAEMON_TEST(test_value_out_of_range),
		DAEMON_TEST(test_line_that_is_none),
		DAEMON_TEST(test_unreadable_config),
		DAEMON_TEST(test_option_out_of_range),
		DAEMON_TEST(test_no_permission),
		DAEMON_TEST(test_no_btf),
		DAEMON_TEST(test_no_perf_events),
		DAEMON_TEST(test_store_that_is_a_file),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
