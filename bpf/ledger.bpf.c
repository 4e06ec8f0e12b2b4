// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger.bpf.c - the iterators over all threads: the pass of the ledger at the end of a bucket, and
 * the one that may sleep, for user stacks of threads that have been waiting for long.
 *
 * The pass makes the storage of threads that were there before profd. It charges long waits that go
 * on; the switch that ends one takes off what was charged: both move charged_clock_ns by one atomic
 * step, so that each nanosecond is charged once.
 */
#include "emit_head.bpf.h"
#include "ledger_record.bpf.h"
#include "unwind.bpf.h"
#include "unwind_regs.bpf.h"

#include <bpf/bpf_helpers.h>

#define LONG_WAITS_A_PASS 200

/* Of the sleepable pass: frames of a user stack, set before loading. */
const volatile __u32 long_wait_frames_max = WIRE_USER_FRAMES_MAX;

/* How many stacks the sleepable pass may still send; set before each. */
__u32 long_waits_left = 0;

/* One pass of each kind at a time; per CPU would not do, since a pass can be preempted. */
struct pass_record {
	struct sample_event event;
	struct wire_ledger ledger;
	__u64 words[WIRE_KERNEL_FRAMES_MAX];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct pass_record);
} pass_records SEC(".maps");

struct long_wait_record {
	struct sample_event event;
	__u64 words[WIRE_WORDS_MAX];
	struct unwind_state unwind;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct long_wait_record);
} long_wait_records SEC(".maps");

UNWIND_WALKER(walk_waiting, UNWIND_MEMORY_TASK)

/* A thread from before profd: what it did until now is nobody's. Its wait, if it waits, began at
 * the latest now. */
static __always_inline void begin_thread(struct task_struct *task, struct thread *t,
					 const struct ledger_now *now)
{
	struct wire_ledger unwanted;

	if (!task->on_cpu) {
		t->state = task->sched_info.last_queued
				   ? WIRE_STATE_NONE
				   : thread_wait_state(task, thread_state_bits(task));
		t->out_clock_ns = t->charged_clock_ns = now->clock_ns;
		t->begin_mono_ns = now->mono_ns;
	}
	t->base.mono_ns = now->mono_ns;
	ledger_times(task, t, now, &unwanted);
	ledger_counts(task, t, &unwanted);
	t->base.exec_ns = ran_ns(task, now);
}

/* In the gate a thread that ran for a moment only is not written to when it stops. */
static __always_inline void find_wait(struct task_struct *task, struct thread *t,
				      const struct ledger_now *now)
{
	__u64 arrived = task->sched_info.last_arrival;

	if (!ledger_saw_gate(now, now->clock_ns - arrived) || task->on_cpu ||
	    task->sched_info.last_queued || !arrived || thread_out_is_known(task, t))
		return;
	t->state = thread_wait_state(task, thread_state_bits(task));
	t->flags &= THREAD_STARTED;
	t->charged_clock_ns = arrived;
	t->out_clock_ns = arrived;
}

/* Charges the wait that goes on until now, if it is long. Returns the number of kernel words. */
static __always_inline __u32 charge_wait(struct task_struct *task, struct thread *t,
					 const struct ledger_now *now, struct pass_record *record)
{
	__u64 open = open_ns(task, t, now), charged = t->charged_clock_ns, until;
	long r;

	if (open < WIRE_LONG_WAIT_NS || t->state == WIRE_STATE_IDLE || !charged)
		return 0;
	until = t->out_clock_ns + open;
	if (until <= charged ||
	    __sync_val_compare_and_swap(&t->charged_clock_ns, charged, until) != charged)
		return 0;
	if (!(t->flags & (THREAD_DRAWN | THREAD_STACK_SENT)))
		t->begin_mono_ns = now->mono_ns - open;
	record->ledger.open_since_mono_ns = t->begin_mono_ns;
	record->ledger.open_charge_ns = until - charged;
	record->ledger.open_state = t->state;
	if (t->flags & THREAD_DRAWN)
		record->ledger.flags |= WIRE_LEDGER_OPEN_DRAWN;
	if (t->flags & (THREAD_DRAWN | THREAD_STACK_SENT))
		return 0;
	t->flags |= THREAD_STACK_SENT | THREAD_WANTS_USER;
	r = bpf_get_task_stack(task, record->words, sizeof(record->words), 0);
	return r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;
}

