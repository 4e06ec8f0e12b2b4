// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lone_collector.c - see lone_collector.h.
 */
#include "lone_collector.h"

#include "capture/offcpu_programs.h"
#include "wire.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "cpu.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TIDS_MAX     (1u << 22) /* PID_MAX_LIMIT of include/linux/threads.h */
#define PASS_BYTES   65536
#define RECORD_BYTES (sizeof(struct sample_event) + sizeof(struct wire_ledger))
#define STACKS_PER_S 50 /* of a CPU; profd's default */
#define FDS_MAX	     256

struct lone_collector {
	struct cpu_bpf *cpu; /* has the maps that the others borrow; it is not attached */
	struct offcpu_programs *programs;
	struct ring_buffer *ring;
	struct lone_thread *threads; /* by tid */
	uint32_t max_tid;
	uint64_t drops_before;
};

static uint64_t now_mono_ns(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t) < 0)
		err(1, "clock_gettime");
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void add_wait(struct lone_thread *t, const struct wire_wait *w)
{
	double weight = w->flags & WIRE_WAIT_VOID ? 0 : (double)(1u << (w->weight_log2 & 31));
	double blocked_ns = (double)(w->blocked_ns - w->charged_ns), runq_ns = (double)w->runq_ns;
	double ns = blocked_ns + runq_ns;

	t->estimated_blocked_ns += weight * blocked_ns;
	t->estimated_runq_ns += weight * runq_ns;
	t->variance += ns * ns * weight * (weight - 1);
	t->n_drawn += weight > 1;
}

static void add_ledger(struct lone_thread *t, const struct wire_ledger *l)
{
	t->elapsed_ns += l->elapsed_ns;
	t->oncpu_ns += l->oncpu_ns;
	t->blocked_ns += l->blocked_ns;
	t->runq_ns += l->runq_ns;
	/* What could not be sent is exact too, only its stack is not known. */
	t->estimated_blocked_ns += (double)l->open_charge_ns + (double)l->unsent_ns;
	t->estimated_runq_ns += (double)l->unsent_runq_ns;
}

static struct lone_thread *thread_of(struct lone_collector *c, const struct sample_event *e)
{
	uint32_t tid = e->tid % TIDS_MAX;

	if (tid > c->max_tid)
		c->max_tid = tid;
	return &c->threads[tid];
}

static int on_record(void *ctx, void *data, size_t size)
{
	struct lone_collector *c = ctx;
	const struct sample_event *e = data;
	struct lone_thread *t = thread_of(c, e);

	if (e->kind == WIRE_WAIT_END && size >= sizeof(*e) + sizeof(struct wire_wait))
		add_wait(t, (const struct wire_wait *)(e + 1));
	if (e->kind == WIRE_LEDGER && size >= RECORD_BYTES)
		add_ledger(t, (const struct wire_ledger *)(e + 1));
	return 0;
}

static void load(struct lone_collector *c)
{
	struct offcpu_options options = {.stacks_per_s = STACKS_PER_S,
					 .user_frames_max = WIRE_USER_FRAMES_MAX,
					 .kernel_frames_max = WIRE_KERNEL_FRAMES_MAX};
	char why[512] = "";

	c->cpu = cpu_bpf__open_and_load();
	if (!c->cpu)
		err(1, "cannot load the CPU program");
	options.events = bpf_map__fd(c->cpu->maps.events);
	options.drops = bpf_map__fd(c->cpu->maps.drops);
	options.processes_seen = bpf_map__fd(c->cpu->maps.processes_seen);
	options.unwind_slabs = bpf_map__fd(c->cpu->maps.unwind_slabs);
	options.unwind_files = bpf_map__fd(c->cpu->maps.unwind_files);
	options.unwind_processes = bpf_map__fd(c->cpu->maps.unwind_processes);
	if (offcpu_programs_new(&options, &c->programs, why, sizeof(why)) < 0 ||
	    offcpu_programs_attach(c->programs, why, sizeof(why)) < 0)
		errx(1, "%s", why);
}

struct lone_collector *lone_collector_new(void)
{
	struct lone_collector *c = calloc(1, sizeof(*c));

