// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_config.c - profd.conf: what is accepted, and that a refusal names file, line and range.
 */
#include "config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static int parse(struct config *config, const char *text, struct config_error *error)
{
	config_init(config);
	error->text[0] = '\0';
	return config_parse(config, text, strlen(text), "profd.conf", error);
}

static void test_defaults(void **state)
{
	struct config config;

	(void)state;
	config_init(&config);
	assert_int_equal(config.frequency_hz, 49);
	assert_int_equal(config.bucket_s, 10);
	assert_int_equal(config.max_nodes, 1000000);
	assert_int_equal(config.max_mb, 1024);
	assert_string_equal(config.directory, "/var/lib/profd");
}

static void test_all_keys(void **state)
{
	struct config config;
	struct config_error error;

	(void)state;
	assert_int_equal(parse(&config,
			       "# comment\n[cpu]\nfrequency_hz = 99\n\n[store]\nbucket_s=60\n"
			       "max_nodes = 20000\nmax_mb = 16 ; comment\ndirectory = /srv/p\n",
			       &error),
			 0);
	assert_int_equal(config.frequency_hz, 99);
	assert_int_equal(config.bucket_s, 60);
	assert_int_equal(config.max_nodes, 20000);
	assert_int_equal(config.max_mb, 16);
	assert_string_equal(config.directory, "/srv/p");
}

/* The README's example, with its comments. */
static void test_readme(void **state)
{
	struct config config, defaults;
	struct config_error error;

	(void)state;
	config_init(&defaults);
	if (parse(&config,
		  "[cpu]\nfrequency_hz = 49       ; 19 to 999 samples a second and CPU\n\n[store]\n"
		  "directory = /var/lib/profd\nbucket_s = 10           ; a divisor of 3600, at "
		  "most "
		  "600\nmax_nodes = 1000000     ; of a partition's call trie; 25 bytes of profd's "
		  "memory each\nmax_mb = 1024           ; of all partitions together\n",
		  &error) < 0)
		fail_msg("%s", error.text);
	assert_memory_equal(&config, &defaults, sizeof(config));
}

static void test_refusals(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{"[cpu]\nfrequency_hz = 18\n",
		 "profd.conf:2: frequency_hz = '18': accepted are 19 to 999 Hz"},
		{"[cpu]\nfrequency_hz = 1000\n", "19 to 999"},
		{"[cpu]\nfrequency_hz = 4294967345\n", "19 to 999"},
		{"[cpu]\nfrequency_hz = 99999999999999999999999\n", "19 to 999"},
		{"[cpu]\nfrequency_hz = -49\n", "19 to 999"},
		{"[cpu]\nfrequency_hz = 49x\n", "19 to 999"},
		{"[cpu]\nfrequency_hz =\n", "19 to 999"},
		{"[store]\n\nbucket_s = 7\n",
		 "profd.conf:3: bucket_s = '7': accepted are 1 to 600 seconds, divisors of 3600"},
		{"[store]\nbucket_s = 0\n", "1 to 600"},
		{"[store]\nbucket_s = 720\n", "1 to 600"},
		{"[store]\ndirectory = var/lib\n", "absolute path"},
		{"[cpu]\nhz = 49\n",
		 "profd.conf:2: unknown key 'hz' in section [cpu]; known are [cpu] frequency_hz"},
		{"frequency_hz = 49\n", "profd.conf:1: unknown key 'frequency_hz' in section []"},
		{"[cpu]\nfrequency_hz 49\n", "profd.conf:2:"},
		{"[cpu\n", "profd.conf:1: neither a [section] nor key = value"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct config config, untouched;
		struct config_error error;

		config_init(&untouched);
		if (parse(&config, cases[i].text, &error) != -EINVAL ||
		    !strstr(error.text, cases[i].says))
			fail_msg("'%s' gave '%s', not '%s'", cases[i].text, error.text,
				 cases[i].says);
		assert_memory_equal(&config, &untouched, sizeof(config));
	}
}

static void test_long_lines_and_nul(void **state)
{
	static const char nul[] = "[cpu]\nfrequency_hz = 4\0009\n";
	struct config config;
	struct config_error error;
	char text[600];

	(void)state;
	memset(text, 'a', sizeof(text));
	text[0] = '\n';
	config_init(&config);
	assert_int_equal(config_parse(&config, text, sizeof(text), "f", &error), -EINVAL);
	assert_non_null(strstr(error.text, "f:2: the line is longer"));
	assert_int_equal(config_parse(&config, nul, sizeof(nul) - 1, "f", &error), -EINVAL);
	assert_non_null(strstr(error.text, "NUL"));
}

static void test_files(void **state)
{
	char path[] = "/tmp/profd-test-config-XXXXXX";
	struct config config;
	struct config_error error;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[cpu]\nfrequency_hz=20\n", 22), 22);
	config_init(&config);
	assert_int_equal(config_read(&config, path, &error), 0);
	assert_int_equal(config.frequency_hz, 20);
	close(fd);
	unlink(path);
	assert_int_equal(config_read(&config, path, &error), -ENOENT);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(config_read(&config, "/", &error), -EISDIR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),	   cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_refusals),	   cmocka_unit_test(test_readme),
		cmocka_unit_test(test_long_lines_and_nul), cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
