// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_config.c - profd.conf: what is accepted, and that a refusal names file, line and range.
 */
#include "config.h"

#include "cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
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
	assert_string_equal(config.control_directory, "/run/profd");
	assert_string_equal(config.cache_directory, "/var/cache/profd");
	assert_int_equal(config.exclude_units.n, 0);
	assert_int_equal(config.exclude_comms.n, 0);
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
	assert_int_equal(parse(&config, "[unwind]\ncache_directory = /srv/c\n", &error), 0);
	assert_string_equal(config.cache_directory, "/srv/c");
	assert_int_equal(parse(&config, "[unwind]\ncache_directory =\n", &error), 0);
	assert_string_equal(config.cache_directory, ""); /* none */
	assert_int_equal(
		parse(&config, "[offcpu]\nenabled = no\nwakers = yes\nstacks_per_s = 99\n", &error),
		0);
	assert_int_equal(config.offcpu_enabled, 0);
	assert_int_equal(config.offcpu_wakers, 1);
	assert_int_equal(config.offcpu_stacks_per_s, 99);
	assert_int_equal(config.blockio_enabled, 1);
	assert_int_equal(config.blockio_stacks_per_s, 50);
	assert_int_equal(parse(&config, "[blockio]\nenabled = no\nstacks_per_s = 10\n", &error), 0);
	assert_int_equal(config.blockio_enabled, 0);
	assert_int_equal(config.blockio_stacks_per_s, 10);
}

/* packaging/profd.conf as it is installed, or with the "#" before its keys taken away. */
static char *packaged(bool uncommented)
{
	_cleanup_fclose_ FILE *file = fopen(PROFD_CONF, "re");
	char *text = calloc(1, 65536), line[512];

	assert_non_null(file);
	assert_non_null(text);
	while (fgets(line, sizeof(line), file)) {
		bool is_key = line[0] == '#' && line[1] != ' ' && line[1] != '\n';

		strcat(text, is_key && uncommented ? line + 1 : line);
		assert_true(strlen(text) < 65536 - sizeof(line));
	}
	return text;
}

/* What is installed changes nothing, names every key, and with its default. */
static void test_packaged(void **state)
{
	_cleanup_free_ char *as_is = packaged(false), *uncommented = packaged(true);
	struct config config, defaults;
	struct config_error error;
	char *key, *rest;

	(void)state;
	config_init(&defaults);
	if (parse(&config, as_is, &error) < 0 || parse(&config, uncommented, &error) < 0)
		fail_msg("%s", error.text);
	assert_memory_equal(&config, &defaults, sizeof(config));
	/* The list of keys in a message is the table of keys. */
	assert_int_equal(config_set(&config, "", "", "", "", &error), -EINVAL);
	rest = strstr(error.text, "known are ");
	assert_non_null(rest);
	rest += strlen("known are ");
	while ((key = strtok_r(rest, ",", &rest))) {
		char wanted[64];

		(void)snprintf(wanted, sizeof(wanted), "\n#%s =", strstr(key, "] ") + 2);
		if (!strstr(as_is, wanted))
			fail_msg("%s is not in " PROFD_CONF, key);
	}
}

static void test_patterns(void **state)
{
	struct config config;
	struct config_error error;
	char many[600] = "[filter]\nexclude_comms =", *end = many + strlen(many);

	(void)state;
	assert_int_equal(parse(&config,
			       "[filter]\nexclude_units =  a.service\tb*.slice ; comment\n  c\n"
			       "exclude_comms=x\n[filter]\nexclude_comms = Web?Content\n",
			       &error),
			 0);
	assert_int_equal(config.exclude_units.n, 3);
	assert_memory_equal(config.exclude_units.text, "a.service\0b*.slice\0c", 21);
	assert_int_equal(config.exclude_comms.n, 2);
	assert_memory_equal(config.exclude_comms.text, "x\0Web?Content", 14);
	for (int i = 0; i < CONFIG_PATTERNS_MAX; i++)
		end = stpcpy(end, " x");
	assert_int_equal(parse(&config, many, &error), 0);
	assert_int_equal(config.exclude_comms.n, CONFIG_PATTERNS_MAX);
	strcpy(end, " x");
	assert_int_equal(parse(&config, many, &error), -EINVAL);
	assert_non_null(strstr(error.text, "profd.conf:2: exclude_comms: accepted are 32"));
}

