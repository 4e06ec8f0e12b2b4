// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probe.c - see probe.h.
 */
#include "probe.h"

#include "capture/collector.h"
#include "process/mappings.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdarg.h>
#include <string.h>
#include <sys/utsname.h>

#define SYSCTL_DIR  "/proc/sys/kernel/"
#define BTF_PATH    "/sys/kernel/btf/vmlinux"
#define PROBE_CPU   0
#define PROBE_NS    20408163 /* 49 Hz */
#define MOUNTS_PATH "/proc/self/mounts"

__attribute__((format(printf, 2, 3))) static void add_blocker(struct probe_result *result,
							      const char *format, ...)
{
	va_list args;

	if (result->n_blockers == PROBE_BLOCKERS_MAX)
		return;
	va_start(args, format);
	(void)vsnprintf(result->blockers[result->n_blockers++], PROBE_TEXT_MAX, format, args);
	va_end(args);
}

static void probe_kernel(struct probe_result *result)
{
	struct utsname name;

	if (uname(&name) < 0)
		return;
	(void)snprintf(result->release, sizeof(result->release), "%s", name.release);
	(void)snprintf(result->build, sizeof(result->build), "%s", name.version);
	(void)snprintf(result->arch, sizeof(result->arch), "%s", name.machine);
}

/* The place of the refused kernels: which stable release this is, whatever `uname -r` says, and a
 * blocker where profd refuses it (kernel_version.h). */
static void probe_kernel_version(struct probe_result *result)
{
	result->version[0] = '\0';
}

static int32_t read_sysctl(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	int value;

	return f && fscanf(f, "%d", &value) == 1 ? value : PROBE_UNKNOWN;
}

static void probe_perf_events(struct perf_opener *opener, struct probe_result *result)
{
	struct collector_error error;

	for (int kind = 0; kind < PERF_EVENT_KIND_MAX; kind++) {
		int r = perf_opener_event(opener, (enum perf_event_kind)kind, PROBE_CPU,
					  kind == PERF_EVENT_CPU_CLOCK ? PROBE_NS : 0);

		result->perf_events[kind] = r < 0 ? r : 0;
		close_p(&r);
	}
	if (result->perf_events[PERF_EVENT_CPU_CLOCK] < 0) {
		(void)collectors_perf_error(result->perf_events[PERF_EVENT_CPU_CLOCK], &error);
		add_blocker(result, "%s", error.text);
	}
}

static void probe_bpf(struct perf_opener *opener, struct probe_result *result)
{
	struct collector_error error;
	int stats = perf_opener_stats(opener);

	result->bpf_stats = stats < 0 ? stats : 0;
	close_p(&stats);
	result->btf = access(BTF_PATH, R_OK) == 0;
	result->programs = collectors_try_load(&error) == 0;
	if (!result->programs)
		add_blocker(result, "%s", error.text);
	result->ring_buffer = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) > 0;
}

static void probe_procmap_query(struct probe_result *result)
{
	_cleanup_close_ int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	struct mappings mappings = {};

	result->procmap_query = fd >= 0 && mappings_query(fd, &mappings) == 0;
	mappings_done(&mappings);
}

static void probe_cgroup2(struct probe_result *result)
{
	FILE *mounts = setmntent(MOUNTS_PATH, "re");
	struct mntent *mount;

	while (mounts && !result->cgroup2[0] && (mount = getmntent(mounts)))
		if (strcmp(mount->mnt_type, "cgroup2") == 0)
			(void)snprintf(result->cgroup2, sizeof(result->cgroup2), "%s",
				       mount->mnt_dir);
	if (mounts)
		(void)endmntent(mounts);
}

void probe_run(struct perf_opener *opener, uint64_t have, struct probe_result *ret)
{
	*ret = (struct probe_result){.capabilities = have};
	probe_kernel(ret);
	probe_kernel_version(ret);
	ret->perf_event_paranoid = read_sysctl(SYSCTL_DIR "perf_event_paranoid");
	ret->kptr_restrict = read_sysctl(SYSCTL_DIR "kptr_restrict");
	ret->perf_event_max_stack = read_sysctl(SYSCTL_DIR "perf_event_max_stack");
	probe_perf_events(opener, ret);
	probe_bpf(opener, ret);
	probe_procmap_query(ret);
	probe_cgroup2(ret);
}

int probe(struct perf_opener *opener, uint64_t have, FILE *out)
{
	struct probe_result result;

	probe_run(opener, have, &result);
	if (probe_print(&result, out) < 0)
		return EXIT_FAILURE;
	return result.n_blockers ? PROBE_EXIT_BLOCKED : EXIT_SUCCESS;
}
