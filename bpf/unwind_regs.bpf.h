/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_regs.bpf.h - where a walk begins: the registers of a thread in user mode.
 *
 * They are in the context of a program that interrupted user mode, and else at the top of the
 * thread's kernel stack, where its entry into the kernel saved them. Both have the same names and
 * not the same type, hence the macro.
 */
#ifndef PROFD_UNWIND_REGS_BPF_H
#define PROFD_UNWIND_REGS_BPF_H

#include "unwind.bpf.h"

#define X86_USER32_CS 0x23 /* __USER32_CS: a 32-bit program, which has no rows */

#define UNWIND_COPY_REGISTERS(s, regs)                                                             \
	do {                                                                                       \
		(s)->registers[DWARF_AX] = (regs)->ax;                                             \
		(s)->registers[DWARF_DX] = (regs)->dx;                                             \
		(s)->registers[DWARF_CX] = (regs)->cx;                                             \
		(s)->registers[DWARF_BX] = (regs)->bx;                                             \
		(s)->registers[DWARF_SI] = (regs)->si;                                             \
		(s)->registers[DWARF_DI] = (regs)->di;                                             \
		(s)->registers[DWARF_R8] = (regs)->r8;                                             \
		(s)->registers[DWARF_R8 + 1] = (regs)->r9;                                         \
		(s)->registers[DWARF_R8 + 2] = (regs)->r10;                                        \
		(s)->registers[DWARF_R8 + 3] = (regs)->r11;                                        \
		(s)->registers[DWARF_R8 + 4] = (regs)->r12;                                        \
		(s)->registers[DWARF_R8 + 5] = (regs)->r13;                                        \
		(s)->registers[DWARF_R8 + 6] = (regs)->r14;                                        \
		(s)->registers[DWARF_R8 + 7] = (regs)->r15;                                        \
		(s)->ip = (regs)->ip;                                                              \
		(s)->sp = (s)->registers[DWARF_SP] = (regs)->sp;                                   \
		(s)->fp = (s)->registers[DWARF_BP] = (regs)->bp;                                   \
		(s)->is_leaf = 1;                                                                  \
	} while (0)

/* False for a 32-bit program. */
static __always_inline bool unwind_regs_of_context(struct unwind_state *s,
						   const struct perf_context *user)
{
	if (user->regs.cs == X86_USER32_CS)
		return false;
	UNWIND_COPY_REGISTERS(s, &user->regs);
	s->exact = 1;
	return true;
}

/* Threads that the kernel makes of a process for its own work (io_uring, vhost) are no kernel
 * threads and have no user stack: their registers are all 0 (arch/x86/kernel/process.c,
 * copy_thread()). */
static __always_inline bool unwind_has_user_stack(const struct unwind_state *s)
{
	return s->ip || s->sp;
}

/*
 * Of a thread that is in the kernel. False for a 32-bit program, and where the kernel does not tell
 * (bpf_task_pt_regs() is of 5.15). In a system call ip is behind the instruction, as after a call
 * (orig_ax has its number then); after an interrupt or a fault it is exact.
 */
static __always_inline bool unwind_regs_of_task(struct unwind_state *s, struct task_struct *task)
{
	struct pt_regs *regs;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return false;
	regs = (struct pt_regs *)bpf_task_pt_regs(task);
	if (!regs || regs->cs == X86_USER32_CS)
		return false;
	UNWIND_COPY_REGISTERS(s, regs);
	s->exact = (__s64)regs->orig_ax < 0;
	return true;
}

#endif
