/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_churn.c - more processes than profd can follow, and very many one after the other: what was
 * lost is counted and healed, and nothing is left behind.
 */
#include "cleanup.h"
#include "daemon_fixture.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The program's time in the function, and nothing of what it cannot have done. */
static void expect(const struct daemon_fixture *fixture, const char *exe, const char *function,
		   const char *other, unsigned int least_ms)
{
	struct answer answer;
	uint64_t ns, unnamed;
	bool good;

	profctl_top(fixture, ARGS("--exe", exe), &answer);
	ns = answer_total(&answer, function);
	unnamed = answer_window(&answer, "unnamed_ns");
	print_message("%s: %s %" PRIu64 " of %" PRIu64 " ms, unnamed %" PRIu64 " ms\n", exe,
		      function, ns / 1000000, answer_window(&answer, "total_ns") / 1000000,
		      unnamed / 1000000);
	good = ns >= least_ms * 1000000ull && unnamed * 10 <= ns &&
	       answer_total(&answer, other) == 0;
	if (!good)
		answer_print(&answer);
	assert_true(good);
	answer_done(&answer);
}

#define END_TIMEOUT_S 240 /* 20,000 processes on a busy machine */

static void end(struct child *child)
{
	int code = child_wait(child, END_TIMEOUT_S);
	_cleanup_free_ char *said = child_stderr(child);

	child_done(child);
	if (code != 0)
		fail_msg("a workload ended with %d: %s", code, said);
}

static void run(const char *const argv[])
{
	struct child child = {0};

	workload_start(&child, 0, argv);
	end(&child);
}

static const char *in_dir(const struct daemon_fixture *fixture, const char *name,
			  char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", fixture->dir, name) < PATH_MAX);
	return path;
}

static const char *copy(const struct daemon_fixture *fixture, const char *workload,
			const char *name, char path[PATH_MAX])
{
	workload_copy(workload, in_dir(fixture, name, path));
	return path;
}

static bool is_gone(void *ctx)
{
	return access(ctx, F_OK) < 0;
}

/*
 * profd stands still while more programs start on its first CPU than the ring of that CPU holds
 * records of, and one that is known becomes another one meanwhile, of which no record is left. What
 * comes after it is right, and the loss is in profctl status.
 */
static void test_lost_records(void **state)
{
	struct daemon_fixture *fixture = *state;
	char old[PATH_MAX], late[PATH_MAX], fresh[PATH_MAX], storm[PATH_MAX], gate[PATH_MAX];
	char go[PATH_MAX];
	_cleanup_free_ char *status = NULL;
	struct child child = {0};

	(void)copy(fixture, "steps", "old_one", old);
	(void)copy(fixture, "steps", "late_one", late);
	(void)copy(fixture, "steps", "fresh_one", fresh);
	(void)copy(fixture, "steps", "storm_one", storm);
	(void)copy(fixture, "steps", "gate", gate);
	daemon_start(fixture, ARGS("--frequency", "499", "--bucket", "2"));
	/* It tells where it is by removing the gate, and goes on when it is told to. */
	workload_start(&child, 0,
		       ARGS(old, "first", "200", "unlink", gate, "await", in_dir(fixture, "go", go),
			    "exec", late, "unlink", go, "await", gate, "second", "300"));
	assert_true(wait_until(is_gone, gate, CHILD_TIMEOUT_S));
	child_signal(&fixture->profd, SIGSTOP);
	run(ARGS("steps", "spawn", "600", storm));
	workload_copy("steps", go);
	assert_true(wait_until(is_gone, go, CHILD_TIMEOUT_S));
	child_signal(&fixture->profd, SIGCONT);
	workload_copy("steps", gate);
	end(&child);
	run(ARGS(fresh, "first", "300"));
	daemon_stop(fixture, SIGTERM);

	assert_int_equal(profctl(fixture, "status", NULL, &status), 0);
	print_message("%s", status);
	assert_non_null(strstr(status, "sideband_lost"));
	expect(fixture, "old_one", "burn_first", "burn_second", 150);
	expect(fixture, "late_one", "burn_second", "burn_first", 200);
	expect(fixture, "fresh_one", "burn_first", "burn_second", 200);
}

/* Resident memory of profd. */
static long resident_kb(const struct daemon_fixture *fixture)
{
	char path[64], line[256];
	_cleanup_fclose_ FILE *status = NULL;
	long kb = 0;

	(void)snprintf(path, sizeof(path), "/proc/%d/status", fixture->profd.pid);
	status = fopen(path, "re");
	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "VmRSS: %ld kB", &kb) == 1)
			return kb;
	fail_msg("no VmRSS in %s", path);
	return 0;
}

/*
 * That many processes would weigh twice the tolerance and more if 250 bytes of each were left. What
 * profd learns of all the other programs of the machine (their symbols, above all) also grows, but
 * not without end: a round without growth proves that none is the processes'.
 */
static const struct churn {
	const char *n_executed, *n_forked; /* of those that execute a program, and that do not */
	long tolerance_kb;
	int rounds_max;
} quick = {"1200", "6800", 1000, 6}, full = {"3000", "17000", 2500, 4};

/* How much profd has grown after that many processes, two CPUs of them at once. */
static long grown_kb(const struct daemon_fixture *fixture, const char *program,
		     const char *n_executed, const char *n_forked)
{
	struct child executed = {0}, forked = {0};
	long before_kb = resident_kb(fixture), after_kb;

	workload_start(&executed, -1, ARGS("steps_static", "spawn", n_executed, program));
	workload_start(&forked, -1, ARGS("steps_static", "each", n_forked));
	end(&executed);
	end(&forked);
	after_kb = resident_kb(fixture);
	print_message("%s + %s processes: VmRSS %ld kB before, %ld kB after\n", n_executed,
		      n_forked, before_kb, after_kb);
	return after_kb - before_kb;
}

static void test_short_processes_leave_nothing(void **state)
{
	const struct churn *churn = getenv("PROFD_TEST_FULL") ? &full : &quick;
	struct daemon_fixture *fixture = *state;
	char program[PATH_MAX];
	int round = 0;

	(void)copy(fixture, "steps_static", "short_one", program);
	daemon_start(fixture, ARGS("--frequency", "19", "--bucket", "2"));
	(void)grown_kb(fixture, program, "500", "1000"); /* tables get their capacity */
	while (grown_kb(fixture, program, churn->n_executed, churn->n_forked) > churn->tolerance_kb)
		assert_true(++round < churn->rounds_max);
	daemon_stop(fixture, SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DAEMON_TEST(test_lost_records),
		DAEMON_TEST(test_short_processes_leave_nothing),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
