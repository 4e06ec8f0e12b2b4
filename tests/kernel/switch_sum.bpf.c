// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * switch_sum.bpf.c - every wait of all threads of one process, from the switch-out over the wake-up
 * to the switch-in, summed by what the thread waited for: a measurement that has nothing in common
 * with profd's but the clock, which is the scheduler's, and does without sampling, storage of tasks
 * and the scheduler's own sums, but for moments that no program is told of.
 *
 * Beside it, how well profd's draws can tell of these waits: the odds at which it draws each, in
 * two of its own maps, give the variance of its estimates, which its samples only estimate.
 */
#include "switch_sum.h"

#include "draw.bpf.h"

#define STATE_SLEEP   0x1
#define STATE_DISK    0x2
#define STATE_STOPPED 0xc
#define STATE_DEAD    0x80

#define OFFSET_PERIOD_NS 100000000ull
#define OFFSET_SAMPLES	 20

const volatile __u32 n_slots = 0;
__u32 wanted_pid = 0;
__u64 begin_mono_ns = 0;
__u32 n_threads = 0;
__u64 n_lost = 0; /* moments outside all slots, and threads beyond the limit */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, SWITCH_SUM_THREADS);
	__type(key, __u32); /* tid */
	__type(value, struct switch_thread);
} watched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct switch_slot);
} slots SEC(".maps");

static struct switch_offset offset;

static __always_inline void note_offset(__u64 clock_ns)
{
	__u64 mono_ns = bpf_ktime_get_ns(), ns = mono_ns - clock_ns, end_ns = offset.period_end_ns;

	if (mono_ns >= end_ns && (!offset.ns || offset.n >= OFFSET_SAMPLES) &&
	    __sync_bool_compare_and_swap(&offset.period_end_ns, end_ns,
					 mono_ns + OFFSET_PERIOD_NS)) {
		offset.ns = offset.ns ? offset.least_ns : ns;
		offset.least_ns = ns;
		offset.n = 0;
	}
	offset.n++;
	if ((__s64)(ns - offset.least_ns) < 0)
		offset.least_ns = ns;
	if ((__s64)(ns - offset.ns) < 0)
		offset.ns = ns;
}

/* A time of a run queue's clock since the beginning. */
static __always_inline __u64 since_begin(__u64 clock_ns)
{
	return (offset.ns ? clock_ns + offset.ns : bpf_ktime_get_ns()) - begin_mono_ns;
}

