// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_service.c - what systemd hears, at a real NOTIFY_SOCKET.
 */
#include "service.h"

#include "cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ull

struct fixture {
	int fd;
	char dir[32], heard[512];
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	assert_non_null(f);
	*state = f;
	(void)snprintf(f->dir, sizeof(f->dir), "/tmp/profd-test-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", f->dir);
	f->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_true(f->fd >= 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", address.sun_path, 1), 0);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	char path[64];

	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	(void)snprintf(path, sizeof(path), "%s/notify", f->dir);
	unlink(path);
	rmdir(f->dir);
	close(f->fd);
	free(f);
	return 0;
}

/* The next message, or "" when there is none: a datagram to a local socket is there at once. */
static const char *hear(struct fixture *f)
{
	ssize_t n = recv(f->fd, f->heard, sizeof(f->heard) - 1, 0);

	f->heard[n > 0 ? n : 0] = '\0';
	return f->heard;
}

static void test_messages(void **state)
{
	struct fixture *f = *state;

	service_ready(4, 49);
	assert_string_equal(hear(f), "READY=1\nSTATUS=Sampling 4 CPUs at 49 Hz");
	service_reloading(1234567890);
	assert_string_equal(hear(f),
			    "RELOADING=1\nMONOTONIC_USEC=1234567\nSTATUS=Reading profd.conf");
	service_status("two\nlines\nREADY=1");
	assert_string_equal(hear(f), "STATUS=two lines READY=1");
	service_stopping();
	assert_string_equal(hear(f), "STOPPING=1\nSTATUS=Writing the open bucket");
}

static void test_watchdog(void **state)
{
	struct fixture *f = *state;
	struct service service;
	char pid[16];

	(void)snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	service_init(&service);
	service_watchdog(&service, 100 * SECOND_NS);
	assert_string_equal(hear(f), "WATCHDOG=1");
	service_watchdog(&service, 115 * SECOND_NS - 1);
	assert_string_equal(hear(f), "");
	service_watchdog(&service, 115 * SECOND_NS);
	assert_string_equal(hear(f), "WATCHDOG=1");
	service_watchdog(&service, 200 * SECOND_NS);
	assert_string_equal(hear(f), "WATCHDOG=1");
	assert_string_equal(hear(f), "");
}

/* Nobody watches, or somebody watches another process: its child. */
static void test_no_watchdog(void **state)
{
	struct fixture *f = *state;
	struct service service;

	service_init(&service);
	service_watchdog(&service, SECOND_NS);
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	service_init(&service);
	service_watchdog(&service, SECOND_NS);
	assert_string_equal(hear(f), "");
}

static void test_without_systemd(void **state)
{
	struct service service;

	unsetenv("NOTIFY_SOCKET");
	service_init(&service);
	service_ready(1, 49);
	service_watchdog(&service, SECOND_NS);
	service_stopping();
	assert_string_equal(hear(*state), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_messages, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_watchdog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_watchdog, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_systemd, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
