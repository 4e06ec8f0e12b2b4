/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_perf_opener.c - the child that opens perf events, asked as profd asks it: both kinds, the
 * statistics, what it refuses; dead and hanging.
 */
#include "capabilities.h"
#include "capture/perf_opener.h"
#include "capture/perf_server.h"
#include "child.h"
#include "cleanup.h"
#include "daemon_fixture.h"
#include "proc_status.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define PERIOD_NS  10000000ull
#define RING_BYTES (64u << 10)
#define BIG_BYTES  (8u << 20) /* beyond perf_event_mlock_kb of a few CPUs */
#define NAME	   "profd-told"

static int setup(void **state)
{
	struct perf_opener *opener;

	assert_int_equal(perf_opener_new(&opener), 0);
	*state = opener;
	return 0;
}

static int teardown(void **state)
{
	perf_opener_free(*state);
	return 0;
}

static bool holds_nothing_else(void *ctx)
{
	_cleanup_free_ char *descriptors = proc_descriptors(*(pid_t *)ctx);

	return !strstr(descriptors, "perf_event") && !strstr(descriptors, "bpf");
}

static void test_events(void **state)
{
	struct perf_opener *opener = *state;
	_cleanup_close_ int clock_fd = -1, stats_fd = -1;
	uint64_t count = 0;
	pid_t pid;

	assert_true(perf_opener_pid(opener) > 0);
	clock_fd = perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, 0, PERIOD_NS);
	assert_true(clock_fd >= 0);
	assert_int_equal(fcntl(clock_fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(read(clock_fd, &count, sizeof(count)), sizeof(count));
	assert_int_equal(count, 0); /* it is not enabled */
	stats_fd = perf_opener_stats(opener);
	assert_true(stats_fd >= 0);
	/* It keeps none of them. */
	pid = perf_opener_pid(opener);
	assert_true(wait_until(holds_nothing_else, &pid, 10));
}

static void test_what_is_refused(void **state)
{
	struct perf_opener *opener = *state;

	assert_int_equal(perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, 100000, PERIOD_NS),
			 -EINVAL);
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, -1, PERIOD_NS), -EINVAL);
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, 0, 1000), -EINVAL);
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_KIND_MAX, 0, PERIOD_NS), -EINVAL);
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_SIDEBAND, 0, PERIOD_NS), -EINVAL);
}

/* A side-band event's ring has the new name of this thread, with the time behind it. */
static void test_sideband(void **state)
{
	struct perf_opener *opener = *state;
	_cleanup_close_ int fd = -1;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct perf_event_mmap_page *head;
	struct timespec before, after;
	cpu_set_t cpus, all;
	bool found = false;
	char *ring;

	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	fd = perf_opener_event(opener, PERF_EVENT_SIDEBAND, 0, 0);
	assert_true(fd >= 0);
	head = mmap(NULL, page + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(head, MAP_FAILED);
	ring = (char *)head + page;
	assert_int_equal(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(prctl(PR_SET_NAME, NAME), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);

	assert_true(head->data_head <= RING_BYTES);
	for (uint64_t at = 0; at < head->data_head;) {
		struct perf_event_header header;
		uint64_t time_ns;

		memcpy(&header, ring + at, sizeof(header));
		assert_true(header.size >= sizeof(header) + sizeof(time_ns));
		memcpy(&time_ns, ring + at + header.size - sizeof(time_ns), sizeof(time_ns));
		if (header.type == PERF_RECORD_COMM &&
		    strcmp(ring + at + sizeof(header) + 8, NAME) == 0) {
			found = true;
			assert_true(time_ns >= (uint64_t)before.tv_sec * 1000000000ull +
						       (uint64_t)before.tv_nsec);
			assert_true(time_ns <= (uint64_t)after.tv_sec * 1000000000ull +
						       (uint64_t)after.tv_nsec);
		}
		at += header.size;
	}
	assert_true(found);
	assert_int_equal(munmap(head, page + RING_BYTES), 0);
}

/* In a process of its own. Whether a big ring can be mapped without any locked memory. */
static bool maps_big_ring(int fd, uint64_t capabilities)
{
	size_t bytes = (size_t)sysconf(_SC_PAGESIZE) + BIG_BYTES;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		const struct rlimit none = {0};

		if (setrlimit(RLIMIT_MEMLOCK, &none) < 0 || capabilities_keep(capabilities) < 0)
			_exit(2);
		_exit(mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) < 2);
	return WEXITSTATUS(status) == 0;
}

static void test_big_rings_need_ipc_lock(void **state)
{
	_cleanup_close_ int fd = perf_opener_event(*state, PERF_EVENT_SIDEBAND, 0, 0);

	assert_true(fd >= 0);
	assert_true(maps_big_ring(fd, capability_kept_set(false)));
	assert_false(maps_big_ring(fd, capability_kept_set(false) & ~CAPABILITY_BIT(CAP_IPC_LOCK)));
}

static double seconds_since(const struct timespec *start)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - start->tv_sec) + (double)(now.tv_nsec - start->tv_nsec) / 1e9;
}

static void test_hanging(void **state)
{
	struct perf_opener *opener = *state;
	struct timespec start;

	assert_int_equal(kill(perf_opener_pid(opener), SIGSTOP), 0);
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, 0, PERIOD_NS), -ETIMEDOUT);
	assert_true(seconds_since(&start) < 10);
	/* It is not waited for twice. */
	(void)clock_gettime(CLOCK_MONOTONIC, &start);
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, 0, PERIOD_NS), -EPIPE);
	assert_int_equal(perf_opener_stats(opener), -EPIPE);
	assert_true(seconds_since(&start) < 0.5);
	/* The teardown ends it all the same. */
}

static bool is_gone(void *ctx)
{
	return !proc_lives(*(pid_t *)ctx);
}

static void test_dead(void **state)
{
	struct perf_opener *opener = *state;
	pid_t pid = perf_opener_pid(opener);

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_true(wait_until(is_gone, &pid, 10));
	assert_int_equal(perf_opener_event(opener, PERF_EVENT_CPU_CLOCK, 0, PERIOD_NS), -EPIPE);
	assert_int_equal(perf_opener_stats(opener), -EPIPE);
}

/* Signals that end profd leave it alone, and the end of the socket ends it. */
static void test_end(void **state)
{
	pid_t pid = perf_opener_pid(*state);
	_cleanup_close_ int first_fd = -1, fd = -1;

	/* It serves, and so has set itself up. */
	first_fd = perf_opener_event(*state, PERF_EVENT_CPU_CLOCK, 0, PERIOD_NS);
	assert_true(first_fd >= 0);
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(kill(pid, SIGINT), 0);
	fd = perf_opener_event(*state, PERF_EVENT_CPU_CLOCK, 0, PERIOD_NS);
	assert_true(fd >= 0);
	*state = perf_opener_free(*state);
	assert_false(proc_lives(pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sideband, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_rings_need_ipc_lock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hanging, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dead, setup, teardown),
		cmocka_unit_test_setup_teardown(test_end, setup, teardown),
	};

	require_root();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
