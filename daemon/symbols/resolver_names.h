/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver_names.h - identities and names from a profd-resolver that may fail: which files it was
 * given, and which of them it failed by.
 *
 * Keeps a descriptor of each file, so that a process that was started again is given them again. A
 * file that is to blame for an end of the process (resolver_process_blames()) is broken from then
 * on, and never given to it again: one file costs two restarts, if nobody kills the process.
 * Belongs to the thread of resolver_client.h.
 */
#ifndef PROFD_RESOLVER_NAMES_H
#define PROFD_RESOLVER_NAMES_H

#include "resolver/elf_identity.h"
#include "symbols/resolver_client.h"
#include "symbols/resolver_process.h"

struct resolver_names;

/* `cancel_fd` as in resolver_process.h; both are borrowed. May be called by another thread than the
 * one that uses it from then on. Returns 0 or -ENOMEM. */
int resolver_names_new(const struct resolver_program *program, int cancel_fd,
		       struct resolver_names **ret);
struct resolver_names *resolver_names_free(struct resolver_names *names);
/* Starts the process if it can be, otherwise that is done when it is needed. */
void resolver_names_begin(struct resolver_names *names);

/* Takes `fd` as file `number` and tells its identity. Errors: -EMFILE too many, -EEXIST, -ENOMEM,
 * -EBADMSG the process failed by it, -ECANCELED; those of reading the file. */
int resolver_names_add(struct resolver_names *names, uint32_t number, int take_fd,
		       struct elf_identity *ret);
void resolver_names_remove(struct resolver_names *names, uint32_t number);

/* Answers `n` (RESOLVER_QUESTIONS_MAX at most) questions in `answers`, which have the question
 * already and are put into another order. Returns 0 or -ECANCELED: then some have no answer. */
int resolver_names_find(struct resolver_names *names, struct resolver_name *answers, size_t n);

/* As resolver_process_failures() has it, for any thread. */
uint64_t resolver_names_failures(const struct resolver_names *names);

#endif
