/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * switch_sum.c - runs a program and sums every wait of its threads: what profd's ledger is held
 * against.
 *
 * Usage: switch-sum SECONDS FILE COMMAND...
 *   SECONDS   the longest that the program may run
 *   FILE      gets "begin MONO_NS", "lost N", and for each thread, class and millisecond with a
 *             moment in it "TID CLASS SLOT N AT_NS" (switch_sum.h)
 * The program has this one's standard streams. Exit code: that of the program.
 */
#include "switch_sum.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "switch_sum.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <err.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct thread {
	uint32_t index, class;
};

static uint64_t now_mono_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		err(1, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct switch_sum_bpf *load(uint32_t n_slots)
{
	struct switch_sum_bpf *skeleton = switch_sum_bpf__open();

	if (!skeleton)
		err(1, "cannot open the BPF program");
	skeleton->rodata->n_slots = n_slots;
	if (bpf_map__set_max_entries(skeleton->maps.slots, SWITCH_SUM_THREADS * n_slots) < 0 ||
	    switch_sum_bpf__load(skeleton) < 0)
		err(1, "cannot load the BPF program");
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

static void print_thread(FILE *file, uint32_t tid, const struct switch_slot *slots,
			 uint32_t n_slots)
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

static void print(const char *path, struct switch_sum_bpf *skeleton, uint32_t n_slots)
{
	size_t size = (size_t)SWITCH_SUM_THREADS * n_slots * sizeof(struct switch_slot);
	int threads = bpf_map__fd(skeleton->maps.threads);
	const struct switch_slot *slots =
		mmap(NULL, size, PROT_READ, MAP_SHARED, bpf_map__fd(skeleton->maps.slots), 0);
	FILE *file = fopen(path, "we");
	uint32_t tid = 0, *key = NULL;
	struct thread thread;

	if (slots == MAP_FAILED || !file)
		err(1, "%s", path);
	fprintf(file, "begin %" PRIu64 "\nlost %" PRIu64 "\n",
		(uint64_t)skeleton->bss->begin_mono_ns, (uint64_t)skeleton->bss->n_lost);
	while (bpf_map_get_next_key(threads, key, &tid) == 0) {
		key = &tid;
		if (bpf_map_lookup_elem(threads, &tid, &thread) == 0)
			print_thread(file, tid, slots + (size_t)thread.index * n_slots, n_slots);
	}
	if (fclose(file))
		err(1, "%s", path);
}

int main(int argc, char **argv)
{
	uint32_t n_slots = argc > 3 ? (uint32_t)(atof(argv[1]) * 1e9 / SWITCH_SUM_SLOT_NS) : 0;
	struct switch_sum_bpf *skeleton;
	int go[2], status;
	pid_t pid;

	if (!n_slots || pipe(go) < 0)
		errx(2, "usage: switch-sum SECONDS FILE COMMAND...");
	skeleton = load(n_slots);
	pid = start(argv + 3, go[0]);
	skeleton->bss->wanted_pid = (uint32_t)pid;
	skeleton->bss->begin_mono_ns = now_mono_ns();
	if (switch_sum_bpf__attach(skeleton) < 0)
		err(1, "cannot attach the BPF program");
	if (write(go[1], "x", 1) != 1 || waitpid(pid, &status, 0) != pid)
		err(1, "%s", argv[3]);
	switch_sum_bpf__detach(skeleton);
	print(argv[2], skeleton, n_slots);
	switch_sum_bpf__destroy(skeleton);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
