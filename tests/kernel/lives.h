/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lives.h - one recorded run: profd at 499 Hz while processes fork, execute, load, name their
 * threads, hide in namespaces, lose their file, and end after 50 ms. test_attribution.c asks whose
 * time it was.
 *
 * Each life runs programs under names of its own (copies of the workload steps), so that --exe
 * tells them apart.
 */
#ifndef TEST_LIVES_H
#define TEST_LIVES_H

#include "daemon_fixture.h"

#define LIVES_FREQUENCY "499"
#define LIVES_BRIEF	"40" /* processes of 50 ms */
#define LIVES_BOXES	10   /* the same in namespaces of their own */

#define LIVES_SLICE	 "profd-test.slice"
#define LIVES_UNIT	 "burn-test.service"
#define LIVES_BRIEF_UNIT "brief-test.service"
#define LIVES_CONTAINER                                                                            \
	"fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210" /* as docker's ids */

enum life {
	LIFE_FORK,	  /* "forker", its child in burn_second() */
	LIFE_EXEC,	  /* "execer" becomes "executed" */
	LIFE_CHAIN,	  /* "chain_a" becomes "chain_b" becomes "chain_c" */
	LIFE_DLOPEN,	  /* "loader" */
	LIFE_THREADS,	  /* "threaded" */
	LIFE_PIVOT,	  /* "boxed_pivot" in a pid and mount namespace, with another root */
	LIFE_CHROOT,	  /* "boxed_chroot" in a chroot */
	LIFE_PIVOT_BRIEF, /* "brief_pivot", LIVES_BOXES of 50 ms */
	LIFE_DELETED,	  /* "unlinked_one" removes itself at once */
	LIFE_BRIEF,	  /* "brief", 40 of 50 ms, executed */
	LIFE_BRIEF_FORKS, /* "brief_forker", 40 of 50 ms, forked only */
	LIFE_UNIT,	  /* "in_unit" in LIVES_UNIT */
	LIFE_CONTAINER,	  /* "in_container" in docker's cgroup of LIVES_CONTAINER */
	LIFE_BRIEF_UNIT,  /* "in_brief_unit", 50 ms in LIVES_BRIEF_UNIT, which then is removed */
	LIVES
};

struct lives {
	struct daemon_fixture fixture;
	struct child children[LIVES];
	pid_t pids[LIVES];
};

/* cmocka group fixtures: *state is a struct lives. The second also removes the cgroups. */
int lives_record(void **state);
int lives_remove(void **state);

#endif
