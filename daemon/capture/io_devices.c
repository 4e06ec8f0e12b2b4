// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_devices.c - see io_devices.h.
 */
#include "capture/io_devices.h"

#include "growable.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define KNOWN_MAX 4096u

struct known {
	struct wire_io_device device;
	bool is_stacked;
};

struct io_devices {
	char *sysfs;
	struct known *known;
	uint32_t n_known, cap_known;
};

int io_devices_new(const char *sysfs, struct io_devices **ret)
{
	_cleanup_(io_devices_freep) struct io_devices *devices = calloc(1, sizeof(*devices));

	if (!devices || !(devices->sysfs = strdup(sysfs)))
		return -ENOMEM;
	*ret = take_ptr(devices);
	return 0;
}

struct io_devices *io_devices_free(struct io_devices *devices)
{
	if (!devices)
		return NULL;
	free(devices->known);
	free(devices->sysfs);
	free(devices);
	return NULL;
}

static bool has_slaves(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	bool found = false;

	while (dir && !found && (entry = readdir(dir)))
		found = entry->d_name[0] != '.';
	if (dir)
		(void)closedir(dir);
	return found;
}

/* Device numbers of major 0 are those of filesystems without a device. */
static bool is_on_device(const char *backing_file)
{
	_cleanup_fclose_ FILE *f = fopen(backing_file, "re");
	char path[PATH_MAX];
	struct stat st;

	if (!f || !fgets(path, sizeof(path), f))
		return false;
	path[strcspn(path, "\n")] = '\0';
	if (stat(path, &st) < 0)
		return false;
	return S_ISBLK(st.st_mode) || major(st.st_dev) != 0;
}

static bool look_at(const struct io_devices *devices, const struct wire_io_device *device)
{
	char path[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s/%" PRIu32 ":%" PRIu32 "/slaves", devices->sysfs,
		       device->major, device->minor);
	if (has_slaves(path))
		return true;
	(void)snprintf(path, sizeof(path), "%s/%" PRIu32 ":%" PRIu32 "/loop/backing_file",
		       devices->sysfs, device->major, device->minor);
	return is_on_device(path);
}

struct io_device io_devices_get(struct io_devices *devices, const struct wire_io_device *device,
				const char *name)
{
	struct io_device ret = {device->major, device->minor, device->diskseq, name, false};

	for (uint32_t i = devices->n_known; i > 0; i--) {
		const struct known *known = &devices->known[i - 1];

		if (memcmp(&known->device, device, sizeof(*device)) == 0) {
			ret.is_stacked = known->is_stacked;
			return ret;
		}
	}
	ret.is_stacked = look_at(devices, device);
	/* Those that came and went are forgotten all at once. */
	if (devices->n_known >= KNOWN_MAX)
		devices->n_known = 0;
	if (GROWABLE_RESERVE(devices, known) == 0)
		devices->known[devices->n_known++] = (struct known){*device, ret.is_stacked};
	return ret;
}
