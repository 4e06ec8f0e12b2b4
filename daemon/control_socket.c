// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_socket.c - see control_socket.h.
 */
#include "control_socket.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define DIRECTORY_MODE 0755
#define SOCKET_MODE    0666
#define BACKLOG	       16

int control_fail(struct control_error *error, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return r;
}

/* The address: the path where it fits (107 bytes, unix(7)), since tools show it, else by the
 * directory's descriptor. */
static void make_address(const char *dir, int dir_fd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/" CONTROL_SOCKET_NAME, dir) >=
	    (int)sizeof(ret->sun_path))
		(void)snprintf(ret->sun_path, sizeof(ret->sun_path),
			       "/proc/self/fd/%d/" CONTROL_SOCKET_NAME, dir_fd);
}

static int connect_at(const char *dir, int dir_fd, int *ret_fd)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;

	if (fd < 0)
		return -errno;
	make_address(dir, dir_fd, &address);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	*ret_fd = take_fd(&fd);
	return 0;
}

int control_socket_connect(const char *dir, int *ret_fd)
{
	_cleanup_close_ int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return dir_fd < 0 ? -errno : connect_at(dir, dir_fd, ret_fd);
}

static int open_directory(const char *dir, int *ret_fd, struct control_error *error)
{
	bool made = mkdir(dir, DIRECTORY_MODE) == 0;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!made && errno != EEXIST)
		return control_fail(error, -errno, "cannot make %s for the control socket: %m",
				    dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || (made && fchmod(fd, DIRECTORY_MODE) < 0))
		return control_fail(error, -errno, "cannot open %s for the control socket: %m",
				    dir);
	if (!made &&
	    ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH))))
		return control_fail(error, -EPERM,
				    "%s is not safe for the control socket: others may write to "
				    "it; give another one with --control-directory",
				    dir);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Nobody answers at a socket that its profd could not remove. */
static int remove_stale(const char *dir, int dir_fd, struct control_error *error)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r = connect_at(dir, dir_fd, &fd);

	if (r == 0 || r == -EAGAIN)
		return control_fail(error, -EADDRINUSE,
				    "another profd answers at %s/" CONTROL_SOCKET_NAME
				    "; stop it, or give another directory with --control-directory",
				    dir);
	if (r == -ENOENT)
		return 0;
	if (r != -ECONNREFUSED)
		return control_fail(error, r, "%s/" CONTROL_SOCKET_NAME ": %s", dir, strerror(-r));
	if (fstatat(dir_fd, CONTROL_SOCKET_NAME, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    !S_ISSOCK(st.st_mode))
		return control_fail(error, -ENOTSOCK,
				    "%s/" CONTROL_SOCKET_NAME
				    " is no socket; move it away, or give "
				    "another directory with --control-directory",
				    dir);
	if (unlinkat(dir_fd, CONTROL_SOCKET_NAME, 0) < 0 && errno != ENOENT)
		return control_fail(error, -errno, "cannot remove %s/" CONTROL_SOCKET_NAME ": %m",
				    dir);
	return 0;
}

int control_socket_listen(const char *dir, int *ret_fd, struct control_error *error)
{
	_cleanup_close_ int dir_fd = -1, fd = -1;
	struct sockaddr_un address;
	int r = open_directory(dir, &dir_fd, error);

	if (r == 0)
		r = remove_stale(dir, dir_fd, error);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	make_address(dir, dir_fd, &address);
	/* The mode is set before anybody is let in by listen(). */
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(dir_fd, CONTROL_SOCKET_NAME, SOCKET_MODE, 0) < 0 || listen(fd, BACKLOG) < 0)
		return control_fail(error, -errno,
				    "cannot listen at %s/" CONTROL_SOCKET_NAME ": %m", dir);
	*ret_fd = take_fd(&fd);
	return 0;
}

void control_socket_remove(const char *dir)
{
	_cleanup_close_ int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir_fd >= 0)
		(void)unlinkat(dir_fd, CONTROL_SOCKET_NAME, 0);
}
