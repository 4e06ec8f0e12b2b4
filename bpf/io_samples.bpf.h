/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_samples.bpf.h - the sampled half of the block I/O collector (blockio.bpf.c): who submits, and
 * from where in the code. About `io_stacks_per_s` a second and CPU are drawn when they are
 * submitted, and told of at their end, with what they took.
 *
 * The probability is a power of two, by what a CPU submitted in the window of 100 ms before, and is
 * halved whenever a window has had its share once more; always between draws, so that it is fixed
 * before each. Until its end a sample waits in a slot, whose address is looked for by that of the
 * request or bio, in the one line of the cache that can hold it; what finds none is counted.
 */
#ifndef PROFD_IO_SAMPLES_BPF_H
#define PROFD_IO_SAMPLES_BPF_H

#include "emit.bpf.h"
#include "io_kernel.bpf.h"

#include <stdbool.h>

/* Set before loading. */
const volatile __u32 io_stacks_per_s = 50;

#define IO_WINDOW_NS	 100000000ull
#define IO_WINDOWS_PER_S 10

#define IO_SLOTS	 256
#define IO_SLOTS_A_SET	 8
#define IO_SETS		 (IO_SLOTS / IO_SLOTS_A_SET)
#define IO_SLOT_STALE_NS 300000000000ull /* its request went without an end that was told of */

/* A sample on its way. */
struct io_slot {
	struct emit_scratch scratch;
	__u64 begin_ns;
	__u64 bytes;
	__u32 n_words;
	__u8 op, weight_log2, is_writeback, n_own;
	struct wire_io_device device;
	char name[WIRE_DEVICE_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, IO_SLOTS);
	__type(key, __u32);
	__type(value, struct io_slot);
} io_slots SEC(".maps");

/* Whose each slot is, 0 = nobody's. */
__u64 io_keys[IO_SLOTS] __attribute__((aligned(64)));

/* A request's or bio's address as a number, less what is constant: verifiers allow no arithmetic
 * with pointers but to take one from another (kernel/bpf/verifier.c, adjust_reg_min_max_vals()). */
static __always_inline __u64 io_key(const void *address)
{
	__u64 key = (__u64)address;

	asm volatile("%0 -= %1" : "+r"(key) : "r"(io_keys));
	return key;
}

/* A CPU's draws. */
struct io_cpu {
	__u64 window_end_ns;
	__u32 n_submitted, n_drawn; /* in this window */
	__u32 weight_log2;
	__u32 halve_at;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct io_cpu);
} io_cpus SEC(".maps");

/* The tracepoint's own functions, which are on a stack above who submits: struct wire_io's n_own.
 * (include/linux/tracepoint.h, kernel/trace/bpf_trace.c) */
extern const void bpf_trace_run1 __ksym __weak;
extern const void bpf_trace_run2 __ksym __weak;
extern const void __traceiter_block_io_start __ksym __weak;
extern const void __traceiter_block_bio_queue __ksym __weak;

#define IO_OWN_MAX   6
#define IO_OWN_BYTES 512 /* they are shorter */

static __always_inline bool io_is_in(__u64 address, const void *function)
{
	return function && address - (__u64)function < IO_OWN_BYTES;
}

static __always_inline __u8 io_count_own(const __u64 *words, __u32 n)
{
	__u8 own = 0;

	for (__u32 i = 0; i < IO_OWN_MAX && i < n; i++)
		if (io_is_in(words[i], &bpf_trace_run1) || io_is_in(words[i], &bpf_trace_run2) ||
		    io_is_in(words[i], &__traceiter_block_io_start) ||
		    io_is_in(words[i], &__traceiter_block_bio_queue))
			own = i + 1;
	return own;
}

