// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process_table.c - slots and the index by pid; see process_table.h.
 */
#include "process/process_table.h"

#include "process/unwind_spaces.h"

#include <errno.h>
#include <stdlib.h>

#define SWEEPS_KEPT	     6	 /* where the end of a process may go unseen */
#define SWEEPS_KEPT_FOLLOWED 360 /* where it is told */

int process_table_new(const char *proc, struct files *files, struct process_table **ret)
{
	struct process_table *table = calloc(1, sizeof(*table));
	int r = table ? proc_pid_new(proc, &table->space_bytes, &table->proc) : -ENOMEM;

	if (r < 0) {
		free(table);
		return r;
	}
	table->files = files;
	*ret = table;
	return 0;
}

void process_forget_space(struct process *process)
{
	process->space = address_space_unref(process->space);
	process->published = NULL;
}

static void process_done(struct process *process)
{
	process_forget_space(process);
	process->ahead.space = address_space_unref(process->ahead.space);
	*process = (struct process){};
}

struct process_table *process_table_free(struct process_table *table)
{
	if (!table)
		return NULL;
	for (uint32_t i = 1; i <= table->n_slots; i++)
		process_done(&table->processes[i]);
	hash_index_done(&table->by_pid);
	free(table->processes);
	proc_pid_free(table->proc);
	free(table);
	return NULL;
}

static bool has_pid(const void *ctx, uint32_t id, const void *key)
{
	const struct process_table *table = ctx;

	return table->processes[id].key.pid == *(const uint32_t *)key;
}

struct process *process_table_find(const struct process_table *table, uint32_t pid)
{
	uint32_t slot = hash_index_find(&table->by_pid, hash_u64(pid, 0), has_pid, table, &pid);

	return slot ? &table->processes[slot] : NULL;
}

/* Room for a process that runs now, at the cost of one that nobody has seen for a while: what is
 * forgotten is read from /proc when it is sampled again. */
static uint32_t evict(struct process_table *table)
{
	uint32_t best = 0, most_idle = 0;

	for (uint32_t i = 1; i <= table->n_slots; i++) {
		const struct process *process = &table->processes[i];
		uint32_t idle = process->exited ? UINT32_MAX : process->idle;

		if (process->key.pid && idle > most_idle) {
			best = i;
			most_idle = idle;
		}
	}
	if (!best)
		return 0;
	process_table_remove(table, &table->processes[best]);
	return best;
}

static uint32_t take_slot(struct process_table *table)
{
	struct process *larger;
	uint32_t slot, capacity;

	if (!table->first_free && table->n_slots >= PROCESSES_MAX && !evict(table))
		return 0;
	if (table->first_free) {
		slot = table->first_free;
		table->first_free = table->processes[slot].idle;
		return slot;
	}
	if (table->n_slots + 2 > table->capacity) {
		capacity = table->capacity ? table->capacity * 2 : 64;
		larger = reallocarray(table->processes, capacity, sizeof(*larger));
		if (!larger)
			return 0;
		table->processes = larger;
		table->capacity = capacity;
	}
	return ++table->n_slots;
}

static void give_slot_back(struct process_table *table, uint32_t slot)
{
	table->processes[slot] = (struct process){.idle = table->first_free};
	table->first_free = slot;
}

struct process *process_table_add(struct process_table *table, const struct process_key *key)
{
	uint32_t slot = take_slot(table);

	if (slot && hash_index_insert(&table->by_pid, hash_u64(key->pid, 0), slot) < 0) {
		give_slot_back(table, slot);
		slot = 0;
	}
	if (!slot) {
		table->counters.n_refused++;
		return NULL;
	}
	table->n++;
	table->processes[slot] = (struct process){.key = *key, .image_open = true};
	return &table->processes[slot];
}

void process_table_remove(struct process_table *table, struct process *process)
{
	uint32_t slot = (uint32_t)(process - table->processes);

	(void)hash_index_remove(&table->by_pid, hash_u64(process->key.pid, 0), slot);
	if (table->unwind)
		unwind_spaces_forget(table->unwind, process->key.pid, process->key.start_boot_ns,
				     table->now_mono_ns);
	process_done(process);
	give_slot_back(table, slot);
	table->n--;
}

struct process *process_table_renew(struct process_table *table, struct process *process,
				    const struct process_key *key)
{
	struct process_ahead ahead = process->ahead;

	process->ahead.space = NULL;
	process_table_remove(table, process);
	process = process_table_add(table, key);
	if (process)
		process->ahead = ahead;
	else
		address_space_unref(ahead.space);
	return process;
}

static bool goes_before(const struct process *a, const struct process *b)
{
	if (a->exited != b->exited)
		return a->exited;
	return a->idle != b->idle ? a->idle > b->idle : a->space->bytes > b->space->bytes;
}

void process_table_trim(struct process_table *table)
{
	if (table->space_bytes <= SPACE_BYTES_MAX)
		return;
	while (table->space_bytes > SPACE_BYTES_MAX / 4 * 3) {
		struct process *first = NULL;
		const struct address_space *space;

		for (uint32_t i = 1; i <= table->n_slots; i++) {
			struct process *process = &table->processes[i];

			process->ahead.space = address_space_unref(process->ahead.space);
			if (process->space && (!first || goes_before(process, first)))
				first = process;
		}
		if (!first)
			return;
		space = first->space; /* it goes when all who share it have let it go */
		table->counters.n_mappings_dropped += space->mappings.n;
		for (uint32_t i = 1; i <= table->n_slots; i++)
			if (table->processes[i].space == space)
				process_forget_space(&table->processes[i]);
	}
}

void process_table_set_followed(struct process_table *table, bool followed)
{
	table->followed = followed;
}

void process_table_sweep(struct process_table *table)
{
	uint32_t n_kept = table->followed ? SWEEPS_KEPT_FOLLOWED : SWEEPS_KEPT;

	for (uint32_t i = 1; i <= table->n_slots; i++) {
		struct process *process = &table->processes[i];

		if (process->key.pid &&
		    (++process->idle > n_kept || (process->exited && process->idle > 1)))
			process_table_remove(table, process);
	}
}

static void keep_files(struct process_table *table, struct address_space *space)
{
	space->swept = table->n_file_sweeps;
	for (size_t k = 0; k < space->mappings.n; k++)
		if (space->mappings.entries[k].file)
			files_keep(table->files, space->mappings.entries[k].file);
}

void process_table_sweep_files(struct process_table *table)
{
	table->n_file_sweeps++;
	for (uint32_t i = 1; i <= table->n_slots; i++) {
		struct address_space *spaces[] = {table->processes[i].space,
						  table->processes[i].ahead.space};

		for (size_t s = 0; s < ARRAY_SIZE(spaces); s++)
			if (spaces[s] && spaces[s]->swept != table->n_file_sweeps)
				keep_files(table, spaces[s]);
	}
	files_sweep(table->files);
}

uint32_t process_table_size(const struct process_table *table)
{
	return table->n;
}

const struct process_counters *process_table_counters(const struct process_table *table)
{
	return &table->counters;
}
