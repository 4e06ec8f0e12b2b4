// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offcpu.bpf.c - the off-CPU collector: each switch is timed, few are drawn to have their stacks
 * taken (draw.bpf.h), and a wait of WIRE_LONG_WAIT_NS or more is told of in any case.
 *
 * The draw comes at switch-out, where the stack of the thread can be had and before anybody knows
 * how long the wait will be. A wait is exact as a whole when its parts together, blocked and
 * waiting for a CPU, are long: an exact one is always told of and stands for itself, beyond a
 * budget of records as part of its thread's sum (keep_unsent()); another one only when it was
 * drawn, and stands for all like it. What was drawn so and became long keeps its stack and loses
 * its weight.
 *
 * In gate mode a thread's storage is looked at only if the coin says so, or if the wait is long:
 * the time since the thread arrived on a CPU last, which the kernel keeps, is never less than the
 * wait. The begin of such a wait is then known to GATE_STRETCH_NS, because longer stretches on a
 * CPU are noted when they end.
 *
 * Everything here runs below the lock of the run queue: no allocation, no loop without a limit.
 */
#define EMIT_SLOTS 2
#include "account.bpf.h"
#include "wait_end.bpf.h"

/* Whether the tracepoint has the state of the thread as its fourth argument (5.18); set before
 * loading, because BTF tells only user space. */
const volatile __u32 switch_has_state = 1;

/* Frames of a user stack that is walked below the lock. */
const volatile __u32 switch_frames_max = 128;

/* Frames of profd's own and of the tracepoint above the scheduler's; 1 more than there are, 0 until
 * they were counted. */
__u32 switch_skip;

#define SKIP_MAX 8

/* The scheduler's functions (include/asm-generic/vmlinux.lds.h), among them __schedule(). */
extern const void __sched_text_start __ksym __weak;
extern const void __sched_text_end __ksym __weak;

/* ---- the stack of the thread that stops running ---- */

static __always_inline __u32 switch_kernel_stack(void *ctx, struct emit_scratch *s)
{
	__u32 n = emit_kernel_stack(ctx, s, 0, switch_skip ? switch_skip - 1 : 0);

	if (switch_skip)
		return n;
	switch_skip = 1;
	for (__u32 i = 0; i < SKIP_MAX && i < n; i++)
		if (s->body[i] >= (__u64)&__sched_text_start &&
		    s->body[i] < (__u64)&__sched_text_end) {
			switch_skip = i + 1;
			break;
		}
	return emit_kernel_stack(ctx, s, 0, switch_skip - 1);
}

static __attribute__((noinline)) int send_begin(void *ctx, struct task_struct *prev,
						struct thread *t)
{
	struct emit_scratch *s = emit_scratch(SLOT_SWITCH_OUT, 0);
	__u64 mono_ns = bpf_ktime_get_ns();
	__u32 n_kernel, n_words;

	t->flags |= THREAD_BEGUN;
	t->begin_mono_ns = mono_ns;
	t->begin_of_ns = t->out_ns;
	if (!s)
		return 0;
	emit_head(&s->event, WIRE_WAIT_BEGIN, prev, mono_ns, 0);
	n_kernel = switch_kernel_stack(ctx, s);
	/* One that exits has given its memory back. */
	if (prev->mm) {
		n_words = emit_stacks(ctx, s, 0, prev, NULL, n_kernel,
				      user_frames_max < switch_frames_max ? user_frames_max
									  : switch_frames_max);
	} else {
		s->event.n_kernel = n_words = n_kernel;
	}
	emit_send(s, 0, n_words);
	t->capture_ns = bpf_ktime_get_ns() - mono_ns;
	t->is_delayed = ((struct task_struct *)((__u64 *)ctx)[2])->tgid != 0;
	return 0;
}

/* ---- the begin of a wait ---- */

/* By a call of its own, before send_last(): below that, whose frame is large, it would go beyond
 * the 512 bytes of stack that all frames of a chain of calls may have together. */
static __attribute__((noinline)) int end_missed_last(struct switch_cpu *c, struct task_struct *prev)
{
	struct thread *t = bpf_task_storage_get(&threads, prev, NULL, 0);

	return t && is_missed(t, prev) ? end_missed(c, prev, t) : 0;
}

