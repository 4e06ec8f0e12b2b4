/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scene.c - recording the run that test_cpu.c asks about; see scene.h.
 */
#include "scene.h"

#include "cleanup.h"

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void finish(struct scene *scene, enum scene_workload first, enum scene_workload last)
{
	for (int i = (int)first; i <= (int)last; i++)
		scene->truths[i] = workload_truth(&scene->workloads[i]);
}

/* The eighth number of a line of proc_stat(5): "cpu" for the machine, "cpu0" for a CPU. */
static uint64_t steal_ns(const char *which)
{
	_cleanup_fclose_ FILE *stat = fopen("/proc/stat", "re");
	char name[32] = "";
	unsigned long long ticks = 0;

	assert_non_null(stat);
	while (strcmp(name, which) != 0) {
		int n = fscanf(stat, "%31s %*u %*u %*u %*u %*u %*u %*u %llu %*u %*u", name, &ticks);

		assert_int_equal(n, 2);
	}
	return ticks * (1000000000ull / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* Both alone on a CPU of their own, as far as the rest of the machine leaves it to them. */
static void run_shares(struct scene *scene)
{
	int last_cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1;
	uint64_t before_ns = steal_ns("cpu0");

	workload_start(&scene->workloads[SCENE_SPLIT], 0, ARGS("split603010", "12"));
	workload_start(&scene->workloads[SCENE_PLANT], last_cpu,
		       ARGS("split603010", "12", "--plant"));
	finish(scene, SCENE_SPLIT, SCENE_PLANT);
	scene->shares_steal_ns = steal_ns("cpu0") - before_ns;
}

static void run_kinds(struct scene *scene)
{
	uint64_t before_ns = steal_ns("cpu");

	workload_start(&scene->workloads[SCENE_KERNEL], -1, ARGS("kernel_heavy", "2"));
	workload_start(&scene->workloads[SCENE_THREADS], -1, ARGS("threads", "5"));
	workload_start(&scene->workloads[SCENE_DEEP], -1, ARGS("deep", "2", SCENE_DEEP_LEVELS));
	workload_start(&scene->workloads[SCENE_SHORT], -1, ARGS("short", "40", "50"));
	workload_start(&scene->workloads[SCENE_LIBRARY], -1, ARGS("library_user", "2"));
	workload_start(&scene->workloads[SCENE_BROKEN], -1,
		       ARGS("broken_elf", "2", scene->broken_path));
	workload_start(&scene->workloads[SCENE_DELETED], -1, ARGS(scene->deleted_path, "2"));
	workload_wait_running(&scene->workloads[SCENE_DELETED]);
	assert_int_equal(unlink(scene->deleted_path), 0);
	finish(scene, SCENE_KERNEL, SCENE_DELETED);
	scene->kinds_steal_ns = steal_ns("cpu") - before_ns;
}

/* profd is stopped while they live, so that it finds their samples when they are gone. */
static void run_vanished(struct scene *scene)
{
	struct child *profd = &scene->fixture.profd;

	child_signal(profd, SIGSTOP);
	workload_start(&scene->workloads[SCENE_VANISHED], -1, ARGS(scene->short_path, "20", "20"));
	finish(scene, SCENE_VANISHED, SCENE_VANISHED);
	child_signal(profd, SIGCONT);
}

int scene_record(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	const char *dir;

	assert_non_null(scene);
	*state = scene;
	daemon_fixture_init(&scene->fixture);
	dir = scene->fixture.dir;
	(void)snprintf(scene->broken_path, sizeof(scene->broken_path), "%s/broken.so", dir);
	(void)snprintf(scene->deleted_path, sizeof(scene->deleted_path), "%s/deleted", dir);
	(void)snprintf(scene->short_path, sizeof(scene->short_path), "%s/vanished", dir);
	workload_copy("split603010", scene->deleted_path);
	workload_copy("short", scene->short_path);

	daemon_start(&scene->fixture,
		     ARGS("--frequency", SCENE_FREQUENCY, "--bucket", SCENE_BUCKET));
	run_shares(scene);
	run_kinds(scene);
	run_vanished(scene);
	daemon_stop(&scene->fixture, SIGTERM);
	return 0;
}

int scene_remove(void **state)
{
	struct scene *scene = *state;

	for (int i = 0; i < SCENE_WORKLOADS; i++) {
		child_done(&scene->workloads[i]);
		json_decref(scene->truths[i]);
	}
	daemon_fixture_done(&scene->fixture);
	free(scene);
	return 0;
}

void scene_top(const struct scene *scene, enum scene_workload which, struct answer *ret)
{
	char pid[32];

	(void)snprintf(pid, sizeof(pid), "%" PRIu64, truth_number(scene->truths[which], "pid"));
	profctl_top(&scene->fixture, ARGS("--pid", pid), ret);
}

void scene_top_comm(const struct scene *scene, const char *comm, struct answer *ret)
{
	profctl_top(&scene->fixture, ARGS("--comm", comm), ret);
}
