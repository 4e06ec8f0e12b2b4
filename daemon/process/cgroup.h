/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cgroup.h - cgroups of the v2 hierarchy by id: path, and the unit and container that it names.
 *
 * A sample carries the id alone. The path comes with the side-band's record when the cgroup is
 * made, and else by the id from the mounted hierarchy, while the cgroup is there; it is kept for
 * ten minutes after it was seen last, since samples and questions come later than ends. What the
 * names mean is schema/cgroup_path.h's.
 */
#ifndef PROFD_CGROUP_H
#define PROFD_CGROUP_H

#include "cleanup.h"

#include <stdbool.h>
#include <stdint.h>

#define CGROUPS_MAX 8192
#define CGROUP_PATH_MAX                                                                            \
	1024 /* bytes that are kept of a path; who makes cgroups chooses its length */
#define CGROUP_KEPT_NS 600000000000ull

struct cgroup {
	uint64_t id;			     /* 0 = none */
	const char *path, *unit, *container; /* never NULL; "" = unknown or none */
	uint64_t alive_mono_ns;		     /* when it was known to be there, last */
	bool sampled;			     /* ever */
	uint32_t next_free;		     /* of a free slot; cgroup.c's own */
};

struct cgroups;

struct cgroup_counters {
	uint64_t n_unknown; /* ids without a path: gone, or not to be looked up */
	uint64_t n_refused; /* for want of memory */
	uint64_t n_evicted; /* before their time, at CGROUPS_MAX: those that nobody was sampled in,
			       or else the half that was seen longest ago */
};

/* `mountinfo` is "/proc/self/mountinfo" but in tests: where the hierarchy is mounted, if it is. */
int cgroups_new(const char *mountinfo, struct cgroups **ret);
struct cgroups *cgroups_free(struct cgroups *cgroups);
DEFINE_CLEANUP(struct cgroups *, cgroups_free);

/* It was made. Without memory it is looked up when it is asked for, as all are where the records
 * are of a hierarchy of version 1. */
void cgroups_add(struct cgroups *cgroups, uint64_t id, const char *path, uint64_t now_mono_ns);

/* A process of that cgroup was sampled, and may live: the cgroup is looked up when it is new, also
 * by what /proc says of the process. */
void cgroups_see(struct cgroups *cgroups, uint64_t id, uint32_t pid, uint64_t now_mono_ns);

/* The cgroup of that id, looked up when it is new; one without names when that fails. Never NULL;
 * valid until the next call. */
const struct cgroup *cgroups_get(struct cgroups *cgroups, uint64_t id, uint64_t now_mono_ns);

/* Forgets what is gone since CGROUP_KEPT_NS; every ten seconds, say. */
void cgroups_sweep(struct cgroups *cgroups, uint64_t now_mono_ns);

uint32_t cgroups_size(const struct cgroups *cgroups);
const struct cgroup_counters *cgroups_counters(const struct cgroups *cgroups);

#endif
