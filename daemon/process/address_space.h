/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * address_space.h - the program that a process runs and what of it is mapped; shared by a process
 * and the children that it forked until one of them maps something or executes a program.
 */
#ifndef PROFD_ADDRESS_SPACE_H
#define PROFD_ADDRESS_SPACE_H

#include "cleanup.h"
#include "process/mappings.h"

#include <stdbool.h>

struct address_space {
	uint32_t n_refs;
	size_t *total_bytes; /* of all spaces of the table, this one's among them */
	size_t bytes;	     /* this one's, as counted there */
	uint64_t swept;	     /* the last sweep of files that has seen it */
	bool numbered;	     /* its files were looked for since the last change */
	uint32_t n_numbered_tries;
	uint32_t changes; /* of mappings and of their files' numbers */
	char *exe;	  /* "" when unknown */
	struct mappings mappings;
};

/* An empty one, whose memory is counted in *total_bytes as long as it lives. NULL when memory is
 * out. */
struct address_space *address_space_new(size_t *total_bytes);
/* Counts anew what it takes; to be called when its mappings were changed from outside. */
void address_space_account(struct address_space *space);
struct address_space *address_space_ref(struct address_space *space);
/* Gives one reference back. Accepts NULL; returns NULL. */
struct address_space *address_space_unref(struct address_space *space);
DEFINE_CLEANUP(struct address_space *, address_space_unref);

/* Makes *space the caller's alone, to be changed. 0 or -ENOMEM, and then it is as it was. */
int address_space_own(struct address_space **space);

/* A mapping that was just made; the first file mapped since the program was executed is the program
 * (fs/binfmt_elf.c, load_elf_binary()). 0 or -ENOMEM. */
int address_space_map(struct address_space **space, const struct mapping *mapping,
		      const char *path);

/* Takes over the file numbers of equal mappings. Returns whether all are equal. */
bool address_space_carry_files(const struct address_space *from, struct address_space *to);

/* Copies the path, without " (deleted)". Without memory it stays as it was. */
void address_space_set_exe(struct address_space *space, const char *path);

#endif
