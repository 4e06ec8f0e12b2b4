// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control_access.c - see control_access.h.
 */
#include "control_access.h"

#include <errno.h>
#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

void control_rule_init(struct control_rule *rule, const char *group_name)
{
	char buf[4096];
	struct group group, *found = NULL;

	*rule = (struct control_rule){.own_uid = geteuid()};
	if (getgrnam_r(group_name, &group, buf, sizeof(buf), &found) == 0 && found) {
		rule->has_group = true;
		rule->group = found->gr_gid;
	}
}

int control_peer_read(int fd, struct control_peer *ret)
{
	struct ucred cred;
	socklen_t cred_size = sizeof(cred), groups_size = sizeof(ret->groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &cred_size) < 0)
		return -errno;
	ret->uid = cred.uid;
	ret->gid = cred.gid;
	ret->n_groups = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, ret->groups, &groups_size) == 0)
		ret->n_groups = groups_size / (socklen_t)sizeof(ret->groups[0]);
	return 0;
}

static bool is_member(const struct control_peer *peer, gid_t group)
{
	if (peer->gid == group)
		return true;
	for (uint32_t i = 0; i < peer->n_groups; i++)
		if (peer->groups[i] == group)
			return true;
	return false;
}

int control_access(const struct control_rule *rule, const struct control_peer *peer,
		   struct control_error *error)
{
	if (peer->uid == 0 || peer->uid == rule->own_uid)
		return 0;
	if (!rule->has_group)
		return control_fail(
			error, -EACCES,
			"permission denied: only root may ask, since there is no "
			"group " CONTROL_GROUP "; run: sudo groupadd --system " CONTROL_GROUP
			" && sudo systemctl restart profd && sudo usermod -aG " CONTROL_GROUP
			" $USER, and log in again");
	if (is_member(peer, rule->group))
		return 0;
	return control_fail(error, -EACCES,
			    "permission denied; run: sudo usermod -aG " CONTROL_GROUP
			    " $USER, and log in again");
}
