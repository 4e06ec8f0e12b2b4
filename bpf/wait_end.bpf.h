/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_end.bpf.h - the ends of waits, for the off-CPU collector (offcpu.bpf.c): how long each was,
 * what of it the ledger has, what the next is expected to be, and the record of it. Also of waits
 * whose begin or end no program was told of.
 */
#ifndef PROFD_WAIT_END_BPF_H
#define PROFD_WAIT_END_BPF_H

#include "draw.bpf.h"
#include "emit.bpf.h"
#include "thread.bpf.h"

enum offcpu_slot { SLOT_SWITCH_OUT, SLOT_SWITCH_IN };

#define GATE_STRETCH_NS (100 * 1000)
#define GATE_PENDING	8192 /* slots, by tid */

/* In gate mode: how many threads of the slot have a drawn wait pending. */
__u32 gate_pending[GATE_PENDING];

/* A wait that ended. */
struct wait {
	__u64 elapsed_ns, runq_ns;
	__u64 charged_ns; /* as rows of earlier buckets */
	__u64 clock_ns;	  /* its end */
	__u32 is_over;	  /* the thread ran since, and its stack is another one */
};

static __always_inline bool wants_task_stack(struct switch_cpu *c, const struct task_struct *next,
					     const struct thread *t)
{
	if (!c->stacks_left || t->kernel_sent_of_ns == t->out_ns || t->user_sent_of_ns == t->out_ns)
		return false;
	if (next->flags & KERNEL_PF_KTHREAD && t->state == WIRE_STATE_SLEEP)
		return false;
	c->stacks_left--;
	return true;
}

/*
 * While the stacks of a wait were taken nothing could end it, nor could the next thread on this CPU
 * run, which may be the one to end it. With that time, a short wait that was drawn would be several
 * times as long as those it stands for. What ends a wait of a CPU that goes idle comes from
 * elsewhere, and was held up only if it came meanwhile.
 */
static __always_inline bool was_delayed(const struct thread *t, const struct wait *wait)
{
	return t->is_delayed || wait->elapsed_ns < 2 * t->capture_ns;
}

static __always_inline void take_off_capture(struct wire_wait *w, __u64 capture_ns)
{
	__u64 of_blocked_ns = capture_ns < w->blocked_ns ? capture_ns : w->blocked_ns;

	w->blocked_ns -= of_blocked_ns;
	capture_ns -= of_blocked_ns;
	w->runq_ns -= capture_ns < w->runq_ns ? capture_ns : w->runq_ns;
}

/* An exact wait beyond the budget of records: its parts go with the thread's next record of the
 * ledger, which the pass may be making just now. */
static __always_inline void keep_unsent(struct thread *t, const struct wait *wait)
{
	if (t->state != WIRE_STATE_NONE) {
		__sync_fetch_and_add(&t->unsent_ns,
				     wait->elapsed_ns - wait->charged_ns - wait->runq_ns);
		__sync_fetch_and_add(&t->unsent_count, 1);
	}
	if (wait->runq_ns) {
		__sync_fetch_and_add(&t->unsent_runq_ns, wait->runq_ns);
		__sync_fetch_and_add(&t->unsent_runq_count, 1);
	}
}

/* Tells of a wait that is long, was drawn, or whose begin was told of. */
static __attribute__((noinline)) int send_end(struct switch_cpu *c, struct task_struct *next,
					      struct thread *t, const struct wait *wait)
{
	bool is_exact = wait->elapsed_ns >= WIRE_LONG_WAIT_NS, has_begin = t->flags & THREAD_BEGUN,
	     is_drawn = t->flags & THREAD_DRAWN, is_void = !is_exact && !is_drawn;
	__u32 n_words = 0, weight_log2 = is_exact || is_void ? 0 : t->weight_log2;
	struct emit_scratch *s;
	struct wire_wait *w;
	__u64 mono_ns;

