// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger.bpf.c - the passes over all threads: the ledger's at the end of each bucket, and a
 * sleepable one that fetches the user stacks of those that wait for long.
 *
 * The records go to whoever reads the iterator. A read takes what fits into the kernel's buffer for
 * it; a thread that did not fit is shown again to the next read, so that nothing may be changed
 * before there is known to be room.
 */
#include "account.bpf.h"
#include "emit.bpf.h"
#include "thread.bpf.h"

/* Threads of one sleepable pass; and how many it has had, set to 0 before each. */
const volatile __u32 user_stacks_max = 200;
__u32 n_user_stacks;

/* Threads that the pass had to make storage for, ever: those that were there before profd, and
 * others are a sign that something is amiss. */
__u64 n_registered;

/* Threads that no storage could be made for, in this pass: the kernel keeps a few pieces of memory
 * ready for such programs, and makes more a moment later. */
__u64 n_unregistered;

UNWIND_WALKER(unwind_task, UNWIND_MEMORY_TASK)

/* Programs that sleep may not use memory per CPU, and only one runs at a time. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct emit_scratch);
} long_scratch SEC(".maps");

_Static_assert(sizeof(struct thread) <= sizeof(((struct emit_scratch *)0)->body), "scratch");

#define RECORD_BYTES (sizeof(struct sample_event) + sizeof(struct wire_ledger))

/* A thread that is seen for the first time: its ledger begins here, and so does the wait that it
 * may be in. */
static __always_inline void register_thread(struct account *a)
{
	struct task_struct *task = a->task;
	__u32 state = task_state(task);
	struct emit_scratch *s = emit_scratch(0, 0);
	struct thread *new;

	if (!s) {
		n_unregistered++;
		return;
	}
	new = (struct thread *)s->body; /* the stack is too small */
	__builtin_memset(new, 0, sizeof(*new));
	new->out_pcount = (__u32)task->sched_info.pcount;
	new->out_run_delay = task->sched_info.run_delay;
	new->charged_until = THREAD_CLOSED;
	new->predicted[0] = new->predicted[1] = THREAD_PREDICTED_INITIAL;
	new->start_boot_ns = task->group_leader->start_boottime;
	a->thread = new;
	a->base = &new->base[0];
	account_totals(a, &new->base[0]);
	if (!a->is_running) {
		new->out_ns = new->charged_until = a->clock_ns;
		new->state = state_class(task, state);
	}
	if (bpf_task_storage_get(&threads, task, new, BPF_LOCAL_STORAGE_GET_F_CREATE))
		n_registered++;
	else
		n_unregistered++;
}

/* A wait of gate mode whose begin was not noted: found when it is long, and noted now. A short one
 * is left to its end. */
static __always_inline bool find_wait(const struct account *a)
{
	struct task_struct *task = a->task;
	struct thread *t = a->thread;
	__u64 until = t->charged_until, arrival_ns = task->sched_info.last_arrival;
	__u32 state = task_state(task);

	if (!state || !arrival_ns || (__s64)(a->clock_ns - arrival_ns) < (__s64)WIRE_LONG_WAIT_NS)
		return false;
	t->out_ns = arrival_ns;
	t->out_run_delay = task->sched_info.run_delay;
	t->out_pcount = (__u32)task->sched_info.pcount;
	t->state = state_class(task, state);
	t->flags = THREAD_GATE;
	/* It is pending only if it did not end meanwhile. */
	return __sync_val_compare_and_swap(&t->charged_until, until, arrival_ns) == until;
}

/* A wait that goes on: what of it the ledger had, and has now. */
struct open {
	__u64 had_until_ns, until_ns;
	bool is_unnoted; /* its begin, so that only what is left tells of it */
};

/*
 * Up to when the pending wait was blocked: now, or when the thread was woken. One that waits for a
 * CPU and is moved to another is queued anew there (kernel/sched/stats.h, sched_info_dequeue());
 * what it had waited is in run_delay by then.
 */
static __always_inline __u64 blocked_until(const struct account *a)
{
	const struct sched_info *info = &a->task->sched_info;
	__u64 queued_ns = info->last_queued, until_ns = queued_ns ? queued_ns : a->clock_ns;

	return until_ns - (info->run_delay - a->thread->out_run_delay);
}

