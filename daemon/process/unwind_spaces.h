/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_spaces.h - the mappings of processes, as the walker reads them.
 *
 * Each process has an array of its own, by address, which is replaced as a whole: written beside
 * the old one, and then the process's entry is changed over. The entry says of which image it is,
 * so that a process that executed another program meanwhile is not walked by it.
 */
#ifndef PROFD_UNWIND_SPACES_H
#define PROFD_UNWIND_SPACES_H

#include "process/mappings.h"
#include "process/proc_pid.h"
#include "process/unwind_tables.h"

struct unwind_spaces;

/* All are borrowed. */
int unwind_spaces_new(struct unwind_slabs *slabs, struct unwind_tables *tables,
		      const struct unwind_backend *backend, struct unwind_spaces **ret);
struct unwind_spaces *unwind_spaces_free(struct unwind_spaces *spaces);
DEFINE_CLEANUP(struct unwind_spaces *, unwind_spaces_free);

/*
 * Makes these the mappings of the process. Files that have a number and no rows yet become wanted.
 * Returns 0; -EAGAIN when there is room in a moment; -ENOSPC when there is none, and that is
 * counted; in both cases it is as it was; -ENOMEM, -E2BIG
 * when the map is full.
 */
int unwind_spaces_publish(struct unwind_spaces *spaces, const struct process_key *key,
			  const struct mappings *mappings, uint64_t now_mono_ns);
/* Takes away what is known of the pid, if it is of the life that began then; 0: of any. */
void unwind_spaces_forget(struct unwind_spaces *spaces, uint32_t pid, uint64_t start_boot_ns,
			  uint64_t now_mono_ns);

/* Times that mappings found no room. */
uint64_t unwind_spaces_refused(const struct unwind_spaces *spaces);

#endif
