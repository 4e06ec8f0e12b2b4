/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_record.bpf.h - a thread's part of the ledger: its counters less those of the last pass.
 * For the pass over all threads, and for the last switch of one that ends.
 *
 * What the pass reads of a thread that another CPU switches meanwhile may be torn. The base moves
 * by what was given, so that the next pass makes up for it.
 */
#ifndef PROFD_LEDGER_RECORD_BPF_H
#define PROFD_LEDGER_RECORD_BPF_H

#include "thread.bpf.h"

#define LEDGER_WORDS (sizeof(struct wire_ledger) / sizeof(__u64))

const volatile __u64 page_bytes = 4096;

struct ledger_now {
	__u64 mono_ns, clock_ns;
	__u64 gate_until_clock_ns;
};

static __always_inline __u64 above(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/* Whether the gate was in use in that time before now. */
static __always_inline bool ledger_saw_gate(const struct ledger_now *now, __u64 ns)
{
	return now->gate_until_clock_ns && now->gate_until_clock_ns + ns >= now->clock_ns;
}

/* The difference to the base, which moves by it. */
#define LEDGER_SINCE(base, now)                                                                    \
	({                                                                                         \
		__u64 grown = above(now, base);                                                    \
                                                                                                   \
		(base) += grown;                                                                   \
		grown;                                                                             \
	})

static __always_inline __u64 rss_pages(struct mm_struct *mm)
{
	struct mm_struct___plain *plain = (struct mm_struct___plain *)mm;
	__s64 file, anon, shared;

	if (bpf_core_field_exists(plain->rss_stat.count)) {
		file = plain->rss_stat.count[0].counter;
		anon = plain->rss_stat.count[1].counter;
		shared = plain->rss_stat.count[3].counter;
	} else {
		file = mm->rss_stat[0].count;
		anon = mm->rss_stat[1].count;
		shared = mm->rss_stat[3].count;
	}
	return (file > 0 ? file : 0) + (anon > 0 ? anon : 0) + (shared > 0 ? shared : 0);
}

/* What the thread ran for, the stretch at hand included. The clocks of its CPU are as of the last
 * tick or switch there. */
static __always_inline __u64 ran_ns(struct task_struct *task, const struct ledger_now *now)
{
	__u64 ns = task->se.sum_exec_runtime;
	struct rq *rq = task->se.cfs_rq->rq;

	if (task->on_cpu)
		ns += above(rq->clock_task, task->se.exec_start) + above(now->clock_ns, rq->clock);
	return ns;
}

/* How long it has been waiting for a CPU by now. */
static __always_inline __u64 queued_ns(struct task_struct *task, const struct ledger_now *now)
{
	__u64 since = task->sched_info.last_queued;

	return since && !task->on_cpu ? above(now->clock_ns, since) : 0;
}

/* How long it has been blocked by now, in the wait at hand. */
static __always_inline __u64 open_ns(struct task_struct *task, const struct thread *t,
				     const struct ledger_now *now)
{
	if (task->on_cpu || t->state == WIRE_STATE_NONE || !thread_out_is_known(task, t))
		return 0;
	return above(now->clock_ns - queued_ns(task, now), t->out_clock_ns);
}

static __always_inline void ledger_times(struct task_struct *task, struct thread *t,
					 const struct ledger_now *now, struct wire_ledger *l)
{
	struct thread_base *base = &t->base;
	__u64 open = open_ns(task, t, now), idle = t->state == WIRE_STATE_IDLE ? open : 0;

	l->elapsed_ns = LEDGER_SINCE(base->mono_ns, now->mono_ns);
	l->oncpu_ns = LEDGER_SINCE(base->exec_ns, ran_ns(task, now));
	l->utime_ns = LEDGER_SINCE(base->utime_ns, task->utime);
	l->stime_ns = LEDGER_SINCE(base->stime_ns, task->stime);
	l->runq_ns =
		LEDGER_SINCE(base->run_delay_ns, task->sched_info.run_delay + queued_ns(task, now));
	l->idle_ns = LEDGER_SINCE(base->idle_ns, t->idle_ns + idle);
	l->blocked_ns = LEDGER_SINCE(base->blocked_ns, t->blocked_ns + open);
	l->max_blocked_ns = t->max_blocked_ns > open ? t->max_blocked_ns : open;
	l->max_runq_ns = t->max_runq_ns;
	t->max_blocked_ns = t->max_runq_ns = 0;
	l->flags = 0;
	/* While the gate was in use, waits were not all seen. */
	if (ledger_saw_gate(now, l->elapsed_ns)) {
		l->flags |= WIRE_LEDGER_GATE;
		l->blocked_ns = above(l->elapsed_ns, l->oncpu_ns + l->runq_ns);
		base->blocked_ns = t->blocked_ns + open;
	}
	if (t->flags & THREAD_STARTED)
		l->flags |= WIRE_LEDGER_STARTED;
	t->flags &= ~THREAD_STARTED;
}

static __always_inline void ledger_counts(struct task_struct *task, struct thread *t,
					  struct wire_ledger *l)
{
	struct thread_base *base = &t->base;
	struct mm_struct *mm = task->mm;

	l->voluntary_switches = LEDGER_SINCE(base->nvcsw, task->nvcsw);
	l->involuntary_switches = LEDGER_SINCE(base->nivcsw, task->nivcsw);
	l->minor_faults = LEDGER_SINCE(base->min_flt, task->min_flt);
	l->major_faults = LEDGER_SINCE(base->maj_flt, task->maj_flt);
	l->read_bytes = LEDGER_SINCE(base->read_bytes, task->ioac.read_bytes);
	l->write_bytes = LEDGER_SINCE(base->write_bytes, task->ioac.write_bytes);
	l->unsent_ns = LEDGER_SINCE(base->unsent_ns, t->unsent_ns);
	l->unsent_count = LEDGER_SINCE(base->unsent_count, t->unsent_count);
	l->rss_bytes = l->peak_rss_bytes = 0;
	if (mm && task->pid == task->tgid) {
		__u64 rss = rss_pages(mm), peak = mm->hiwater_rss;

		l->rss_bytes = rss * page_bytes;
		l->peak_rss_bytes = (peak > rss ? peak : rss) * page_bytes;
	}
}

/* All of the record but the open wait. */
static __always_inline void ledger_fill(struct task_struct *task, struct thread *t,
					const struct ledger_now *now, struct wire_ledger *l)
{
	ledger_times(task, t, now, l);
	ledger_counts(task, t, l);
	l->open_since_mono_ns = l->open_charge_ns = 0;
	l->open_state = WIRE_STATE_NONE;
}

#endif
