/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.c - starting, watching and ending one program; see child.h.
 */
#include "child.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#define EXIT_NOT_STARTED 127

/* Root's program gets what is in the bounding set, whatever the permitted set was. */
static int lose_capabilities(uint64_t lost)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	for (unsigned long cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (lost >> cap & 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -1;
	if (syscall(SYS_capget, &header, data) < 0)
		return -1;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= ~(uint32_t)(lost >> 32 * i);
		data[i].effective &= data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -1 : 0;
}

/* In the new process. argv[0] is opened before privilege is given up: the checkout may be in a
 * folder that the other user cannot enter. */
__attribute__((noreturn)) static void run_program(const struct child_options *options, int in_fd,
						  int out_fd, int err_fd, char **argv)
{
	int program_fd = strchr(argv[0], '/') ? open(argv[0], O_PATH) : -1;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (dup2(in_fd, STDIN_FILENO) < 0 || dup2(out_fd, STDOUT_FILENO) < 0 ||
	    dup2(err_fd, STDERR_FILENO) < 0)
		_exit(EXIT_NOT_STARTED);
	if (options->cpu >= 0) {
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET((size_t)options->cpu, &cpus);
		if (sched_setaffinity(0, sizeof(cpus), &cpus) < 0)
			_exit(EXIT_NOT_STARTED);
	}
	if (options->uid && (setgroups(0, NULL) < 0 || setgid(options->uid) < 0 ||
			     setuid(options->uid) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) < 0))
		_exit(EXIT_NOT_STARTED);
	if (options->prepare && options->prepare() < 0)
		_exit(EXIT_NOT_STARTED);
	if (options->lost_caps && lose_capabilities(options->lost_caps) < 0)
		_exit(EXIT_NOT_STARTED);
	if (program_fd >= 0)
		(void)fexecve(program_fd, argv, environ);
	else
		(void)execvp(argv[0], argv);
	_exit(EXIT_NOT_STARTED);
}

void child_start(struct child *child, const struct child_options *options, const char *const argv[])
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	union {
		const char *const *in;
		char **out;
	} arguments = {.in = argv}; /* exec(3) takes them as char **, and does not change them */

	assert_true(null_fd >= 0);
	*child = (struct child){
		.out_fd = memfd_create("stdout", MFD_CLOEXEC),
		.err_fd = memfd_create("stderr", MFD_CLOEXEC),
	};
	assert_true(child->out_fd >= 0 && child->err_fd >= 0);
	child->pid = fork();
	assert_true(child->pid >= 0);
	if (child->pid == 0)
		run_program(options, options->in_fd >= 0 ? options->in_fd : null_fd, child->out_fd,
			    child->err_fd, arguments.out);
}

int child_wait(struct child *child, unsigned int timeout_s)
{
	struct pollfd poll_fd = {.events = POLLIN};
	int status, ready;

	assert_true(child->pid > 0);
	poll_fd.fd = pidfd_open(child->pid, 0);
	assert_true(poll_fd.fd >= 0);
	do {
		ready = poll(&poll_fd, 1, (int)timeout_s * 1000);
	} while (ready < 0 && errno == EINTR);
	(void)close(poll_fd.fd);
	if (ready == 0)
		return -1;
	assert_int_equal(waitpid(child->pid, &status, 0), child->pid);
	child->pid = 0;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void child_signal(const struct child *child, int signal)
{
	assert_true(child->pid > 0);
	assert_int_equal(kill(child->pid, signal), 0);
}

static char *read_all(int fd)
{
	struct stat st;
	char *text;
	ssize_t len = 0;

	assert_int_equal(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	assert_non_null(text);
	while (len < st.st_size) {
		ssize_t n = pread(fd, text + len, (size_t)(st.st_size - len), len);

		assert_true(n > 0);
		len += n;
	}
	return text;
}

char *child_stdout(const struct child *child)
{
	return read_all(child->out_fd);
}

char *child_stderr(const struct child *child)
{
	return read_all(child->err_fd);
}

void child_done(struct child *child)
{
	if (child->pid > 0) {
		(void)kill(child->pid, SIGKILL);
		(void)waitpid(child->pid, NULL, 0);
	}
	if (child->out_fd > 0)
		(void)close(child->out_fd);
	if (child->err_fd > 0)
		(void)close(child->err_fd);
	*child = (struct child){0};
}

bool wait_until(bool (*condition)(void *ctx), void *ctx, unsigned int timeout_s)
{
	const struct timespec pause = {.tv_nsec = 20000000};
	struct timespec now, end;

	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += timeout_s;
	for (;;) {
		if (condition(ctx))
			return true;
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_sec > end.tv_sec)
			return false;
		(void)nanosleep(&pause, NULL);
	}
}
