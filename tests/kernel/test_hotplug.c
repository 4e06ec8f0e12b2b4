/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_hotplug.c - a CPU that goes and comes back while profd samples: what runs on it is sampled
 * again, and buckets say how many CPUs there were.
 */
#include "cleanup.h"
#include "daemon_fixture.h"
#include "proc_status.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CPU	     1
#define ONLINE_PATH  "/sys/devices/system/cpu/cpu1/online"
#define SEEN_WAIT_S  30
#define EXIT_SKIPPED 77

static void set_online(bool online)
{
	sysctl_write(ONLINE_PATH, online);
}

static int teardown(void **state)
{
	set_online(true);
	return daemon_fixture_teardown(state);
}

#define HOTPLUG_TEST(name) cmocka_unit_test_setup_teardown(name, daemon_fixture_setup, teardown)

/* The time in the store of burn_alpha of a workload, 60 % of it. */
static uint64_t sampled_ns(const struct daemon_fixture *fixture, uint64_t pid)
{
	struct answer answer;
	char text[32];
	uint64_t total_ns;

	(void)snprintf(text, sizeof(text), "%" PRIu64, pid);
	profctl_top(fixture, ARGS("--pid", text), &answer);
	total_ns = answer_total(&answer, "burn_alpha");
	answer_done(&answer);
	return total_ns;
}

/* Runs a workload on the CPU, and returns its pid. */
static uint64_t burn_on_cpu(const char *seconds)
{
	struct child workload = {0};
	json_t *truth;
	uint64_t pid;

	workload_start(&workload, CPU, ARGS("split603010", seconds));
	truth = workload_truth(&workload);
	pid = truth_number(truth, "pid");
	json_decref(truth);
	return pid;
}

struct look {
	struct daemon_fixture *fixture;
	uint64_t n_cpus; /* wanted */
};

/* Whether profctl status says "... on N CPUs": of the newest bucket. */
static bool has_n_cpus(void *ctx)
{
	const struct look *look = ctx;
	_cleanup_free_ char *out = NULL;
	char wanted[64];

	(void)snprintf(wanted, sizeof(wanted), "on %" PRIu64 " CPU", look->n_cpus);
	return profctl(look->fixture, "status", NULL, &out) == 0 && strstr(out, wanted);
}

static void wait_for_n_cpus(struct daemon_fixture *fixture, uint64_t n)
{
	struct look look = {.fixture = fixture, .n_cpus = n};

	if (!wait_until(has_n_cpus, &look, SEEN_WAIT_S))
		fail_msg("no bucket of %" PRIu64 " CPUs", n);
}

static void test_cpu_goes_and_comes(void **state)
{
	struct daemon_fixture *fixture = *state;
	uint64_t n = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), before, after;

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	before = burn_on_cpu("1");
	set_online(false);
	wait_for_n_cpus(fixture, n - 1);
	set_online(true);
	wait_for_n_cpus(fixture, n);
	after = burn_on_cpu("1");
	daemon_stop(fixture, SIGTERM);
	assert_true(sampled_ns(fixture, before) > 300000000);
	assert_true(sampled_ns(fixture, after) > 300000000);
}

static void test_cpu_is_not_there_at_the_start(void **state)
{
	struct daemon_fixture *fixture = *state;
	uint64_t n = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN), pid;

	set_online(false);
	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	wait_for_n_cpus(fixture, n - 1);
	set_online(true);
	wait_for_n_cpus(fixture, n);
	pid = burn_on_cpu("1");
	daemon_stop(fixture, SIGTERM);
	assert_true(sampled_ns(fixture, pid) > 300000000);
}

/* Of all workloads so far, but for the open bucket. */
static uint64_t sampled_in_all_ns(const struct daemon_fixture *fixture)
{
	struct answer answer;
	uint64_t total_ns;

	profctl_top(fixture, ARGS("--comm", "split603010"), &answer);
	total_ns = answer_total(&answer, "burn_alpha");
	answer_done(&answer);
	return total_ns;
}

static bool is_sampled(void *ctx)
{
	(void)burn_on_cpu("1");
	return sampled_in_all_ns(ctx) > 300000000;
}

/* The list of CPUs is the same when profd looks again, as after a suspend; the event is dead. */
static void test_cpu_is_away_between_two_looks(void **state)
{
	struct daemon_fixture *fixture = *state;
	uint64_t n = (uint64_t)sysconf(_SC_NPROCESSORS_ONLN);

	daemon_start(fixture, ARGS("--bucket", "1", "--frequency", "199"));
	wait_for_n_cpus(fixture, n); /* is_sampled() asks a store that has a bucket */
	child_signal(&fixture->profd, SIGSTOP);
	set_online(false);
	set_online(true);
	child_signal(&fixture->profd, SIGCONT);
	assert_true(wait_until(is_sampled, fixture, SEEN_WAIT_S));
	daemon_stop(fixture, SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		HOTPLUG_TEST(test_cpu_goes_and_comes),
		HOTPLUG_TEST(test_cpu_is_not_there_at_the_start),
		HOTPLUG_TEST(test_cpu_is_away_between_two_looks),
	};

	require_root();
	if (access(ONLINE_PATH, W_OK) < 0) {
		fprintf(stderr, "there is no second CPU that can be taken offline\n");
		return EXIT_SKIPPED;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
