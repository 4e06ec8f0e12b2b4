// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resolver_program.c - see resolver_program.h.
 */
#include "symbols/resolver_program.h"

#include "capabilities.h"
#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>

#define OWN_PROGRAM  "/proc/self/exe"
#define PASSWD	     "/etc/passwd"
#define PASSWD_BYTES 4096

/* A process of another user can only be ended with CAP_KILL: one that could not be ended when it
 * hangs is worse than one of the same user without privilege. */
static bool may_change_user(void)
{
	const uint64_t needed =
		CAPABILITY_BIT(CAP_SETUID) | CAPABILITY_BIT(CAP_SETGID) | CAPABILITY_BIT(CAP_KILL);
	uint64_t have;

	return capabilities_read(&have) == 0 && (have & needed) == needed;
}

void resolver_program_read_user(FILE *passwd, struct resolver_program *program)
{
	char bytes[PASSWD_BYTES];
	struct passwd user, *found;

	program->uid = RESOLVER_USER_NOBODY;
	program->gid = RESOLVER_USER_NOBODY;
	while (passwd && fgetpwent_r(passwd, &user, bytes, sizeof(bytes), &found) == 0)
		if (strcmp(user.pw_name, RESOLVER_USER) == 0) {
			if (user.pw_uid && user.pw_gid) {
				program->uid = user.pw_uid;
				program->gid = user.pw_gid;
			}
			return;
		}
}

/* Not by getpwnam(3): that loads what nsswitch.conf says into profd and may wait for a network. */
static void find_user(struct resolver_program *program)
{
	_cleanup_fclose_ FILE *passwd = fopen(PASSWD, "re");

	resolver_program_read_user(passwd, program);
}

static int open_beside(void)
{
	char path[PATH_MAX];
	ssize_t n = readlink(OWN_PROGRAM, path, sizeof(path) - sizeof(RESOLVER_PROGRAM_NAME));
	char *name;
	int fd;

	if (n < 0)
		return -errno;
	path[n] = '\0';
	name = strrchr(path, '/');
	if (!name)
		return -ENOENT;
	memcpy(name + 1, RESOLVER_PROGRAM_NAME, sizeof(RESOLVER_PROGRAM_NAME));
	fd = open(path, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int resolver_program_open(const char *path, struct resolver_program *ret)
{
	int fd = path ? -1 : open_beside();

	if (fd < 0)
		fd = open(path ? path : PROFD_RESOLVER_PATH, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret = (struct resolver_program){.fd = fd, .changes_user = may_change_user()};
	find_user(ret);
	return 0;
}

const char *resolver_program_installed(void)
{
	return PROFD_RESOLVER_PATH;
}

void resolver_program_close(struct resolver_program *program)
{
	close_p(&program->fd);
	program->fd = -1;
}
