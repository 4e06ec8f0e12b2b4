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

/* include/linux/mm_types.h */
struct mm_struct {
	unsigned long start_code, end_code;
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
