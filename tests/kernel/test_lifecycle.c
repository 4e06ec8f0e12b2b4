/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_lifecycle.c - how the real profd starts, stops, dies and comes back, and what its store has
 * then.
 */
#include "cleanup.h"
#include "daemon_fixture.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SECOND_NS	  UINT64_C(1000000000)
#define BUCKETS_TIMEOUT_S 60

/* The whole answer, which is empty while there is no bucket; true when profctl answered. */
static bool try_top(const struct daemon_fixture *fixture, struct answer *ret)
{
	_cleanup_free_ char *out = NULL;

	if (profctl(fixture, "top", ARGS("--since", "1h", "-o", "json"), &out) != 0)
		return false;
	answer_parse(ret, out);
	return true;
}

struct span_goal {
	const struct daemon_fixture *fixture;
	uint64_t span_ns;
};

/* Whether the store covers a span of that length by now. */
static bool covers_span(void *ctx)
{
	const struct span_goal *goal = ctx;
	struct answer answer;
	uint64_t span_ns;

	if (!try_top(goal->fixture, &answer))
		return false;
	span_ns = answer_window(&answer, "until_ns") - answer_window(&answer, "since_ns");
	answer_done(&answer);
	return span_ns >= goal->span_ns;
}

static void wait_for_span(const struct daemon_fixture *fixture, uint64_t span_ns)
{
	struct span_goal goal = {.fixture = fixture, .span_ns = span_ns};

	if (!wait_until(covers_span, &goal, BUCKETS_TIMEOUT_S))
		fail_msg("the store did not reach %" PRIu64 " ns of buckets", span_ns);
}

/* Runs split603010 beside profd, stops it by `signal` in the middle of a bucket of 10 min, and
 * requires what was sampled in it. */
static void check_open_bucket(struct daemon_fixture *fixture, int signal)
{
	struct child workload = {0};
	json_t *truth;
	char pid[32];
	struct answer answer;

	daemon_start(fixture, ARGS("--bucket", "600", "--frequency", "199"));
	workload_start(&workload, -1, ARGS("split603010", "1"));
	truth = workload_truth(&workload);
	(void)snprintf(pid, sizeof(pid), "%" PRIu64, truth_number(truth, "pid"));
	json_decref(truth);
	daemon_stop(fixture, signal);

	profctl_top(fixture, ARGS("--pid", pid), &answer);
	assert_true(answer_window(&answer, "samples") > 100);
	assert_true(answer_total(&answer, "burn_alpha") > 0);
	answer_done(&answer);
}

static void test_sigterm_writes_the_open_bucket(void **state)
{
	check_open_bucket(*state, SIGTERM);
}

static void test_sigint_writes_the_open_bucket(void **state)
{
	check_open_bucket(*state, SIGINT);
}

static void test_buckets_survive_kill(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct answer before, after;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	wait_for_span(fixture, 2 * 1000000000ull);
	child_signal(&fixture->profd, SIGKILL);
	assert_int_equal(child_wait(&fixture->profd, STOP_TIMEOUT_S), 128 + SIGKILL);
	assert_true(try_top(fixture, &before));

	/* It comes back on the same store and goes on; what was there stays as it was. */
	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	wait_for_span(fixture, answer_window(&before, "until_ns") -
				       answer_window(&before, "since_ns") + 2 * 1000000000ull);
	daemon_stop(fixture, SIGTERM);
	assert_true(try_top(fixture, &after));
	assert_int_equal(answer_window(&after, "since_ns"), answer_window(&before, "since_ns"));
	assert_true(answer_window(&after, "until_ns") > answer_window(&before, "until_ns"));
	assert_true(answer_window(&after, "machine_total_ns") >=
		    answer_window(&before, "machine_total_ns"));
	answer_done(&before);
	answer_done(&after);
}

/*
 * profd is kept from running for longer than a bucket and than the ring can hold: what was sampled
 * meanwhile is in the buckets of its time, none of which has more time than there is, and what
 * found no room is counted.
 */