	if (!has_begin && !is_drawn) {
		if (!c->records_left) {
			keep_unsent(t, wait);
			return 0;
		}
		c->records_left--;
	}
	s = emit_scratch(SLOT_SWITCH_IN, 0);
	if (!s)
		return 0;
	mono_ns = bpf_ktime_get_ns();
	emit_head(&s->event, WIRE_WAIT_END, next, mono_ns, 0);
	w = (struct wire_wait *)s->body;
	w->begin_mono_ns = begin_of_wait(t, mono_ns, wait->clock_ns);
	w->blocked_ns = wait->elapsed_ns - wait->runq_ns;
	w->runq_ns = wait->runq_ns;
	if (!is_exact && was_delayed(t, wait))
		take_off_capture(w, t->capture_ns);
	w->charged_ns = wait->charged_ns;
	w->ledger_since_mono_ns = t->base[t->base_at & THREAD_BASE_MASK].mono_ns;
	w->weight_log2 = weight_log2;
	/* What is lost with the record, if it is. */
	s->event.value =
		is_void ? 0 : (w->blocked_ns + w->runq_ns - wait->charged_ns) << (weight_log2 & 15);
	w->state = t->state;
	w->flags = (is_exact ? WIRE_WAIT_EXACT : 0) | (has_begin ? WIRE_WAIT_DRAWN : 0) |
		   (is_void ? WIRE_WAIT_VOID : 0) |
		   (t->flags & THREAD_GATE || c->gate_log2 ? WIRE_WAIT_GATE : 0);
	__builtin_memset(w->unused, 0, sizeof(w->unused));
	if (is_exact && !has_begin && !wait->is_over && wants_task_stack(c, next, t))
		n_words = emit_task_stack(s, EMIT_EXTRA_WORDS(wire_wait), next);
	emit_send(s, EMIT_EXTRA_WORDS(wire_wait), n_words);
	return 0;
}

/* A long wait: what short ones have in the first line of the storage. */
static __always_inline void note_long(struct thread *t, const struct wait *wait)
{
	__u64 blocked_ns = wait->elapsed_ns - wait->runq_ns;

	if (blocked_ns > t->max_long_blocked_ns)
		t->max_long_blocked_ns = blocked_ns;
	if (wait->runq_ns > t->max_long_runq_ns)
		t->max_long_runq_ns = wait->runq_ns;
	t->predicted[t->state == WIRE_STATE_NONE] = THREAD_PREDICTED_LONG;
}

static __always_inline void note_short(struct thread *t, const struct wait *wait)
{
	__u32 blocked_ns = (__u32)(wait->elapsed_ns - wait->runq_ns),
	      runq_ns = (__u32)wait->runq_ns;
	__u32 which = t->state == WIRE_STATE_NONE, predicted = t->predicted[which];

	if (blocked_ns > t->max_blocked_ns)
		t->max_blocked_ns = blocked_ns;
	if (runq_ns > t->max_runq_ns)
		t->max_runq_ns = runq_ns;
	predicted += ((__u32)wait->elapsed_ns >> (THREAD_PREDICTED_SHIFT + 3)) - (predicted >> 3);
	t->predicted[which] = predicted ? predicted : 1;
}

/* Adds the wait to the sums, less what the ledger has of it. */
static __always_inline void end_wait(struct switch_cpu *c, struct task_struct *next,
				     struct thread *t, struct wait *wait)
{
	__u64 until = __sync_lock_test_and_set(&t->charged_until, wait->clock_ns | THREAD_CLOSED);
	__u64 blocked_ns = wait->elapsed_ns - wait->runq_ns, charged_ns = 0;
	bool is_long = wait->elapsed_ns >= WIRE_LONG_WAIT_NS;

	if (!(until & THREAD_CLOSED) && until > t->out_ns)
		charged_ns = until - t->out_ns;
	if (charged_ns > blocked_ns)
		charged_ns = blocked_ns;
	wait->charged_ns = charged_to_rows(t->out_ns, until);
	if (wait->charged_ns > blocked_ns)
		wait->charged_ns = blocked_ns;
	t->blocked_ns += blocked_ns - charged_ns;
	/* Of a kernel thread that had nothing to do: nobody waited, and it is no longest wait. */
	if (t->state == WIRE_STATE_IDLE) {
		t->idle_ns += blocked_ns - charged_ns;
		return;
	}
	if (is_long)
		note_long(t, wait);
	else
		note_short(t, wait);
	if (is_long || t->flags & (THREAD_BEGUN | THREAD_DRAWN))
		send_end(c, next, t, wait);
}

/* The begin was not seen: a short wait cannot be told from a stretch on the CPU, a long one is
 * found by when the thread arrived there last. */
