/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thread.bpf.h - what is remembered of each thread: its pending wait, the sums of its waits, and
 * where the ledger's pass before left off. In the task's own storage, which the kernel frees with
 * it.
 *
 * Written by the CPU that switches the thread, under the lock of its run queue, and by the ledger's
 * pass. Both may meet at the words that they exchange: `charged_until`, of a wait, `base_at`, of
 * the thread's end, and what was not sent; all else has one writer. Times are those of the run
 * queues' clock, which is the scheduler's own measure and costs no call; `clock_offset_ns` leads to
 * CLOCK_MONOTONIC.
 */
#ifndef PROFD_THREAD_BPF_H
#define PROFD_THREAD_BPF_H

#include "kernel.h"
#include "wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include <stddef.h>

/* In charged_until: the wait is over. The rest is when that was, so that no two are the same. */
#define THREAD_CLOSED (1ull << 63)

enum thread_flag {
	THREAD_DRAWN = 1,     /* the pending wait is: it stands for others if it is short */
	THREAD_GATE = 2,      /* drawn or found in gate mode */
	THREAD_COUNTED = 4,   /* it is counted in gate_pending */
	THREAD_BEGUN = 8,     /* a WIRE_WAIT_BEGIN was sent for it, drawn or not */
	THREAD_UNQUEUED = 16, /* preempted on its way to sleep */
	THREAD_NEW = 32,      /* it waits for its first CPU */
};

/* Predictions in units of 128 ns, so that a long wait is just more than 16 bits. */
#define THREAD_PREDICTED_SHIFT	 7
#define THREAD_PREDICTED_LONG	 (1u << 15) /* half of a long wait: after one of those */
#define THREAD_PREDICTED_INITIAL (1u << 12) /* 0.5 ms */

/*
 * Which of the two bases the next record of the ledger begins at. A pass may come to a thread just
 * when it ends: each makes its record from that base, and the pass's counts only if it can move the
 * base on, after it wrote the other one; once the last switch took it, no pass can.
 */
enum thread_base_at {
	THREAD_BASE_MASK = 1,
	THREAD_BASE_ENDED = 2, /* the thread's last record was sent */
};

/* What the ledger's pass before saw: running totals. */
struct thread_base {
	__u64 mono_ns, clock_ns;
	__u64 oncpu_ns, utime_ns, stime_ns, runq_ns, blocked_ns, idle_ns;
	__u64 nvcsw, nivcsw, minor_faults, major_faults, read_bytes, write_bytes;
	__u32 n_missed; /* arrivals on a CPU that were not measured */
	__u16 is_started;
	__u16 is_asleep; /* or about to be: a wait may go on from there */
};

struct thread {
	/* The first 56 bytes share a line of cache with the kernel's pointer before them, and are
	 * all that a switch touches. */
	__u64 out_ns;	      /* begin of the pending wait; 0: none was seen yet */
	__u64 charged_until;  /* out_ns, or up to where the ledger has it; or THREAD_CLOSED */
	__u64 out_run_delay;  /* sched_info.run_delay then */
	__u64 blocked_ns;     /* sum of waits, less what was charged */
	__u32 out_pcount;     /* sched_info.pcount then: still the same, still the same wait */
	__u32 n_measured;     /* waits that ended here; pcount less this were missed */
	__u32 max_blocked_ns; /* of those that are not long, since the pass before */
	__u32 max_runq_ns;
	__u16 predicted[2]; /* the next wait: blocked, preempted */
	__u8 state;	    /* enum wire_wait_state, of the pending wait */
	__u8 weight_log2;   /* of its draw */
	__u8 flags;	    /* enum thread_flag */
	__u8 is_delayed;    /* another thread waited while its stacks were taken */

	/* When the wait began, once a record said so: all records of a wait say the same. A wait is
	 * named by its out_ns here, so that what is said of one is never taken for the next. */
	__u64 begin_mono_ns, begin_of_ns;
	__u64 capture_ns;	 /* how long its stacks took, when it was drawn */
	__u64 kernel_sent_of_ns; /* the wait whose kernel stack the ledger's pass sent */
	__u64 user_sent_of_ns;	 /* whose user stack the sleepable pass sent */
	__u64 waker_sent_of_ns;
	__u64 idle_ns;	   /* of blocked_ns */
	__u64 unqueued_ns; /* in the run queue, beside run_delay: see is_unqueued() */
	__u64 max_long_blocked_ns, max_long_runq_ns;
	/* For the next record of the ledger. */
	__u64 unsent_ns, unsent_count, unsent_runq_ns, unsent_runq_count;

	/* The pass's own, once the thread is known. */
	__u64 charged_ns, charged_idle_ns; /* running totals */
	__u64 start_boot_ns;		   /* of its process, which may be freed before it */
	__u32 base_at;			   /* enum thread_base_at */
	struct thread_base base[2];
};

_Static_assert(offsetof(struct thread, begin_mono_ns) == 56, "one line of cache");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