/* Patterns of 150 bytes, a line each, until they are too long together. */
static void test_long_patterns(void **state)
{
	struct config config;
	struct config_error error;
	char pattern[151];
	int r = 0, n = 0;

	(void)state;
	memset(pattern, 'x', sizeof(pattern) - 1);
	pattern[sizeof(pattern) - 1] = '\0';
	config_init(&config);
	while (r == 0 && n < 100) {
		r = config_set(&config, "filter", "exclude_units", pattern, "line", &error);
		n += r == 0;
	}
	assert_int_equal(r, -EINVAL);
	assert_int_equal(n, CONFIG_PATTERNS_BYTES_MAX / (int)sizeof(pattern));
	assert_int_equal(config.exclude_units.n, n);
	assert_true(config.exclude_units.used <= CONFIG_PATTERNS_BYTES_MAX);
}

static void test_reloadable(void **state)
{
	struct config now, next;
	struct config_error error;
	char text[512];

	(void)state;
	config_init(&now);
	assert_int_equal(config_reloadable(&now, &now, text, sizeof(text)), 0);
	assert_int_equal(parse(&next,
			       "[cpu]\nfrequency_hz=99\n[store]\nmax_mb=99\nmax_nodes=99999\n"
			       "[filter]\nexclude_units=a\nexclude_comms=b\n",
			       &error),
			 0);
	assert_int_equal(config_reloadable(&now, &next, text, sizeof(text)), 0);
	assert_int_equal(parse(&next,
			       "[cpu]\nfrequency_hz=99\n[store]\nbucket_s=20\ndirectory=/x\n"
			       "[service]\ncontrol_directory=/y\n[unwind]\ncache_directory=/z\n",
			       &error),
			 0);
	assert_int_equal(config_reloadable(&now, &next, text, sizeof(text)), -EBUSY);
	assert_string_equal(text,
			    "not reloaded, the configuration of before stays in force: [service] "
			    "control_directory, [store] bucket_s, [store] directory, [unwind] "
			    "cache_directory changed, which needs a restart of profd");
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
		{"[offcpu]\nenabled = 1\n", "profd.conf:2: enabled = '1': accepted are yes and no"},
		{"[offcpu]\nstacks_per_s = 9\n", "10 to 1000"},
		{"[store]\n\nbucket_s = 7\n",
		 "profd.conf:3: bucket_s = '7': accepted are 1 to 600 seconds, divisors of 3600"},
		{"[store]\nbucket_s = 0\n", "1 to 600"},
		{"[store]\nbucket_s = 720\n", "1 to 600"},
		{"[store]\ndirectory = var/lib\n", "absolute path"},
		{"[store]\ndirectory =\n", "absolute path"},
		{"[unwind]\ncache_directory = var/cache\n",
		 "absolute path of at most 4095 bytes, or "
		 "nothing"},
		{"[cpu]\nhz = 49\n",
		 "profd.conf:2: unknown key 'hz' in section [cpu]; known are [blockio] "
		 "enabled"},
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
		cmocka_unit_test(test_defaults),   cmocka_unit_test(test_all_keys),
		cmocka_unit_test(test_refusals),   cmocka_unit_test(test_packaged),
		cmocka_unit_test(test_patterns),   cmocka_unit_test(test_long_patterns),
		cmocka_unit_test(test_reloadable), cmocka_unit_test(test_long_lines_and_nul),
		cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
