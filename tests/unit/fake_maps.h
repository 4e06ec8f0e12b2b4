/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake_maps.h - the maps of the walker in the test's own memory, behind the backend that the daemon
 * fills (daemon/process/unwind_maps.h).
 */
#ifndef TEST_FAKE_MAPS_H
#define TEST_FAKE_MAPS_H

#include "process/unwind_maps.h"

#define FAKE_PROCESSES_MAX 64

struct fake_process {
	uint32_t pid;
	struct unwind_process process;
};

struct fake_maps {
	struct unwind_backend backend;
	struct unwind_file files[UNWIND_FILES_MAX];
	uint64_t *slabs[UNWIND_SLABS_MAX];
	struct fake_process processes[FAKE_PROCESSES_MAX];
	uint32_t n_processes;
	/* The test's to set. */
	uint32_t processes_max; /* more are refused with -E2BIG */
	int slab_error;		/* what asking for another slab gives, 0 = it is there */
	int set_error;		/* the same of setting a process */
	void (*on_set)(void *ctx, uint32_t pid, const struct unwind_process *process);
	void *on_set_ctx;
	/* What was asked of it. */
	uint32_t n_slabs, n_set, n_removed;
};

struct fake_maps *fake_maps_new(void);
struct fake_maps *fake_maps_free(struct fake_maps *maps);
DEFINE_CLEANUP(struct fake_maps *, fake_maps_free);

/* What the map has for that key, or NULL. */
struct unwind_process *fake_maps_process(struct fake_maps *maps, uint32_t pid);
uint64_t *fake_maps_word(struct fake_maps *maps, uint32_t word);

#endif
