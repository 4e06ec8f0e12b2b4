// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * switch_records.c - see switch_records.h.
 */
#include "switch_records.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* bpftool's output casts a const away. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "cpu.skel.h"
#pragma GCC diagnostic pop

#define PASS_BYTES (256 * 1024)

struct switch_records {
	struct cpu_bpf *cpu;
	struct offcpu_programs *programs;
	struct ring_buffer *ring;
	uint32_t pid;
	struct switch_thread threads[SWITCH_RECORDS_THREADS];
	size_t n;
	_Alignas(8) unsigned char bytes[PASS_BYTES];
};

struct switch_thread *switch_records_find(struct switch_records *r, uint32_t tid)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->threads[i].tid == tid)
			return &r->threads[i];
	return NULL;
}

static struct switch_thread *thread_of(struct switch_records *r, uint32_t tid)
{
	struct switch_thread *t = switch_records_find(r, tid);

	if (t)
		return t;
	assert_true(r->n < SWITCH_RECORDS_THREADS);
	t = &r->threads[r->n++];
	*t = (struct switch_thread){.tid = tid};
	return t;
}

uint32_t switch_records_n(const struct switch_records *r)
{
	return r->n;
}

uint32_t switch_records_rest(const struct switch_records *r, uint32_t but_tid,
			     struct switch_thread *ret)
{
	uint32_t n = 0;

	*ret = (struct switch_thread){};
	for (uint32_t i = 0; i < r->n; i++) {
		const struct switch_thread *t = &r->threads[i];

		if (t->tid == but_tid || t->tid == r->pid)
			continue;
		n++;
		ret->off_ns += t->off_ns;
		ret->variance += t->variance;
		ret->n_ends += t->n_ends;
		ret->n_exact += t->n_exact;
		ret->sum.blocked_ns += t->sum.blocked_ns;
		ret->sum.runq_ns += t->sum.runq_ns;
	}
	return n;
}

uint32_t switch_records_overlaps(const struct switch_records *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n; i++) {
		const struct switch_thread *t = &r->threads[i];

		n += t->sum.elapsed_ns != t->until_mono_ns - t->first_mono_ns;
	}
	return n;
}

bool switch_thread_has_begin(const struct switch_thread *t, uint64_t mono_ns)
{
	for (size_t i = 0; i < ARRAY_SIZE(t->begins); i++)
		if (t->begins[i] == mono_ns)
			return true;
	return false;
}

/* Whether the record of the ledger that was taken last has the wait is told by the clock, and by
 * the wait's own record. */
static void add_since(struct switch_thread *t, uint64_t mono_ns, const struct wire_wait *w)
{
	t->n_after += t->ledger_mono_ns && mono_ns > t->ledger_mono_ns;
	t->n_says_after += t->ledger_mono_ns && w->ledger_since_mono_ns == t->ledger_mono_ns;
	assert_true(w->ledger_since_mono_ns && w->ledger_since_mono_ns < mono_ns);
}

static void add_end(struct switch_thread *t, const struct wire_wait *w)
{
	double ns = (double)(w->blocked_ns + w->runq_ns), weight = (double)(1u << w->weight_log2);
	bool is_exact = w->flags & WIRE_WAIT_EXACT, is_drawn = w->flags & WIRE_WAIT_DRAWN;

	t->n_ends++;
	t->n_exact += is_exact;
	t->n_drawn += is_drawn;
	t->n_gate += !!(w->flags & WIRE_WAIT_GATE);
	t->n_unpaired += is_drawn && !switch_thread_has_begin(t, w->begin_mono_ns);
	/* The first wait of a thread may be drawn, and has no begin that could be told of. */
	assert_true(is_exact || is_drawn || w->state == WIRE_STATE_NONE);
	if (w->flags & WIRE_WAIT_VOID) {
		assert_true(is_drawn && !is_exact && w->weight_log2 == 0);
		t->n_void++;
		return;
	}
	assert_int_equal(is_exact, w->blocked_ns + w->runq_ns >= WIRE_LONG_WAIT_NS);
	assert_true(!is_exact || w->weight_log2 == 0);
	assert_true(w->charged_ns <= w->blocked_ns);
	t->off_ns += weight * ns;
	t->variance += ns * ns * weight * (weight - 1);
	if (ns > (double)t->longest_ns) {
		t->longest_ns = w->blocked_ns + w->runq_ns;
		t->longest_charged_ns = w->charged_ns;
		t->longest_begin_mono_ns = w->begin_mono_ns;
	}
}

