// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * switch_sum.bpf.c - every wait of all threads of one process, from the switch-out over the wake-up
 * to the switch-in, summed by what the thread waited for: a measurement that has nothing in common
 * with profd's, and does without sampling, storage of tasks, and the scheduler's own sums.
 */
#include "switch_sum.h"

#include "kernel.h"

#include <bpf/bpf_helpers.h>

#define STATE_SLEEP   0x1
#define STATE_DISK    0x2
#define STATE_STOPPED 0xc

const volatile __u32 n_slots = 0;
__u32 wanted_pid = 0;
__u64 begin_mono_ns = 0;
__u32 n_threads = 0;
__u64 n_lost = 0; /* moments outside all slots, and threads beyond the limit */

struct thread {
	__u32 index;
	__u32 class; /* enum switch_class */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SWITCH_SUM_THREADS);
	__type(key, __u32); /* tid */
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct switch_slot);
} slots SEC(".maps");

static __always_inline void add_moment(const struct thread *t, __u32 class, __s64 sign)
{
	__u64 at_ns = bpf_ktime_get_ns() - begin_mono_ns;
	__u64 number = at_ns / SWITCH_SUM_SLOT_NS;
	__u32 key = t->index * n_slots + (__u32)number;
	struct switch_slot *slot = bpf_map_lookup_elem(&slots, &key);

	if (number >= n_slots || !slot || class >= SWITCH_CLASSES) {
		__sync_fetch_and_add(&n_lost, 1);
		return;
	}
	__sync_fetch_and_add(&slot->classes[class].n, sign);
	__sync_fetch_and_add(&slot->classes[class].at_ns, sign * (__s64)at_ns);
}

static __always_inline void change(struct thread *t, __u32 class)
{
	if (t->class != SWITCH_NONE)
		add_moment(t, t->class, -1);
	t->class = class;
	if (class != SWITCH_NONE)
		add_moment(t, class, 1);
}

static __always_inline struct thread *find_or_add(__u32 tid)
{
	struct thread *t = bpf_map_lookup_elem(&threads, &tid);
	struct thread fresh = {};

	if (t)
		return t;
	fresh.index = __sync_fetch_and_add(&n_threads, 1);
	if (fresh.index >= SWITCH_SUM_THREADS || bpf_map_update_elem(&threads, &tid, &fresh, 0)) {
		__sync_fetch_and_add(&n_lost, 1);
		return NULL;
	}
	return bpf_map_lookup_elem(&threads, &tid);
}

static __always_inline __u32 class_of(__u64 preempted, __u32 state)
{
	if (preempted || !state)
		return SWITCH_RUNQ;
	if (state & STATE_SLEEP)
		return SWITCH_SLEEP;
	if (state & STATE_DISK)
		return SWITCH_DISK;
	return state & STATE_STOPPED ? SWITCH_STOPPED : SWITCH_NONE; /* it is dead */
}

/* Arguments: preempt, prev, next, prev_state (include/trace/events/sched.h, since 5.18). */
SEC("tp_btf/sched_switch")
int switch_sum_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	struct thread *t;
	__u32 tid;

	if ((__u32)prev->tgid == wanted_pid) {
		t = find_or_add((__u32)prev->pid);
		if (t)
			change(t, class_of(ctx[0], (__u32)ctx[3]));
	}
	if ((__u32)next->tgid == wanted_pid) {
		tid = (__u32)next->pid;
		t = bpf_map_lookup_elem(&threads, &tid);
		if (t)
			change(t, SWITCH_NONE);
	}
	return 0;
}

/* Below the lock of the run queue, as the switch is. A thread may be woken before it has left its
 * CPU: then there was no wait. */
SEC("tp_btf/sched_wakeup")
int switch_sum_wakeup(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	__u32 tid = (__u32)task->pid;
	struct thread *t;

	if ((__u32)task->tgid != wanted_pid)
		return 0;
	t = bpf_map_lookup_elem(&threads, &tid);
	if (t && t->class > SWITCH_RUNQ)
		change(t, SWITCH_RUNQ);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
