/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_maps.h - the BPF maps behind the unwind tables, as memory and two calls, so that those who
 * fill them need no kernel to be tested.
 *
 * A slab is a BPF array of its own that is put into an array of maps, which makes the kernel wait
 * for all CPUs (12 ms): a thread does that, and the event loop takes the result when it is there.
 */
#ifndef PROFD_UNWIND_MAPS_H
#define PROFD_UNWIND_MAPS_H

#include "cleanup.h"
#include "unwind_table.h"

#include <stdbool.h>
#include <stdint.h>

struct unwind_backend {
	void *ctx;
	struct unwind_file *files; /* UNWIND_FILES_MAX */
	/* Memory for slab `number`, the next one: 0; -EAGAIN while it is being made, ask again; or
	 * what went wrong, and then it can be asked for later. */
	int (*slab)(void *ctx, uint32_t number, uint64_t **ret_words);
	int (*set_process)(void *ctx, uint32_t pid, const struct unwind_process *process);
	void (*remove_process)(void *ctx, uint32_t pid);
};

struct unwind_maps;

/* Descriptors of the maps of bpf/unwind.bpf.h, borrowed. Makes the first slab at once. */
int unwind_maps_new(int slabs_fd, int files_fd, int processes_fd, struct unwind_maps **ret);
struct unwind_maps *unwind_maps_free(struct unwind_maps *maps);
DEFINE_CLEANUP(struct unwind_maps *, unwind_maps_free);

/* Valid as long as the maps are. */
const struct unwind_backend *unwind_maps_backend(const struct unwind_maps *maps);

#endif
