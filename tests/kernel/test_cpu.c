/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_cpu.c - is the CPU profile of the real profd true? Workloads with a known answer are
 * recorded once (scene.c); each test holds one thing that profctl says against what they did.
 *
 * Two models of error, both 5 standard deviations wide, none of them ever tried again:
 * - A share p out of n samples is binomial: sigma = sqrt(p (1 - p) / n). The slices of split603010
 *   are drawn at random, so its samples are independent.
 * - The time of a thread is the number of ticks that hit it. Ticks are one period apart, so each
 *   stretch between two context switches is rounded to a whole number of them by at most one, with
 *   a variance of at most 1/4 tick^2: sigma = period sqrt((switches + 1) / 4). A hypervisor that
 *   takes the CPU away for less than a period delays a tick and drops none, while the thread's
 *   clock leaves that time out: what /proc/stat counts as stolen is added to the bound. (perf
 *   record counts the same 1 % too many on such a machine.)
 */
#include "cleanup.h"
#include "scene.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SIGMAS 5.0

static double ratio(uint64_t part, uint64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static const char *const split_functions[] = {"burn_alpha", "burn_beta", "burn_gamma"};

/* How many sigmas each of the three shares lies off; the largest is returned. */
static double largest_deviation(const struct answer *answer, const json_t *truth)
{
	uint64_t sampled_ns = 0, true_ns = 0;
	double n, largest = 0;

	for (size_t i = 0; i < ARRAY_SIZE(split_functions); i++) {
		sampled_ns += answer_total(answer, split_functions[i]);
		true_ns += truth_number(truth, split_functions[i]);
	}
	n = (double)sampled_ns / SCENE_PERIOD_NS;
	print_message("n = %.0f samples\n", n);
	for (size_t i = 0; i < ARRAY_SIZE(split_functions); i++) {
		double p = ratio(truth_number(truth, split_functions[i]), true_ns);
		double share = ratio(answer_total(answer, split_functions[i]), sampled_ns);
		double sigma = sqrt(p * (1 - p) / n), off = fabs(share - p) / sigma;

		print_message("%s: true %.4f, sampled %.4f, sigma %.4f, off by %.2f sigma\n",
			      split_functions[i], p, share, sigma, off);
		/* Not fmax(): a NaN, as from no samples at all, has to stay. */
		if (!(off <= largest))
			largest = off;
	}
	return largest;
}

static void test_shares_of_three_functions(void **state)
{
	const struct scene *scene = *state;
	struct answer answer;
	double off;

	scene_top(scene, SCENE_SPLIT, &answer);
	off = largest_deviation(&answer, scene->truths[SCENE_SPLIT]);
	if (!(off <= SIGMAS))
		answer_print(&answer);
	assert_true(off <= SIGMAS);
	answer_done(&answer);
}

static void test_planted_error_is_found(void **state)
{
	const struct scene *scene = *state;
	struct answer answer;

	scene_top(scene, SCENE_PLANT, &answer);
	assert_true(answer_window(&answer, "samples") > 1000);
	assert_true(largest_deviation(&answer, scene->truths[SCENE_PLANT]) > SIGMAS);
	answer_done(&answer);
}

/* The second model of the head of this file. */
static void assert_cpu_time(const char *what, uint64_t sampled_ns, uint64_t true_ns,
			    uint64_t switches, uint64_t steal_ns)
{
	double sigma_ns = SCENE_PERIOD_NS * sqrt((double)(switches + 1) / 4);
	double off_ns = fabs((double)sampled_ns - (double)true_ns);

	print_message("%s: true %.4f s, sampled %.4f s, %" PRIu64 " switches, sigma %.4f s, steal "
		      "%.3f s, off by %.2f sigma\n",
		      what, (double)true_ns / 1e9, (double)sampled_ns / 1e9, switches,
		      sigma_ns / 1e9, (double)steal_ns / 1e9, off_ns / sigma_ns);
	assert_true(off_ns <= SIGMAS * sigma_ns + (double)steal_ns);
}

static void test_time_of_a_process(void **state)
{
	const struct scene *scene = *state;
	const json_t *truth = scene->truths[SCENE_SPLIT];
	struct answer answer;

	scene_top(scene, SCENE_SPLIT, &answer);
	assert_cpu_time("split603010", answer_window(&answer, "total_ns"),
			truth_number(truth, "cpu_ns"), truth_number(truth, "switches"),
			scene->shares_steal_ns);
	answer_done(&answer);
}

static void test_time_of_each_thread(void **state)
{
	const struct scene *scene = *state;
	const json_t *threads = json_object_get(scene->truths[SCENE_THREADS], "threads");
	size_t i;
	json_t *thread;

	assert_int_equal(json_array_size(threads), 3);
	json_array_foreach(threads, i, thread)
	{
		const char *comm = json_string_value(json_object_get(thread, "comm"));
		struct answer answer;

		scene_top_comm(scene, comm, &answer);
		assert_cpu_time(comm, answer_window(&answer, "total_ns"),
				truth_number(thread, "cpu_ns"), truth_number(thread, "switches"),
				scene->kinds_steal_ns);
		answer_done(&answer);
	}
}

static void test_kernel_frames_over_user_frames(void **state)
{
	const struct scene *scene = *state;
	const json_t *truth = scene->truths[SCENE_KERNEL];
	struct answer answer;
	uint64_t total, in_kernel;

	scene_top(scene, SCENE_KERNEL, &answer);
	total = answer_window(&answer, "total_ns");
	in_kernel = answer_total(&answer, "vfs_read");
	print_message("vfs_read %.3f of it, system time %.3f\n", ratio(in_kernel, total),
		      ratio(truth_number(truth, "system_ns"), truth_number(truth, "cpu_ns")));
	if (ratio(in_kernel, total) < 0.9)
		answer_print(&answer);
	assert_non_null(answer_row(&answer, "vfs_read", "[kernel]"));
	assert_true(ratio(in_kernel, total) > 0.9);
	/* A kernel leaf on a user stack: both frames are above 90 % only if they are one stack. */
	assert_non_null(answer_row(&answer, "zero_reader", "kernel_heavy"));
	assert_true(ratio(answer_total(&answer, "zero_reader"), total) > 0.9);
	answer_done(&answer);
}

static void test_deep_stack_is_marked_truncated(void **state)
{
	const struct scene *scene = *state;
	struct answer answer;
	uint64_t total;

	scene_top(scene, SCENE_DEEP, &answer);
	total = answer_window(&answer, "total_ns");
	print_message("truncated %.3f of it\n",
		      ratio(answer_window(&answer, "truncated_ns"), total));
	if (ratio(answer_total(&answer, "recurse"), total) < 0.9)
		answer_print(&answer);
	assert_true(answer_total(&answer, "recurse") <= total);
	assert_true(ratio(answer_total(&answer, "recurse"), total) > 0.9);
	assert_true(ratio(answer_window(&answer, "truncated_ns"), total) > 0.9);
	/* It is seen on the way down only. */
	assert_true(ratio(answer_total(&answer, "main"), total) < 0.02);
	answer_done(&answer);

	scene_top(scene, SCENE_LIBRARY, &answer);
	assert_true(answer_window(&answer, "truncated_ns") <
		    answer_window(&answer, "total_ns") / 10);
	answer_done(&answer);
}

/* The children switch at least twice each; how often they were preempted they do not know. */
static void test_short_processes_are_not_lost(void **state)
{
	const struct scene *scene = *state;
	const json_t *truth = scene->truths[SCENE_SHORT];
	struct answer answer;
	uint64_t total, named;

	scene_top_comm(scene, "short", &answer);
	total = answer_window(&answer, "total_ns");
	named = answer_total(&answer, "brief_work");
	print_message("%" PRIu64
		      " children: true %.3f s, sampled %.3f s, named %.3f, unnamed %.3f\n",
		      truth_number(truth, "children"), (double)truth_number(truth, "cpu_ns") / 1e9,
		      (double)total / 1e9, ratio(named, total),
		      ratio(answer_window(&answer, "unnamed_ns"), total));
	assert_true(ratio(total, truth_number(truth, "cpu_ns")) > 0.9);
	assert_true(ratio(named, total) > 0.5);
	answer_done(&answer);
}

static void test_function_of_a_shared_library(void **state)
{
	const struct scene *scene = *state;
	struct answer answer;
	uint64_t total;

	scene_top(scene, SCENE_LIBRARY, &answer);
	total = answer_window(&answer, "total_ns");
	if (ratio(answer_total(&answer, "library_caller"), total) < 0.9)
		answer_print(&answer);
	assert_non_null(answer_row(&answer, "burn_in_library", "liblibrary_burn.so"));
	assert_true(ratio(answer_total(&answer, "burn_in_library"), total) > 0.9);
	assert_true(ratio(answer_total(&answer, "library_caller"), total) > 0.9);
	answer_done(&answer);
}

static void test_broken_elf_is_unknown_with_reason(void **state)
{
	const struct scene *scene = *state;
	struct answer answer;
	uint64_t total, broken;

	scene_top(scene, SCENE_BROKEN, &answer);
	total = answer_window(&answer, "total_ns");
	broken = answer_unnamed(&answer, "broken.so", "broken file");
	print_message("broken file: %.3f of it\n", ratio(broken, total));
	if (ratio(broken, total) < 0.9)
		answer_print(&answer);
	assert_true(ratio(broken, total) > 0.9);
	answer_done(&answer);
}

static void test_deleted_program_is_still_named(void **state)
{
	const struct scene *scene = *state;
	struct answer answer;
	uint64_t total;

	scene_top(scene, SCENE_DELETED, &answer);
	total = answer_window(&answer, "total_ns");
	if (ratio(answer_total(&answer, "burn_alpha"), total) < 0.4)
		answer_print(&answer);
	assert_non_null(answer_row(&answer, "burn_alpha", scene->deleted_path));
	assert_true(ratio(answer_total(&answer, "burn_alpha"), total) > 0.4);
	answer_done(&answer);
}

/* profd did not run while they lived: what the kernel told of them waits in its rings. */
static void test_vanished_processes_are_named(void **state)
{
	const struct scene *scene = *state;
	const json_t *truth = scene->truths[SCENE_VANISHED];
	struct answer answer;
	uint64_t total, named;

	scene_top_comm(scene, "vanished", &answer);
	total = answer_window(&answer, "total_ns");
	named = answer_total(&answer, "brief_work");
	print_message(
		"true %.3f s, sampled %.3f s, of it in brief_work %.3f, \"process gone\" %.3f\n",
		(double)truth_number(truth, "cpu_ns") / 1e9, (double)total / 1e9,
		ratio(named, total), ratio(answer_unnamed(&answer, NULL, "process gone"), total));
	if (ratio(named, total) < 0.7)
		answer_print(&answer);
	assert_true(ratio(total, truth_number(truth, "cpu_ns")) > 0.8);
	/* The rest is fork and exit, in the kernel. */
	assert_true(ratio(named, total) > 0.7);
	assert_int_equal(answer_unnamed(&answer, NULL, "process gone"), 0);
	answer_done(&answer);
}

/* What a user does: export into a pipe, go tool pprof reads it. */
static void test_export_is_read_by_go_pprof(void **state)
{
	const struct scene *scene = *state;
	char command[PATH_MAX * 3];
	struct child_options options = CHILD_DEFAULTS;
	struct child shell;
	_cleanup_free_ char *out = NULL, *said = NULL;
	int code;

	(void)snprintf(command, sizeof(command),
		       "\"$PROFCTL\" export --store '%s' --since 1h --pid %" PRIu64
		       " >'%s/x.pb.gz' && go tool pprof -top '%s/x.pb.gz' && "
		       "go tool pprof -tags '%s/x.pb.gz'",
		       scene->fixture.store, truth_number(scene->truths[SCENE_THREADS], "pid"),
		       scene->fixture.dir, scene->fixture.dir, scene->fixture.dir);
	child_start(&shell, &options, ARGS("sh", "-c", command));
	code = child_wait(&shell, CHILD_TIMEOUT_S);
	out = child_stdout(&shell);
	said = child_stderr(&shell);
	child_done(&shell);
	if (code != 0 || !strstr(out, "thread_work"))
		print_message("exit code %d\n%s\n%s\n", code, out, said);
	assert_int_equal(code, 0);
	assert_non_null(strstr(out, "thread_work"));
	/* The threads are told apart by name and by tid. */
	for (int i = 0; i < 3; i++) {
		const json_t *thread = json_array_get(
			json_object_get(scene->truths[SCENE_THREADS], "threads"), (size_t)i);
		char tid[32];

		const char *comm = json_string_value(json_object_get(thread, "comm"));

		(void)snprintf(tid, sizeof(tid), "%" PRIu64, truth_number(thread, "tid"));
		if (!strstr(out, comm) || !strstr(out, tid))
			fail_msg("%s, tid %s, is not in:\n%s", comm, tid, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares_of_three_functions),
		cmocka_unit_test(test_planted_error_is_found),
		cmocka_unit_test(test_time_of_a_process),
		cmocka_unit_test(test_time_of_each_thread),
		cmocka_unit_test(test_kernel_frames_over_user_frames),
		cmocka_unit_test(test_deep_stack_is_marked_truncated),
		cmocka_unit_test(test_short_processes_are_not_lost),
		cmocka_unit_test(test_function_of_a_shared_library),
		cmocka_unit_test(test_broken_elf_is_unknown_with_reason),
		cmocka_unit_test(test_deleted_program_is_still_named),
		cmocka_unit_test(test_vanished_processes_are_named),
		cmocka_unit_test(test_export_is_read_by_go_pprof),
	};

	require_root();
	return cmocka_run_group_tests(tests, scene_record, scene_remove);
}
