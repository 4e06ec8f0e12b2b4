// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * export_file.c - a file that appears under its name when it is complete, or not at all.
 */
#include "export_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

static int open_temporary(struct export_file *file)
{
	mode_t mask = umask(0);
	int fd, r;

	(void)umask(mask);
	r = snprintf(file->temporary, sizeof(file->temporary), "%s.XXXXXX", file->path);
	if (r < 0 || (size_t)r >= sizeof(file->temporary)) {
		file->temporary[0] = '\0';
		return -ENAMETOOLONG;
	}
	fd = mkostemp(file->temporary, O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		file->temporary[0] = '\0';
		return r;
	}
	/* mkostemp() makes it private; the file asked for is an ordinary one. */
	if (fchmod(fd, 0666 & ~mask) < 0) {
		r = -errno;
		(void)close(fd);
		return r;
	}
	return fd;
}

int export_file_open(struct export_file *file, const char *path, bool keep_existing)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	*file = (struct export_file){.keep_existing = keep_existing};
	if (strlen(path) >= sizeof(file->path))
		return -ENAMETOOLONG;
	(void)strcpy(file->path, path);
	if (stat(path, &st) == 0) {
		if (keep_existing)
			return -EEXIST;
		/* The file behind a link is replaced, not the link. */
		if (!realpath(path, file->path))
			return -errno;
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		if (!S_ISREG(st.st_mode))
			fd = open(file->path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
		if (!S_ISREG(st.st_mode) && fd < 0)
			return -errno;
	}
	if (fd < 0)
		fd = open_temporary(file);
	if (fd < 0) {
		r = fd;
		export_file_done(file);
		return r;
	}
	file->stream = fdopen(fd, "w");
	if (!file->stream) {
		r = -errno;
		export_file_done(file);
		return r;
	}
	(void)take_fd(&fd);
	return 0;
}

/* link() refuses to replace; where there are no links renameat2() may know how to. */
static int name_new(const struct export_file *file)
{
	if (link(file->temporary, file->path) == 0) {
		(void)unlink(file->temporary);
		return 0;
	}
	if (errno == EEXIST)
		return -EEXIST;
	if (renameat2(AT_FDCWD, file->temporary, AT_FDCWD, file->path, RENAME_NOREPLACE) < 0)
		return -errno;
	return 0;
}

int export_file_commit(struct export_file *file, uint64_t *ret_bytes)
{
	FILE *stream = take_ptr(file->stream);
	struct stat st = {0};
	int r = 0;

	if (fflush(stream) != 0 || fstat(fileno(stream), &st) < 0)
		r = -errno;
	if (fclose(stream) != 0 && r == 0)
		r = -errno;
	if (r < 0)
		return r;
	if (file->temporary[0] != '\0') {
		if (file->keep_existing)
			r = name_new(file);
		else if (rename(file->temporary, file->path) < 0)
			r = -errno;
		if (r < 0)
			return r;
		file->temporary[0] = '\0';
	}
	*ret_bytes = (uint64_t)st.st_size;
	return 0;
}

void export_file_done(struct export_file *file)
{
	if (file->stream)
		(void)fclose(file->stream);
	if (file->temporary[0] != '\0')
		(void)unlink(file->temporary);
	file->stream = NULL;
	file->temporary[0] = '\0';
}
