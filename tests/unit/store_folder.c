// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_folder.c - see store_folder.h.
 */
#include "store_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

void store_folder_remove(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	(void)rmdir(path);
}