static __attribute__((noinline)) int end_unseen(struct switch_cpu *c, struct task_struct *next,
						struct thread *t, __u64 clock_ns)
{
	__u64 arrival_ns = next->sched_info.last_arrival, queued_ns = next->sched_info.last_queued;
	struct wait wait = {.elapsed_ns = clock_ns - arrival_ns, .clock_ns = clock_ns};

	if (!arrival_ns || (__s64)wait.elapsed_ns < (__s64)WIRE_LONG_WAIT_NS)
		return 0;
	if (queued_ns >= arrival_ns && queued_ns <= clock_ns)
		wait.runq_ns = clock_ns - queued_ns;
	t->state = WIRE_STATE_SLEEP;
	/* One that is moved to another CPU's queue is queued anew there. */
	if (wait.elapsed_ns - wait.runq_ns < GATE_STRETCH_NS ||
	    !has_slept(&t->base[t->base_at & THREAD_BASE_MASK], next)) {
		t->state = WIRE_STATE_NONE;
		wait.runq_ns = wait.elapsed_ns;
	}
	t->out_ns = arrival_ns;
	t->flags = THREAD_GATE;
	/* An arrival more than was measured, for the ledger. */
	t->n_measured--;
	end_wait(c, next, t, &wait);
	return 0;
}

/*
 * A switch to the thread that no program was told of, nor perf: there are kernels that do not tell
 * of the switches away from some threads. The wait that is still pending ended when the thread
 * arrived at its CPU.
 */
static __attribute__((noinline)) int end_missed(struct switch_cpu *c, struct task_struct *prev,
						struct thread *t)
{
	struct wait wait = {.clock_ns = prev->sched_info.last_arrival, .is_over = 1};

	missed_wait(t, prev, &wait.elapsed_ns, &wait.runq_ns);
	if (t->flags & THREAD_COUNTED) {
		t->flags &= ~THREAD_COUNTED;
		__sync_fetch_and_add(&gate_pending[(__u32)prev->pid % GATE_PENDING], -1);
	}
	t->n_measured++;
	end_wait(c, prev, t, &wait);
	return 0;
}

static __always_inline void end_pending(struct switch_cpu *c, struct task_struct *next,
					struct thread *t, __u64 clock_ns)
{
	__u64 queued_ns = next->sched_info.last_queued, elapsed_ns = clock_ns - t->out_ns,
	      runq_ns = next->sched_info.run_delay - t->out_run_delay;
	struct wait wait = {.clock_ns = clock_ns};

	/* Clocks of two CPUs. */
	if ((__s64)elapsed_ns < 0)
		elapsed_ns = 0;
	if (queued_ns && queued_ns < clock_ns)
		runq_ns += clock_ns - queued_ns;
	/* It began at a clock that nobody had looked at for up to a tick. */
	if (t->flags & THREAD_NEW && runq_ns < elapsed_ns) {
		elapsed_ns = runq_ns;
		t->out_ns = clock_ns - elapsed_ns;
	}
	/* It ran and went to sleep, which nobody told of. */
	if (t->flags & THREAD_UNQUEUED && queued_ns && runq_ns + GATE_STRETCH_NS < elapsed_ns)
		t->state = WIRE_STATE_SLEEP;
	if (runq_ns > elapsed_ns || t->state == WIRE_STATE_NONE)
		runq_ns = elapsed_ns;
	wait.elapsed_ns = elapsed_ns;
	wait.runq_ns = runq_ns;
	if (is_unqueued(t, next))
		t->unqueued_ns += elapsed_ns;
	else
		t->n_measured++;
	end_wait(c, next, t, &wait);
}

static __always_inline void switch_in(struct switch_cpu *c, struct task_struct *next,
				      __u64 clock_ns)
{
	struct thread *t = bpf_task_storage_get(&threads, next, NULL, 0);

	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return;
	}
	if (t->flags & THREAD_COUNTED) {
		t->flags &= ~THREAD_COUNTED;
		__sync_fetch_and_add(&gate_pending[(__u32)next->pid % GATE_PENDING], -1);
	}
	if (is_pending(t, next))
		end_pending(c, next, t, clock_ns);
	else
		end_unseen(c, next, t, clock_ns);
}

#endif
