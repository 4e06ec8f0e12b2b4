// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_log.c - lines on stderr, as the journal and as a person gets them.
 */
#include "log.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SAID_MAX 8192

/* stderr is a pipe while a test runs, since cmocka itself writes to it. */
struct fixture {
	int read_fd, write_fd, stderr_fd;
	char said[SAID_MAX];
};

static int set_up(void **state)
{
	static struct fixture fixture;
	int fds[2];

	assert_int_equal(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	fixture = (struct fixture){.read_fd = fds[0], .write_fd = fds[1]};
	fixture.stderr_fd = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(fixture.stderr_fd >= 0);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(dup2(f->stderr_fd, STDERR_FILENO), STDERR_FILENO);
	close(f->stderr_fd);
	close(f->read_fd);
	close(f->write_fd);
	unsetenv("JOURNAL_STREAM");
	return 0;
}

/* JOURNAL_STREAM names the pipe's inode, or another one. */
static void begin(struct fixture *f, bool is_journal, int level)
{
	char stream[64];
	struct stat st;

	assert_int_equal(fstat(f->write_fd, &st), 0);
	(void)snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino + !is_journal);
	assert_int_equal(setenv("JOURNAL_STREAM", stream, 1), 0);
	assert_int_equal(dup2(f->write_fd, STDERR_FILENO), STDERR_FILENO);
	log_init(level);
}

static const char *end(struct fixture *f)
{
	ssize_t n = read(f->read_fd, f->said, sizeof(f->said) - 1);

	assert_int_equal(dup2(f->stderr_fd, STDERR_FILENO), STDERR_FILENO);
	f->said[n > 0 ? n : 0] = '\0';
	return f->said;
}

static void test_journal(void **state)
{
	begin(*state, true, LOG_INFO);
	log_error("a %d", 1);
	log_warning("b");
	log_info("c");
	log_debug("not said");
	assert_string_equal(end(*state), "<3>a 1\n<4>b\n<6>c\n");
}

static void test_debug(void **state)
{
	begin(*state, true, LOG_DEBUG);
	log_debug("said");
	assert_string_equal(end(*state), "<7>said\n");
}

/* stderr is redirected, but JOURNAL_STREAM is inherited. */
static void test_not_the_journal(void **state)
{
	begin(*state, false, LOG_INFO);
	log_error("a");
	log_info("b");
	assert_string_equal(end(*state), "profd: a\nprofd: b\n");
}

static void test_malformed_stream(void **state)
{
	begin(*state, true, LOG_INFO);
	assert_int_equal(setenv("JOURNAL_STREAM", "x:y", 1), 0);
	log_init(LOG_INFO);
	log_error("a");
	assert_string_equal(end(*state), "profd: a\n");
}

static void test_one_line(void **state)
{
	begin(*state, true, LOG_INFO);
	log_info("%s", "first\nsecond\r\n\tthird \x1b[31mred\x7f gr\xc3\xbc\xc3\x9f");
	assert_string_equal(end(*state), "<6>first second?  third ?[31mred? gr\xc3\xbc\xc3\x9f\n");
}

static void test_long_and_errno(void **state)
{
	char text[4000];
	const char *said;

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	begin(*state, true, LOG_INFO);
	errno = ENOTTY;
	log_info("%s", text);
	log_info("next");
	assert_int_equal(errno, ENOTTY);
	said = end(*state);
	assert_true(strlen(said) > 1000 && strlen(said) < 1100);
	assert_non_null(strstr(said, "xx\n<6>next\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_debug, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_the_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_malformed_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_long_and_errno, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
