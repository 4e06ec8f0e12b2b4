/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.h - which mapped file is which: (device, inode, size, change time) to a file number.
 *
 * Two processes that map the same file share its number, and a file that was written anew under
 * the same name and inode gets another one (compilers do that all day). The kernel is asked with
 * AT_STATX_DONT_SYNC, so that no server is. An O_PATH descriptor is held of each file: while it is,
 * its inode number stays its own, so that the next process that maps it is recognised by the text
 * of its mappings (a look-up below map_files costs ten times as much). Files nobody maps any more
 * are forgotten.
 */
#ifndef PROFD_FILES_H
#define PROFD_FILES_H

#include "process/mappings.h"
#include "process/opener.h"
#include "symbols/symbolize.h"

struct files;

/* Both are borrowed. */
int files_new(struct symbolize *symbolize, struct opener *opener, struct files **ret);
struct files *files_free(struct files *files);
DEFINE_CLEANUP(struct files *, files_free);

/* The file of a mapping of `pid`; a new one is opened in the background. 0 when there are too many
 * files: that is counted by symbolize. */
uint32_t files_number(struct files *files, pid_t pid, const struct mapping *mapping,
		      const char *path);

/* Whether the number is of a file that was reached by its path, for a process that is gone: it says
 * nothing of those who live. */
bool files_is_of_gone(const struct files *files, uint32_t number);

/* Who reads files besides symbolize. */
struct files_reader {
	void *ctx;
	/* The answer to files_reopen(); the descriptor is the callee's, -1 when that failed. */
	void (*reopened)(void *ctx, uint32_t number, int take_fd);
	/* Nobody maps it any more, and its number is forgotten. */
	void (*removed)(void *ctx, uint32_t number);
};

/* Copied; NULL: nobody any more. */
void files_set_reader(struct files *files, const struct files_reader *reader);
/* Opens a file again, in the background, for somebody else who reads it. Returns 0, and then
 * the reader is told, at once or later; -ENOENT when it cannot be reached any more, -EAGAIN when
 * too many wait. */
int files_reopen(struct files *files, uint32_t number);

/* Takes the opener's answers in. */
void files_dispatch(struct files *files);

/* Says that a file is still mapped; files_sweep() forgets those that were not
 * for 6 sweeps. */
void files_keep(struct files *files, uint32_t number);
void files_sweep(struct files *files);

#endif
