// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk_cost.c - what a CPU sample costs in BPF: profd's own program on ticks of given processes,
 * from the kernel's count of its run time.
 *
 * Usage: walk-cost HZ SECONDS ROUNDS [rows|stackid]:PID...
 *
 * The processes take turns, ROUNDS times, each for SECONDS: "rows" by profd's program, with the
 * tables of what the process maps, "stackid" by bpf_get_stackid(). Prints a line for each turn: the
 * number of the process on the command line, ns a sample, samples, mean user frames, and which part
 * of the stacks is whole. kernel.bpf_stats_enabled must be set.
 */
#include "cleanup.h"
#include "process/unwind_maps.h"
#include "process/unwind_spaces.h"
#include "wire.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "cpu.skel.h"
#include "stackid.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define TARGETS_MAX 8
#define BUDGET_MB   256
#define MAPS_MAX    (1u << 20)

struct target {
	bool by_rows;
	pid_t pid;
};

struct walked {
	uint64_t n, frames, whole;
};

struct bench {
	struct cpu_bpf *rows;
	struct stackid_bpf *stackid;
	struct unwind_maps *maps;
	struct unwind_slabs *slabs;
	struct unwind_tables *tables;
	struct unwind_spaces *spaces;
	uint32_t last_number;
	struct walked walked;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000ull + (uint64_t)t.tv_nsec;
}

static int on_sample(void *ctx, void *data, size_t size)
{
	struct bench *b = ctx;
	const struct sample_event *e = data;

	(void)size;
	b->walked.n++;
	b->walked.frames += e->n_user;
	b->walked.whole += e->user_stop == WIRE_STOP_END;
	return 0;
}

static void open_bench(struct bench *b)
{
	const struct unwind_backend *backend;
	uint64_t *words;

	b->rows = cpu_bpf__open();
	b->stackid = stackid_bpf__open_and_load();
	if (!b->rows || !b->stackid ||
	    bpf_map__set_max_entries(b->rows->maps.unwind_slabs, BUDGET_MB / 8) < 0 ||
	    cpu_bpf__load(b->rows) < 0)
		errx(1, "cannot load the BPF programs");
	if (unwind_maps_new(bpf_map__fd(b->rows->maps.unwind_slabs),
			    bpf_map__fd(b->rows->maps.unwind_files),
			    bpf_map__fd(b->rows->maps.unwind_processes), &b->maps) < 0)
		errx(1, "cannot map the tables");
	backend = unwind_maps_backend(b->maps);
	if (unwind_slabs_new(BUDGET_MB << 17, &b->slabs) < 0 ||
	    backend->slab(backend->ctx, 0, &words) < 0 || unwind_slabs_add(b->slabs, words) < 0 ||
	    unwind_tables_new(b->slabs, backend, &b->tables) < 0 ||
	    unwind_spaces_new(b->slabs, b->tables, backend, &b->spaces) < 0)
		errx(1, "out of memory");
}

/* Reads the rows of a mapping's file, and waits until they are installed. */
static void load_rows(struct bench *b, pid_t pid, const struct mapping *mapping)
{
	struct unwind_table *table = calloc(1, sizeof(*table));
	char path[64];
	int fd, r;

	(void)snprintf(path, sizeof(path), "/proc/%d/map_files/%lx-%lx", pid,
		       (unsigned long)mapping->start, (unsigned long)mapping->end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !table)
		err(1, "%s", path);
	r = unwind_table_read(fd, table);
	(void)close(fd);
	(void)unwind_tables_next_wanted(b->tables);
	if (r < 0 || !table->n_rows) {
		unwind_tables_no_rows(b->tables, mapping->file, r < 0);
		return;
	}
	(void)unwind_tables_give(b->tables, mapping->file, table);
	while (unwind_tables_n_pending(b->tables)) {
		(void)unwind_tables_work(b->tables, 1u << 20, now_ns());
		(void)usleep(1000); /* a further slab is made meanwhile */
	}
}

/* Learns from the process's first sample which image it is, and publishes what it maps. */
static int learn_image(void *ctx, void *data, size_t size)
{
	struct process_key *key = ctx;
	const struct sample_event *e = data;

	(void)size;
	*key = (struct process_key){.pid = e->pid,
				    .exec_id = e->exec_id,
				    .start_boot_ns = e->start_boot_ns,
				    .start_code = e->start_code};
	return 0;
}

