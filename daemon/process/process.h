/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - the processes that were sampled, by (pid, start time): executable and mappings.
 *
 * A process is read from /proc when its first sample arrives, again after an exec (the exec id of
 * the sample tells; an image that was replaced before it was read is gone, and is not taken for its
 * successor), and again, at a falling rate, when an address turns up that lies in no mapping
 * (dlopen, JIT). One that is gone by then stays in the table as gone. Without samples for some
 * buckets it is forgotten, so that the table is bounded by what runs, not by what ever ran.
 */
#ifndef PROFD_PROCESS_H
#define PROFD_PROCESS_H

#include "process/files.h"
#include "process/mappings.h"

#define PROCESSES_MAX 8192

struct process_key {
	uint32_t pid;
	uint32_t exec_id;
	uint64_t start_boot_ns;
	uint64_t start_code, end_code; /* of the image that was sampled; 0 = not known */
};

struct process {
	struct process_key key;
	bool gone;	 /* it ended before it was read: no mappings, no exe */
	const char *exe; /* "" when unknown; on the heap */
	struct mappings mappings;
	uint64_t read_mono_ns;	 /* when it was read */
	uint64_t reread_wait_ns; /* not read again before; doubles when that brought nothing new */
	uint32_t idle;		 /* sweeps since it was sampled */
};

struct process_table;

struct process_counters {
	uint64_t n_read;	     /* readings of /proc/PID */
	uint64_t n_gone;	     /* processes that were gone by then */
	uint64_t n_refused;	     /* beyond PROCESSES_MAX */
	uint64_t n_mappings_dropped; /* beyond MAPPINGS_MAX, or lines that do not parse */
};

/* `files` is borrowed; `proc` is "/proc" but in tests. */
int process_table_new(const char *proc, struct files *files, struct process_table **ret);
struct process_table *process_table_free(struct process_table *table);
DEFINE_CLEANUP(struct process_table *, process_table_free);

/* The process of a sample, read if need be; NULL when the table is full. Valid until the next
 * call of this or of process_table_sweep(). */
struct process *process_table_get(struct process_table *table, const struct process_key *key,
				  uint64_t now_mono_ns);

struct process_place {
	enum location_kind kind; /* LOCATION_JIT in anonymous memory, else LOCATION_FILE */
	uint32_t file;		 /* number of symbolize.h */
	uint64_t offset;
};

/*
 * Where a user address lies. Returns 0; -ENOENT when it lies in no executable
 * mapping, -ESRCH when the process is gone. `is_leaf`: it was running there, so that an address in
 * no mapping means new mappings; a caller's may be garbage, for which /proc is read more seldom.
 */
int process_locate(struct process_table *table, struct process *process, uint64_t addr,
		   bool is_leaf, uint64_t now_mono_ns, struct process_place *ret);

/* Forgets processes that were not sampled since six calls; every ten seconds, say. */
void process_table_sweep(struct process_table *table);
/* Forgets files that no process of the table maps; once a bucket, because a bucket that is not
 * finished refers to files by number. */
void process_table_sweep_files(struct process_table *table);

const struct process_counters *process_table_counters(const struct process_table *table);

#endif
