/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbol_files.h - the files that addresses can be named in, by the number the daemon gave them.
 *
 * Holds a descriptor per file and, for the ones in use, an index of symbols; indexes beyond the
 * budget are dropped, least recently used first, and built anew when asked again. Knows nothing of
 * processes or paths: it is the part of profd that reads foreign files, made to move into a
 * process without privilege as it is.
 */
#ifndef PROFD_SYMBOL_FILES_H
#define PROFD_SYMBOL_FILES_H

#include "elf_identity.h"
#include "elf_symbols.h"

#include <stddef.h>
#include <stdint.h>

struct symbol_files;

/* Indexes together stay below `budget_bytes` (one may be larger), files below `max_files`. */
int symbol_files_new(size_t budget_bytes, size_t max_files, struct symbol_files **ret);
struct symbol_files *symbol_files_free(struct symbol_files *files);

/*
 * Takes `fd` as file `number` (not in use yet) and tells its identity. On failure the descriptor
 * is closed. Errors: -EMFILE too many files; -EIO and others of reading; -ENOMEM.
 */
int symbol_files_add(struct symbol_files *files, uint32_t number, int take_fd,
		     struct elf_identity *ret);
/* Forgets a file; nothing happens when it is not there. */
void symbol_files_remove(struct symbol_files *files, uint32_t number);

/*
 * The demangled name of the function at `offset`, on the heap. Errors: -ENOENT no symbol covers
 * it; -EBADMSG the file is broken; -ESTALE no such file; -EFBIG, -ENOMEM, -EIO.
 */
int symbol_files_name(struct symbol_files *files, uint32_t number, uint64_t offset, char **ret);

#endif
