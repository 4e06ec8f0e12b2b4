/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup_path.h - a cgroup v2 path taken apart: systemd unit, slice, session, container. Pure text;
 * who is in which cgroup is the daemon's to know. A path is foreign: whoever a subtree is delegated
 * to names what is in it.
 */
#ifndef PROFD_CGROUP_PATH_H
#define PROFD_CGROUP_PATH_H

#include <stdbool.h>

struct cgroup_names {
	char unit[256];	 /* innermost unit that is no slice, else innermost slice */
	char slice[256]; /* innermost */
	char session[64];
	char container[128]; /* outermost: 64 hexadecimal digits, or a name */
};

/*
 * Takes a path like "/system.slice/nginx.service" apart; what it does not name is "". Units are
 * what systemd takes for one (unit_name_is_valid() in src/basic/unit-name.c), with the escape of
 * cgroup names undone (cg_unescape() in src/basic/cgroup-util.c). Containers are those of Docker,
 * containerd, CRI-O, Podman, systemd-machined, systemd-nspawn and LXC. A container's name beyond
 * 127 bytes is cut.
 */
void cgroup_path_parse(const char *path, struct cgroup_names *ret);

/* Whether a unit's name matches a shell pattern. A pattern that ends in no unit type also means the
 * service of that name, as with systemctl; a backslash is a plain character, as units have them. */
bool cgroup_unit_matches(const char *unit, const char *pattern);

/* Whether any unit on the path matches, slices and what others lie in included. */
bool cgroup_path_has_unit(const char *path, const char *pattern);

#endif
