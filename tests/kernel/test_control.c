/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_control.c - a profd that runs is reloaded, flushed and asked.
 */
#include "cleanup.h"
#include "daemon_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_NS UINT64_C(1000000000)
#define WAIT_S	  20

/* profd --control REQUEST, with the exit code that is expected; the answer is the caller's. */
static char *ask(const struct daemon_fixture *fixture, const char *request, int code)
{
	const struct child_options options = CHILD_DEFAULTS;
	struct child child;
	char *answer;

	child_start(
		&child, &options,
		ARGS(getenv("PROFD"), "--control-directory", fixture->run, "--control", request));
	assert_int_equal(child_wait(&child, CHILD_TIMEOUT_S), code);
	answer = code == 3 ? child_stderr(&child) : child_stdout(&child);
	child_done(&child);
	return answer;
}

static json_t *ask_status(const struct daemon_fixture *fixture)
{
	_cleanup_free_ char *text = ask(fixture, "status", 0);
	json_t *status = json_loads(text, 0, NULL);

	assert_non_null(status);
	return status;
}

static uint64_t status_number(const struct daemon_fixture *fixture, const char *key)
{
	json_t *status = ask_status(fixture);
	uint64_t value;

	assert_true(json_is_integer(json_object_get(status, key)));
	value = (uint64_t)json_integer_value(json_object_get(status, key));
	json_decref(status);
	return value;
}

/* How much of the last ten minutes the store covers. */
static uint64_t store_covered_ns(const struct daemon_fixture *fixture)
{
	_cleanup_free_ char *out = NULL;
	const json_t *last;
	json_t *status;
	uint64_t covered_ns;

	assert_int_equal(profctl(fixture, "status", ARGS("-o", "json"), &out), 0);
	assert_non_null(strchr(out, '\n'));
	status = json_loads(strchr(out, '\n') + 1, 0, NULL); /* behind the window's line */
	assert_non_null(status);
	last = json_object_get(status, "last_10m");
	covered_ns = (uint64_t)json_integer_value(json_object_get(last, "covered_ns"));
	json_decref(status);
	return covered_ns;
}

static void write_config(const struct daemon_fixture *fixture, const char *text,
			 char path[PATH_MAX])
{
	FILE *config;

	(void)snprintf(path, PATH_MAX, "%s/profd.conf", fixture->dir);
	config = fopen(path, "we");
	assert_non_null(config);
	assert_true(fputs(text, config) >= 0);
	assert_int_equal(fclose(config), 0);
}

struct said {
	const struct child *profd;
	const char *words;
};

static bool has_said(void *ctx)
{
	const struct said *said = ctx;
	_cleanup_free_ char *text = child_stderr(said->profd);

	return strstr(text, said->words) != NULL;
}

static void reload(struct daemon_fixture *fixture, const char *words)
{
	struct said said = {&fixture->profd, words};

	child_signal(&fixture->profd, SIGHUP);
	if (!wait_until(has_said, &said, WAIT_S))
		fail_msg("profd did not say '%s'", words);
}

/* The workload's process in this window; 0 samples when it is in none. */
static uint64_t samples_of(const struct daemon_fixture *fixture, const char *comm)
{
	struct answer answer;
	uint64_t n;

	profctl_top(fixture, ARGS("--comm", comm), &answer);
	n = answer_window(&answer, "samples");
	answer_done(&answer);
	return n;
}

/* A bucket of ten minutes: only the flush brings it into the store. */
static void test_flush(void **state)
{
	struct daemon_fixture *fixture = *state;
	_cleanup_free_ char *first = NULL, *second = NULL;
	struct child workload = {0};
	struct answer answer;
	uint64_t n_samples;

	daemon_start(fixture, ARGS("--bucket", "600", "--frequency", "199"));
	workload_start(&workload, -1, ARGS("split603010", "1"));
	json_decref(workload_truth(&workload));
	first = ask(fixture, "flush", 0);
	assert_string_equal(first, "{\"ok\":true}\n");
	profctl_top(fixture, ARGS("--comm", "split603010"), &answer);
	n_samples = answer_window(&answer, "samples");
	assert_true(n_samples > 100);
	assert_true(answer_total(&answer, "burn_alpha") > 0); /* with its name */
	answer_done(&answer);

	/* What comes after it is another bucket of the same slice; both are in the answer. */
	workload_start(&workload, -1, ARGS("split603010", "1"));
	json_decref(workload_truth(&workload));
	second = ask(fixture, "flush", 0);
	assert_true(samples_of(fixture, "split603010") > n_samples + 100);
	assert_true(status_number(fixture, "buckets_written") >= 2);
	daemon_stop(fixture, SIGTERM);
}

