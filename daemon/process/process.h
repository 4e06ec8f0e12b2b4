/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - the processes of the machine by pid: which life of the pid, which program, and what
 * is mapped where.
 *
 * The side-band (process_events.h) says what happens to them, in the order of time and between the
 * samples. /proc is read for a process that was there before, or of which records were lost: ahead
 * of its sample's turn (process_table_look_ahead()), while it lives. A process that is neither
 * known nor to be found is gone, and stays in the table as such. What is not sampled is forgotten
 * after a while, and at once when it has ended, so that the table is bounded by what runs, not by
 * what ever ran.
 */
#ifndef PROFD_PROCESS_H
#define PROFD_PROCESS_H

#include "process/address_space.h"
#include "process/files.h"
#include "process/proc_pid.h"

#define PROCESSES_MAX 8192

/* What /proc said before the sample's turn. */
struct process_ahead {
	struct address_space *space; /* NULL = nothing */
	struct process_key key;	     /* pid 0 = not tried */
	bool gone;		     /* it was tried, and was not that process or image any more */
	uint64_t read_mono_ns;
};

struct process {
	struct process_key key;	     /* start_boot_ns 0: forked, and not sampled yet */
	struct address_space *space; /* NULL when it is not known */
	struct process_ahead ahead;
	bool gone;		 /* it ended before it was read: no mappings, no exe */
	bool image_open;	 /* the exec id of its image is told by its next sample */
	bool sampled;		 /* ever */
	bool exited;		 /* its first thread has; others may go on */
	uint32_t parent_pid;	 /* 0 = not known */
	uint64_t read_mono_ns;	 /* when `space` was read from /proc; 0 = never */
	uint64_t tried_mono_ns;	 /* when that was tried last */
	uint64_t reread_wait_ns; /* not tried again before; doubles when that brought nothing new */
	uint64_t healed_mono_ns; /* when it was read because records were lost; 0 = never */
	uint64_t n_gaps;	 /* of the table when `space` was right */
	uint32_t idle;		 /* sweeps since it was sampled */
	/* What the walker was told of it; compared only, it may be gone. */
	const struct address_space *published;
	uint32_t published_changes, published_exec_id;
	uint64_t published_start_code;
	uint64_t ahead_until_ns;  /* what was read of /proc for the walker is newer than `space` */
	uint64_t refresh_mono_ns; /* when that was done last, and how long it is not done again */
	uint64_t refresh_wait_ns;
};

struct process_table;
struct unwind_spaces;

struct process_counters {
	uint64_t n_read;	     /* readings of /proc/PID */
	uint64_t n_gone;	     /* processes that were gone by then */
	uint64_t n_refused;	     /* beyond PROCESSES_MAX */
	uint64_t n_mappings_dropped; /* beyond MAPPINGS_MAX, or lines that do not parse */
	uint64_t n_healed;	     /* read again because records were lost */
};

/* `files` is borrowed; `proc` is "/proc" but in tests. */
int process_table_new(const char *proc, struct files *files, struct process_table **ret);
struct process_table *process_table_free(struct process_table *table);
DEFINE_CLEANUP(struct process_table *, process_table_free);

/* Where the mappings of sampled processes are published for the walker; borrowed. */
void process_table_set_unwind(struct process_table *table, struct unwind_spaces *unwind);

/* CLOCK_BOOTTIME less CLOCK_MONOTONIC: starts of processes are in the one, records in the other. It
 * grows when the machine sleeps. */
void process_table_set_boot_offset(struct process_table *table, uint64_t offset_ns);

/* A sample of that process has come, but is not its turn yet: reads of /proc and opens what may be
 * gone by then. `unknown_code`: the walk ended in code that it knows no mapping of, so that there
 * is a new one, of which the records' turn has not come either. */
void process_table_look_ahead(struct process_table *table, const struct process_key *key,
			      bool unknown_code, uint64_t now_mono_ns);

/* The process of a sample whose turn it is, read if need be; NULL when the table is full. Valid
 * until the next call of any function with the table. */
struct process *process_table_get(struct process_table *table, const struct process_key *key,
				  uint64_t now_mono_ns);

/* Path of the program, "" when unknown. Valid as the process is. */
const char *process_exe(const struct process *process);

/* The same of that life of the pid, if the table knows it; nothing is read for it, nor learned. For
 * threads that have no memory to tell their image by: those of the kernel, and one at its end. */
const char *process_table_exe(const struct process_table *table, uint32_t pid,
			      uint64_t start_boot_ns);

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

/* Whether every end of a process is told (process_events.h): then what is idle is kept for an hour,
 * so that the walker knows the mappings of a process that runs once a minute. */
void process_table_set_followed(struct process_table *table, bool followed);
/* Forgets processes that have ended, and those not sampled since six calls, or 360; every ten
 * seconds. */
void process_table_sweep(struct process_table *table);
/* Forgets files that no process of the table maps; once a bucket, because a bucket that is not
 * finished refers to files by number. */
void process_table_sweep_files(struct process_table *table);

/* How many processes it holds. */
uint32_t process_table_size(const struct process_table *table);
const struct process_counters *process_table_counters(const struct process_table *table);

#endif
