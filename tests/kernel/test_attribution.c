/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_attribution.c - whose time was it? Processes with known functions fork, execute, load and
 * end (lives.c), and each answer of profctl must give a program, thread or unit what it did and
 * nothing of another's.
 */
#include "cleanup.h"
#include "lives.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* What a filter must answer with: that function, and the time that was burned in it. */
struct claim {
	const char *flag, *value;
	const char *function;
	unsigned int ms;
};

/* Of what can only be in the function or be unnamed; start and end of a program are neither, and
 * on a busy machine no small part of one that lives for 50 ms. */
#define NAMED_LEAST	   0.9
#define NAMED_LEAST_OF_FEW 0.8 /* 25 samples, of which one may be the shell's that began it */
/* How exact times are is test_cpu.c's; here they say that the function was found at all, and once.
 * A stretch on a CPU is rounded to whole ticks of 2 ms, and a host takes more of them away. */
#define TIME_OFF	   0.4
#define BOXES_LOST_MOST	   2 /* of LIVES_BOXES */

/* Sum of total_ns of all rows of that function: one a module. */
static uint64_t function_ns(const struct answer *answer, const char *function)
{
	uint64_t sum = 0;
	json_t *row;
	size_t i;

	json_array_foreach(answer->rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "function"));

		if (name && strcmp(name, function) == 0)
			sum += (uint64_t)json_integer_value(json_object_get(row, "total_ns"));
	}
	return sum;
}

static void check(const struct lives *lives, const struct claim *claim)
{
	struct answer answer;
	double in_function, unnamed, named, burned = claim->ms * 1e6;
	bool good;

	profctl_top(&lives->fixture, ARGS(claim->flag, claim->value), &answer);
	in_function = (double)function_ns(&answer, claim->function);
	unnamed = (double)answer_window(&answer, "unnamed_ns");
	named = in_function / (in_function + unnamed);
	print_message("%s %s: n = %" PRIu64 ", burned %.3f s, in %s %.3f s, unnamed %.3f s\n",
		      claim->flag, claim->value, answer_window(&answer, "samples"), burned / 1e9,
		      claim->function, in_function / 1e9, unnamed / 1e9);
	if (claim->ms <= 50)
		good = named >= NAMED_LEAST_OF_FEW && in_function > 0.5 * burned;
	else
		good = named >= NAMED_LEAST && in_function >= (1 - TIME_OFF) * burned &&
		       in_function <= (1 + TIME_OFF) * burned + 10e6;
	if (!good)
		answer_print(&answer);
	assert_true(good);
	answer_done(&answer);
}

/* No time of that function. */
static void check_not(const struct lives *lives, const char *flag, const char *value,
		      const char *function)
{
	struct answer answer;

	profctl_top(&lives->fixture, ARGS(flag, value), &answer);
	if (function_ns(&answer, function))
		answer_print(&answer);
	assert_int_equal(function_ns(&answer, function), 0);
	answer_done(&answer);
}

/* The pid of the one process of that program besides `pid`. */
static void find_other_pid(const struct lives *lives, const char *exe, pid_t pid, char ret[32])
{
	struct answer answer;
	json_t *row;
	size_t i;
	unsigned int n = 0;

	profctl_top(&lives->fixture, ARGS("--exe", exe, "--by", "process"), &answer);
	json_array_foreach(answer.rows, i, row)
	{
		json_int_t other = json_integer_value(json_object_get(row, "pid"));

		if (other == pid)
			continue;
		(void)snprintf(ret, 32, "%" JSON_INTEGER_FORMAT, other);
		n++;
	}
	if (n != 1)
		answer_print(&answer);
	assert_int_equal(n, 1);
	answer_done(&answer);
}

static void test_fork_without_exec(void **state)
{
	const struct lives *lives = *state;
	char parent[32], child[32];

	(void)snprintf(parent, sizeof(parent), "%d", lives->pids[LIFE_FORK]);
	find_other_pid(lives, "forker", lives->pids[LIFE_FORK], child);
	check(lives, &(struct claim){"--pid", parent, "burn_first", 300});
	check(lives, &(struct claim){"--pid", child, "burn_second", 300});
	check_not(lives, "--pid", parent, "burn_second");
	check_not(lives, "--pid", child, "burn_first");
}

