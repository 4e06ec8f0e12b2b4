/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * thread.bpf.h - what is kept of each thread in the kernel: since when it waits, whether that wait
 * was drawn, and what the ledger needs. Shared by the collector of switches and the ledger's pass.
 *
 * Times are of the run queue's clock (struct rq), which is there for nothing at each switch, where
 * bpf_ktime_get_ns() costs a quarter of the budget; records carry CLOCK_MONOTONIC.
 */
#ifndef PROFD_THREAD_BPF_H
#define PROFD_THREAD_BPF_H

#include "kernel.h"
#include "wire.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>

#define THREAD_DRAWN	  1 /* a WIRE_WAIT_BEGIN was sent for the wait at hand */
#define THREAD_STACK_SENT 2 /* the pass sent a kernel stack for it */
#define THREAD_WANTS_USER 4 /* the sleepable pass may send its user stack */
#define THREAD_STARTED	  8 /* it began since the pass before */

/* The counters of the last pass; what it gave is the difference to them. */
struct thread_base {
	__u64 mono_ns;
	__u64 exec_ns, run_delay_ns, blocked_ns, idle_ns, utime_ns, stime_ns;
	__u64 nvcsw, nivcsw, min_flt, maj_flt, read_bytes, write_bytes;
	__u64 unsent_ns, unsent_count;
};

struct thread {
	/* The wait at hand. */
	__u64 out_clock_ns;	 /* when it stopped running */
	__u64 charged_clock_ns;	 /* until when passes charged the wait; moved by compare-and-swap */
	__u64 begin_mono_ns;	 /* mono_ns of its WIRE_WAIT_BEGIN, or about when it began */
	__u32 predicted_ns;	 /* moving mean of its blocked waits */
	__u32 predicted_runq_ns; /* and of its waits for a CPU after it was preempted */
	__u8 state;		 /* enum wire_wait_state */
	__u8 weight_log2;
	__u8 flags; /* THREAD_* */
	__u8 unused;
	__u32 capture_ns; /* of the wait at hand: in which its stacks were taken */
	/* Sums since the thread was first seen. */
	__u64 blocked_ns, idle_ns;
	__u64 unsent_ns, unsent_count;
	/* Since the last pass. */
	__u64 max_blocked_ns, max_runq_ns;
	struct thread_base base;
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

/* What the two objects know of the machine together. */
struct switch_clock {
	__u64 mono_less_clock_ns;  /* CLOCK_MONOTONIC less the run queue's clock, a moment ago */
	__u64 gate_until_clock_ns; /* the gate was in use until then */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct switch_clock);
} switch_clocks SEC(".maps");

/* The clock of the CPU that the thread is on, or was on; not of the idle thread. */
static __always_inline __u64 thread_clock_ns(struct task_struct *task)
{
	return task->se.cfs_rq->rq->clock;
}

static __always_inline __u64 thread_cgroup_id(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

static __always_inline __u32 thread_state_bits(struct task_struct *task)
{
	if (bpf_core_field_exists(task->__state))
		return task->__state;
	return (__u32)((struct task_struct___state *)task)->state;
}

/* More bits may be set (TASK_FREEZABLE, TASK_KILLABLE), so single ones are looked at. */
static __always_inline __u8 thread_wait_state(struct task_struct *task, __u32 bits)
{
	if (bits & KERNEL_TASK_NOLOAD)
		return WIRE_STATE_IDLE;
	if (bits & KERNEL_TASK_UNINTERRUPTIBLE)
		return BPF_CORE_READ_BITFIELD(task, in_iowait) ? WIRE_STATE_DISK
							       : WIRE_STATE_BLOCKED;
	if (bits & KERNEL_TASK_INTERRUPTIBLE)
		return WIRE_STATE_SLEEP;
	if (bits & KERNEL_TASK_STOPPED_TRACED)
		return WIRE_STATE_STOPPED;
	return bits ? WIRE_STATE_IDLE : WIRE_STATE_NONE; /* parked kernel threads and the like */
}

/* Whether the thread did not run since `out_clock_ns`, which then is when it stopped: one that was
 * not written at its last switch is of an earlier time on the CPU. */
static __always_inline bool thread_out_is_known(struct task_struct *task, const struct thread *t)
{
	return t->out_clock_ns && t->out_clock_ns >= task->sched_info.last_arrival;
}

#endif