static __always_inline void io_begin_window(struct io_cpu *c, __u64 now_ns)
{
	__u32 share = (io_stacks_per_s + IO_WINDOWS_PER_S - 1) / IO_WINDOWS_PER_S, w = 0;
	/* After a pause nothing is expected, so that a few I/Os are all seen; a burst then has its
	 * share at each weight on the way to its own. */
	__u32 expected = now_ns - c->window_end_ns < IO_WINDOW_NS ? c->n_submitted : 0;

	for (int i = 0; i < WIRE_IO_WEIGHT_MAX && expected >> w > share; i++)
		w++;
	c->weight_log2 = w;
	c->halve_at = share;
	c->n_submitted = c->n_drawn = 0;
	c->window_end_ns = now_ns + IO_WINDOW_NS;
}

/* Whether this one is drawn, and for how many it stands then. */
static __always_inline bool io_draw(__u64 now_ns, __u32 *ret_weight_log2)
{
	__u32 zero = 0, w;
	struct io_cpu *c = bpf_map_lookup_elem(&io_cpus, &zero);

	if (!c)
		return false;
	if (now_ns >= c->window_end_ns)
		io_begin_window(c, now_ns);
	c->n_submitted++;
	w = c->weight_log2;
	if (bpf_get_prandom_u32() & ((1u << (w & 31)) - 1))
		return false;
	if (++c->n_drawn >= c->halve_at && w < WIRE_IO_WEIGHT_MAX) {
		c->weight_log2 = w + 1;
		c->n_drawn = 0;
	}
	*ret_weight_log2 = w;
	return true;
}

/* The first of the slots that may be a key's. */
static __always_inline __u32 io_set_of(__u64 key)
{
	return (key >> 6) * 0x9E3779B97F4A7C15ull >> 32 & (IO_SETS - 1);
}

/* The key's slot, or IO_SLOTS. */
static __always_inline __u32 io_find(__u64 key)
{
	__u32 first = io_set_of(key) * IO_SLOTS_A_SET;

	for (__u32 i = 0; i < IO_SLOTS_A_SET; i++)
		if (io_keys[(first + i) & (IO_SLOTS - 1)] == key)
			return first + i;
	return IO_SLOTS;
}

static __always_inline bool io_is_stale(__u32 at, __u64 now_ns)
{
	struct io_slot *slot = bpf_map_lookup_elem(&io_slots, &at);

	/* One that was taken just now has no begin yet. */
	return slot && slot->begin_ns && io_between(slot->begin_ns, now_ns) > IO_SLOT_STALE_NS;
}

/* A slot for the key, or IO_SLOTS: there is none, which is counted. */
static __always_inline __u32 io_take(__u64 key, __u64 now_ns)
{
	__u32 first = io_set_of(key) * IO_SLOTS_A_SET;

	for (__u32 i = 0; i < IO_SLOTS_A_SET; i++) {
		__u32 at = (first + i) & (IO_SLOTS - 1);
		__u64 before = io_keys[at];

		if (before && before != key && !io_is_stale(at, now_ns))
			continue;
		if (__sync_val_compare_and_swap(&io_keys[at], before, key) == before)
			return at;
	}
	count_drop(WIRE_DROP_IO_SLOT, 0);
	return IO_SLOTS;
}

/* What it is and who submits it, the current thread. */
static __attribute__((noinline)) int io_capture(void *ctx, struct io_slot *slot,
						const struct bio *bio, __u64 now_ns)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct emit_scratch *s;
	struct sample_event *e;
	__u32 n_kernel;

	if (!slot)
		return 0;
	s = &slot->scratch;
	e = &s->event;
	emit_head(e, WIRE_IO, task, now_ns, 0);
	slot->is_writeback = 0;
	if (task->flags & KERNEL_PF_WQ_WORKER) {
		/* A worker has nothing of its own to do. One that must not begin I/O for memory
		 * does it for a device above (drivers/block/loop.c); any other that writes writes
		 * pages back. */
		e->cgroup_id = io_charged_cgroup(bio, task);
		slot->is_writeback =
			slot->op == WIRE_IO_OP_WRITE && !(task->flags & KERNEL_PF_MEMALLOC_NOIO);
	}
	n_kernel = emit_kernel_stack(ctx, s, EMIT_EXTRA_WORDS(wire_io), 0);
	slot->n_own = io_count_own(s->body + EMIT_EXTRA_WORDS(wire_io), n_kernel);
	slot->n_words = emit_stacks(ctx, s, EMIT_EXTRA_WORDS(wire_io), task, NULL, n_kernel,
				    user_frames_max);
	return 0;
}

