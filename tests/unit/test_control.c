// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_control.c - the control socket over a real socket: answers now and later, limits and
 * deadlines, strangers and members, whose place it takes.
 */
#include "control.h"
#include "control_client.h"
#include "control_status.h"
#include "flush_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define NOBODY	   65534
#define GROUP_ID   4242
#define TIMEOUT_MS 10000
#define CALLS_MAX  16

struct fixture {
	char dir[32], run[300];
	struct control *control;
	struct control_options options;
	struct control_call calls[CALLS_MAX]; /* to be answered */
	unsigned int n_calls;
};

static void take_flush(void *ctx, struct control_call call, const char *argument)
{
	struct fixture *f = ctx;

	assert_string_equal(argument, "");
	assert_true(f->n_calls < CALLS_MAX);
	f->calls[f->n_calls++] = call;
}

static void answer_status(void *ctx, struct control_call call, const char *argument)
{
	static const struct profile_loss losses[] = {
		{.name = "no_room", .count = 2, .weight_ns = 40},
		{.name = "loop_stall", .count = 1},
	};
	const struct control_status status = {
		.version = "1.2",
		.store = "/var/lib/profd",
		.pid = 7,
		.since_real_ns = 1700000000000000000ull,
		.frequency_hz = 49,
		.n_cpus = 2,
		.bucket_ns = 10000000000ull,
		.n_buckets_written = 3,
		.n_buckets_waiting = 1,
		.losses = losses,
		.n_losses = ARRAY_SIZE(losses),
		.n_processes = 7,
		.follows_by_sideband = true,
		.unwind_budget_bytes = 64,
		.unwind_used_bytes = 32,
		.unwind_memory_bytes = 48,
		.n_unwind_installed = 5,
		.n_unwind_evicted = 1,
		.offcpu_refusal = "no BTF",
		.n_io_samples = 17,
		.n_open_waits = 12,
		.n_wait_stacks = 340,
		.pass_ns = 700,
		.last_error = "disk \"full\"",
	};

	(void)ctx;
	(void)argument;
	control_status_reply(call, &status);
}

static void start(struct fixture *f)
{
	struct control_error error;

	if (control_new(&f->options, &f->control, &error) < 0)
		fail_msg("%s", error.text);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/profd-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(chmod(f->dir, 0755), 0);
	(void)snprintf(f->run, sizeof(f->run), "%s/run", f->dir);
	f->options = (struct control_options){.directory = f->run,
					      .rule = {.own_uid = geteuid()},
					      .ops = {.flush = take_flush, .status = answer_status},
					      .ctx = f};
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char path[sizeof(f->run) + 16];

	control_free(f->control);
	(void)snprintf(path, sizeof(path), "%s/control", f->run);
	(void)unlink(path);
	(void)rmdir(f->run);
	(void)rmdir(f->dir);
	free(f);
	return 0;
}

/* As the event loop would: dispatches until `fd` is readable. */
static void pump_until_readable(struct fixture *f, int fd)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = fd, .events = POLLIN},
				       {.fd = control_fd(f->control), .events = POLLIN}};

		if (poll(fds, 2, TIMEOUT_MS) <= 0)
			fail_msg("nothing happened for %d ms", TIMEOUT_MS);
		if (fds[0].revents)
			return;
		control_dispatch(f->control);
	}
}

/* Dispatches what there is to do now. */
static void pump(struct fixture *f)
{
	struct pollfd fd = {.fd = control_fd(f->control), .events = POLLIN};

	while (poll(&fd, 1, 0) > 0)
		control_dispatch(f->control);
}

