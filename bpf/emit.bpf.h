/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit.bpf.h - the one way out of the kernel: scratch, head, stacks, ring buffer, drop counters.
 *
 * A collector puts a record together with emit_scratch(), emit_head(), what it measured, and one of
 * emit_stacks() and emit_task_stack(), and sends it by emit_send(); everything that all collectors
 * have in common (who, when, where in the code) is taken here. That is done in per-CPU scratch
 * memory and copied, because bpf_ringbuf_reserve() takes constant sizes only; the copy costs less
 * than the reservation of the longest possible record would.
 */
#ifndef PROFD_EMIT_BPF_H
#define PROFD_EMIT_BPF_H

#include "kernel.h"
#include "unwind.bpf.h"
#include "unwind_regs.bpf.h"
#include "wire.h"

#include <bpf/bpf_helpers.h>

/* What bpf_get_stack() stops at: kernel.perf_event_max_stack, read when the programs are loaded. */
const volatile __u32 kernel_walk_frames_max = WIRE_KERNEL_FRAMES_MAX;

/* Frames of a user stack, set before loading. */
const volatile __u32 user_frames_max = WIRE_USER_FRAMES_MAX;

/* 0: user memory is not read, and a user stack is the leaf alone (safe mode, crash_guard.h). */
const volatile __u32 walk_user_stacks = 1;

/* Samples wait in the ring until the daemon's timer, unless the ring is this full. */
#define EMIT_WAKEUP_BYTES (128 * 1024)

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024); /* set before loading */
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wire_drops);
} drops SEC(".maps");

/*
 * Which image of which process was seen: a sample of an unseen one wakes the daemon at once, so
 * that it can read /proc while the process lives. Evicting the least recently used costs a wakeup.
 */
struct seen {
	__u64 start_boot_ns;
	__u64 exec_id;
	__u64 start_code;   /* 0: in the middle of exec, when there is nothing to be read yet */
	__u64 told_mono_ns; /* when the daemon was woken because of it */
	__u64 wait_ns;	    /* it is not woken again before */
};

/* A process whose code lies where nothing is known to be mapped, as after dlopen(), wakes the
 * daemon as well; the wait doubles, because some code is in no mapping for good. */
#define EMIT_TELL_AGAIN_NS     10000000ull
#define EMIT_TELL_AGAIN_MAX_NS 2000000000ull

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct seen);
} processes_seen SEC(".maps");

UNWIND_WALKER(unwind_user, UNWIND_MEMORY_CURRENT)

/* What stands between head and words of some kinds. */
#define EMIT_EXTRA_WORDS_MAX   (sizeof(struct wire_ledger) / sizeof(__u64))
#define EMIT_EXTRA_WORDS(type) (sizeof(struct type) / sizeof(__u64))

struct emit_scratch {
	struct sample_event event;
	__u64 body[EMIT_EXTRA_WORDS_MAX + WIRE_WORDS_MAX];
	struct unwind_state unwind;
};

/* One slot for each program of an object that may interrupt another of its own on the same CPU. */
#ifndef EMIT_SLOTS
#define EMIT_SLOTS 1
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, EMIT_SLOTS);
	__type(key, __u32);
	__type(value, struct emit_scratch);
} scratch SEC(".maps");

static __always_inline void count_drop(enum wire_drop reason, __u64 value)
{
	__u32 zero = 0;
	struct wire_drops *d = bpf_map_lookup_elem(&drops, &zero);

	if (d) {
		d->count[reason]++;
		d->value[reason] += value;
	}
}

