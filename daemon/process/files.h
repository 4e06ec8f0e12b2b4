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

/* Takes the opener's answers in. */
void files_dispatch(struct files *files);

/* Says that a file is still mapped; files_sweep() forgets those that were not
 * for 2 sweeps. */
void files_keep(struct files *files, uint32_t number);
void files_sweep(struct files *files);

#endif