/* CLOCK_MONOTONIC less the run queues' clock, set about ten times a second. In a map of its own,
 * because two objects use it. */
struct thread_clock {
	__u64 offset_ns; /* modulo 2^64; 0: not known yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread_clock);
} clock_offset SEC(".maps");

static __always_inline __u32 task_state(const struct task_struct *task)
{
	const struct task_struct___before_5_14 *before = (const void *)task;

	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return (__u32)before->state;
}

static __always_inline enum wire_wait_state state_class(const struct task_struct *task, __u32 state)
{
	if (!state)
		return WIRE_STATE_NONE;
	if (state & KERNEL_TASK_NOLOAD)
		return WIRE_STATE_IDLE;
	if (state & KERNEL_TASK_UNINTERRUPTIBLE)
		return BPF_CORE_READ_BITFIELD(task, in_iowait) ? WIRE_STATE_DISK
							       : WIRE_STATE_BLOCKED;
	if (state & KERNEL_TASK_INTERRUPTIBLE)
		return WIRE_STATE_SLEEP;
	if (state & KERNEL_TASK_HALTED)
		return WIRE_STATE_STOPPED;
	/* What is left waits as uninterruptible ones do: for a lock of a real-time kernel. */
	return state & KERNEL_TASK_PARKED ? WIRE_STATE_IDLE : WIRE_STATE_BLOCKED;
}

/* The run queues' clock at a time of CLOCK_MONOTONIC: a queue's own is as old as its last update,
 * a tick or more. */
static __always_inline __u64 clock_at(__u64 mono_ns, __u64 at_least_ns)
{
	__u32 zero = 0;
	struct thread_clock *c = bpf_map_lookup_elem(&clock_offset, &zero);
	__u64 ns = c && c->offset_ns ? mono_ns - c->offset_ns : 0;

	return (__s64)(ns - at_least_ns) > 0 ? ns : at_least_ns;
}

/* When the pending wait began; the clock was `clock_ns` at `mono_ns`. */
static __always_inline __u64 begin_of_wait(struct thread *t, __u64 mono_ns, __u64 clock_ns)
{
	if (t->begin_of_ns != t->out_ns) {
		t->begin_mono_ns = mono_ns - (clock_ns - t->out_ns);
		t->begin_of_ns = t->out_ns;
	}
	return t->begin_mono_ns;
}

/*
 * How much of a wait, of what the ledger has of it, was given to earlier buckets as rows too: the
 * pass does so for waits that are long already. What it has of a short one is in the ledger only.
 */
static __always_inline __u64 charged_to_rows(__u64 out_ns, __u64 until_ns)
{
	__u64 ns = until_ns - out_ns;

	return !(until_ns & THREAD_CLOSED) && until_ns > out_ns && ns >= WIRE_LONG_WAIT_NS ? ns : 0;
}

/* The pending wait of a thread that does not run is the one that began at out_ns. */
static __always_inline bool is_pending(const struct thread *t, const struct task_struct *task)
{
	return t->out_ns && !(t->charged_until & THREAD_CLOSED) &&
	       t->out_pcount == (__u32)task->sched_info.pcount;
}

/*
 * A thread that is preempted after it said that it will sleep, and before it does: the kernel takes
 * neither when it was queued nor counts its arrival (kernel/sched/stats.h, sched_info_depart()), so
 * that run_delay lacks a wait that may last for long. Told at its end, and while it goes on. Its
 * end may have been missed, and the thread is asleep by now, or was.
 */
static __always_inline bool is_unqueued(const struct thread *t, const struct task_struct *task)
{
	return t->flags & THREAD_UNQUEUED && task->on_rq && !task->sched_info.last_queued;
}

/* Since then, or at that time: a switch away from a thread that sleeps is a voluntary one
 * (kernel/sched/core.c, __schedule()). */
static __always_inline bool has_slept(const struct thread_base *since,
				      const struct task_struct *task)
{
	return since->is_asleep || since->nvcsw != task->nvcsw;
}

/* It ran since, and no program was told of the switch to it: so far only the wait before is known
 * to be over. */
static __always_inline bool is_missed(const struct thread *t, const struct task_struct *task)
{
	return t->out_ns && !(t->charged_until & THREAD_CLOSED) &&
	       t->out_pcount + 1 == (__u32)task->sched_info.pcount;
}

/* Such a wait, which ended when the thread arrived at its CPU. */
static __always_inline void missed_wait(const struct thread *t, const struct task_struct *task,
					__u64 *ret_elapsed_ns, __u64 *ret_runq_ns)
{
	__u64 arrival_ns = task->sched_info.last_arrival;

	*ret_elapsed_ns = (__s64)(arrival_ns - t->out_ns) > 0 ? arrival_ns - t->out_ns : 0;
	*ret_runq_ns = task->sched_info.run_delay - t->out_run_delay;
	if (*ret_runq_ns > *ret_elapsed_ns || t->state == WIRE_STATE_NONE)
		*ret_runq_ns = *ret_elapsed_ns;
}

#endif