static void add_ledger(struct switch_thread *t, uint64_t mono_ns, const struct wire_ledger *l)
{
	uint64_t since_mono_ns = mono_ns - l->elapsed_ns;

	/* Those of the ring may come after those of a later pass. */
	if (!t->first_mono_ns || since_mono_ns < t->first_mono_ns)
		t->first_mono_ns = since_mono_ns;
	if (mono_ns > t->until_mono_ns)
		t->until_mono_ns = mono_ns;
	t->n_ledger++;
	t->ledger_flags |= l->flags;
	t->last_elapsed_ns = l->elapsed_ns;
	t->sum.elapsed_ns += l->elapsed_ns;
	t->sum.oncpu_ns += l->oncpu_ns;
	t->sum.runq_ns += l->runq_ns;
	t->sum.blocked_ns += l->blocked_ns;
	t->sum.voluntary_switches += l->voluntary_switches;
	t->sum.involuntary_switches += l->involuntary_switches;
	t->sum.minor_faults += l->minor_faults;
	if (l->peak_rss_bytes > t->sum.peak_rss_bytes)
		t->sum.peak_rss_bytes = l->peak_rss_bytes;
	if (l->max_blocked_ns > t->sum.max_blocked_ns)
		t->sum.max_blocked_ns = l->max_blocked_ns;
	if (l->open_since_mono_ns) {
		t->open_charge_ns += l->open_charge_ns;
		t->open_since_mono_ns = l->open_since_mono_ns;
	}
}

static void add_waker(struct switch_records *r, const struct sample_event *e,
		      const struct wire_waker *w)
{
	struct switch_thread *t = switch_records_find(r, w->tid);

	if (!t) /* of another process */
		return;
	t->n_wakers++;
	t->n_interrupts += w->in_interrupt;
	t->n_known += switch_thread_has_begin(t, w->begin_mono_ns);
	assert_int_equal(w->in_interrupt, e->n_kernel + e->n_user == 0);
	if (!w->in_interrupt) {
		t->waker_tid = e->tid;
		t->waker_leaf = e->n_kernel ? *(const uint64_t *)(w + 1) : 0;
	}
}

/* Returns the length of the record. */
static size_t add_record(struct switch_records *r, const struct sample_event *e)
{
	size_t extra = e->kind == WIRE_WAIT_END ? sizeof(struct wire_wait)
		       : e->kind == WIRE_LEDGER ? sizeof(struct wire_ledger)
		       : e->kind == WIRE_WAKER	? sizeof(struct wire_waker)
						: 0;
	struct switch_thread *t;

	if (e->kind == WIRE_WAKER)
		add_waker(r, e, (const void *)(e + 1));
	if (e->pid == r->pid && e->kind != WIRE_WAKER) {
		t = thread_of(r, e->tid);
		if (e->kind == WIRE_WAIT_END) {
			add_end(t, (const void *)(e + 1));
			add_since(t, e->mono_ns, (const void *)(e + 1));
		}
		if (e->kind == WIRE_LEDGER) {
			add_ledger(t, e->mono_ns, (const void *)(e + 1));
			t->ledger_mono_ns = e->mono_ns;
		}
		if (e->kind == WIRE_WAIT_BEGIN) {
			t->begins[t->n_begins++ % ARRAY_SIZE(t->begins)] = e->mono_ns;
			t->n_user_stacks += e->n_user > 0;
			assert_true(e->n_kernel > 0);
		}
	}
	return sizeof(*e) + extra + (size_t)(e->n_kernel + e->n_user) * sizeof(uint64_t);
}