	if (!c)
		err(1, "calloc");
	c->threads = mmap(NULL, TIDS_MAX * sizeof(*c->threads), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->threads == MAP_FAILED)
		err(1, "mmap");
	load(c);
	c->ring = ring_buffer__new(bpf_map__fd(c->cpu->maps.events), on_record, c, NULL);
	if (!c->ring)
		err(1, "cannot map the ring");
	/* What it has is of before. */
	(void)lone_collector_pass_ns(c, NULL);
	lone_collector_read(c);
	memset(c->threads, 0, (c->max_tid + 1) * sizeof(*c->threads));
	c->drops_before = lone_collector_drops(c);
	return c;
}

void lone_collector_free(struct lone_collector *collector)
{
	ring_buffer__free(collector->ring);
	(void)offcpu_programs_free(collector->programs);
	cpu_bpf__destroy(collector->cpu);
	(void)munmap(collector->threads, TIDS_MAX * sizeof(*collector->threads));
	free(collector);
}

void lone_collector_watch(struct lone_collector *collector)
{
	offcpu_programs_watch(collector->programs, now_mono_ns());
}

uint32_t lone_collector_gates(const struct lone_collector *collector)
{
	return offcpu_programs_gates(collector->programs);
}

void lone_collector_read(struct lone_collector *collector)
{
	(void)ring_buffer__consume(collector->ring);
}

/* Records are written whole, and a read returns whole ones when there is room. */
static size_t add_records(struct lone_collector *c, const uint8_t *bytes, size_t size,
			  uint32_t *n_records)
{
	size_t at = 0;

	while (size - at >= RECORD_BYTES) {
		const struct sample_event *e = (const struct sample_event *)(bytes + at);
		size_t len = RECORD_BYTES + e->n_kernel * sizeof(uint64_t);

		if (size - at < len)
			break;
		add_ledger(thread_of(c, e), (const struct wire_ledger *)(e + 1));
		(*n_records)++;
		at += len;
	}
	return at;
}

uint64_t lone_collector_pass_ns(struct lone_collector *collector, uint32_t *ret_records)
{
	static uint8_t bytes[PASS_BYTES] __attribute__((aligned(8)));
	uint64_t begin_ns = now_mono_ns();
	int fd = offcpu_programs_open_pass(collector->programs);
	uint32_t n_records = 0;
	size_t kept = 0, used;
	ssize_t n;

	if (fd < 0)
		err(1, "cannot begin a pass");
	while ((n = read(fd, bytes + kept, sizeof(bytes) - kept)) > 0) {
		kept += (size_t)n;
		used = add_records(collector, bytes, kept, &n_records);
		memmove(bytes, bytes + used, kept - used);
		kept -= used;
	}
	if (n < 0)
		err(1, "the pass of the ledger");
	(void)close(fd);
	if (ret_records)
		*ret_records = n_records;
	return now_mono_ns() - begin_ns;
}

int lone_collector_switch(void)
{
	for (int fd = 0; fd < FDS_MAX; fd++) {
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);

		if (bpf_obj_get_info_by_fd(fd, &info, &size) == 0 &&
		    strcmp(info.name, "offcpu_switch") == 0)
			return fd;
	}
	errx(1, "no program offcpu_switch");
}

void lone_collector_each(const struct lone_collector *collector,
			 void (*call)(uint32_t tid, const struct lone_thread *thread))
{
	static const struct lone_thread nothing;

	for (uint32_t tid = 0; tid <= collector->max_tid; tid++)
		if (memcmp(&collector->threads[tid], &nothing, sizeof(nothing)) != 0)
			call(tid, &collector->threads[tid]);
}

uint64_t lone_collector_drops(const struct lone_collector *collector)
{
	int n_cpus = libbpf_num_possible_cpus();
	struct wire_drops *drops = n_cpus > 0 ? calloc((size_t)n_cpus, sizeof(*drops)) : NULL;
	uint32_t zero = 0;
	uint64_t sum = 0;

	if (!drops ||
	    bpf_map_lookup_elem(bpf_map__fd(collector->cpu->maps.drops), &zero, drops) < 0)
		err(1, "cannot read the drops");
	for (int cpu = 0; cpu < n_cpus; cpu++)
		for (int i = 0; i < WIRE_DROP_MAX; i++)
			sum += drops[cpu].count[i];
	free(drops);
	return sum - collector->drops_before;
}