/* The last record of a thread: it will not run again. */
static __attribute__((noinline)) int send_last(struct task_struct *prev, __u64 clock_ns)
{
	struct thread *t = bpf_task_storage_get(&threads, prev, NULL, 0);
	struct account a = {
		.task = prev, .thread = t, .mono_ns = bpf_ktime_get_ns(), .clock_ns = clock_ns};
	struct emit_scratch *s;
	struct wire_ledger *l;
	struct thread_base now;
	__u32 base_at;

	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return 0;
	}
	s = emit_scratch(SLOT_SWITCH_OUT, 0);
	if (!s)
		return 0;
	emit_head(&s->event, WIRE_LEDGER, prev, a.mono_ns, 0);
	s->event.start_boot_ns = t->start_boot_ns;
	base_at = __sync_lock_test_and_set(&t->base_at, THREAD_BASE_ENDED);
	a.base = &t->base[base_at & THREAD_BASE_MASK];
	l = (struct wire_ledger *)s->body;
	account_totals(&a, &now);
	account_record(&a, &now, l);
	l->flags |= WIRE_LEDGER_ENDED;
	account_take(t, l);
	emit_send(s, EMIT_EXTRA_WORDS(wire_ledger), 0);
	return 0;
}

static __always_inline __u32 unqueued_flag(const struct task_struct *prev,
					   enum wire_wait_state state)
{
	return state == WIRE_STATE_NONE && task_state(prev) ? THREAD_UNQUEUED : 0;
}

/* From now on the wait is pending. */
static __always_inline void begin_wait(struct task_struct *prev, struct thread *t,
				       enum wire_wait_state state, __u32 flags, __u64 clock_ns)
{
	t->out_ns = clock_ns;
	t->out_run_delay = prev->sched_info.run_delay;
	t->out_pcount = (__u32)prev->sched_info.pcount;
	t->state = state;
	t->flags = flags;
	/* Last: the pass on another CPU takes a wait for pending by it. */
	*(volatile __u64 *)&t->charged_until = clock_ns;
}

static __always_inline void draw(struct switch_cpu *c, const struct task_struct *prev,
				 struct thread *t, __u32 w)
{
	t->weight_log2 = w;
	/* Also without a gate: it may run again on a CPU behind one. */
	t->flags |= THREAD_DRAWN | THREAD_COUNTED;
	__sync_fetch_and_add(&gate_pending[(__u32)prev->pid % GATE_PENDING], 1);
	count_capture(c);
}

/* Whether a wait that was not drawn has its stacks taken all the same. */
static __always_inline bool expect_long(struct switch_cpu *c, const struct thread *t)
{
	if (t->predicted[t->state == WIRE_STATE_NONE] < THREAD_PREDICTED_LONG || !c->begins_left)
		return false;
	c->begins_left--;
	return true;
}

static __always_inline void switch_out(void *ctx, struct switch_cpu *c, struct task_struct *prev,
				       enum wire_wait_state state, __u64 clock_ns)
{
	struct thread *t = bpf_task_storage_get(&threads, prev, NULL, 0);
	__u32 w;

	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return;
	}
	if (is_missed(t, prev))
		end_missed(c, prev, t);
	begin_wait(prev, t, state, unqueued_flag(prev, state), clock_ns);
	if (state == WIRE_STATE_IDLE)
		return;
	w = weight_of(c, t->predicted[state == WIRE_STATE_NONE]);
	if (toss(c, w))
		draw(c, prev, t, w);
	else if (!expect_long(c, t))
		return;
	send_begin(ctx, prev, t);
}

/* ---- gate mode ---- */

static __attribute__((noinline)) int gate_out_drawn(void *ctx, struct switch_cpu *c,
						    struct task_struct *prev, __u32 w_and_state,
						    __u64 clock_ns)
{
	__u32 w = w_and_state >> 8, state = w_and_state & 0xff;
	struct thread *t = bpf_task_storage_get(&threads, prev, NULL, 0);

	if (!t) {
		count_drop(WIRE_DROP_NO_STORAGE, 0);
		return 0;
	}
	if (is_missed(t, prev))
		end_missed(c, prev, t);
	begin_wait(prev, t, state, THREAD_GATE | unqueued_flag(prev, state), clock_ns);
	if (state == WIRE_STATE_IDLE)
		return 0;
	if (w)
		draw(c, prev, t, w);
	else if (!expect_long(c, t))
		return 0;
	send_begin(ctx, prev, t);
	return 0;
}

