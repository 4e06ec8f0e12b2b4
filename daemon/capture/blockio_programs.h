/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * blockio_programs.h - the BPF programs behind block I/O: loaded, attached, and their exact sums
 * read. Samples of who submits come by the ring of the CPU collector, which lends it and the tables
 * for user stacks; their records are wire.h's.
 *
 * They may fail alone: then profd has no block I/O, and says why.
 */
#ifndef PROFD_BLOCKIO_PROGRAMS_H
#define PROFD_BLOCKIO_PROGRAMS_H

#include "cleanup.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct blockio_programs;

struct blockio_options {
	uint32_t stacks_per_s; /* per CPU, about */
	uint32_t user_frames_max, kernel_frames_max;
	bool safe_mode;	       /* user memory is not read */
	bool without_bpf_loop; /* walks as on kernels before 5.17 */
	/* Descriptors of the CPU collector's maps, borrowed for blockio_programs_new(). */
	int events, drops, processes_seen, unwind_slabs, unwind_files, unwind_processes;
};

/* Loads; nothing is traced yet. Returns 0 or negative errno with a sentence in `why`. */
int blockio_programs_new(const struct blockio_options *options, struct blockio_programs **ret,
			 char *why, size_t size);
struct blockio_programs *blockio_programs_free(struct blockio_programs *programs);
DEFINE_CLEANUP(struct blockio_programs *, blockio_programs_free);

/* From now on I/O is counted, and records come. */
int blockio_programs_attach(struct blockio_programs *programs, char *why, size_t size);
/* No more is; what was counted can still be read. */
void blockio_programs_detach(struct blockio_programs *programs);

/*
 * Calls `each` for every device, operation and flags that there was I/O of, with what each of
 * `n_cpus` CPUs counted since the start; one that returns 1 is removed, when its device is gone,
 * and `removed` says so: one of its key begins at 0.
 * Returns 0, -ENOMEM, or what the kernel said.
 */
int blockio_programs_read(struct blockio_programs *programs,
			  int (*each)(void *ctx, const struct wire_io_key *key,
				      const struct wire_io_sums *sums, uint32_t n_cpus),
			  void (*removed)(void *ctx, const struct wire_io_key *key), void *ctx);

/* Events at which a program was not run, because it ran already on that CPU. */
uint64_t blockio_programs_missed(const struct blockio_programs *programs);

#endif
