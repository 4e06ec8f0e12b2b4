/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scene.h - one recorded run: profd at 499 Hz while all the workloads do their work, and what each
 * of them says it did. The tests of test_cpu.c ask about it; none of them runs anything again.
 */
#ifndef TEST_SCENE_H
#define TEST_SCENE_H

#include "daemon_fixture.h"

#define SCENE_FREQUENCY	  "499"
#define SCENE_PERIOD_NS	  (1000000000.0 / 499)
#define SCENE_BUCKET	  "2"
#define SCENE_DEEP_LEVELS "1500"

enum scene_workload {
	SCENE_SPLIT, /* pinned to the first CPU */
	SCENE_PLANT, /* the same with the planted error, on the last CPU at the same time */
	SCENE_KERNEL,
	SCENE_THREADS,
	SCENE_DEEP,
	SCENE_SHORT,
	SCENE_LIBRARY,
	SCENE_BROKEN,	/* code in a broken ELF file */
	SCENE_DELETED,	/* a program whose file is gone while it runs */
	SCENE_VANISHED, /* children that were gone before profd looked */
	SCENE_WORKLOADS
};

struct scene {
	struct daemon_fixture fixture;
	struct child workloads[SCENE_WORKLOADS];
	json_t *truths[SCENE_WORKLOADS];
	char broken_path[PATH_MAX];
	char deleted_path[PATH_MAX];
	char short_path[PATH_MAX]; /* a copy of short, by which vanished children are told apart */
	/* What the hypervisor took away: from the CPU of SCENE_SPLIT while it ran, and from all
	 * CPUs together during the workloads after it. */
	uint64_t shares_steal_ns, kinds_steal_ns;
};

/* cmocka group fixtures: *state is a struct scene. */
int scene_record(void **state);
int scene_remove(void **state);

/* profctl top of one workload's process, all rows. */
void scene_top(const struct scene *scene, enum scene_workload which, struct answer *ret);
/* The same of all threads of a name. */
void scene_top_comm(const struct scene *scene, const char *comm, struct answer *ret);

#endif
