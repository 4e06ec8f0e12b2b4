/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernel.h - the few kernel structures that profd reads, by CO-RE: only the fields in use, in any
 * order; libbpf moves the accesses to where the running kernel has them. Replaces a vmlinux.h.
 */
#ifndef PROFD_KERNEL_H
#define PROFD_KERNEL_H

#include <linux/bpf.h>
#include <linux/types.h>

#define KERNEL_PF_KTHREAD 0x00200000 /* include/linux/sched.h; the same value since 2.6 */

/* include/linux/mm_types.h; rss_stat by kind of page (MM_FILEPAGES, MM_ANONPAGES, MM_SWAPENTS,
 * MM_SHMEMPAGES), of which each CPU may keep some pages back. */
struct percpu_counter {
	__s64 count;
} __attribute__((preserve_access_index));

struct mm_struct {
	unsigned long start_code, end_code;
	unsigned long hiwater_rss; /* pages, as of the last time that the set shrank */
	struct percpu_counter rss_stat[4];
} __attribute__((preserve_access_index));

/* Before 6.2 (f1a7941243c1) the counters were plain. */
struct kernel_atomic_long {
	long counter;
} __attribute__((preserve_access_index));

struct mm_rss_stat {
	struct kernel_atomic_long count[4];
} __attribute__((preserve_access_index));

struct mm_struct___plain {
	struct mm_rss_stat rss_stat;
} __attribute__((preserve_access_index));

/* kernel/sched/sched.h; clock is brought up to date before each switch, and is nanoseconds of
 * sched_clock(); clock_task goes on without interrupts and what the host took away. */
struct rq {
	__u64 clock, clock_task;
} __attribute__((preserve_access_index));

struct cfs_rq {
	struct rq *rq;
} __attribute__((preserve_access_index));

/* include/linux/sched.h */
struct sched_entity {
	__u64 sum_exec_runtime, exec_start;
	struct cfs_rq *cfs_rq; /* of the CPU the thread is on, or was on, whatever its class */
} __attribute__((preserve_access_index));

/* Of all classes (kernel/sched/stats.h): last_queued is since when it waits for a CPU, or 0;
 * last_arrival when it came to run; both set behind the tracepoint of the switch. */
struct sched_info {
	unsigned long long run_delay, last_arrival, last_queued;
} __attribute__((preserve_access_index));

struct task_io_accounting {
	__u64 read_bytes, write_bytes;
} __attribute__((preserve_access_index));

/* include/linux/kernfs.h, cgroup-defs.h */
struct kernfs_node {
	__u64 id;
} __attribute__((preserve_access_index));

struct cgroup {
	struct kernfs_node *kn;
} __attribute__((preserve_access_index));

struct css_set {
	struct cgroup *dfl_cgrp;
} __attribute__((preserve_access_index));

/* include/linux/sched.h */
struct task_struct {
	int pid;
	int tgid;
	unsigned int flags;
	struct task_struct *group_leader, *real_parent;
	struct mm_struct *mm; /* NULL in a kernel thread; a load through it then gives 0 */
	__u64 start_boottime; /* since 5.5, before it real_start_time */
	__u32 self_exec_id;   /* fs/exec.c, begin_new_exec() counts it up */
	char comm[16];
	unsigned int __state; /* since 5.14, before it `state` */
	int on_cpu, exit_state;
	unsigned int in_iowait : 1;
	struct sched_entity se;
	struct sched_info sched_info;
	__u64 utime, stime;
	unsigned long nvcsw, nivcsw, min_flt, maj_flt;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
} __attribute__((preserve_access_index));

struct task_struct___state {
	long state;
} __attribute__((preserve_access_index));

/* include/linux/sched.h: bits of a thread's state, the same since 4.14 */
#define KERNEL_TASK_INTERRUPTIBLE   0x0001
#define KERNEL_TASK_UNINTERRUPTIBLE 0x0002
#define KERNEL_TASK_STOPPED_TRACED  0x000c
#define KERNEL_TASK_DEAD	    0x0080
#define KERNEL_TASK_NOLOAD	    0x0400

/* include/linux/bpf.h, kernel/bpf/task_iter.c: the context of an iterator over tasks */
struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task; /* NULL behind the last one */
} __attribute__((preserve_access_index));

/* arch/x86/include/asm/ptrace.h; cs is 16 bits in newer kernels, and libbpf then moves the load. */
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	unsigned long ip, cs, flags, sp, ss;
} __attribute__((preserve_access_index));

/*
 * Programs of type perf_event are given this context (include/uapi/linux/bpf_perf_event.h); its
 * registers are written out here because the verifier takes only 8-byte loads from it, and newer
 * kernels declare `cs` as 16 bits.
 */
struct perf_context {
	struct {
		__u64 r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
		__u64 ip, cs, flags, sp, ss;
	} regs;
	__u64 sample_period;
	__u64 addr;
};

#endif
