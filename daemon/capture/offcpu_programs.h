/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * offcpu_programs.h - the BPF programs behind waiting time and the ledger: loaded, attached, and
 * their passes over all threads opened for reading. What is in their records is wire.h's.
 *
 * They fill the ring of the CPU collector and walk user stacks by its tables, which it lends them.
 * They may fail alone: then profd samples CPU time, and says why it has no more.
 */
#ifndef PROFD_OFFCPU_PROGRAMS_H
#define PROFD_OFFCPU_PROGRAMS_H

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct offcpu_programs;

struct offcpu_options {
	uint32_t stacks_per_s;	  /* of waits, per CPU, about */
	uint32_t user_frames_max; /* of a long wait's stack; of a switch WIRE_SWITCH_FRAMES_MAX */
	uint32_t kernel_frames_max;
	bool safe_mode;	       /* user memory is not read */
	bool wakers;	       /* who ended a wait is asked as well */
	bool without_bpf_loop; /* for tests: walks as on kernels before 5.17 */
	/* Descriptors of the CPU collector's maps, borrowed for offcpu_programs_new(). */
	int events, drops, processes_seen, unwind_slabs, unwind_files, unwind_processes;
};

/* Loads; nothing is traced yet. Returns 0 or negative errno with a sentence in `why`: -EPERM and
 * -EACCES without CAP_BPF and CAP_PERFMON, else what the kernel said. */
int offcpu_programs_new(const struct offcpu_options *options, struct offcpu_programs **ret,
			char *why, size_t size);
struct offcpu_programs *offcpu_programs_free(struct offcpu_programs *programs);
DEFINE_CLEANUP(struct offcpu_programs *, offcpu_programs_free);

/* From now on records come. Threads that are there already are found by a first pass. */
int offcpu_programs_attach(struct offcpu_programs *programs, char *why, size_t size);
/* No record comes any more; passes can still be opened. */
void offcpu_programs_detach(struct offcpu_programs *programs);

/* A new descriptor from which one pass of the ledger over all threads can be read, in records of
 * kind WIRE_LEDGER; negative errno. The caller closes it. */
int offcpu_programs_open_pass(const struct offcpu_programs *programs);

/* The same for user stacks of waits that go on and that the pass before found to have none: 200
 * records of kind WIRE_WAIT_BEGIN at most. Reading it sleeps. -ENOTSUP on a kernel without. */
int offcpu_programs_open_stacks(const struct offcpu_programs *programs);

/* Shuts the gate of CPUs that switch too often for a look at each switch, and opens it again; to be
 * called about once a second. */
void offcpu_programs_watch(struct offcpu_programs *programs, uint64_t now_mono_ns);
/* CPUs behind a shut gate. */
uint32_t offcpu_programs_gates(const struct offcpu_programs *programs);

#endif