static __always_inline void add_moment(const struct switch_thread *t, __u32 class, __s64 sign,
				       __u64 at_ns)
{
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

static __always_inline void change(struct switch_thread *t, __u32 class, __u64 at_ns)
{
	if (t->class != SWITCH_NONE)
		add_moment(t, t->class, -1, at_ns);
	t->class = class;
	if (class != SWITCH_NONE)
		add_moment(t, class, 1, at_ns);
}

static __always_inline struct switch_thread *find(__u32 tid)
{
	return bpf_map_lookup_elem(&watched, &tid);
}

static __always_inline struct switch_thread *find_or_add(__u32 tid)
{
	struct switch_thread *t = find(tid);
	struct switch_thread fresh = {};

	if (t)
		return t;
	fresh.index = __sync_fetch_and_add(&n_threads, 1);
	if (fresh.index >= SWITCH_SUM_THREADS || bpf_map_update_elem(&watched, &tid, &fresh, 0)) {
		__sync_fetch_and_add(&n_lost, 1);
		return NULL;
	}
	return find(tid);
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

/* ---- the odds of profd's draws ---- */

/* This program runs after profd's: what that drew may have halved the multiplier already, and the
 * weight is then taken for twice as much. */
static __always_inline void begin_draw(struct task_struct *prev, struct switch_thread *t,
				       __u64 clock_ns)
{
	__u32 cpu = bpf_get_smp_processor_id();
	const struct thread *of = bpf_task_storage_get(&threads, prev, NULL, 0);
	const struct switch_cpu *c = bpf_map_lookup_elem(&switch_cpus, &cpu);

	t->out_ns = 0;
	if (!of || !c || !c->multiplier)
		return;
	t->out_ns = clock_ns;
	t->weight_log2 = c->gate_log2 ? c->gate_log2 : weight_of(c, of->predicted[0]);
}

static __always_inline void end_draw(struct switch_thread *t, __u64 clock_ns)
{
	__u64 ns = clock_ns - t->out_ns, us = ns / 1000;
	__u32 length = 0, weight_log2 = t->weight_log2;

	if (!t->out_ns || ns >= WIRE_LONG_WAIT_NS || weight_log2 > DRAW_WEIGHT_LOG2_MAX)
		return;
	for (__u64 of = ns >> 17; of && length < SWITCH_SUM_LENGTHS - 1; of >>= 1)
		length++;
	t->draws[length].n++;
	t->draws[length].expected += 1024 >> weight_log2;
	t->draws[length].variance_us2 += us * us * ((1u << weight_log2) - 1);
}

/* ---- programs ---- */

/*
 * There are kernels that tell no program of what happens while certain threads run, such as those
 * of process 1: of the wake-ups that they do or that interrupt them, nor of the switches from them
 * to others. For these few the scheduler's own sums have to do.
 */

/* The thread arrived at its CPU, and may be waiting since without having been woken. */
static __always_inline void arrive(struct switch_thread *t, const struct task_struct *task,
				   __u64 arrival_ns)
{
	__u64 queued_ns = task->sched_info.last_queued,
	      runq_ns = task->sched_info.run_delay - t->run_delay_ns;

	if (queued_ns && queued_ns < arrival_ns)
		runq_ns += arrival_ns - queued_ns;
	if (t->class > SWITCH_RUNQ) {
		t->n_mended++;
		change(t, SWITCH_RUNQ, since_begin(arrival_ns - runq_ns));
	}
	end_draw(t, arrival_ns);
	t->out_ns = 0;
	change(t, SWITCH_NONE, since_begin(arrival_ns));
}

static __always_inline void leave(struct task_struct *prev, __u32 class, __u64 clock_ns)
{
	struct switch_thread *t = find_or_add((__u32)prev->pid);

	if (!t)
		return;
	if (t->class != SWITCH_NONE) {
		t->n_mended++;
		arrive(t, prev, prev->sched_info.last_arrival);
	}
	t->run_delay_ns = prev->sched_info.run_delay;
	change(t, class, since_begin(clock_ns));
	t->out_ns = 0;
	if (class == SWITCH_NONE)
		t->end_mono_ns = bpf_ktime_get_ns();
	else if (class != SWITCH_RUNQ)
		begin_draw(prev, t, clock_ns);
}

/* Arguments: preempt, prev, next, prev_state (include/trace/events/sched.h, since 5.18). */
SEC("tp_btf/sched_switch")
int switch_sum_switch(__u64 *ctx)
{
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	const struct rq *rq = next->se.cfs_rq->rq;
	__u64 clock_ns = rq->clock;
	struct switch_thread *t;

	note_offset(clock_ns);
	if ((__u32)prev->tgid == wanted_pid)
		leave(prev, class_of(ctx[0], (__u32)ctx[3]), clock_ns);
	if ((__u32)next->tgid == wanted_pid) {
		t = find((__u32)next->pid);
		if (t)
			arrive(t, next, clock_ns);
	}
	return 0;
}

/* Below the lock of the run queue, as the switch is. A thread may be woken before it has left its
 * CPU: then there was no wait. */
SEC("tp_btf/sched_wakeup")
int switch_sum_wakeup(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	const struct rq *rq = task->se.cfs_rq->rq;
	struct switch_thread *t;

	if ((__u32)task->tgid != wanted_pid)
		return 0;
	t = find((__u32)task->pid);
	if (t && t->class > SWITCH_RUNQ)
		change(t, SWITCH_RUNQ, since_begin(rq->clock));
	return 0;
}

/* Arguments: the thread, the flags of clone(2). It waits for a CPU from now on. */
SEC("tp_btf/task_newtask")
int switch_sum_newtask(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	struct switch_thread *t;

	if ((__u32)task->tgid != wanted_pid)
		return 0;
	t = find_or_add((__u32)task->pid);
	if (!t)
		return 0;
	t->birth_mono_ns = bpf_ktime_get_ns();
	change(t, SWITCH_RUNQ, t->birth_mono_ns - begin_mono_ns);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