static void test_exec(void **state)
{
	const struct lives *lives = *state;

	check(lives, &(struct claim){"--exe", "execer", "burn_first", 300});
	check(lives, &(struct claim){"--exe", "executed", "burn_second", 300});
	check_not(lives, "--exe", "execer", "burn_second");
	check_not(lives, "--exe", "executed", "burn_first");
}

static void test_exec_chain(void **state)
{
	const struct lives *lives = *state;
	struct answer answer;
	char pid[32];

	check(lives, &(struct claim){"--exe", "chain_a", "burn_first", 200});
	check(lives, &(struct claim){"--exe", "chain_b", "burn_second", 200});
	check(lives, &(struct claim){"--exe", "chain_c", "burn_first", 200});
	check_not(lives, "--exe", "chain_a", "burn_second");
	check_not(lives, "--exe", "chain_b", "burn_first");
	check_not(lives, "--exe", "chain_c", "burn_second");
	/* It was one process. */
	(void)snprintf(pid, sizeof(pid), "%d", lives->pids[LIFE_CHAIN]);
	check(lives, &(struct claim){"--pid", pid, "burn_first", 400});
	profctl_top(&lives->fixture, ARGS("--pid", pid), &answer);
	assert_true((double)function_ns(&answer, "burn_second") >= (1 - TIME_OFF) * 200e6);
	answer_done(&answer);
}

static void test_dlopen(void **state)
{
	const struct lives *lives = *state;
	struct answer answer;

	check(lives, &(struct claim){"--exe", "loader", "burn_before_dlopen", 300});
	check(lives, &(struct claim){"--exe", "loader", "burn_in_library", 300});
	profctl_top(&lives->fixture, ARGS("--exe", "loader"), &answer);
	assert_non_null(answer_row(&answer, "burn_in_library", "libloaded.so"));
	answer_done(&answer);
}

static void test_thread_names(void **state)
{
	const struct lives *lives = *state;
	struct answer answer;
	json_t *row;
	size_t i;
	int found = 0;

	check(lives, &(struct claim){"--comm", "first-name", "burn_first", 300});
	check(lives, &(struct claim){"--comm", "second-name", "burn_second", 300});
	check_not(lives, "--comm", "first-name", "burn_second");
	check_not(lives, "--comm", "second-name", "burn_first");
	profctl_top(&lives->fixture, ARGS("--exe", "threaded", "--by", "thread"), &answer);
	json_array_foreach(answer.rows, i, row)
	{
		const char *comm = json_string_value(json_object_get(row, "comm"));
		json_int_t tid = json_integer_value(json_object_get(row, "tid"));
		char text[32];

		if (!comm || !strstr(comm, "-name"))
			continue;
		found++;
		assert_int_equal(json_integer_value(json_object_get(row, "pid")),
				 lives->pids[LIFE_THREADS]);
		(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, tid);
		check(lives,
		      &(struct claim){"--tid", text,
				      strcmp(comm, "first-name") ? "burn_second" : "burn_first",
				      300});
	}
	assert_int_equal(found, 2);
	answer_done(&answer);
}

/* Whether the process of that pid was found at the function, as claims of few samples are. */
static bool is_named(const struct lives *lives, json_int_t pid, const char *function,
		     unsigned int ms)
{
	struct answer answer;
	double in_function, unnamed;
	char text[32];

	(void)snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, pid);
	profctl_top(&lives->fixture, ARGS("--pid", text), &answer);
	in_function = (double)function_ns(&answer, function);
	unnamed = (double)answer_window(&answer, "unnamed_ns");
	print_message("pid %s: n = %" PRIu64 ", in %s %.3f s, unnamed %.3f s\n", text,
		      answer_window(&answer, "samples"), function, in_function / 1e9,
		      unnamed / 1e9);
	answer_done(&answer);
	return in_function > 0.5e6 * ms &&
	       in_function >= NAMED_LEAST_OF_FEW * (in_function + unnamed);
}

