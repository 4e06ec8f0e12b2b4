/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export_file.h - a file that appears under its name when it is complete, or not at all.
 */
#ifndef PROFD_EXPORT_FILE_H
#define PROFD_EXPORT_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct export_file {
	FILE *stream;
	char path[PATH_MAX];	  /* links followed */
	char temporary[PATH_MAX]; /* "" when written in place */
	bool keep_existing;
};

/*
 * Opens a temporary file beside `path`; what is no regular file (a device, a FIFO) is opened
 * itself. With keep_existing an existing file is -EEXIST, now or at the end; without, it is
 * replaced. Errors: -EEXIST, or that of the system. After success export_file_done() must follow.
 */
int export_file_open(struct export_file *file, const char *path, bool keep_existing);

/* Flushes, closes and gives the file its name; *ret_bytes is its size. Returns 0 or negative errno;
 * after a failure nothing was made or replaced. */
int export_file_commit(struct export_file *file, uint64_t *ret_bytes);

/* Closes; what was not committed is removed. */
void export_file_done(struct export_file *file);

#endif
