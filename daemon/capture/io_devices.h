/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * io_devices.h - which block devices stand on others, as sysfs says when a device is first seen.
 * What a device is called the kernel's side says itself, for the life of it that is meant.
 */
#ifndef PROFD_IO_DEVICES_H
#define PROFD_IO_DEVICES_H

#include "cleanup.h"
#include "record/io_table.h"
#include "wire.h"

struct io_devices;

/* `sysfs` is "/sys/dev/block" but in tests. */
int io_devices_new(const char *sysfs, struct io_devices **ret);
struct io_devices *io_devices_free(struct io_devices *devices);
DEFINE_CLEANUP(struct io_devices *, io_devices_free);

/*
 * The device for a bucket; the name is borrowed. It is stacked when it has slaves (dm, md, bcache),
 * or is a loop device on a file of a filesystem that is itself on a block device. One that is gone
 * before it is looked at is not; nor is a loop device on a filesystem with a device number of its
 * own, as btrfs has.
 */
struct io_device io_devices_get(struct io_devices *devices, const struct wire_io_device *device,
				const char *name);

#endif