/*
 * The files of these can be opened only while they live: where other programs keep profd from
 * running for a whole life, that one is lost, and nobody else's file may stand for its. So lives
 * are counted, not time: two may be lost, and all of them are when the files are not found.
 */
static void check_brief_boxes(const struct lives *lives)
{
	struct answer answer;
	json_t *row;
	size_t i;
	unsigned int n_named = 0;

	profctl_top(&lives->fixture, ARGS("--comm", "brief_pivot", "--by", "process"), &answer);
	json_array_foreach(answer.rows, i, row) n_named +=
		is_named(lives, json_integer_value(json_object_get(row, "pid")), "burn_second", 50);
	if (n_named < LIVES_BOXES - BOXES_LOST_MOST || n_named > LIVES_BOXES)
		answer_print(&answer);
	assert_in_range(n_named, LIVES_BOXES - BOXES_LOST_MOST, LIVES_BOXES);
	answer_done(&answer);
}

static void test_namespaces(void **state)
{
	const struct lives *lives = *state;

	check(lives, &(struct claim){"--exe", "boxed_pivot", "burn_second", 300});
	check(lives, &(struct claim){"--exe", "boxed_chroot", "burn_second", 300});
	check_brief_boxes(lives);
}

static void test_deleted_program(void **state)
{
	const struct lives *lives = *state;

	check(lives, &(struct claim){"--exe", "unlinked_one", "burn_first", 200});
}

/* By the name of their threads, which the kernel tells with each sample: also one whose program was
 * not found is counted. */
static void test_processes_of_50_ms(void **state)
{
	const struct lives *lives = *state;

	check(lives, &(struct claim){"--comm", "brief", "burn_second", 40 * 50});
	check(lives, &(struct claim){"--exe", "brief", "burn_second", 40 * 50});
	check(lives, &(struct claim){"--comm", "brief_forker", "burn_second", 40 * 50});
	check(lives, &(struct claim){"--exe", "brief_forker", "burn_second", 40 * 50});
	check_not(lives, "--comm", "brief", "spawn"); /* what they were before */
}

static void test_units(void **state)
{
	const struct lives *lives = *state;

	check(lives, &(struct claim){"--unit", LIVES_UNIT, "burn_first", 300});
	check(lives, &(struct claim){"--unit", "burn-test", "burn_first", 300});
	check(lives, &(struct claim){"--unit", LIVES_BRIEF_UNIT, "burn_first", 50});
	check(lives, &(struct claim){"--unit", LIVES_SLICE, "burn_first", 650});
	check(lives, &(struct claim){"--container", LIVES_CONTAINER, "burn_first", 300});
	check(lives, &(struct claim){"--container", "fedcba987654", "burn_first", 300});
}

/* The same by rows: one a unit, with its time. */
static void test_top_by_unit(void **state)
{
	const struct lives *lives = *state;
	struct answer answer;
	uint64_t found_ns = 0;
	json_t *row;
	size_t i;

	profctl_top(&lives->fixture, ARGS("--by", "unit"), &answer);
	json_array_foreach(answer.rows, i, row)
	{
		const char *unit = json_string_value(json_object_get(row, "unit"));

		if (unit && strcmp(unit, LIVES_UNIT) == 0)
			found_ns = (uint64_t)json_integer_value(json_object_get(row, "total_ns"));
	}
	assert_true(found_ns > 200 * 1000000ull && found_ns < 500 * 1000000ull);
	answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fork_without_exec),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_exec_chain),
		cmocka_unit_test(test_dlopen),
		cmocka_unit_test(test_thread_names),
		cmocka_unit_test(test_namespaces),
		cmocka_unit_test(test_deleted_program),
		cmocka_unit_test(test_processes_of_50_ms),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_top_by_unit),
	};

	require_root();
	return cmocka_run_group_tests(tests, lives_record, lives_remove);
}
