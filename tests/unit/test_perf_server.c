// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_perf_server.c - what the child with CAP_SYS_ADMIN can be asked for, and what not: by the
 * pure check, and over its socket without any privilege. tests/kernel has the real thing.
 */
#include "capture/perf_events.h"
#include "capture/perf_server.h"
#include "cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define CPUS	  4
#define PERIOD_NS 20408163ull

static const struct perf_request clock_request = {.kind = PERF_REQUEST_EVENT,
						  .event = PERF_EVENT_CPU_CLOCK,
						  .cpu = 3,
						  .period_ns = PERIOD_NS};
static const struct perf_request sideband_request = {.kind = PERF_REQUEST_EVENT,
						     .event = PERF_EVENT_SIDEBAND};
static const struct perf_request stats_request = {.kind = PERF_REQUEST_STATS};

static int check(struct perf_request request)
{
	return perf_server_check(&request, sizeof(request), CPUS);
}

#define WITH(request, field, value)                                                                \
	({                                                                                         \
		struct perf_request with = (request);                                              \
		with.field = (value);                                                              \
		with;                                                                              \
	})

static void test_check(void **state)
{
	(void)state;
	assert_int_equal(check(clock_request), 0);
	assert_int_equal(check(sideband_request), 0);
	assert_int_equal(check(stats_request), 0);
	assert_int_equal(check(WITH(clock_request, period_ns, 1000000000 / 19)), 0);
	assert_int_equal(check(WITH(clock_request, period_ns, 1000000000 / 999)), 0);

	assert_int_equal(check(WITH(clock_request, kind, 0)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, kind, 3)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, event, PERF_EVENT_KIND_MAX)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, event, UINT32_MAX)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, cpu, CPUS)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, cpu, UINT32_MAX)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, zero, 1)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, period_ns, 0)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, period_ns, 1000000000 / 999 - 1)), -EINVAL);
	assert_int_equal(check(WITH(clock_request, period_ns, 1000000000 / 19 + 1)), -EINVAL);
	assert_int_equal(check(WITH(sideband_request, period_ns, PERIOD_NS)), -EINVAL);
	assert_int_equal(check(WITH(stats_request, event, 1)), -EINVAL);
	assert_int_equal(check(WITH(stats_request, cpu, 1)), -EINVAL);
	assert_int_equal(check(WITH(stats_request, period_ns, 1)), -EINVAL);
	for (size_t size = 0; size < sizeof(clock_request); size++)
		assert_int_equal(perf_server_check(&clock_request, size, CPUS), -EINVAL);
}

/* Sends the packet and returns the answer's error. */
static int ask(int socket, const void *packet, size_t size)
{
	struct perf_answer answer;

	assert_int_equal(send(socket, packet, size, MSG_NOSIGNAL), size);
	assert_int_equal(recv(socket, &answer, sizeof(answer), 0), sizeof(answer));
	return answer.error;
}

/* A packet of another kind gets no descriptor, whoever asks, and the next one its answer. */
static void test_served(void **state)
{
	char long_packet[sizeof(clock_request) + 8] = {0};
	struct perf_request bad[2];
	int sockets[2], status, parent = (int)getpid();
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		perf_server_run(sockets[1], CPUS, parent);
	assert_int_equal(close(sockets[1]), 0);
	memcpy(long_packet, &clock_request, sizeof(clock_request));
	assert_int_equal(ask(sockets[0], long_packet, sizeof(long_packet)), -EINVAL);
	assert_int_equal(ask(sockets[0], long_packet, sizeof(clock_request) - 1), -EINVAL);
	bad[0] = WITH(clock_request, cpu, CPUS);
	bad[1] = WITH(stats_request, zero, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(ask(sockets[0], &bad[i], sizeof(bad[i])), -EINVAL);
	assert_int_equal(close(sockets[0]), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A child whose parent is another one serves nobody. */
static void test_orphan(void **state)
{
	int sockets[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		perf_server_run(sockets[1], CPUS, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_int_equal(close(sockets[0]), 0);
	assert_int_equal(close(sockets[1]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_served),
		cmocka_unit_test(test_orphan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