static __always_inline void gate_out(void *ctx, struct switch_cpu *c, struct task_struct *prev,
				     enum wire_wait_state state, __u64 clock_ns)
{
	__u32 w = c->gate_log2;

	if (w > SWITCH_GATE_MAX)
		w = SWITCH_GATE_MAX;
	if (state == WIRE_STATE_IDLE || !toss(c, w))
		w = 0;
	if (w || state > WIRE_STATE_SLEEP || unqueued_flag(prev, state) ||
	    clock_ns - prev->sched_info.last_arrival >= GATE_STRETCH_NS)
		gate_out_drawn(ctx, c, prev, w << 8 | state, clock_ns);
}

static __attribute__((noinline)) int gate_in_found(struct switch_cpu *c, struct task_struct *next,
						   __u64 clock_ns)
{
	switch_in(c, next, clock_ns);
	return 0;
}

static __always_inline void gate_in(struct switch_cpu *c, struct task_struct *next, __u64 clock_ns)
{
	if (clock_ns - next->sched_info.last_arrival >= WIRE_LONG_WAIT_NS ||
	    !next->sched_info.last_queued || gate_pending[(__u32)next->pid % GATE_PENDING])
		gate_in_found(c, next, clock_ns);
}

/* ---- programs ---- */

/* Arguments: preempt, prev, next, and the state of prev in newer kernels
 * (include/trace/events/sched.h). The idle threads have tgid 0. */
SEC("tp_btf/sched_switch")
int offcpu_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1],
			   *next = (struct task_struct *)ctx[2];
	__u32 cpu = bpf_get_smp_processor_id(), state = 0;
	struct switch_cpu *c = bpf_map_lookup_elem(&switch_cpus, &cpu);
	__u64 clock_ns = next->se.cfs_rq->rq->clock;

	if (!c)
		return 0;
	c->n_switches++;
	if (clock_ns >= c->window_end_ns)
		begin_window(c, clock_ns);
	if (prev->tgid) {
		if (!(ctx[0] & 1))
			state = switch_has_state ? (__u32)ctx[3] : task_state(prev);
		if (state & KERNEL_TASK_DEAD) {
			end_missed_last(c, prev);
			send_last(prev, clock_ns);
		} else if (c->gate_log2) {
			gate_out(ctx, c, prev, state_class(prev, state), clock_ns);
		} else {
			switch_out(ctx, c, prev, state_class(prev, state), clock_ns);
		}
	}
	if (next->tgid) {
		if (c->gate_log2)
			gate_in(c, next, clock_ns);
		else
			switch_in(c, next, clock_ns);
	}
	return 0;
}

/* The first wait of a new thread, for a CPU, is drawn like any other. Nothing has run of it yet,
 * and there is no stack to be had: its end alone is told of. */
static __always_inline void draw_first(struct task_struct *task, struct thread *new)
{
	__u32 cpu = bpf_get_smp_processor_id(), w;
	struct switch_cpu *c = bpf_map_lookup_elem(&switch_cpus, &cpu);

	if (!c)
		return;
	w = c->gate_log2 ? c->gate_log2 : weight_of(c, new->predicted[1]);
	if (w > SWITCH_GATE_MAX)
		w = SWITCH_GATE_MAX;
	if (!toss(c, w))
		return;
	if (c->gate_log2)
		new->flags |= THREAD_GATE;
	draw(c, task, new, w);
}

/* Arguments: the thread, the flags of clone(2). It waits for a CPU from now on. */
SEC("tp_btf/task_newtask")
int offcpu_newtask(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct task_struct *parent = bpf_get_current_task_btf();
	__u64 clock_ns = parent->se.cfs_rq->rq->clock;
	struct thread new = {
		.out_ns = clock_ns,
		.charged_until = clock_ns,
		.out_pcount = (__u32)task->sched_info.pcount,
		.predicted = {THREAD_PREDICTED_INITIAL, THREAD_PREDICTED_INITIAL},
		.state = WIRE_STATE_NONE,
		.flags = THREAD_NEW,
		.start_boot_ns = task->group_leader->start_boottime,
		.base[0] = {.mono_ns = bpf_ktime_get_ns()},
	};

	draw_first(task, &new);
	if (!bpf_task_storage_get(&threads, task, &new, BPF_LOCAL_STORAGE_GET_F_CREATE) &&
	    new.flags & THREAD_COUNTED)
		__sync_fetch_and_add(&gate_pending[(__u32)task->pid % GATE_PENDING], -1);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
