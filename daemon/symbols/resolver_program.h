/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver_program.h - the program profd-resolver, found and opened once, and the user it runs as.
 *
 * Opened once, so that what is started again later is what was there when profd was started, also
 * after an upgrade in between.
 */
#ifndef PROFD_RESOLVER_PROGRAM_H
#define PROFD_RESOLVER_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define RESOLVER_PROGRAM_NAME "profd-resolver"
#define RESOLVER_USER	      "profd-resolver" /* sysusers.d/profd.conf */
#define RESOLVER_USER_NOBODY  65534	       /* without that one, or without such a file */

struct resolver_program {
	int fd;		   /* O_PATH */
	bool changes_user; /* this process has the capabilities for it, and to kill it then */
	uid_t uid;
	gid_t gid;
};

/*
 * Opens the program at `path`; NULL: the one beside this program, as in a build tree, else the one
 * that was installed with it. Reads /etc/passwd. Returns 0 or -errno of open(2).
 */
int resolver_program_open(const char *path, struct resolver_program *ret);
/* Sets the user from a file like /etc/passwd (NULL: there is none): RESOLVER_USER unless that is
 * root, else RESOLVER_USER_NOBODY. */
void resolver_program_read_user(FILE *passwd, struct resolver_program *program);
/* Where it is installed. */
const char *resolver_program_installed(void);
void resolver_program_close(struct resolver_program *program);

#endif
