/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sandbox.h - how profd-resolver gives up everything but its socket, before it reads a foreign
 * byte.
 *
 * Whoever makes a file that is profiled may know a mistake in what reads it. What is left to them
 * is a process without privilege, files, network, children or a way to the rest of the machine,
 * which can lie about names, unwinding of the files it is given, and its own end.
 */
#ifndef PROFD_RESOLVER_SANDBOX_H
#define PROFD_RESOLVER_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#define SANDBOX_NAME "profd-resolver" /* its thread name, 15 bytes at most */

struct sandbox {
	int socket;	   /* the one descriptor that stays */
	pid_t parent;	   /* it ends with this one */
	bool changes_user; /* whether it may: it is the same user without privilege otherwise */
	uid_t uid;
	gid_t gid;
};

/* Cannot be undone. Returns 0, or negative errno when it must not serve. */
int sandbox_enter(const struct sandbox *sandbox);

#endif
