// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * waker.bpf.c - who ended the waits that the off-CPU collector (offcpu.bpf.c) has a stack of: the
 * stacks of the thread that wakes another one. Loaded only when it is configured; it draws nothing
 * of its own, and is bounded by what that one draws.
 *
 * A wakeup by an interrupt has no stack: the thread that was interrupted has no part in it. Work
 * that a thread itself lets a soft interrupt do, as when it sends to a socket of the same machine,
 * is its own.
 */
#include "draw.bpf.h"
#include "emit.bpf.h"
#include "thread.bpf.h"

/* The entries of interrupts and exceptions (include/asm-generic/vmlinux.lds.h). */
extern const void __irqentry_text_start __ksym __weak;
extern const void __irqentry_text_end __ksym __weak;
extern const void asm_exc_page_fault __ksym __weak;

#define ENTRY_BYTES 64 /* an entry is shorter */

/* What is woken is woken by it alone (kernel/sched/core.c): the stack begins with it. */
extern const void try_to_wake_up __ksym __weak;

#define WAKE_UP_BYTES 8192 /* it is shorter, with what the compiler put into it */

/* Frames of profd's own and of the tracepoint above it; 1 more than there are, 0 until they were
 * counted. */
__u32 waker_skip;

#define SKIP_MAX 8

/* Frames of a user stack, below the lock of the thread that is woken. */
const volatile __u32 switch_frames_max = 128;

/* Whether the wait is to have a waker; a long one that was not drawn takes one of the CPU's stacks
 * for those. */
static __always_inline bool wants_waker(struct thread *t, const struct task_struct *wakee)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct switch_cpu *c;
	__u64 clock_ns;

	if (!is_pending(t, wakee) || t->state == WIRE_STATE_NONE || t->state == WIRE_STATE_IDLE ||
	    t->waker_sent_of_ns == t->out_ns)
		return false;
	if (t->flags & THREAD_DRAWN)
		return true;
	c = bpf_map_lookup_elem(&switch_cpus, &cpu);
	clock_ns = clock_at(bpf_ktime_get_ns(), 0);
	if (!c || !c->stacks_left || (__s64)(clock_ns - t->out_ns) < (__s64)WIRE_LONG_WAIT_NS)
		return false;
	c->stacks_left--;
	return true;
}

/* A page fault may wake somebody in its own right (userfaultfd). */
static __always_inline bool has_interrupt(const __u64 *words, __u32 n)
{
	__u64 start = (__u64)&__irqentry_text_start, end = (__u64)&__irqentry_text_end,
	      fault = (__u64)&asm_exc_page_fault;

	for (__u32 i = 0; i < WIRE_KERNEL_FRAMES_MAX && i < n; i++)
		if (words[i] >= start && words[i] < end && words[i] - fault >= ENTRY_BYTES)
			return true;
	return false;
}

static __always_inline __u32 waker_kernel_stack(void *ctx, struct emit_scratch *s, __u32 extra)
{
	__u32 n = emit_kernel_stack(ctx, s, extra, waker_skip ? waker_skip - 1 : 0);

	if (waker_skip)
		return n;
	waker_skip = 1;
	for (__u32 i = 0; i < SKIP_MAX && i < n; i++)
		if (s->body[extra + i] - (__u64)&try_to_wake_up < WAKE_UP_BYTES) {
			waker_skip = i + 1;
			break;
		}
	return emit_kernel_stack(ctx, s, extra, waker_skip - 1);
}

SEC("tp_btf/sched_waking")
int offcpu_waking(__u64 *ctx)
{
	struct task_struct *wakee = (struct task_struct *)ctx[0],
			   *task = bpf_get_current_task_btf();
	struct thread *t = bpf_task_storage_get(&threads, wakee, NULL, 0);
	const __u32 extra = EMIT_EXTRA_WORDS(wire_waker);
	struct emit_scratch *s;
	struct wire_waker *w;
	__u32 n_kernel = 0, n_words = 0;
	__u64 mono_ns;

	if (!t || !wants_waker(t, wakee))
		return 0;
	t->waker_sent_of_ns = t->out_ns;
	s = emit_scratch(0, 0);
	if (!s)
		return 0;
	mono_ns = bpf_ktime_get_ns();
	emit_head(&s->event, WIRE_WAKER, task, mono_ns, 0);
	w = (struct wire_waker *)s->body;
	w->begin_mono_ns = begin_of_wait(t, mono_ns, clock_at(mono_ns, t->out_ns));
	w->tid = wakee->pid;
	if (task->pid)
		n_kernel = waker_kernel_stack(ctx, s, extra);
	w->in_interrupt = !task->pid || has_interrupt(s->body + extra, n_kernel);
	if (!w->in_interrupt)
		n_words = emit_stacks(ctx, s, extra, task, NULL, n_kernel,
				      user_frames_max < switch_frames_max ? user_frames_max
									  : switch_frames_max);
	emit_send(s, extra, n_words);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