/* It is submitted, by the current thread; `key` is the io_key() of the request or the bio. Returns
 * whether it was drawn and has a slot. */
static __always_inline bool io_sample_begin(void *ctx, __u64 key, const struct gendisk *disk,
					    const struct bio *bio, __u32 cmd_flags)
{
	__u64 now_ns = bpf_ktime_get_ns();
	struct io_slot *slot;
	__u32 w, at;

	if (!io_draw(now_ns, &w))
		return false;
	at = io_take(key, now_ns);
	slot = at < IO_SLOTS ? bpf_map_lookup_elem(&io_slots, &at) : NULL;
	if (!slot)
		return false;
	slot->begin_ns = now_ns;
	slot->bytes = 0;
	slot->op = io_op(cmd_flags);
	slot->weight_log2 = w;
	io_device(disk, &slot->device);
	bpf_probe_read_kernel_str(slot->name, sizeof(slot->name), disk->disk_name);
	io_capture(ctx, slot, bio, now_ns);
	return true;
}

static __always_inline void io_release(struct io_slot *slot, __u32 at)
{
	slot->begin_ns = 0;
	io_keys[at & (IO_SLOTS - 1)] = 0;
}

/* It is no I/O of its own any more: whoever has its address next is somebody else. */
static __always_inline void io_sample_drop(__u64 key)
{
	__u32 at = io_find(key);
	struct io_slot *slot = at < IO_SLOTS ? bpf_map_lookup_elem(&io_slots, &at) : NULL;

	if (slot)
		io_release(slot, at);
}

static __always_inline void io_sample_bytes(__u64 key, __u64 bytes)
{
	__u32 at = io_find(key);
	struct io_slot *slot = at < IO_SLOTS ? bpf_map_lookup_elem(&io_slots, &at) : NULL;

	if (slot)
		slot->bytes += bytes;
}

static __attribute__((noinline)) int io_sample_send(struct io_slot *slot, __u64 total_ns,
						    __u64 now_ns)
{
	struct emit_scratch *s;
	struct wire_io *io;

	if (!slot)
		return 0;
	s = &slot->scratch;
	io = (struct wire_io *)s->body;
	io->device = slot->device;
	__builtin_memcpy(io->name, slot->name, sizeof(io->name));
	io->total_ns = total_ns;
	io->bytes = slot->bytes;
	io->op = slot->op;
	io->weight_log2 = slot->weight_log2;
	io->is_writeback = slot->is_writeback;
	io->n_own = slot->n_own;
	__builtin_memset(io->unused, 0, sizeof(io->unused));
	s->event.mono_ns = now_ns;
	s->event.cpu = bpf_get_smp_processor_id();
	s->event.value = total_ns == WIRE_IO_UNKNOWN
				 ? 0
				 : total_ns << (slot->weight_log2 & WIRE_IO_WEIGHT_MAX);
	emit_send(s, EMIT_EXTRA_WORDS(wire_io), slot->n_words);
	return 0;
}

/* It ended, after so long. */
static __always_inline void io_sample_end(__u64 key, __u64 total_ns, __u64 now_ns)
{
	__u32 at = io_find(key);
	struct io_slot *slot = at < IO_SLOTS ? bpf_map_lookup_elem(&io_slots, &at) : NULL;

	if (!slot)
		return;
	io_sample_send(slot, total_ns, now_ns);
	io_release(slot, at);
}

#endif