static void test_stopped_for_a_while(void **state)
{
	struct daemon_fixture *fixture = *state;
	const struct timespec stop = {.tv_sec = 4};
	struct child workloads[2] = {{0}};
	struct answer all, second;
	uint64_t since_ns, until_ns, n_seconds = 0;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "999"));
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
		workload_start(&workloads[i], -1, ARGS("split603010", "6"));
	wait_for_span(fixture, 1000000000ull);
	child_signal(&fixture->profd, SIGSTOP);
	nanosleep(&stop, NULL);
	child_signal(&fixture->profd, SIGCONT);
	for (size_t i = 0; i < ARRAY_SIZE(workloads); i++)
		json_decref(workload_truth(&workloads[i]));
	daemon_stop(fixture, SIGTERM);

	assert_true(try_top(fixture, &all));
	since_ns = answer_window(&all, "since_ns");
	until_ns = answer_window(&all, "until_ns");
	assert_true(answer_window(&all, "lost_ns") > 0);
	for (uint64_t at_ns = since_ns; at_ns < until_ns; at_ns += SECOND_NS) {
		_cleanup_free_ char *out = NULL;
		char since[32], until[32];
		uint64_t most_ns = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN) * SECOND_NS;

		(void)snprintf(since, sizeof(since), "@%" PRIu64, at_ns / SECOND_NS);
		(void)snprintf(until, sizeof(until), "@%" PRIu64, at_ns / SECOND_NS + 1);
		assert_int_equal(profctl(fixture, "top",
					 ARGS("--since", since, "--until", until, "-o", "json"),
					 &out),
				 0);
		answer_parse(&second, out);
		n_seconds += answer_window(&second, "samples") > 0;
		/* One tick more than fit into a second may fall into it on each CPU. */
		assert_true(answer_window(&second, "machine_total_ns") <= most_ns + most_ns / 400);
		answer_done(&second);
	}
	assert_true(n_seconds >= 4);
	answer_done(&all);
}

static void test_frequency_and_bucket_are_honoured(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child workload = {0};
	struct answer answer;
	double period_ns;

	daemon_start(fixture, ARGS("--bucket", "4", "--frequency", "199"));
	workload_start(&workload, -1, ARGS("split603010", "1"));
	json_decref(workload_truth(&workload));
	daemon_stop(fixture, SIGTERM);

	assert_true(try_top(fixture, &answer));
	assert_int_equal(answer_window(&answer, "since_ns") % 4000000000ull, 0);
	assert_int_equal(answer_window(&answer, "until_ns") % 4000000000ull, 0);
	period_ns = (double)answer_window(&answer, "total_ns") /
		    (double)answer_window(&answer, "samples");
	assert_true(fabs(period_ns - 1e9 / 199) <= 1);
	answer_done(&answer);
}

static void test_configuration_file_is_read(void **state)
{
	struct daemon_fixture *fixture = *state;
	char path[PATH_MAX];
	struct child workload = {0};
	struct answer answer;
	FILE *config;

	(void)snprintf(path, sizeof(path), "%s/profd.conf", fixture->dir);
	config = fopen(path, "we");
	assert_non_null(config);
	assert_true(fprintf(config, "[cpu]\nfrequency_hz = 97\n[store]\nbucket_s = 2\n") > 0);
	assert_int_equal(fclose(config), 0);

	daemon_start(fixture, ARGS("--config", path));
	workload_start(&workload, -1, ARGS("split603010", "1"));
	json_decref(workload_truth(&workload));
	daemon_stop(fixture, SIGTERM);

	assert_true(try_top(fixture, &answer));
	assert_int_equal(answer_window(&answer, "since_ns") % 2000000000ull, 0);
	assert_true(fabs((double)answer_window(&answer, "total_ns") /
				 (double)answer_window(&answer, "samples") -
			 1e9 / 97) <= 1);
	answer_done(&answer);
}

static void test_second_profd_on_the_store_is_refused(void **state)
{
	struct daemon_fixture *fixture = *state;
	struct child_options options = CHILD_DEFAULTS;
	_cleanup_free_ char *said = NULL;
	struct answer answer;

	daemon_start(fixture, ARGS("--bucket", "1"));
	assert_int_equal(daemon_refused(&options, ARGS("--store", fixture->store), &said), 1);
	print_message("%s", said);
	assert_non_null(strstr(said, "another profd"));
	assert_non_null(strstr(said, fixture->store));

	/* The first one is not disturbed. */
	wait_for_span(fixture, 1000000000ull);
	daemon_stop(fixture, SIGTERM);
	assert_true(try_top(fixture, &answer));
	answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_sigterm_writes_the_open_bucket),
		DAEMON_TEST(test_sigint_writes_the_open_bucket),
		DAEMON_TEST(test_buckets_survive_kill),
		DAEMON_TEST(test_stopped_for_a_while),
		DAEMON_TEST(test_frequency_and_bucket_are_honoured),
		DAEMON_TEST(test_configuration_file_is_read),
		DAEMON_TEST(test_second_profd_on_the_store_is_refused),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
