/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * emit_head.bpf.h - the head of a record: what all records have in common, of any thread.
 */
#ifndef PROFD_EMIT_HEAD_BPF_H
#define PROFD_EMIT_HEAD_BPF_H

#include "kernel.h"
#include "wire.h"

#include <bpf/bpf_helpers.h>

/* All but the stacks and comm. */
static __always_inline void fill_head(struct sample_event *e, enum wire_kind kind,
				      struct task_struct *task, __u64 cgroup_id, __u64 mono_ns,
				      __u64 value)
{
	e->kind = kind;
	e->user_stop = WIRE_STOP_NONE;
	e->user_mode = 0;
	e->n_kernel = e->n_user = 0;
	e->pid = task->tgid;
	e->tid = task->pid;
	e->cpu = bpf_get_smp_processor_id();
	e->exec_id = task->self_exec_id;
	e->mono_ns = mono_ns;
	e->value = value;
	e->start_boot_ns = task->group_leader->start_boottime;
	e->cgroup_id = cgroup_id;
	e->start_code = task->mm->start_code;
	e->end_code = task->mm->end_code;
}

#endif