/* Gives the ledger what is blocked of the pending wait. Returns false when there is no such wait,
 * or it has all of it. */
static __always_inline bool charge_wait(const struct account *a, struct open *ret)
{
	struct thread *t = a->thread;

	if (a->is_running)
		return false;
	if (t->flags & THREAD_UNQUEUED && is_pending(t, a->task) && !is_unqueued(t, a->task))
		ret->is_unnoted = true;
	/* Also of one that was woken meanwhile: it was blocked before. One that arrived at a CPU
	 * just now is measured all the same. */
	if (t->out_pcount != (__u32)a->task->sched_info.pcount &&
	    !*(volatile int *)&a->task->on_cpu) {
		ret->is_unnoted = true;
		(void)find_wait(a);
	}
	if (!is_pending(t, a->task) || t->state == WIRE_STATE_NONE)
		return false;
	ret->had_until_ns = t->charged_until;
	ret->until_ns = blocked_until(a);
	if (ret->had_until_ns & THREAD_CLOSED || ret->had_until_ns >= ret->until_ns ||
	    __sync_val_compare_and_swap(&t->charged_until, ret->had_until_ns, ret->until_ns) !=
		    ret->had_until_ns)
		return false;
	t->charged_ns += ret->until_ns - ret->had_until_ns;
	if (t->state == WIRE_STATE_IDLE)
		t->charged_idle_ns += ret->until_ns - ret->had_until_ns;
	return true;
}

/* The wait that goes on, into the record; returns the words of its stack. */
static __always_inline __u32 show_open(const struct account *a, struct emit_scratch *s,
				       struct wire_ledger *l, const struct open *open)
{
	struct thread *t = a->thread;
	__u64 so_far_ns = open->until_ns - t->out_ns,
	      charged_ns = charged_to_rows(t->out_ns, open->had_until_ns);

	if (t->state == WIRE_STATE_IDLE)
		return 0;
	l->max_blocked_ns = larger(l->max_blocked_ns, so_far_ns);
	if (so_far_ns < WIRE_LONG_WAIT_NS)
		return 0;
	l->open_since_mono_ns = begin_of_wait(t, a->mono_ns, a->clock_ns);
	l->open_charge_ns = so_far_ns - charged_ns;
	/* Two clocks: blocked throughout is told by being equal. */
	if (charged_ns && open->had_until_ns == a->base->clock_ns && open->until_ns == a->clock_ns)
		l->open_charge_ns = l->elapsed_ns;
	l->open_state = t->state;
	if (t->flags & THREAD_BEGUN) {
		l->flags |= WIRE_LEDGER_OPEN_DRAWN;
		return 0;
	}
	if (t->kernel_sent_of_ns == t->out_ns || t->user_sent_of_ns == t->out_ns)
		return 0;
	t->kernel_sent_of_ns = t->out_ns;
	return emit_task_stack(s, EMIT_EXTRA_WORDS(wire_ledger), a->task);
}

static __always_inline void send_record(struct seq_file *seq, struct account *a)
{
	struct emit_scratch *s = emit_scratch(0, 0);
	struct thread *t = a->thread;
	struct open open = {};
	struct thread_base *now;
	struct wire_ledger *l;
	__u32 n_words = 0, base_at = *(volatile __u32 *)&t->base_at;
	bool is_open;

	if (!s || base_at & THREAD_BASE_ENDED)
		return;
	a->base = &t->base[base_at & THREAD_BASE_MASK];
	now = &t->base[~base_at & THREAD_BASE_MASK];
	/* The longest does not fit: end this read by one that cannot. */
	if (seq->size - seq->count <= RECORD_BYTES + WIRE_KERNEL_FRAMES_MAX * sizeof(__u64)) {
		bpf_seq_write(seq, s, RECORD_BYTES + WIRE_KERNEL_FRAMES_MAX * sizeof(__u64));
		return;
	}
	emit_head(&s->event, WIRE_LEDGER, a->task, a->mono_ns, 0);
	l = (struct wire_ledger *)s->body;
	is_open = charge_wait(a, &open);
	account_totals(a, now);
	if (open.is_unnoted)
		now->n_missed += ACCOUNT_MISSED;
	account_record(a, now, l);
	if (is_open)
		n_words = show_open(a, s, l, &open);
	if (open.is_unnoted)
		now->n_missed -= ACCOUNT_MISSED;
	if (!account_move(t, base_at))
		return;
	account_take(t, l);
	bpf_seq_write(seq, s, RECORD_BYTES + (n_words & WIRE_KERNEL_FRAMES_MAX) * sizeof(__u64));
}

