/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * account.bpf.h - a thread's record of the ledger: what it did since its record before. Made by the
 * pass over all threads, and at a thread's last switch.
 */
#ifndef PROFD_ACCOUNT_BPF_H
#define PROFD_ACCOUNT_BPF_H

#include "thread.bpf.h"

/* Set before loading: of a page. */
const volatile __u32 page_shift = 12;

/* So many arrivals at a CPU that nobody measured, and what was blocked is what is left. One that
 * happens just now may be taken for it, which does no harm. */
#define ACCOUNT_MISSED 1

/* When and of whom. */
struct account {
	struct task_struct *task;
	struct thread *thread;
	const struct thread_base *base; /* of the thread: where the record begins */
	__u64 mono_ns;
	__u64 clock_ns; /* the run queues' clock then */
	__u32 is_running;
};

static __always_inline __u64 larger(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* The wait before, whose end was missed, will be in the thread's sums when it stops running. */
static __always_inline void add_missed_wait(const struct account *a, struct thread_base *ret)
{
	const struct thread *t = a->thread;
	__u64 until_ns = t->charged_until, elapsed_ns, runq_ns, blocked_ns, charged_ns = 0;

	if (!is_missed(t, a->task))
		return;
	missed_wait(t, a->task, &elapsed_ns, &runq_ns);
	blocked_ns = elapsed_ns - runq_ns;
	if (until_ns > t->out_ns)
		charged_ns = until_ns - t->out_ns;
	blocked_ns -= charged_ns < blocked_ns ? charged_ns : blocked_ns;
	ret->blocked_ns += blocked_ns;
	if (t->state == WIRE_STATE_IDLE)
		ret->idle_ns += blocked_ns;
	ret->n_missed--;
}

/* A switch to the thread that is told of is measured first, then counted. What is read in this
 * order may be one too few, so that the next record has one too many, but never the other way
 * round. */
static __always_inline __u32 count_missed(const struct account *a)
{
	const struct thread *t = a->thread;
	__u32 pcount = *(const volatile __u32 *)&a->task->sched_info.pcount;
	bool is_arriving = !a->is_running && t->out_ns &&
			   *(const volatile __u64 *)&t->charged_until & THREAD_CLOSED &&
			   *(const volatile __u32 *)&t->out_pcount == pcount;

	return pcount + is_arriving - *(const volatile __u32 *)&t->n_measured;
}

/* Running totals now. What is estimated may be a little above what the kernel counts in the end:
 * no time on a CPU or waiting for one goes back. */
static __always_inline void account_totals(const struct account *a, struct thread_base *ret)
{
	struct task_struct *task = a->task;
	const struct thread *t = a->thread;
	struct rq *rq = task->se.cfs_rq->rq;
	__u64 queued_ns = task->sched_info.last_queued;

	ret->mono_ns = a->mono_ns;
	ret->clock_ns = a->clock_ns;
	ret->oncpu_ns = task->se.sum_exec_runtime;
	ret->runq_ns = task->sched_info.run_delay + t->unqueued_ns;
	/* The queue's clocks may be a tick old; what the clock is ahead of them was run as well. */
	if (a->is_running) {
		__s64 since =
			(__s64)(rq->clock_task - task->se.exec_start + (a->clock_ns - rq->clock));

		/* Its CPU may be counting just now. */
		if (since > 0)
			ret->oncpu_ns += since;
	} else if (queued_ns && a->clock_ns > queued_ns) {
		ret->runq_ns += a->clock_ns - queued_ns;
	} else if (is_pending(t, task) && is_unqueued(t, task) && a->clock_ns > t->out_ns) {
		ret->runq_ns += a->clock_ns - t->out_ns;
	}
	ret->oncpu_ns = larger(ret->oncpu_ns, a->base->oncpu_ns);
	ret->runq_ns = larger(ret->runq_ns, a->base->runq_ns);
	ret->utime_ns = larger(task->utime, a->base->utime_ns);
	ret->stime_ns = larger(task->stime, a->base->stime_ns);
	ret->blocked_ns = t->blocked_ns + t->charged_ns;
	ret->idle_ns = t->idle_ns + t->charged_idle_ns;
	ret->nvcsw = task->nvcsw;
	ret->nivcsw = task->nivcsw;
	ret->minor_faults = task->min_flt;
	ret->major_faults = task->maj_flt;
	ret->read_bytes = ret->write_bytes = 0;
	if (bpf_core_field_exists(task->ioac)) {
		ret->read_bytes = task->ioac.read_bytes;
		ret->write_bytes = task->ioac.write_bytes;
	}
	ret->n_missed = count_missed(a);
	if (a->is_running)
		add_missed_wait(a, ret);
	ret->is_started = 1;
	ret->is_asleep = task_state(task) != 0;
}

/* By a call: the verifier of those kernels does not look into an array of a typedef. */
static __always_inline __s64 plain_pages(const struct mm_struct___before_6_2 *mm)
{
	__s64 counts[KERNEL_RSS] = {};

	(void)bpf_probe_read_kernel(counts, sizeof(counts), &mm->rss_stat.count);
	return counts[KERNEL_FILEPAGES] + counts[KERNEL_ANONPAGES] + counts[KERNEL_SHMEMPAGES];
}

static __always_inline __u64 account_rss(const struct mm_struct *mm)
{
	const struct mm_struct___before_6_2 *before = (const void *)mm;
	__s64 pages;

	/* Of a structure that the kernel has: for one that it has not, libbpf looks through the
	 * types of all modules, which profd may not. */
	if (!bpf_core_field_exists(before->rss_stat.count))
		pages = mm->rss_stat[KERNEL_FILEPAGES].count +
			mm->rss_stat[KERNEL_ANONPAGES].count +
			mm->rss_stat[KERNEL_SHMEMPAGES].count;
	else
		pages = plain_pages(before);
	return pages > 0 ? (__u64)pages << page_shift : 0;
}

/* Of the process; a thread that ends has no memory any more, and its peak is kept elsewhere. */
static __always_inline void account_memory(const struct task_struct *task, struct wire_ledger *ret)
{
	struct mm_struct *mm = task->mm;

	ret->rss_bytes = ret->peak_rss_bytes = 0;
	if (task->pid != task->tgid)
		return;
	if (!mm) {
		ret->peak_rss_bytes = (__u64)task->signal->maxrss << page_shift;
		return;
	}
	ret->rss_bytes = account_rss(mm);
	ret->peak_rss_bytes = larger(ret->rss_bytes, (__u64)mm->hiwater_rss << page_shift);
}

/* The record from the base to `now`; nothing of open waits, nor what account_take() has. */
static __always_inline void account_record(const struct account *a, const struct thread_base *now,
					   struct wire_ledger *ret)
{
	const struct thread_base *base = a->base;

	ret->max_blocked_ns = 0;
	ret->elapsed_ns = now->mono_ns - base->mono_ns;
	ret->oncpu_ns = now->oncpu_ns - base->oncpu_ns;
	ret->utime_ns = now->utime_ns - base->utime_ns;
	ret->stime_ns = now->stime_ns - base->stime_ns;
	ret->runq_ns = now->runq_ns - base->runq_ns;
	/* A missed wait that was added before is nowhere if gate mode did not see how it ended. */
	ret->blocked_ns =
		now->blocked_ns > base->blocked_ns ? now->blocked_ns - base->blocked_ns : 0;
	ret->idle_ns = now->idle_ns > base->idle_ns ? now->idle_ns - base->idle_ns : 0;
	ret->voluntary_switches = now->nvcsw - base->nvcsw;
	ret->involuntary_switches = now->nivcsw - base->nivcsw;
	ret->minor_faults = now->minor_faults - base->minor_faults;
	ret->major_faults = now->major_faults - base->major_faults;
	ret->read_bytes = now->read_bytes - base->read_bytes;
	ret->write_bytes = now->write_bytes - base->write_bytes;
	ret->open_since_mono_ns = ret->open_charge_ns = 0;
	ret->open_state = 0;
	ret->flags = base->is_started ? 0 : WIRE_LEDGER_STARTED;
	__builtin_memset(ret->unused, 0, sizeof(ret->unused));
	if ((__s32)(now->n_missed - base->n_missed) >= ACCOUNT_MISSED) {
		__u64 known_ns = ret->oncpu_ns + ret->runq_ns;

		ret->flags |= WIRE_LEDGER_GATE;
		/* One that did not go to sleep had to wait for a CPU only. */
		ret->blocked_ns = has_slept(base, a->task) && ret->elapsed_ns > known_ns
					  ? ret->elapsed_ns - known_ns
					  : 0;
	}
	account_memory(a->task, ret);
}

/* The pass's record is to count, and the next one begins where it ends. False when the thread ended
 * meanwhile: then its last record has all that this one has. */
static __always_inline bool account_move(struct thread *t, __u32 base_at)
{
	return __sync_val_compare_and_swap(&t->base_at, base_at, base_at ^ THREAD_BASE_MASK) ==
	       base_at;
}

/* What the record that counts takes with it. Waits that end meanwhile, on another CPU, are in this
 * one or the next; the longest may be in both. */
static __always_inline void account_take(struct thread *t, struct wire_ledger *ret)
{
	__u64 blocked_ns = larger(__sync_lock_test_and_set(&t->max_blocked_ns, 0),
				  __sync_lock_test_and_set(&t->max_long_blocked_ns, 0));

	ret->max_blocked_ns = larger(ret->max_blocked_ns, blocked_ns);
	ret->max_runq_ns = larger(__sync_lock_test_and_set(&t->max_runq_ns, 0),
				  __sync_lock_test_and_set(&t->max_long_runq_ns, 0));
	ret->unsent_ns = __sync_lock_test_and_set(&t->unsent_ns, 0);
	ret->unsent_count = __sync_lock_test_and_set(&t->unsent_count, 0);
	ret->unsent_runq_ns = __sync_lock_test_and_set(&t->unsent_runq_ns, 0);
	ret->unsent_runq_count = __sync_lock_test_and_set(&t->unsent_runq_count, 0);
}

#endif
