// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walked_memory.c - see walked_memory.h. The only file that sees the walker's source, because that
 * defines the maps; they are told apart by their addresses.
 */
#include "walked_memory.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include "unwind.bpf.h"

_Static_assert(WALKED_FP == (int)DWARF_BP && WALKED_SP == (int)DWARF_SP &&
		       WALKED_REGISTERS == DWARF_REGISTERS,
	       "numbers of registers");

/* Whose walk is under way: the kernel's helpers have no argument for it either. */
static struct walked *current;

UNWIND_WALKER(walk_current, UNWIND_MEMORY_CURRENT)
UNWIND_WALKER(walk_task, UNWIND_MEMORY_TASK)

bool walked_has_bpf_loop(void)
{
	return !current->no_bpf_loop;
}

void *bpf_map_lookup_elem(const void *map, const void *key)
{
	uint32_t number = *(const uint32_t *)key;

	if (map == &unwind_slabs)
		return number < UNWIND_SLABS_MAX ? current->maps->slabs[number] : NULL;
	if (map == &unwind_files)
		return number < UNWIND_FILES_MAX ? &current->maps->files[number] : NULL;
	if (map == &unwind_processes)
		return fake_maps_process(current->maps, number);
	for (uint32_t i = 0; i < UNWIND_SLABS_MAX; i++)
		if (map == current->maps->slabs[i] && number < UNWIND_SLAB_CHUNKS)
			return current->maps->slabs[i] + number * UNWIND_CHUNK_WORDS;
	return NULL;
}

static long read_own(void *to, uint32_t n, uint64_t from)
{
	struct iovec local = {.iov_base = to, .iov_len = n};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)from, .iov_len = n};

	return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == (ssize_t)n ? 0 : -EFAULT;
}

static long read_memory(void *to, uint32_t n, uint64_t from)
{
	if (!current->regions)
		return read_own(to, n, from);
	for (uint32_t i = 0; i < current->n_regions; i++) {
		const struct walked_region *r = &current->regions[i];

		if (from < r->start || from - r->start > r->n || n > r->n - (from - r->start))
			continue;
		memcpy(to, (const uint8_t *)r->bytes + (from - r->start), n);
		return 0;
	}
	memset(to, 0, n); /* as the kernel does */
	return -EFAULT;
}

long bpf_probe_read_user(void *to, __u32 n, const void *from)
{
	return current->of_task ? -EPERM : read_memory(to, n, (uintptr_t)from);
}

long bpf_copy_from_user_task(void *to, __u32 n, const void *from, struct task_struct *task,
			     __u64 flags)
{
	if (!current->of_task || !task || (uint32_t)task->tgid != current->thread.pid || flags)
		return -EPERM;
	return read_memory(to, n, (uintptr_t)from);
}

void walked_walk(struct walked *w)
{
	struct mm_struct mm = {.start_code = w->thread.start_code};
	struct task_struct parent = {.tgid = (int)w->thread.parent_pid};
	struct task_struct task = {.pid = (int)w->thread.pid,
				   .tgid = (int)w->thread.pid,
				   .real_parent = &parent,
				   .mm = &mm,
				   .start_boottime = w->thread.start_boot_ns,
				   .self_exec_id = w->thread.exec_id};
	struct unwind_state state;
	struct unwind_walk walk = {.state = &state, .words = w->words, .task = &task};

	/* What a map has from the walk before is not to matter. */
	memset(&state, 0xa5, sizeof(state));
	current = w;
	task.group_leader = &task;
	memcpy(state.registers, w->registers, sizeof(state.registers));
	state.ip = w->ip;
	state.sp = w->registers[DWARF_SP];
	state.fp = w->registers[DWARF_BP];
	state.is_leaf = 1;
	state.exact = !w->is_return;
	state.at = w->at;
	state.end = w->end;
	unwind_begin(&state, &task, w->mono_ns);
	if (w->of_task)
		walk_task(&walk);
	else
		walk_current(&walk);
	w->n = state.at;
	w->stop = state.stop;
	w->sp = state.sp;
	w->fp = state.fp;
	current = NULL;
}

uint64_t walked_row(struct fake_maps *maps, uint32_t slot, uint64_t offset)
{
	struct walked walked = {.maps = maps};
	struct unwind_state state = {.index = maps->files[slot].index,
				     .start = maps->files[slot].start};
	uint64_t row;

	current = &walked;
	row = find_row(&state, offset);
	current = NULL;
	return row;
}
