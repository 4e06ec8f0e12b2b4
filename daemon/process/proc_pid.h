/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc_pid.h - what /proc/PID says of a process: for processes that were there before profd, and
 * after records of the side-band were lost.
 */
#ifndef PROFD_PROC_PID_H
#define PROFD_PROC_PID_H

#include "process/address_space.h"

/* Which process and which image of it, as a sample tells. */
struct process_key {
	uint32_t pid;
	uint32_t tid;	  /* a thread of it, for when the first one has ended; 0 = not known */
	uint32_t exec_id; /* counts its execs */
	uint64_t start_boot_ns;
	uint64_t start_code, end_code; /* of the image; 0 = not known */
};

struct proc_pid;

/* `proc` is "/proc" but in tests; what is read counts in *total_bytes (address_space.h). */
int proc_pid_new(const char *proc, size_t *total_bytes, struct proc_pid **ret);
struct proc_pid *proc_pid_free(struct proc_pid *proc);

/*
 * Reads executable and mappings. Returns 0; -ESRCH when that process is gone, or its pid is another
 * one's, or it runs another image by now; -errno of open(2) and read(2); -ENOMEM. The result is the
 * caller's.
 */
int proc_pid_read(struct proc_pid *proc, const struct process_key *key, struct address_space **ret);

/* The same of the parent of a child that is gone and never executed a program, `child`: both have
 * the same image, and the parent began no later. */
int proc_pid_read_parent(struct proc_pid *proc, uint32_t parent_pid,
			 const struct process_key *child, struct address_space **ret);

#endif
