/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * switch_sum.c - runs a program and sums every wait of its threads: what profd's ledger is held
 * against.
 *
 * Usage: switch-sum SECONDS PROFD FILE COMMAND...
 *   SECONDS   the longest that the program may run
 *   PROFD     the process ID of the profd whose draws are watched
 *   FILE      gets "begin MONO_NS", "lost N", for each thread "thread TID BIRTH_MONO_NS END_MONO_NS
 *             MENDED", its draws by length of wait "draws TID LENGTH N EXPECTED VARIANCE_US2", and
 *             for each class and millisecond with a moment in it "TID CLASS SLOT N AT_NS"
 *             (switch_sum.h)
 * The program has this one's standard streams. Exit code: that of the program.
 */
#include "switch_sum.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "switch_sum.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_mono_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		err(1, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The id of the map that a descriptor of the process stands for
 * (Documentation/filesystems/proc.rst, fdinfo), 0: of none. */
static uint32_t map_id(int fdinfo, const char *name)
{
	int fd = openat(fdinfo, name, O_RDONLY | O_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char line[256];
	uint32_t id = 0;

	if (!file)
		return 0;
	while (!id && fgets(line, sizeof(line), file))
		(void)sscanf(line, "map_id: %" SCNu32, &id);
	(void)fclose(file);
	return id;
}

/* A descriptor of the map of that name that the process has. */
static int map_of(int pid, const char *name)
{
	struct bpf_map_info info;
	char path[64];
	struct dirent *entry;
	DIR *dir;
	int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/fdinfo", pid);
	dir = opendir(path);
	if (!dir)
		err(1, "%s", path);
	while (fd < 0 && (entry = readdir(dir))) {
		uint32_t id = map_id(dirfd(dir), entry->d_name), size = sizeof(info);

		memset(&info, 0, sizeof(info));
		fd = id ? bpf_map_get_fd_by_id(id) : -1;
		if (fd >= 0 && (bpf_obj_get_info_by_fd(fd, &info, &size) < 0 ||
				strcmp(info.name, name) != 0)) {
			(void)close(fd);
			fd = -1;
		}
	}
	(void)closedir(dir);
	if (fd < 0)
		errx(1, "process %d has no map '%s'", pid, name);
	return fd;
}

static struct switch_sum_bpf *load(int profd, uint32_t n_slots)
{
	struct switch_sum_bpf *skeleton = switch_sum_bpf__open();
	int threads = map_of(profd, "threads"), cpus = map_of(profd, "switch_cpus");

	if (!skeleton)
		err(1, "cannot open the BPF program");
	skeleton->rodata->n_slots = n_slots;
	if (bpf_map__set_max_entries(skeleton->maps.slots, SWITCH_SUM_THREADS * n_slots) < 0 ||
	    bpf_map__reuse_fd(skeleton->maps.threads, threads) < 0 ||
	    bpf_map__reuse_fd(skeleton->maps.switch_cpus, cpus) < 0 ||
	    switch_sum_bpf__load(skeleton) < 0)
		err(1, "cannot load the BPF program");
	(void)close(threads);
	(void)close(cpus);
	return skeleton;
}

/* The program waits until it is watched. It dies with this one. */
static pid_t start(char **command, int go_fd)
{
	pid_t pid = fork();
	char byte;

	if (pid < 0)
		err(1, "fork");
	if (pid > 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (read(go_fd, &byte, 1) != 1)
		_exit(127);
	(void)execv(command[0], command);
	_exit(127);
}

static void print_slots(FILE *file, uint32_t tid, const struct switch_slot *slots, uint32_t n_slots)
{
	static const char *const names[] = {"", "runq", "sleep", "disk", "stopped"};

	for (uint32_t i = 0; i < n_slots; i++)
		for (int class = SWITCH_RUNQ; class < SWITCH_CLASSES; class ++) {
			const struct switch_moments *m = &slots[i].classes[class];

			if (m->n || m->at_ns)
				fprintf(file, "%" PRIu32 " %s %" PRIu32 " %lld %lld\n", tid,
					names[class], i, (long long)m->n, (long long)m->at_ns);
		}
}

static void print_thread(FILE *file, uint32_t tid, const struct switch_thread *thread)
{
	fprintf(file, "thread %" PRIu32 " %llu %llu %u\n", tid, thread->birth_mono_ns,
		thread->end_mono_ns, thread->n_mended);
	for (int i = 0; i < SWITCH_SUM_LENGTHS; i++)
		fprintf(file, "draws %" PRIu32 " %d %llu %llu %llu\n", tid, i, thread->draws[i].n,
			thread->draws[i].expected, thread->draws[i].variance_us2);
}

static void print(const char *path, struct switch_sum_bpf *skeleton, uint32_t n_slots)
{
	size_t size = (size_t)SWITCH_SUM_THREADS * n_slots * sizeof(struct switch_slot);
	int threads = bpf_map__fd(skeleton->maps.watched);
	const struct switch_slot *slots =
		mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(skeleton->maps.slots), 0);
	FILE *file = fopen(path, "we");
	uint32_t tid = 0, *key = NULL;
	struct switch_thread thread;

	if (slots == MAP_FAILED || !file)
		err(1, "%s", path);
	fprintf(file, "begin %" PRIu64 "\nlost %" PRIu64 "\n",
		(uint64_t)skeleton->bss->begin_mono_ns, (uint64_t)skeleton->bss->n_lost);
	while (bpf_map_get_next_key(threads, key, &tid) == 0) {
		key = &tid;
		if (bpf_map_lookup_elem(threads, &tid, &thread) < 0)
			continue;
		print_thread(file, tid, &thread);
		print_slots(file, tid, slots + (size_t)thread.index * n_slots, n_slots);
	}
	if (fclose(file))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	uint32_t n_slots = argc > 4 ? (uint32_t)(atof(argv[1]) * 1e9 / SWITCH_SUM_SLOT_NS) : 0;
	struct switch_sum_bpf *skeleton;
	int go[2], status;
	pid_t pid;

	if (!n_slots || pipe(go) < 0)
		errx(2, "usage: switch-sum SECONDS PROFD FILE COMMAND...");
	skeleton = load(atoi(argv[2]), n_slots);
	pid = start(argv + 4, go[0]);
	skeleton->bss->wanted_pid = (uint32_t)pid;
	skeleton->bss->begin_mono_ns = now_mono_ns();
	if (switch_sum_bpf__attach(skeleton) < 0)
		err(1, "cannot attach the BPF program");
	if (write(go[1], "x", 1) != 1 || waitpid(pid, &status, 0) != pid)
		err(1, "%s", argv[4]);
	switch_sum_bpf__detach(skeleton);
	print(argv[3], skeleton, n_slots);
	switch_sum_bpf__destroy(skeleton);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