static int open_event(pid_t pid, uint64_t period_ns)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .sample_period = period_ns,
				       .disabled = 1};
	int fd = (int)syscall(SYS_perf_event_open, &attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		err(1, "perf_event_open for %d", pid);
	return fd;
}

static struct bpf_prog_info read_info(const struct bpf_program *program)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	if (bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size) < 0)
		err(1, "bpf_obj_get_info_by_fd");
	return info;
}

/* Attaches for that long; returns what the program cost meanwhile. */
static struct bpf_prog_info run(struct bench *b, const struct target *t, uint64_t period_ns,
				double seconds, ring_buffer_sample_fn record, void *ctx)
{
	const struct bpf_program *program =
		t->by_rows ? b->rows->progs.cpu_tick : b->stackid->progs.stackid_tick;
	struct ring_buffer *ring =
		ring_buffer__new(bpf_map__fd(b->rows->maps.events), record, ctx, NULL);
	struct bpf_prog_info before = read_info(program), after;
	uint64_t end_ns = now_ns() + (uint64_t)(seconds * 1e9);
	struct bpf_link *link =
		bpf_program__attach_perf_event(program, open_event(t->pid, period_ns));

	if (!ring || !link)
		err(1, "cannot attach to %d", t->pid);
	while (now_ns() < end_ns) {
		(void)usleep(20000);
		(void)ring_buffer__consume(ring);
	}
	(void)bpf_link__destroy(link);
	after = read_info(program);
	(void)ring_buffer__consume(ring);
	ring_buffer__free(ring);
	after.run_time_ns -= before.run_time_ns;
	after.run_cnt -= before.run_cnt;
	return after;
}

static void load_tables(struct bench *b, const struct target *t)
{
	struct process_key key = {};
	struct mappings m;
	char path[64];
	char *text = malloc(MAPS_MAX);
	size_t len;
	FILE *f;

	if (kill(t->pid, 0) < 0)
		err(1, "process %d", t->pid);
	for (int i = 0; i < 100 && !key.pid; i++)
		(void)run(b, t, 1000000, 0.05, learn_image, &key);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", t->pid);
	f = fopen(path, "re");
	if (!key.pid || !text || !f)
		errx(1, "process %d does not run", t->pid);
	len = fread(text, 1, MAPS_MAX, f);
	(void)fclose(f);
	if (mappings_parse(text, len, &m) < 0)
		errx(1, "out of memory");
	free(text);
	for (size_t i = 0; i < m.n; i++)
		if (m.entries[i].kind == MAPPING_FILE)
			m.entries[i].file = ++b->last_number;
	while (unwind_spaces_publish(b->spaces, &key, &m, now_ns()) == -EAGAIN)
		(void)usleep(1000);
	for (size_t i = 0; i < m.n; i++)
		if (m.entries[i].kind == MAPPING_FILE)
			load_rows(b, t->pid, &m.entries[i]);
	mappings_done(&m);
}

int main(int argc, char **argv)
{
	struct target targets[TARGETS_MAX];
	struct bench bench = {};
	uint64_t period_ns;
	int n = argc - 4;

	if (n < 1 || n > TARGETS_MAX)
		errx(2, "usage: walk-cost HZ SECONDS ROUNDS [rows|stackid]:PID...");
	period_ns = (uint64_t)(1e9 / atof(argv[1]));
	open_bench(&bench);
	for (int i = 0; i < n; i++) {
		const char *colon = strchr(argv[4 + i], ':');

		if (!colon)
			errx(2, "%s: not KIND:PID", argv[4 + i]);
		targets[i] =
			(struct target){.by_rows = argv[4 + i][0] == 'r', .pid = atoi(colon + 1)};
		if (targets[i].by_rows)
			load_tables(&bench, &targets[i]);
	}
	for (int round = 0; round < atoi(argv[3]); round++)
		for (int i = 0; i < n; i++) {
			struct bpf_prog_info cost;
			double walked;

			bench.walked = (struct walked){};
			cost = run(&bench, &targets[i], period_ns, atof(argv[2]), on_sample,
				   &bench);
			walked = bench.walked.n ? (double)bench.walked.n : 1;
			printf("%d %.1f %llu %.2f %.4f\n", i,
			       cost.run_cnt ? (double)cost.run_time_ns / (double)cost.run_cnt : 0,
			       (unsigned long long)cost.run_cnt,
			       (double)bench.walked.frames / walked,
			       (double)bench.walked.whole / walked);
			(void)fflush(stdout);
		}
	return 0;
}
