/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_access.h - who may ask profd something: root, profd's own user, and the members of the
 * group that may read the store. Nobody says who he is; the kernel noted it when he connected.
 */
#ifndef PROFD_CONTROL_ACCESS_H
#define PROFD_CONTROL_ACCESS_H

#include "control_socket.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CONTROL_GROUPS_MAX 1024 /* supplementary groups looked at */
#define CONTROL_GROUP	   "profd"

struct control_peer {
	uid_t uid;
	gid_t gid;
	uint32_t n_groups;
	gid_t groups[CONTROL_GROUPS_MAX];
};

/* Who may ask. */
struct control_rule {
	uid_t own_uid;
	bool has_group; /* else the system has no such group */
	gid_t group;
};

/* The rule for this process, with a group of that name. Asks the user database, which may take its
 * time: at the start, not in the event loop. */
void control_rule_init(struct control_rule *rule, const char *group_name);

/* Who connected, as of then: SO_PEERCRED and SO_PEERGROUPS of unix(7) and socket(7). Whoever has
 * more groups than CONTROL_GROUPS_MAX is taken to have none but his first. 0 or -errno. */
int control_peer_read(int fd, struct control_peer *ret);

/* 0, or -EACCES with a text that says how to get access. Pure. */
int control_access(const struct control_rule *rule, const struct control_peer *peer,
		   struct control_error *error);

#endif
