// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lone_collector.c - see lone_collector.h.
 */
#include "lone_collector.h"

#include "wire.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "ledger.skel.h"
#include "offcpu.skel.h"
#include "switch_cpu.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define TIDS_MAX     (1u << 22) /* PID_MAX_LIMIT of include/linux/threads.h */
#define PASS_BYTES   65536
#define RECORD_BYTES (sizeof(struct sample_event) + sizeof(struct wire_ledger))
#define SWITCH_ARGS  5 /* of the tracepoint with the state, the context included */

struct lone_collector {
	struct offcpu_bpf *offcpu;
	struct ledger_bpf *ledger;
	struct bpf_link *pass;
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
	double weight = (double)(1u << (w->weight_log2 & 31));

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

/* Whether sched_switch tells the state of the thread that stops (since 5.18). */
static bool switch_has_state(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	int id = btf ? btf__find_by_name_kind(btf, "btf_trace_sched_switch", BTF_KIND_TYPEDEF) : -1;
	bool has = false;

	if (id > 0) {
		type = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
		type = btf__type_by_id(btf, type->type);
		has = btf_vlen(type) >= SWITCH_ARGS;
	}
	btf__free(btf);
	return has;
}

/* As profd does behind its watch of each CPU's switches. */
static void shut_gates(const struct lone_collector *c, uint32_t n_cpus)
{
	struct switch_cpu *cpus = mmap(NULL, n_cpus * sizeof(*cpus), PROT_READ | PROT_WRITE,
				       MAP_SHARED, bpf_map__fd(c->offcpu->maps.switch_cpus), 0);

	if (cpus == MAP_FAILED)
		err(1, "cannot map switch_cpus");
	for (uint32_t i = 0; i < n_cpus; i++)
		cpus[i].gate_log2 = SWITCH_GATE_MAX;
	(void)munmap(cpus, n_cpus * sizeof(*cpus));
}

static void load(struct lone_collector *c, bool with_gate)
{
	int n_cpus = libbpf_num_possible_cpus();

	c->offcpu = offcpu_bpf__open();
	c->ledger = ledger_bpf__open();
	if (!c->offcpu || !c->ledger)
		err(1, "cannot open the BPF programs");
	c->offcpu->rodata->switch_has_state = switch_has_state();
	if (n_cpus < 0 ||
	    bpf_map__set_max_entries(c->offcpu->maps.switch_cpus, (uint32_t)n_cpus) < 0 ||
	    offcpu_bpf__load(c->offcpu) < 0 ||
	    bpf_map__reuse_fd(c->ledger->maps.threads, bpf_map__fd(c->offcpu->maps.threads)) < 0 ||
	    bpf_map__reuse_fd(c->ledger->maps.clock_offset,
			      bpf_map__fd(c->offcpu->maps.clock_offset)) < 0 ||
	    ledger_bpf__load(c->ledger) < 0)
		err(1, "cannot load the BPF programs");
	if (with_gate)
		shut_gates(c, (uint32_t)n_cpus);
}

struct lone_collector *lone_collector_new(bool with_gate)
{
	struct lone_collector *c = calloc(1, sizeof(*c));

	if (!c)
		err(1, "calloc");
	c->threads = mmap(NULL, TIDS_MAX * sizeof(*c->threads), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (c->threads == MAP_FAILED)
		err(1, "mmap");
	load(c, with_gate);
	c->ring = ring_buffer__new(bpf_map__fd(c->offcpu->maps.events), on_record, c, NULL);
	c->pass = bpf_program__attach_iter(c->ledger->progs.ledger_pass, NULL);
	if (!c->ring || !c->pass || offcpu_bpf__attach(c->offcpu) < 0)
		err(1, "cannot attach the BPF programs");
	/* It makes the storage of all threads; the second has nothing of before. */
	(void)lone_collector_pass_ns(c, NULL);
	(void)lone_collector_pass_ns(c, NULL);
	lone_collector_read(c);
	memset(c->threads, 0, (c->max_tid + 1) * sizeof(*c->threads));
	c->drops_before = lone_collector_drops(c);
	return c;
}

void lone_collector_free(struct lone_collector *collector)
{
	ring_buffer__free(collector->ring);
	(void)bpf_link__destroy(collector->pass);
	offcpu_bpf__destroy(collector->offcpu);
	ledger_bpf__destroy(collector->ledger);
	(void)munmap(collector->threads, TIDS_MAX * sizeof(*collector->threads));
	free(collector);
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
	int fd = bpf_iter_create(bpf_link__fd(collector->pass));
	uint32_t n_records = 0;
	size_t kept = 0, used;
	ssize_t n;

	if (fd < 0)
		err(1, "bpf_iter_create");
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

const struct bpf_program *lone_collector_switch(const struct lone_collector *collector)
{
	return collector->offcpu->progs.offcpu_switch;
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
	    bpf_map_lookup_elem(bpf_map__fd(collector->offcpu->maps.drops), &zero, drops) < 0)
		err(1, "cannot read the drops");
	for (int cpu = 0; cpu < n_cpus; cpu++)
		for (int i = 0; i < WIRE_DROP_MAX; i++)
			sum += drops[cpu].count[i];
	free(drops);
	return sum - collector->drops_before;
}