/* One that is dying has its last record at its last switch. */
SEC("iter/task")
int ledger_pass(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct account a = {.task = task};

	if (!task || task->exit_state)
		return 0;
	a.thread = bpf_task_storage_get(&threads, task, NULL, 0);
	a.mono_ns = bpf_ktime_get_ns();
	a.clock_ns = clock_at(a.mono_ns, task->se.cfs_rq->rq->clock);
	a.is_running = task->on_cpu;
	if (a.thread)
		send_record(ctx->meta->seq, &a);
	else
		register_thread(&a);
	return 0;
}

/* ---- user stacks of long waits ---- */

static __always_inline bool wants_user_stack(const struct thread *t, const struct task_struct *task,
					     __u64 clock_ns)
{
	return !task->exit_state && !task->on_cpu && task->mm &&
	       !(task->flags & KERNEL_PF_KTHREAD) && is_pending(t, task) &&
	       !(t->flags & THREAD_BEGUN) && t->user_sent_of_ns != t->out_ns &&
	       t->state != WIRE_STATE_NONE && t->state != WIRE_STATE_IDLE &&
	       (__s64)(clock_ns - t->out_ns) >= (__s64)WIRE_LONG_WAIT_NS;
}

/* Returns the words of both stacks. */
static __always_inline __u32 take_both_stacks(struct emit_scratch *s, struct task_struct *task)
{
	struct unwind_walk walk = {.state = &s->unwind, .words = s->body, .task = task};
	__u32 n_kernel = emit_task_stack(s, 0, task), n_words;

	s->unwind.at = n_kernel;
	s->unwind.stop = WIRE_STOP_FAULT;
	if (unwind_regs_of_task(&s->unwind, task) && unwind_has_user_stack(&s->unwind)) {
		unwind_begin(&s->unwind, task, s->event.mono_ns);
		s->unwind.at = n_kernel;
		s->unwind.end = n_kernel + user_frames_max;
		unwind_task(&walk);
	}
	n_words = s->unwind.at;
	s->event.user_stop = s->unwind.stop;
	s->event.n_user = n_words - n_kernel;
	return n_words;
}

SEC("iter.s/task")
int ledger_user_stacks(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct seq_file *seq = ctx->meta->seq;
	struct emit_scratch *s;
	struct thread *t;
	__u64 mono_ns, clock_ns;
	__u32 zero = 0, n_words;

	if (!task || !walk_user_stacks || n_user_stacks >= user_stacks_max)
		return 0;
	t = bpf_task_storage_get(&threads, task, NULL, 0);
	s = bpf_map_lookup_elem(&long_scratch, &zero);
	if (!t || !s)
		return 0;
	mono_ns = bpf_ktime_get_ns();
	clock_ns = clock_at(mono_ns, task->se.cfs_rq->rq->clock);
	if (!wants_user_stack(t, task, clock_ns))
		return 0;
	emit_head(&s->event, WIRE_WAIT_BEGIN, task, begin_of_wait(t, mono_ns, clock_ns), 0);
	n_words = take_both_stacks(s, task);
	/* It ran meanwhile, and the stack is of no wait, or of another one. */
	if (n_words > WIRE_WORDS_MAX || !is_pending(t, task) || t->begin_of_ns != t->out_ns)
		return 0;
	if (bpf_seq_write(seq, s, sizeof(s->event) + n_words * sizeof(__u64)))
		return 0;
	t->user_sent_of_ns = t->out_ns;
	n_user_stacks++;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
