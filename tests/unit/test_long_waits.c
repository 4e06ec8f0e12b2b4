// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_long_waits.c - the thread that reads stacks of long waits, from a pipe in place of the
 * kernel's iterator: in time, too late, and for ever.
 */
#include "capture/long_waits.h"

#include "capture/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define DEADLINE_MS 30000
#define SECOND_NS   1000000000ull

static void take(void *ctx, void *record, size_t size)
{
	uint32_t *n = ctx;
	struct sample_event event;

	assert_int_equal(ingest_head(record, size, &event), 0);
	assert_int_equal(event.tid, ++*n);
}

static int setup(void **state)
{
	return long_waits_new((struct long_waits **)state);
}

static int teardown(void **state)
{
	long_waits_free(*state);
	return 0;
}

static void send_records(int fd, uint32_t n)
{
	for (uint32_t tid = 1; tid <= n; tid++) {
		const struct sample_event event = {.kind = WIRE_WAIT_BEGIN, .tid = tid};

		assert_int_equal(write(fd, &event, sizeof(event)), sizeof(event));
	}
}

/* Waits for the end of a pass; returns how many records it gave. */
static uint32_t dispatch(struct long_waits *waits)
{
	struct pollfd fd = {.fd = long_waits_fd(waits), .events = POLLIN};
	uint32_t n = 0;

	assert_int_equal(poll(&fd, 1, DEADLINE_MS), 1);
	long_waits_dispatch(waits, take, &n);
	return n;
}

static void test_passes(void **state)
{
	struct long_waits *waits = *state;

	for (uint64_t pass = 1; pass <= 3; pass++) {
		int fds[2];

		assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
		send_records(fds[1], 10);
		close(fds[1]);
		assert_int_equal(long_waits_begin(waits, fds[0], 0), 0);
		assert_int_equal(dispatch(waits), 10);
		assert_int_equal(long_waits_counters(waits).n_passes, pass);
		assert_int_equal(long_waits_counters(waits).n_stacks, 10 * pass);
	}
	assert_int_equal(long_waits_counters(waits).n_abandoned, 0);
}

static void test_limit(void **state)
{
	struct long_waits *waits = *state;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	send_records(fds[1], LONG_WAITS_STACKS_MAX + 50);
	assert_int_equal(long_waits_begin(waits, fds[0], 0), 0); /* the writer's end is open */
	assert_int_equal(dispatch(waits), LONG_WAITS_STACKS_MAX);
	close(fds[1]);
}

static void test_garbage(void **state)
{
	struct long_waits *waits = *state;
	char zeros[sizeof(struct sample_event)] = {};
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	send_records(fds[1], 2);
	assert_int_equal(write(fds[1], zeros, sizeof(zeros)), sizeof(zeros));
	assert_int_equal(long_waits_begin(waits, fds[0], 0), 0);
	assert_int_equal(dispatch(waits), 2);
	assert_int_equal(long_waits_counters(waits).n_failed, 1);
	close(fds[1]);
}

/* A pass that hangs is given up after a second, and what it brings then is thrown away. */
static void test_abandoned(void **state)
{
	struct long_waits *waits = *state;
	int fds[2], next[2], r;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(long_waits_begin(waits, fds[0], SECOND_NS), 0);
	send_records(fds[1], 3);
	long_waits_watch(waits, 2 * SECOND_NS - 1);
	assert_int_equal(long_waits_counters(waits).n_abandoned, 0);
	long_waits_watch(waits, 2 * SECOND_NS);
	long_waits_watch(waits, 3 * SECOND_NS);
	assert_int_equal(long_waits_counters(waits).n_abandoned, 1);
	assert_int_equal(pipe2(next, O_CLOEXEC), 0);
	send_records(next[1], 5);
	close(next[1]);
	assert_int_equal(long_waits_begin(waits, dup(next[0]), 4 * SECOND_NS), -EBUSY);
	assert_int_equal(long_waits_counters(waits).n_busy, 1);
	close(fds[1]); /* it comes back; when that is noticed, another one may begin */
	while ((r = long_waits_begin(waits, dup(next[0]), 4 * SECOND_NS)) == -EBUSY)
		(void)poll(NULL, 0, 1);
	assert_int_equal(r, 0);
	assert_int_equal(dispatch(waits), 5);
	assert_int_equal(long_waits_counters(waits).n_stacks, 5);
	close(next[0]);
}

/* The end does not wait for one that hangs; the thread then cleans up behind itself. */
static void test_end_while_hanging(void **state)
{
	struct long_waits *waits;
	struct pollfd fd = {.events = 0};
	int fds[2];

	(void)state;
	assert_int_equal(long_waits_new(&waits), 0);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(long_waits_begin(waits, fds[0], 0), 0);
	assert_null(long_waits_free(waits));
	/* It holds its end of the pipe until it comes back. */
	fd.fd = fds[1];
	assert_int_equal(poll(&fd, 1, 0), 0);
	assert_int_equal(write(fds[1], "", 1), 1);
	close(fds[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_passes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_limit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abandoned, setup, teardown),
		cmocka_unit_test(test_end_while_hanging),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