SEC("iter/task")
int ledger_pass(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 zero = 0, n;
	struct pass_record *record = bpf_map_lookup_elem(&pass_records, &zero);
	struct switch_clock *clocks = bpf_map_lookup_elem(&switch_clocks, &zero);
	struct ledger_now now = {.mono_ns = bpf_ktime_get_ns()};
	struct thread *t;

	if (!task || !record || !clocks || task->exit_state)
		return 0;
	now.clock_ns = clocks->mono_less_clock_ns ? now.mono_ns - clocks->mono_less_clock_ns
						  : thread_clock_ns(bpf_get_current_task_btf());
	now.gate_until_clock_ns = clocks->gate_until_clock_ns;
	t = bpf_task_storage_get(&threads, task, 0, 0);
	if (!t) {
		t = bpf_task_storage_get(&threads, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
		if (t)
			begin_thread(task, t, &now);
		return 0;
	}
	fill_head(&record->event, WIRE_LEDGER, task, thread_cgroup_id(task), now.mono_ns, 0);
	__builtin_memcpy(record->event.comm, task->comm, sizeof(record->event.comm));
	find_wait(task, t, &now);
	ledger_fill(task, t, &now, &record->ledger);
	n = charge_wait(task, t, &now, record);
	record->event.n_kernel = n;
	bpf_seq_write(ctx->meta->seq, record,
		      sizeof(record->event) + sizeof(record->ledger) + n * sizeof(__u64));
	return 0;
}

/* The whole stack of a wait that was not drawn: a WIRE_WAIT_BEGIN of the time that it began. */
SEC("iter.s/task")
int long_wait_pass(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 zero = 0, n;
	struct long_wait_record *record = bpf_map_lookup_elem(&long_wait_records, &zero);
	struct unwind_walk walk = {.task = task};
	struct thread *t;
	long r;

	if (!task || !record || !long_waits_left || task->flags & KERNEL_PF_KTHREAD)
		return 0;
	t = bpf_task_storage_get(&threads, task, 0, 0);
	if (!t || !(t->flags & THREAD_WANTS_USER))
		return 0;
	t->flags &= ~THREAD_WANTS_USER;
	long_waits_left--;
	fill_head(&record->event, WIRE_WAIT_BEGIN, task, thread_cgroup_id(task), t->begin_mono_ns,
		  0);
	__builtin_memcpy(record->event.comm, task->comm, sizeof(record->event.comm));
	r = bpf_get_task_stack(task, record->words, WIRE_KERNEL_FRAMES_MAX * sizeof(__u64), 0);
	n = r > 0 ? ((__u32)r / sizeof(__u64)) & WIRE_KERNEL_FRAMES_MAX : 0;
	record->event.n_kernel = n;
	if (!unwind_regs_of_task(&record->unwind, task) || !unwind_has_user_stack(&record->unwind))
		return 0;
	walk.state = &record->unwind;
	walk.words = record->words;
	unwind_begin(&record->unwind, task, bpf_ktime_get_ns());
	record->unwind.at = n;
	record->unwind.end = n + long_wait_frames_max;
	walk_waiting(&walk);
	record->event.user_stop = record->unwind.stop;
	record->event.n_user = record->unwind.at - n;
	n = record->unwind.at;
	if (n <= WIRE_WORDS_MAX)
		bpf_seq_write(ctx->meta->seq, record, sizeof(record->event) + n * sizeof(__u64));
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
