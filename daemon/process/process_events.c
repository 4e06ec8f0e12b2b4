// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process_events.c - see process_events.h.
 */
#include "process/process_events.h"

#include "process/process_table.h"

/* Between the start that a process is given (kernel/fork.c, copy_process()) and the record of its
 * fork lies the rest of that call; a pid comes around again much later. */
#define FORK_TAKES_NS 1000000000ull

/* Whether the process was begun after `mono_ns`: the event is of an earlier life of its pid. */
static bool is_later(const struct process_table *table, const struct process *process,
		     uint64_t mono_ns)
{
	return process->key.start_boot_ns > mono_ns + table->boot_offset_ns;
}

static bool is_just_begun(const struct process_table *table, const struct process *process,
			  uint64_t mono_ns)
{
	uint64_t boot_ns = mono_ns + table->boot_offset_ns;

	return process->key.start_boot_ns && process->key.start_boot_ns <= boot_ns &&
	       boot_ns - process->key.start_boot_ns < FORK_TAKES_NS;
}

void process_forked(struct process_table *table, uint32_t pid, uint32_t parent_pid,
		    uint64_t mono_ns)
{
	const struct process_key key = {.pid = pid};
	struct process *process = process_table_find(table, pid), *parent;

	if (process && is_later(table, process, mono_ns))
		return;
	/* Its first sample was looked ahead for before the record's turn came. */
	if (process && !is_just_begun(table, process, mono_ns))
		process = process_table_renew(table, process, &key);
	else if (!process)
		process = process_table_add(table, &key);
	if (!process || process->space)
		return;
	process->parent_pid = parent_pid;
	parent = process_table_find(table, parent_pid);
	if (!parent || !parent->space)
		return;
	process->space = address_space_ref(parent->space);
	process->n_gaps = parent->n_gaps;
	/* The same image, so that an exec whose record is lost shows in the child's first sample.
	 */
	process->image_open = parent->image_open;
	process->key.exec_id = parent->key.exec_id;
	process->key.start_code = parent->key.start_code;
	process->key.end_code = parent->key.end_code;
	process->gone = false;
}

/* The process that the event is of, when it tells anything new: what was read from /proc after it
 * holds it already. */
static struct process *find_behind(struct process_table *table, uint32_t pid, uint64_t mono_ns)
{
	struct process *process = process_table_find(table, pid);

	if (!process || is_later(table, process, mono_ns) ||
	    (process->space && process->read_mono_ns > mono_ns))
		return NULL;
	return process;
}

void process_executed(struct process_table *table, uint32_t pid, uint64_t mono_ns)
{
	const struct process_key key = {.pid = pid};
	struct process *process = find_behind(table, pid, mono_ns);

	if (!process && !process_table_find(table, pid))
		process = process_table_add(table, &key);
	if (!process)
		return;
	process_forget_space(process);
	process->space = address_space_new(&table->space_bytes);
	process->gone = process->exited = false; /* another thread's exec ends the first one */
	process->image_open = true;
	process->parent_pid = 0; /* its parent's memory is not its own any more */
	process->read_mono_ns = process->reread_wait_ns = 0;
	process->n_gaps = table->n_gaps;
}

void process_mapped(struct process_table *table, uint32_t pid, const struct mapping *mapping,
		    const char *path, uint64_t mono_ns)
{
	struct process *process = find_behind(table, pid, mono_ns);
	size_t dropped;

	/* Of a process that is not known it would be the one mapping among many. */
	if (!process || !process->space)
		return;
	dropped = process->space->mappings.n_dropped;
	if (address_space_map(&process->space, mapping, path) < 0)
		process_forget_space(process); /* no memory: read again when it is sampled */
	else
		table->counters.n_mappings_dropped += process->space->mappings.n_dropped - dropped;
	process_table_trim(table);
}

void process_exited(struct process_table *table, uint32_t pid, uint64_t mono_ns)
{
	struct process *process = process_table_find(table, pid);

	if (!process || is_later(table, process, mono_ns))
		return;
	/* Other threads may go on, and be sampled. */
	process->exited = true;
	if (!process->sampled && !process->ahead.space)
		process_table_remove(table, process);
}

void process_events_lost(struct process_table *table)
{
	table->n_gaps++;
}
