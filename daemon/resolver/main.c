// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * main.c - profd-resolver: the process without privilege that reads foreign files for profd.
 *
 * Usage: profd-resolver PARENT [UID GID], with a socket of profd's as its stdin; it is of no use to
 * anybody else. Exit code: 0 the socket was closed, 1 something failed, 2 not started by profd.
 */
#include "protocol.h"
#include "sandbox.h"
#include "server.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXIT_USAGE 2

static bool read_number(const char *text, unsigned long max, unsigned long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoul(text, &end, 10);
	return text[0] >= '0' && text[0] <= '9' && !*end && !errno && *ret <= max;
}

static bool read_arguments(int argc, char **argv, struct sandbox *ret)
{
	unsigned long parent, uid = 0, gid = 0;

	if ((argc != 2 && argc != 4) || !read_number(argv[1], INT_MAX, &parent))
		return false;
	/* Root is no user to change to. */
	if (argc == 4 && (!read_number(argv[2], UINT_MAX - 1, &uid) || uid == 0 ||
			  !read_number(argv[3], UINT_MAX - 1, &gid) || gid == 0))
		return false;
	*ret = (struct sandbox){.socket = RESOLVER_SOCKET_FD,
				.parent = (pid_t)parent,
				.changes_user = argc == 4,
				.uid = (uid_t)uid,
				.gid = (gid_t)gid};
	return true;
}

static bool is_socket(int fd)
{
	socklen_t size = sizeof(int);
	int type;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET;
}

int main(int argc, char **argv)
{
	static const char help[] =
		"profd-resolver: profd starts this program itself; see profd(8)\n";
	struct sandbox sandbox;
	int r;

	if (!read_arguments(argc, argv, &sandbox) || !is_socket(RESOLVER_SOCKET_FD)) {
		(void)!write(STDERR_FILENO, help, sizeof(help) - 1);
		return EXIT_USAGE;
	}
	r = sandbox_enter(&sandbox);
	if (r == 0)
		r = server_run(RESOLVER_SOCKET_FD);
	/* Not by exit(3): sanitizers have work to do there, by calls that the filter forbids. */
	(void)syscall(SYS_exit_group, r == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
	__builtin_unreachable();
}
