/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lives.c - recording the run that test_attribution.c asks about; see lives.h.
 */
#include "lives.h"

#include "cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define BOX_MS "300"

/* In the order of making; removed in the other one. */
static const char *const cgroups[] = {
	LIVES_SLICE,
	LIVES_SLICE "/" LIVES_UNIT,
	LIVES_SLICE "/docker-" LIVES_CONTAINER ".scope",
	LIVES_SLICE "/" LIVES_BRIEF_UNIT,
};

/* Where the unified hierarchy is mounted. */
static void cgroup_path(const char *cgroup, char path[PATH_MAX])
{
	_cleanup_fclose_ FILE *mounts = fopen("/proc/self/mounts", "re");
	char line[1024], mount[512], type[64];

	assert_non_null(mounts);
	while (fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*s %511s %63s", mount, type) == 2 &&
		    strcmp(type, "cgroup2") == 0) {
			(void)snprintf(path, PATH_MAX, "%s/%s", mount, cgroup);
			return;
		}
	}
	fail_msg("no cgroup2 is mounted: mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}

static void make_cgroup(const char *cgroup)
{
	char path[PATH_MAX];

	cgroup_path(cgroup, path);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail_msg("%s: %s", path, strerror(errno));
}

/* A moment after its last process was reaped it may still be busy. */
static bool is_removed(void *ctx)
{
	return rmdir(ctx) == 0 || errno == ENOENT;
}

static bool remove_cgroup(const char *cgroup)
{
	char path[PATH_MAX];

	cgroup_path(cgroup, path);
	return wait_until(is_removed, path, 5);
}

/* The path of a program of the run. */
static const char *in_dir(const struct lives *lives, const char *name, char path[PATH_MAX])
{
	assert_true(snprintf(path, PATH_MAX, "%s/%s", lives->fixture.dir, name) < PATH_MAX);
	return path;
}

static void copy(const struct lives *lives, const char *workload, const char *name)
{
	char path[PATH_MAX];

	workload_copy(workload, in_dir(lives, name, path));
}

static void start(struct lives *lives, enum life life, const char *const argv[])
{
	workload_start(&lives->children[life], -1, argv);
	lives->pids[life] = lives->children[life].pid;
}

/* A program of the run with these steps. */
#define START(lives, life, name, ...)                                                              \
	do {                                                                                       \
		char start_path[PATH_MAX];                                                         \
		start(lives, life, ARGS(in_dir(lives, name, start_path), __VA_ARGS__));            \
	} while (0)

static void finish(struct lives *lives, enum life life)
{
	struct child *child = &lives->children[life];
	int code = child_wait(child, CHILD_TIMEOUT_S);
	_cleanup_free_ char *said = child_stderr(child);

	if (code != 0)
		fail_msg("life %d ended with %d: %s", (int)life, code, said);
}

static void make_programs(const struct lives *lives)
{
	static const char *const dynamic[] = {
		"forker",	"execer",   "executed",	    "chain_a",	    "chain_b",
		"chain_c",	"threaded", "unlinked_one", "spawner",	    "brief",
		"brief_forker", "in_unit",  "boxer",	    "in_container", "in_brief_unit"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(dynamic); i++)
		copy(lives, "steps", dynamic[i]);
	copy(lives, "dlopen_user", "loader");
	copy(lives, "liblibrary_burn.so", "libloaded.so");
	assert_int_equal(mkdir(in_dir(lives, "root", path), 0755), 0);
	copy(lives, "steps_static", "root/boxed_pivot");
	copy(lives, "steps_static", "root/boxed_chroot");
	copy(lives, "steps_static", "root/brief_pivot");
}

static void run_programs(struct lives *lives)
{
	char a[PATH_MAX], b[PATH_MAX], n_boxes[16];

	(void)snprintf(n_boxes, sizeof(n_boxes), "%d", LIVES_BOXES);
	START(lives, LIFE_FORK, "forker", "first", "300", "fork", "second", "300");
	START(lives, LIFE_EXEC, "execer", "first", "300", "exec", in_dir(lives, "executed", a),
	      "second", "300");
	START(lives, LIFE_CHAIN, "chain_a", "first", "200", "exec", in_dir(lives, "chain_b", a),
	      "second", "200", "exec", in_dir(lives, "chain_c", b), "first", "200");
	START(lives, LIFE_DLOPEN, "loader", in_dir(lives, "libloaded.so", a), "300");
	START(lives, LIFE_THREADS, "threaded", "threads", "300");
	START(lives, LIFE_DELETED, "unlinked_one", "unlink", in_dir(lives, "unlinked_one", a),
	      "first", "200");
	START(lives, LIFE_PIVOT, "boxer", "box", in_dir(lives, "root", a), "pivot", "exec",
	      "/boxed_pivot", "second", BOX_MS);
	START(lives, LIFE_CHROOT, "boxer", "box", in_dir(lives, "root", a), "chroot", "exec",
	      "/boxed_chroot", "second", BOX_MS);
	START(lives, LIFE_PIVOT_BRIEF, "boxer", "box", in_dir(lives, "root", a), "pivot", "spawn",
	      n_boxes, "/brief_pivot", "second", "50");
	START(lives, LIFE_BRIEF, "spawner", "spawn", LIVES_BRIEF, in_dir(lives, "brief", a),
	      "second", "50");
	START(lives, LIFE_BRIEF_FORKS, "brief_forker", "each", LIVES_BRIEF, "second", "50");
	for (int life = 0; life <= LIFE_BRIEF_FORKS; life++)
		finish(lives, (enum life)life);
}

static void start_in_cgroup(struct lives *lives, enum life life, const char *cgroup,
			    const char *program, const char *ms)
{
	char script[3 * PATH_MAX], cgroup_dir[PATH_MAX], path[PATH_MAX];

	cgroup_path(cgroup, cgroup_dir);
	(void)snprintf(script, sizeof(script), "echo $$ >'%s/cgroup.procs' && exec '%s' first %s",
		       cgroup_dir, in_dir(lives, program, path), ms);
	start(lives, life, ARGS("/bin/sh", "-c", script));
}

static void run_cgroups(struct lives *lives)
{
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++)
		make_cgroup(cgroups[i]);
	start_in_cgroup(lives, LIFE_UNIT, cgroups[1], "in_unit", "300");
	start_in_cgroup(lives, LIFE_CONTAINER, cgroups[2], "in_container", "300");
	finish(lives, LIFE_UNIT);
	finish(lives, LIFE_CONTAINER);
	start_in_cgroup(lives, LIFE_BRIEF_UNIT, cgroups[3], "in_brief_unit", "50");
	finish(lives, LIFE_BRIEF_UNIT);
	assert_true(remove_cgroup(cgroups[3]));
}

int lives_record(void **state)
{
	struct lives *lives = calloc(1, sizeof(*lives));

	assert_non_null(lives);
	*state = lives;
	daemon_fixture_init(&lives->fixture);
	make_programs(lives);
	daemon_start(&lives->fixture, ARGS("--frequency", LIVES_FREQUENCY, "--bucket", "2"));
	run_programs(lives);
	run_cgroups(lives);
	daemon_stop(&lives->fixture, SIGTERM);
	return 0;
}

int lives_remove(void **state)
{
	struct lives *lives = *state;
	int r = 0;

	for (int i = 0; i < LIVES; i++)
		child_done(&lives->children[i]);
	for (size_t i = ARRAY_SIZE(cgroups); i-- > 0;)
		r |= remove_cgroup(cgroups[i]) ? 0 : -1;
	daemon_fixture_done(&lives->fixture);
	free(lives);
	return r;
}
