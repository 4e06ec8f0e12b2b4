/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_refusals.c - what profd does not accept: exit code 2 for what was written wrongly, 1 for
 * what the machine does not give, always with a sentence that says what would be right.
 */
#include "cleanup.h"
#include "daemon_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

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
		DAEMON_TEST(test_unknown_key),		DAEMON_TEST(test_value_out_of_range),
		DAEMON_TEST(test_line_that_is_none),	DAEMON_TEST(test_unreadable_config),
		DAEMON_TEST(test_option_out_of_range),	DAEMON_TEST(test_no_permission),
		DAEMON_TEST(test_store_that_is_a_file),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