static int on_record(void *ctx, void *record, size_t size)
{
	assert_int_equal(add_record(ctx, record), size);
	return 0;
}

struct switch_records *switch_records_new(const struct offcpu_options *options)
{
	struct switch_records *r = calloc(1, sizeof(*r));
	struct offcpu_options with_maps = *options;
	char why[512] = "";

	assert_non_null(r);
	r->cpu = cpu_bpf__open();
	assert_non_null(r->cpu);
	assert_int_equal(bpf_map__set_max_entries(r->cpu->maps.events, 4 << 20), 0);
	assert_int_equal(cpu_bpf__load(r->cpu), 0);
	with_maps.kernel_frames_max = WIRE_KERNEL_FRAMES_MAX;
	with_maps.events = bpf_map__fd(r->cpu->maps.events);
	with_maps.drops = bpf_map__fd(r->cpu->maps.drops);
	with_maps.processes_seen = bpf_map__fd(r->cpu->maps.processes_seen);
	with_maps.unwind_slabs = bpf_map__fd(r->cpu->maps.unwind_slabs);
	with_maps.unwind_files = bpf_map__fd(r->cpu->maps.unwind_files);
	with_maps.unwind_processes = bpf_map__fd(r->cpu->maps.unwind_processes);
	r->ring = ring_buffer__new(with_maps.events, on_record, r, NULL);
	assert_non_null(r->ring);
	if (offcpu_programs_new(&with_maps, &r->programs, why, sizeof(why)) < 0 ||
	    offcpu_programs_attach(r->programs, why, sizeof(why)) < 0)
		fail_msg("%s", why);
	return r;
}

void switch_records_free(struct switch_records *r)
{
	if (!r)
		return;
	offcpu_programs_free(r->programs);
	ring_buffer__free(r->ring);
	cpu_bpf__destroy(r->cpu);
	free(r);
}

void switch_records_follow(struct switch_records *r, uint32_t pid)
{
	r->pid = pid;
	r->n = 0;
}

void switch_records_poll(struct switch_records *r, int timeout_ms)
{
	assert_true(ring_buffer__poll(r->ring, timeout_ms) >= 0);
	assert_true(ring_buffer__consume(r->ring) >= 0);
}

static void read_records(struct switch_records *r, int fd)
{
	size_t used = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while ((n = read(fd, r->bytes + used, sizeof(r->bytes) - used)) > 0 ||
	       (n < 0 && errno == EAGAIN)) {
		size_t at = 0;

		used += n > 0 ? (size_t)n : 0;
		while (used - at >= sizeof(struct sample_event))
			at += add_record(r, (const void *)(r->bytes + at));
		/* A reading holds whole records: the buffer is larger than the kernel's. */
		assert_int_equal(at, used);
		used = 0;
	}
	assert_int_equal(n, 0);
	close(fd);
}

void switch_records_pass(struct switch_records *r)
{
	read_records(r, offcpu_programs_open_pass(r->programs));
}

void switch_records_stacks(struct switch_records *r)
{
	read_records(r, offcpu_programs_open_stacks(r->programs));
}

void switch_records_watch(struct switch_records *r, uint64_t now_mono_ns)
{
	offcpu_programs_watch(r->programs, now_mono_ns);
}

uint64_t switch_records_drops(const struct switch_records *r)
{
	int n_cpus = libbpf_num_possible_cpus();
	struct wire_drops *drops = n_cpus > 0 ? calloc((size_t)n_cpus, sizeof(*drops)) : NULL;
	uint32_t zero = 0;
	uint64_t sum = 0;

	assert_non_null(drops);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(r->cpu->maps.drops), &zero, drops), 0);
	for (int cpu = 0; cpu < n_cpus; cpu++)
		sum += drops[cpu].count[WIRE_DROP_RINGBUF_FULL] +
		       drops[cpu].count[WIRE_DROP_NO_SCRATCH];
	free(drops);
	return sum;
}
