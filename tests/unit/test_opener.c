// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_opener.c - files that are opened in the background: in order, skipped, and one whose
 * filesystem never answers.
 */
#include "process/opener.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define S    1000000000ull
#define HANG 666u /* number of a file that is not opened before the gate is */

static int gate[2]; /* a hanging open reads from it */

static void open_or_hang(uint32_t number, int path_fd, const char *path, struct opener_answer *ret)
{
	char byte;

	(void)path_fd;
	(void)path;
	if (number >= HANG)
		(void)!read(gate[0], &byte, 1);
	*ret = (struct opener_answer){.number = number, .fd = open("/dev/null", O_CLOEXEC)};
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * S + (uint64_t)now.tv_nsec;
}

static void ask(struct opener *opener, uint32_t number)
{
	assert_int_equal(opener_ask(opener, number, open("/", O_PATH | O_CLOEXEC)), 0);
}

static struct opener_answer next_answer(struct opener *opener)
{
	struct pollfd fd = {.fd = opener_fd(opener), .events = POLLIN};
	struct opener_answer answer;

	while (opener_take(opener, &answer) == 0)
		assert_true(poll(&fd, 1, 10000) > 0);
	return answer;
}

static void expect_opened(struct opener *opener, uint32_t number)
{
	struct opener_answer answer = next_answer(opener);

	assert_int_equal(answer.number, number);
	assert_true(answer.fd >= 0);
	(void)close(answer.fd);
}

static void expect_skipped(struct opener *opener, uint32_t number)
{
	struct opener_answer answer = next_answer(opener);

	assert_int_equal(answer.number, number);
	assert_int_equal(answer.fd, -1);
	assert_int_equal(answer.reason, UNKNOWN_FILE_SKIPPED);
}

/* Watches, as if it were later, until the thread is found to hang. */
static void watch_until_abandoned(struct opener *opener, uint32_t n)
{
	while (opener_n_abandoned(opener) < n)
		opener_watch(opener, now_ns() + 6 * S);
}

static int set_up(void **state)
{
	struct opener *opener;

	assert_int_equal(pipe2(gate, O_CLOEXEC), 0);
	assert_int_equal(opener_new_with(open_or_hang, &opener), 0);
	*state = opener;
	return 0;
}

/* The hanging threads see the end of the pipe, and end. */
static int tear_down(void **state)
{
	opener_free(*state);
	(void)close(gate[1]);
	return 0;
}

static void test_in_order(void **state)
{
	struct opener *opener = *state;

	for (uint32_t i = 1; i <= 10; i++)
		ask(opener, i);
	for (uint32_t i = 1; i <= 10; i++)
		expect_opened(opener, i);
	opener_watch(opener, now_ns() + 6 * S); /* it waits for work, and that is no hanging */
	assert_int_equal(opener_n_abandoned(opener), 0);
	assert_true(opener_idle(opener));
}

static void test_one_hangs(void **state)
{
	struct opener *opener = *state;

	ask(opener, HANG);
	ask(opener, 1);
	opener_watch(opener, now_ns()); /* not long enough */
	assert_int_equal(opener_n_abandoned(opener), 0);
	watch_until_abandoned(opener, 1);
	expect_skipped(opener, HANG);
	expect_opened(opener, 1);
	assert_true(opener_idle(opener));
	/* It comes to after all, and has nothing to say. */
	assert_int_equal(write(gate[1], "", 1), 1);
	ask(opener, 2);
	expect_opened(opener, 2);
	assert_true(opener_idle(opener));
}

static void test_too_many_hang(void **state)
{
	struct opener *opener = *state;
	int fd = open("/", O_PATH | O_CLOEXEC);

	for (uint32_t i = 0; i < 8; i++)
		ask(opener, HANG + i);
	ask(opener, 1);
	for (uint32_t i = 0; i < 8; i++) {
		watch_until_abandoned(opener, i + 1);
		expect_skipped(opener, HANG + i);
	}
	expect_skipped(opener, 1);
	assert_int_equal(opener_ask(opener, 2, fd), -EAGAIN);
	assert_true(opener_idle(opener));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_hang, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