static int connect_to(struct fixture *f, const char *request)
{
	int fd = -1;

	assert_int_equal(control_socket_connect(f->run, &fd), 0);
	if (request)
		assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* What the client hears, after which it is hung up on; closes. */
static void assert_hears(struct fixture *f, int fd, const char *expected)
{
	char heard[4096];
	ssize_t n;

	pump_until_readable(f, fd);
	n = recv(fd, heard, sizeof(heard) - 1, 0);
	assert_true(n >= 0);
	heard[n] = '\0';
	if (!strstr(heard, expected))
		fail_msg("heard '%s', not '%s'", heard, expected);
	assert_int_equal(recv(fd, heard, sizeof(heard), 0), 0);
	close(fd);
}

static void test_status(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_hears(f, connect_to(f, "status\n"),
		     "{\"ok\":true,\"version\":\"1.2\",\"pid\":7,\"since_ns\":1700000000000000000,"
		     "\"frequency_hz\":49,\"cpus\":2,\"bucket_ns\":10000000000,"
		     "\"store\":\"/var/lib/profd\",\"buckets_written\":3,\"buckets_waiting\":1,"
		     "\"losses\":{\"no_room\":{\"count\":2,\"weight_ns\":40},"
		     "\"loop_stall\":{\"count\":1,\"weight_ns\":0}},"
		     "\"last_error\":\"disk \\\"full\\\"\",\"safe_mode\":null,"
		     "\"processes\":7,\"follows_processes\":\"sideband\","
		     "\"unwind\":{\"budget_bytes\":64,\"used_bytes\":32,\"memory_bytes\":48,"
		     "\"files_installed\":5,\"files_evicted\":1},"
		     "\"offcpu\":{\"refusal\":\"no BTF\",\"open_waits\":12,"
		     "\"captures\":340,\"pass_ns\":700},"
		     "\"blockio\":{\"refusal\":null,\"samples\":17}}");
	assert_int_equal(control_counters(f->control)->n_requests, 1);
}

static void test_malformed(void **state)
{
	struct fixture *f = *state;
	char longest[CONTROL_REQUEST_MAX + 2];

	start(f);
	assert_hears(
		f, connect_to(f, "reboot"),
		"{\"ok\":false,\"error\":\"unknown request 'reboot'; known are flush, status\"}");
	assert_hears(f, connect_to(f, "flush everything"), "takes no argument");
	assert_hears(f, connect_to(f, "flus"), "unknown request 'flus'");
	assert_hears(f, connect_to(f, "\n"), "unknown request ''");
	assert_hears(f, connect_to(f, "\xff\"x"), "unknown request '\xef\xbf\xbd\\\"x'");
	memset(longest, 'x', sizeof(longest));
	longest[CONTROL_REQUEST_MAX + 1] = '\0';
	assert_hears(f, connect_to(f, longest), "longer than 256 bytes");
	longest[CONTROL_REQUEST_MAX] = '\0';
	assert_hears(f, connect_to(f, longest), "unknown request");
	assert_int_equal(control_counters(f->control)->n_requests, 0);
}

/* Answers come later, in any order, also to clients that are gone, and only once. */
static void test_later(void **state)
{
	struct fixture *f = *state;
	struct control_call gone;
	int first, second, impatient;

	start(f);
	first = connect_to(f, "flush");
	impatient = connect_to(f, "flush");
	second = connect_to(f, "flush");
	pump(f);
	assert_int_equal(f->n_calls, 3);
	gone = f->calls[1];
	close(impatient);
	pump(f);
	control_reply(gone, "{\"ok\":true}");
	/* More than a request does not make it busy. */
	assert_int_equal(send(first, "more", 4, MSG_NOSIGNAL), 4);
	pump(f);
	control_reply(f->calls[2], "{\"ok\":true,\"n\":2}");
	assert_hears(f, second, "{\"ok\":true,\"n\":2}");
	control_refuse(f->calls[0], "no");
	assert_hears(f, first, "{\"ok\":false,\"error\":\"no\"}");
	control_reply(f->calls[0], "{\"ok\":true}");
	assert_hears(f, connect_to(f, "status"), "{\"ok\":true");
}

static void test_too_many_clients(void **state)
{
	struct fixture *f = *state;
	int fds[CONTROL_CLIENTS_MAX];

	start(f);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = connect_to(f, i % 2 ? NULL : "flush");
	pump(f);
	assert_hears(f, connect_to(f, "status"), "busy");
	assert_int_equal(control_counters(f->control)->n_busy, 1);
	close(fds[1]);
	pump(f);
	assert_hears(f, connect_to(f, "status"), "{\"ok\":true");
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		if (i != 1)
			close(fds[i]);
}

static void test_deadlines(void **state)
{
	struct fixture *f = *state;
	int silent, waiting;

	f->options.request_deadline_ns = 20000000;
	f->options.answer_deadline_ns = 40000000;
	start(f);
	silent = connect_to(f, NULL);
	assert_hears(f, silent, "no request came in time");
	waiting = connect_to(f, "flush");
	assert_hears(f, waiting, "did not get it done in time");
	assert_int_equal(f->n_calls, 1);
	control_reply(f->calls[0], "{\"ok\":true}"); /* too late, and harmless */
	assert_int_equal(control_counters(f->control)->n_late, 2);
}

/* Whoever connects without end is held up, and the others with it for a second at most. */
static void test_storm(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (int i = 0; i < 100; i++)
		assert_hears(f, connect_to(f, "status"), "{\"ok\":true");
	assert_int_equal(control_counters(f->control)->n_requests, 100);
}

/* ---- who may ask ---- */

/* A child that asks with control_ask() and exits with its code; -1: as it is, else with that group
 * beside nobody's, which only root can. Its answer comes by the pipe. */
static pid_t ask_as_child(struct fixture *f, const char *request, int group, int write_fd)
{
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		const gid_t groups[] = {(gid_t)group};
		struct control_error error = {};
		char *answer = NULL;
		enum control_exit code;
		const char *text;

		if (group >= 0 &&
		    (setgroups(group > 0, groups) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(100);
		code = control_ask(f->run, request, TIMEOUT_MS, &answer, &error);
		text = answer ? answer : error.text;
		_exit(write(write_fd, text, strlen(text)) == (ssize_t)strlen(text) ? (int)code
										   : 101);
	}
	close(write_fd);
	return child;
}

static void assert_asked(struct fixture *f, const char *request, int group, int code,
			 const char *expected)
{
	char answer[4096];
	int fds[2], status;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	child = ask_as_child(f, request, group, fds[1]);
	if (f->control)
		pump_until_readable(f, fds[0]);
	n = read(fds[0], answer, sizeof(answer) - 1);
	answer[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) != code || !strstr(answer, expected))
		fail_msg("%s: exit code %d, '%s'", request, WEXITSTATUS(status), answer);
}

static void test_ask(void **state)
{
	struct fixture *f = *state;

	assert_asked(f, "status", -1, CONTROL_EXIT_NO_PROFD, "systemctl start profd");
	start(f);
	assert_asked(f, "status", -1, CONTROL_EXIT_OK, "{\"ok\":true,\"version\"");
	assert_asked(f, "x", -1, CONTROL_EXIT_REFUSED, "unknown request 'x'");
}

/* As root strangers and members are real ones; else this user is made a stranger or a member. */
static void test_stranger_and_member(void **state)
{
	struct fixture *f = *state;
	bool is_root = geteuid() == 0;

	f->options.rule = (struct control_rule){
		.own_uid = geteuid() + 1, .has_group = true, .group = GROUP_ID};
	start(f);
	assert_asked(f, "status", is_root ? 0 : -1, CONTROL_EXIT_REFUSED,
		     "{\"ok\":false,\"error\":\"permission denied; run: sudo usermod -aG profd");
	assert_int_equal(control_counters(f->control)->n_denied, 1);
	assert_int_equal(control_counters(f->control)->n_requests, 0);
	f->control = control_free(f->control);
	if (!is_root)
		f->options.rule.group = getegid();
	start(f);
	assert_asked(f, "status", is_root ? GROUP_ID : -1, CONTROL_EXIT_OK, "{\"ok\":true");
}

/* ---- whose place it takes ---- */

static void assert_refused(struct fixture *f, int expected, const char *says)
{
	struct control *other = NULL;
	struct control_error error = {};
	int r = control_new(&f->options, &other, &error);

	if (r != expected || !strstr(error.text, says) || !strstr(error.text, f->run))
		fail_msg("%d, '%s'", r, error.text);
}

static void test_directory(void **state)
{
	struct fixture *f = *state;
	char path[sizeof(f->run) + 16];
	struct stat st;
	mode_t mask = umask(0027);

	start(f);
	(void)umask(mask);
	assert_int_equal(stat(f->run, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	(void)snprintf(path, sizeof(path), "%s/control", f->run);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_refused(f, -EADDRINUSE, "another profd answers at");
	assert_hears(f, connect_to(f, "status"), "{\"ok\":true"); /* and goes on */
	f->control = control_free(f->control);
	assert_int_equal(stat(path, &st), -1);
	assert_int_equal(chmod(f->run, 0777), 0);
	assert_refused(f, -EPERM, "others may write");
	assert_int_equal(rmdir(f->run), 0);
	(void)snprintf(f->run, sizeof(f->run), "%s/a/b", f->dir);
	assert_refused(f, -ENOENT, "No such file");
}

/* Its profd was killed: the socket is there and nobody listens. */
static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct control_error error;
	char path[sizeof(f->run) + 16];
	int fd = -1;

	assert_int_equal(control_socket_listen(f->run, &fd, &error), 0);
	close(fd);
	start(f);
	assert_hears(f, connect_to(f, "status"), "{\"ok\":true");
	f->control = control_free(f->control);
	(void)snprintf(path, sizeof(path), "%s/control", f->run);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_refused(f, -ENOTSOCK, "is no socket");
	assert_int_equal(access(path, F_OK), 0);
}

/* Beyond the 107 bytes of an address. */
static void test_long_path(void **state)
{
	struct fixture *f = *state;
	size_t used = strlen(f->run);

	memset(f->run + used, 'x', 150);
	f->run[used + 150] = '\0';
	start(f);
	assert_hears(f, connect_to(f, "status"), "{\"ok\":true");
	assert_refused(f, -EADDRINUSE, "another profd answers at");
}

/* ---- flush ---- */

static void test_flush_queue(void **state)
{
	struct fixture *f = *state;
	struct flush_queue queue = {};
	const uint64_t t_ns = 5 * FLUSH_GAP_NS;
	int fds[FLUSH_CALLS_MAX + 1];

	start(f);
	assert_false(flush_queue_is_due(&queue, t_ns));
	for (int i = 0; i <= FLUSH_CALLS_MAX; i++) {
		fds[i] = connect_to(f, "flush");
		pump(f);
	}
	flush_queue_add(&queue, f->calls[0], t_ns - 1);
	flush_queue_add(&queue, f->calls[1], t_ns);
	assert_true(flush_queue_is_due(&queue, t_ns));
	/* One that comes after the cut needs another, but not within a second; also if the cut took
	 * a while. */
	flush_queue_add(&queue, f->calls[2], t_ns + 1);
	flush_queue_cut(&queue, 8, 0, t_ns);
	assert_false(flush_queue_is_due(&queue, t_ns));
	assert_false(flush_queue_is_due(&queue, t_ns + FLUSH_GAP_NS - 1));
	assert_true(flush_queue_is_due(&queue, t_ns + FLUSH_GAP_NS));
	flush_queue_add(&queue, f->calls[3], t_ns + FLUSH_GAP_NS);
	flush_queue_add(&queue, f->calls[4], t_ns + FLUSH_GAP_NS);
	assert_hears(f, fds[4], "too many");
	flush_queue_answer(&queue, 7, 0);
	assert_int_equal(queue.n, 4);
	flush_queue_answer(&queue, 8, 0);
	assert_hears(f, fds[0], "{\"ok\":true}");
	assert_hears(f, fds[1], "{\"ok\":true}");
	assert_int_equal(queue.n, 2);
	flush_queue_cut(&queue, 9, 0, t_ns + FLUSH_GAP_NS);
	flush_queue_answer(&queue, 8, 1); /* bucket 9 was given up */
	assert_hears(f, fds[2], "could not be written");
	assert_hears(f, fds[3], "could not be written");
	assert_int_equal(queue.n, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_status),    TEST(test_malformed),
		TEST(test_later),     TEST(test_too_many_clients),
		TEST(test_deadlines), TEST(test_storm),
		TEST(test_ask),	      TEST(test_stranger_and_member),
		TEST(test_directory), TEST(test_stale),
		TEST(test_long_path), TEST(test_flush_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