/* Returns the flag for bpf_ringbuf_output(): whether the daemon must run now. */
static __always_inline __u64 wakeup_flag(const struct sample_event *e)
{
	struct seen now = {.start_boot_ns = e->start_boot_ns,
			   .exec_id = e->exec_id,
			   .start_code = e->start_code,
			   .told_mono_ns = e->mono_ns,
			   .wait_ns = EMIT_TELL_AGAIN_NS},
		    *before;
	__u32 pid = e->pid;

	before = bpf_map_lookup_elem(&processes_seen, &pid);
	if (!before || before->start_boot_ns != now.start_boot_ns ||
	    before->exec_id != now.exec_id || (!before->start_code && now.start_code)) {
		bpf_map_update_elem(&processes_seen, &pid, &now, BPF_ANY);
		return BPF_RB_FORCE_WAKEUP;
	}
	if (e->user_stop == WIRE_STOP_NO_MAPPING &&
	    e->mono_ns - before->told_mono_ns > before->wait_ns) {
		/* One that is quiet for long has its first wait again. */
		before->wait_ns = e->mono_ns - before->told_mono_ns > EMIT_TELL_AGAIN_MAX_NS * 2
					  ? EMIT_TELL_AGAIN_NS
				  : before->wait_ns < EMIT_TELL_AGAIN_MAX_NS ? before->wait_ns * 2
									     : before->wait_ns;
		before->told_mono_ns = e->mono_ns;
		return BPF_RB_FORCE_WAKEUP;
	}
	if (bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) >= EMIT_WAKEUP_BYTES)
		return BPF_RB_FORCE_WAKEUP;
	return BPF_RB_NO_WAKEUP;
}

/* Memory for a record that stands for `value`, or NULL, which is counted. */
static __always_inline struct emit_scratch *emit_scratch(__u32 slot, __u64 value)
{
	struct emit_scratch *s = bpf_map_lookup_elem(&scratch, &slot);

	if (!s)
		count_drop(WIRE_DROP_NO_SCRATCH, value);
	return s;
}

/* Who it is about; there are no words yet. */
static __always_inline void emit_head(struct sample_event *e, enum wire_kind kind,
				      struct task_struct *task, __u64 mono_ns, __u64 value)
{
	e->kind = kind;
	e->user_stop = WIRE_STOP_NONE;
	e->user_mode = 0;
	e->n_kernel = e->n_user = 0;
	e->pid = task->tgid;
	e->tid = task->pid;
	e->cpu = bpf_get_smp_processor_id();
	e->exec_id = task->self_exec_id;
	e->mono_ns = mono_ns;
	e->value = value;
	e->start_boot_ns = task->group_leader->start_boottime;
	e->cgroup_id = task->cgroups->dfl_cgrp->kn->id;
	e->start_code = task->mm->start_code;
	e->end_code = task->mm->end_code;
	bpf_probe_read_kernel(e->comm, sizeof(e->comm), task->comm);
}

/* A user stack by the kernel's own walk, for what rows do not serve: 32-bit programs, and kernels
 * that do not tell a thread's registers. */
static __always_inline void walk_by_kernel(void *ctx, struct emit_scratch *s, __u32 extra,
					   __u32 n_kernel)
{
	__u64 *words = s->body + extra + (n_kernel & WIRE_KERNEL_FRAMES_MAX);
	long r =
		bpf_get_stack(ctx, words, WIRE_KERNEL_FRAMES_MAX * sizeof(__u64), BPF_F_USER_STACK);
	__u32 n = r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;

	s->unwind.at = n_kernel + n;
	s->unwind.stop = n >= kernel_walk_frames_max ? WIRE_STOP_LIMIT
			 : n			     ? WIRE_STOP_FP_END
						     : WIRE_STOP_FAULT;
}

/* The user stack of the current thread into words from `n_kernel` on, at most `frames_max`. `user`
 * has its registers in user mode, or is NULL when it is in the kernel. */
static __always_inline void take_user_stack(void *ctx, struct emit_scratch *s, __u32 extra,
					    struct task_struct *task,
					    const struct perf_context *user, __u32 n_kernel,
					    __u32 frames_max)
{
	struct unwind_walk walk = {.state = &s->unwind, .words = s->body + extra};
	bool known = user ? unwind_regs_of_context(&s->unwind, user)
			  : unwind_regs_of_task(&s->unwind, task);

	if (!known) {
		walk_by_kernel(ctx, s, extra, n_kernel);
		return;
	}
	if (!unwind_has_user_stack(&s->unwind))
		return;
	unwind_begin(&s->unwind, task, s->event.mono_ns);
	s->unwind.at = n_kernel;
	s->unwind.end = n_kernel + frames_max;
	unwind_user(&walk);
}