static void test_status(void **state)
{
	struct daemon_fixture *fixture = *state;
	_cleanup_free_ char *refused = NULL, *nobody = NULL;
	json_t *status;

	daemon_start(fixture, ARGS("--frequency", "97"));
	status = ask_status(fixture);
	assert_int_equal(json_integer_value(json_object_get(status, "pid")), fixture->profd.pid);
	assert_int_equal(json_integer_value(json_object_get(status, "frequency_hz")), 97);
	assert_string_equal(json_string_value(json_object_get(status, "store")), fixture->store);
	assert_true(json_is_null(json_object_get(status, "last_error")));
	assert_true(json_is_null(json_object_get(status, "safe_mode")));
	json_decref(status);
	refused = ask(fixture, "restart", 1);
	assert_non_null(strstr(refused, "flush"));
	daemon_stop(fixture, SIGTERM);
	nobody = ask(fixture, "status", 3);
	assert_non_null(strstr(nobody, "systemctl start profd"));
}

/* Another rate, in the middle of buckets of a second: none is missing, none is short. */
static void test_reload_loses_no_bucket(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child workload = {0};
	char path[PATH_MAX];
	struct answer answer;
	uint64_t width_ns, covered_ns, samples, total_ns;

	write_config(fixture, "[cpu]\nfrequency_hz = 49\n", path);
	daemon_start(fixture, ARGS("--config", path, "--bucket", "1"));
	workload_start(&workload, 0, ARGS("split603010", "6"));
	assert_false(wait_until(has_said, &(struct said){&fixture->profd, "never said"}, 2));
	write_config(fixture, "[cpu]\nfrequency_hz = 499\n", path);
	reload(fixture, "reloaded: sampling");
	assert_int_equal(status_number(fixture, "frequency_hz"), 499);
	json_decref(workload_truth(&workload));
	daemon_stop(fixture, SIGTERM);

	profctl_top(fixture, ARGS("--comm", "split603010"), &answer);
	samples = answer_window(&answer, "samples");
	total_ns = answer_window(&answer, "total_ns");
	width_ns = answer_window(&answer, "until_ns") - answer_window(&answer, "since_ns");
	answer_done(&answer);
	/* Six seconds at either rate would be 294 or 2994 samples; weights make them six seconds.
	 */
	assert_true(samples > 500 && samples < 2900);
	assert_true(total_ns > 4 * SECOND_NS && total_ns < 13 * SECOND_NS / 2);
	assert_true(width_ns >= 6 * SECOND_NS);
	/* Every slice between the first and the last is there, and covered. */
	covered_ns = store_covered_ns(fixture);
	assert_true(covered_ns > width_ns - 2 * SECOND_NS);
}

static void test_what_needs_a_restart_refuses_the_reload(void **state)
{
	struct daemon_fixture *fixture = *state;
	char path[PATH_MAX];

	write_config(fixture, "[cpu]\nfrequency_hz = 49\n[store]\nbucket_s = 10\n", path);
	daemon_start(fixture, ARGS("--config", path));
	write_config(fixture, "[cpu]\nfrequency_hz = 199\n[store]\nbucket_s = 20\n", path);
	reload(fixture, "bucket_s");
	assert_int_equal(status_number(fixture, "frequency_hz"), 49); /* as a whole */
	write_config(fixture, "[cpu]\nfrequency_hz = many\n", path);
	reload(fixture, "frequency_hz = 'many'");
	assert_int_equal(status_number(fixture, "frequency_hz"), 49);
	daemon_stop(fixture, SIGTERM);
}

/* What is excluded is not stored, and counted with the time it stood for. */
static void test_filter(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child workload = {0};
	char path[PATH_MAX];
	struct answer answer;

	write_config(fixture, "[filter]\nexclude_comms = split*\n", path);
	daemon_start(fixture, ARGS("--config", path, "--frequency", "199", "--bucket", "600"));
	workload_start(&workload, -1, ARGS("split603010", "2"));
	json_decref(workload_truth(&workload));
	write_config(fixture, "", path);
	reload(fixture, "reloaded: sampling");
	workload_start(&workload, -1, ARGS("deep", "1", "20"));
	json_decref(workload_truth(&workload));
	daemon_stop(fixture, SIGTERM);

	assert_int_equal(samples_of(fixture, "split603010"), 0);
	assert_true(samples_of(fixture, "deep") > 50);
	profctl_top(fixture, NULL, &answer);
	assert_true(answer_window(&answer, "lost_ns") > SECOND_NS);
	answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_flush),
		DAEMON_TEST(test_status),
		DAEMON_TEST(test_reload_loses_no_bucket),
		DAEMON_TEST(test_what_needs_a_restart_refuses_the_reload),
		DAEMON_TEST(test_filter),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
