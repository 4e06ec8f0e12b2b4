/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_table.h - the table behind process.h and process_events.h. Private to the two.
 */
#ifndef PROFD_PROCESS_TABLE_H
#define PROFD_PROCESS_TABLE_H

#include "hash_index.h"
#include "process/process.h"

#define SPACE_BYTES_MAX (32u << 20)

struct process_table {
	struct proc_pid *proc;
	struct files *files;
	struct unwind_spaces *unwind; /* NULL: nobody walks */
	uint64_t now_mono_ns;	      /* of the last sample */
	bool followed;		      /* by the side-band, which tells of every end */
	struct process *processes; /* [0] is unused; a free slot has pid 0 and the next in `idle` */
	uint32_t n, n_slots, capacity, first_free;
	struct hash_index by_pid; /* the life at hand: events and samples come by time */
	struct process nobody;	  /* stands for an earlier life of a pid, whose sample comes late */
	uint64_t boot_offset_ns;  /* CLOCK_BOOTTIME less CLOCK_MONOTONIC */
	size_t space_bytes;	  /* of all address spaces */
	uint64_t n_file_sweeps;
	uint64_t n_gaps; /* times that events were lost */
	struct process_counters counters;
};

/* The process that has the pid, or NULL. */
struct process *process_table_find(const struct process_table *table, uint32_t pid);
/* A new one, the pid must have none; NULL and counted when there is no room. */
struct process *process_table_add(struct process_table *table, const struct process_key *key);
/* Another life of the pid in place of that one; what was read ahead stays. NULL as above. */
struct process *process_table_renew(struct process_table *table, struct process *process,
				    const struct process_key *key);
void process_table_remove(struct process_table *table, struct process *process);

/* Forgets address spaces when they take more than SPACE_BYTES_MAX together: of those that were
 * sampled longest ago, and of these the largest first. What is forgotten is read again when it is
 * sampled; it is counted. */
void process_table_trim(struct process_table *table);

/* What was known of its memory is not so any more. */
void process_forget_space(struct process *process);

#endif