/* Takes the user stack of the current thread behind n_kernel words of its kernel stack, which stand
 * `extra` words behind the head; returns the number of all words. */
static __always_inline __u32 emit_stacks(void *ctx, struct emit_scratch *s, __u32 extra,
					 struct task_struct *task, const struct perf_context *user,
					 __u32 n_kernel, __u32 frames_max)
{
	struct sample_event *e = &s->event;
	__u32 n_words;

	s->unwind.at = n_kernel;
	s->unwind.stop = WIRE_STOP_NONE;
	if (!(task->flags & KERNEL_PF_KTHREAD) && !walk_user_stacks) {
		if (user)
			s->body[extra + (n_kernel & WIRE_KERNEL_FRAMES_MAX)] = user->regs.ip;
		s->unwind.at = n_kernel + !!user;
		s->unwind.stop = WIRE_STOP_LIMIT;
	} else if (!(task->flags & KERNEL_PF_KTHREAD)) {
		take_user_stack(ctx, s, extra, task, user, n_kernel, frames_max);
	}
	n_words = s->unwind.at;
	e->user_mode = user != NULL;
	e->user_stop = s->unwind.stop;
	e->n_kernel = n_kernel;
	e->n_user = n_words - n_kernel;
	return n_words;
}

/* The kernel stack of the current thread; the first `skip` frames are not wanted. */
static __always_inline __u32 emit_kernel_stack(void *ctx, struct emit_scratch *s, __u32 extra,
					       __u32 skip)
{
	long r = bpf_get_stack(ctx, s->body + extra, WIRE_KERNEL_FRAMES_MAX * sizeof(__u64),
			       skip & BPF_F_SKIP_FIELD_MASK);

	return r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;
}

/* The kernel stack of a thread that does not run, into the record. */
static __always_inline __u32 emit_task_stack(struct emit_scratch *s, __u32 extra,
					     struct task_struct *task)
{
	long r = bpf_get_task_stack(task, s->body + extra, WIRE_KERNEL_FRAMES_MAX * sizeof(__u64),
				    0);

	s->event.n_kernel = r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;
	return s->event.n_kernel;
}

/* The last eighth of the ring is for the ledger: the last record of a thread comes once, and only
 * it has what the thread did since the pass before. */
static __always_inline bool has_room(const struct sample_event *e)
{
	__u64 size = bpf_ringbuf_query(&events, BPF_RB_RING_SIZE);

	return e->kind == WIRE_LEDGER ||
	       bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) <= size - size / 8;
}

/* Sends the record with what stands behind its head: `extra` words and `n_words` of the stacks. */
static __always_inline void emit_send(struct emit_scratch *s, __u32 extra, __u32 n_words)
{
	/* The verifier lost the bound of the sum. */
	if (n_words > WIRE_WORDS_MAX) {
		count_drop(WIRE_DROP_NO_SCRATCH, s->event.value);
		return;
	}
	if (!has_room(&s->event) ||
	    bpf_ringbuf_output(&events, s, sizeof(s->event) + (extra + n_words) * sizeof(__u64),
			       wakeup_flag(&s->event)))
		count_drop(WIRE_DROP_RINGBUF_FULL, s->event.value);
}

/* Sends one sample of the current thread, worth `value`; `user` has its registers when it runs in
 * user mode, and is NULL when it is in the kernel. */
static __always_inline void emit_sample(void *ctx, enum wire_kind kind,
					const struct perf_context *user, __u64 value)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct emit_scratch *s = emit_scratch(0, value);
	__u32 n_kernel;

	if (!s)
		return;
	emit_head(&s->event, kind, task, bpf_ktime_get_ns(), value);
	n_kernel = user ? 0 : emit_kernel_stack(ctx, s, 0, 0);
	emit_send(s, 0, emit_stacks(ctx, s, 0, task, user, n_kernel, user_frames_max));
}

#endif
