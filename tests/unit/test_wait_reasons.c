// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_wait_reasons.c - what the kernel frames of a stack say about its wait, and which of them are
 * worth showing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wait_reasons.h"

static const struct dictionary_function functions[] = {
	{"", ""},
	{"main", ""},
	{"futex_wait", ""}, /* in a program, too */
	{"io_schedule", ""},
	{"filemap_fault", ""},
	{"schedule", ""},
	{"__schedule", ""},
	{"bpf_prog_6deef7357e7b4530_on_switch", ""},
	{"preempt_schedule_irq", ""},
};
static const struct dictionary_frame frames[] = {
	{0},	       {1, 0, false}, {2, 0, false}, {3, 0, false}, {4, 0, false},
	{5, 0, false}, {6, 0, false}, {7, 0, false}, {8, 0, false},
};

enum { MAIN = 1, USER_FUTEX, FUTEX, IO, FAULT, SCHEDULE, SCHEDULE_INNER, PROG, UNNAMED, PREEMPT };

#define KERNEL(frame)                                                                              \
	{                                                                                          \
		LOCATION_KERNEL, UNKNOWN_NONE, 0, 0, frame, 1                                      \
	}
static const struct dictionary_location locations[] = {
	[MAIN] = {LOCATION_FILE, UNKNOWN_NONE, 0, 0, 1, 1},
	[USER_FUTEX] = {LOCATION_FILE, UNKNOWN_NONE, 0, 0, 2, 1},
	[FUTEX] = KERNEL(2),
	[IO] = KERNEL(3),
	[FAULT] = KERNEL(4),
	[SCHEDULE] = KERNEL(5),
	[SCHEDULE_INNER] = KERNEL(6),
	[PROG] = KERNEL(7),
	[UNNAMED] = {LOCATION_KERNEL, UNKNOWN_NO_KALLSYMS, 0, 0, 0, 0},
	[PREEMPT] = KERNEL(8),
};

/* Node by node from the root: each one's parent and location. */
static const struct dictionary_node nodes[] = {
	{0, 0},
	{0, MAIN},	      /* 1 */
	{1, FUTEX},	      /* 2: main, futex_wait */
	{2, SCHEDULE},	      /* 3 */
	{3, SCHEDULE_INNER},  /* 4: ... schedule, __schedule */
	{4, PROG},	      /* 5 */
	{1, USER_FUTEX},      /* 6: main, a futex_wait of the program */
	{6, SCHEDULE},	      /* 7 */
	{1, FAULT},	      /* 8 */
	{8, IO},	      /* 9: main, filemap_fault, io_schedule */
	{9, SCHEDULE},	      /* 10 */
	{0, SCHEDULE},	      /* 11: nothing else */
	{11, SCHEDULE_INNER}, /* 12 */
	{2, UNNAMED},	      /* 13: main, futex_wait, ? */
	{1, PREEMPT},	      /* 14 */
	{14, SCHEDULE_INNER}, /* 15 */
};

static const struct dictionary dictionary = {
	.nodes = nodes,
	.locations = locations,
	.frames = frames,
	.functions = functions,
	.n_nodes = sizeof(nodes) / sizeof(nodes[0]),
	.n_locations = sizeof(locations) / sizeof(locations[0]),
	.n_frames = sizeof(frames) / sizeof(frames[0]),
	.n_functions = sizeof(functions) / sizeof(functions[0]),
};

static void test_reasons(void **state)
{
	static const struct {
		enum sample_type type;
		enum wait_state state;
		uint32_t node;
		enum wait_reason reason;
	} cases[] = {
		{SAMPLE_OFFCPU, WAIT_STATE_SLEEP, 4, WAIT_REASON_LOCK},
		{SAMPLE_OFFCPU, WAIT_STATE_SLEEP, 13, WAIT_REASON_LOCK},
		/* The kernel's names mean nothing in a program. */
		{SAMPLE_OFFCPU, WAIT_STATE_SLEEP, 7, WAIT_REASON_OTHER},
		{SAMPLE_OFFCPU, WAIT_STATE_DISK, 10, WAIT_REASON_PAGE_FAULT},
		{SAMPLE_OFFCPU, WAIT_STATE_DISK, 12, WAIT_REASON_DISK},
		{SAMPLE_OFFCPU, WAIT_STATE_BLOCKED, 12, WAIT_REASON_OTHER_D},
		{SAMPLE_OFFCPU, WAIT_STATE_BLOCKED, 0, WAIT_REASON_OTHER_D},
		{SAMPLE_OFFCPU, WAIT_STATE_STOPPED, 4, WAIT_REASON_STOPPED},
		/* Run-queue time after a sleep is not time asleep. */
		{SAMPLE_RUNQ, WAIT_STATE_SLEEP, 4, WAIT_REASON_CPU},
		{SAMPLE_RUNQ, WAIT_STATE_NONE, 1, WAIT_REASON_CPU},
		{SAMPLE_WAKER, WAIT_STATE_SLEEP, 4, WAIT_REASON_NONE},
		{SAMPLE_CPU, WAIT_STATE_NONE, 4, WAIT_REASON_NONE},
	};
	_cleanup_(wait_reasons_freep) struct wait_reasons *reasons = NULL;

	(void)state;
	assert_int_equal(wait_reasons_new(&dictionary, &reasons), 0);
	/* Twice: the second time from memory. */
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
		size_t k = i / 2;

		assert_int_equal(
			wait_reasons_of(reasons, cases[k].type, cases[k].state, cases[k].node),
			cases[k].reason);
	}
}

static void test_leaves(void **state)
{
	static const uint32_t cases[][2] = {
		{0, 0}, {1, 1},	 {2, 2},   {3, 2},   {4, 2},  {5, 2},
		{7, 6}, {10, 9}, {12, 11}, {13, 13}, {15, 1},
	};
	_cleanup_(wait_reasons_freep) struct wait_reasons *reasons = NULL;

	(void)state;
	assert_int_equal(wait_reasons_new(&dictionary, &reasons), 0);
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(wait_reasons_leaf(reasons, cases[i / 2][0]), cases[i / 2][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_leaves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
