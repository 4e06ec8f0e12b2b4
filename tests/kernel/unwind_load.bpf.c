// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_load.bpf.c - the walker in each type of program that it is made for: one that interrupts,
 * one below the lock of the run queue, and one that may sleep. Each walks one process once, when
 * it is asked to.
 */
#include "unwind_load.h"
#include "unwind.bpf.h"
#include "unwind_regs.bpf.h"

#define X86_USER_RPL 3

const volatile __u32 wanted_pid = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOAD_PROGRAMS);
	__type(key, __u32);
	__type(value, struct load_walk);
} walks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOAD_PROGRAMS);
	__type(key, __u32);
	__type(value, struct unwind_state);
} states SEC(".maps");

UNWIND_WALKER(walk_current, UNWIND_MEMORY_CURRENT)
UNWIND_WALKER(walk_task, UNWIND_MEMORY_TASK)

/* Where to walk to, or NULL when this thread is not to be walked. */
static __always_inline struct load_walk *wanted(__u32 program, struct task_struct *task)
{
	struct load_walk *w = bpf_map_lookup_elem(&walks, &program);

	return w && !w->done && (__u32)task->tgid == wanted_pid ? w : NULL;
}

/* The registers are known. */
static __always_inline void begin(struct unwind_state *s, struct task_struct *task, __u32 end)
{
	unwind_begin(s, task, bpf_ktime_get_ns());
	s->at = 0;
	s->end = end;
}

static __always_inline void finish(struct load_walk *w, const struct unwind_state *s,
				   struct task_struct *task)
{
	w->n = s->at;
	w->stop = s->stop;
	w->start_boot_ns = task->group_leader->start_boottime;
	w->start_code = task->mm->start_code;
	w->exec_id = task->self_exec_id;
	w->done = 1;
}

SEC("perf_event")
int load_perf_event(struct perf_context *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 program = LOAD_PERF_EVENT;
	struct unwind_state *s = bpf_map_lookup_elem(&states, &program);
	struct load_walk *w = wanted(program, task);
	struct unwind_walk walk = {.state = s};
	bool user_mode = (ctx->regs.cs & X86_USER_RPL) == X86_USER_RPL;

	if (!w || !s ||
	    !(user_mode ? unwind_regs_of_context(s, ctx) : unwind_regs_of_task(s, task)))
		return 0;
	walk.words = w->words;
	begin(s, task, WIRE_USER_FRAMES_MAX);
	walk_current(&walk);
	finish(w, s, task);
	return 0;
}

/* Arguments: preempt, prev, next, and more in newer kernels (include/trace/events/sched.h). */
SEC("tp_btf/sched_switch")
int load_sched_switch(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[1];
	__u32 program = LOAD_SCHED_SWITCH;
	struct unwind_state *s = bpf_map_lookup_elem(&states, &program);
	struct load_walk *w = wanted(program, task);
	struct unwind_walk walk = {.state = s};

	if (!w || !s || !unwind_regs_of_task(s, task))
		return 0;
	walk.words = w->words;
	begin(s, task, LOAD_SWITCH_FRAMES);
	walk_current(&walk);
	finish(w, s, task);
	return 0;
}

SEC("iter.s/task")
int load_iterator(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 program = LOAD_ITERATOR;
	struct unwind_state *s = bpf_map_lookup_elem(&states, &program);
	struct unwind_walk walk = {.state = s, .task = task};
	struct load_walk *w;

	if (!task)
		return 0;
	w = wanted(program, task);
	if (!w || !s || !unwind_regs_of_task(s, task))
		return 0;
	walk.words = w->words;
	begin(s, task, WIRE_USER_FRAMES_MAX);
	walk_task(&walk);
	finish(w, s, task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
