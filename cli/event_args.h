/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_args.h - the flags that say which time is asked for (--event) and which waits (--reason),
 * shared by the commands that have them.
 */
#ifndef PROFD_EVENT_ARGS_H
#define PROFD_EVENT_ARGS_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "wait_reason.h"

#define EVENT_DEVICES_MAX 64

struct event_args {
	enum event event;			/* the command's default is set before parsing */
	uint32_t reasons;			/* 1 << enum wait_reason; 0 = any */
	const char *devices[EVENT_DEVICES_MAX]; /* names of block devices */
	uint32_t n_devices;			/* 0 = any */
};

/* Adds the name of a device, as "sda" or "/dev/sda". 0, or -ENOSPC beyond EVENT_DEVICES_MAX. */
int event_args_add_device(struct event_args *args, const char *name);

/* Child parser for a command's argp; its input is a struct event_args. What cannot be ends the
 * program with EXIT_USAGE. Which events a command has is its own matter. */
extern const struct argp event_argp;

static inline bool event_args_has_reason(const struct event_args *args, enum wait_reason reason)
{
	return args->reasons == 0 || args->reasons >> (unsigned int)reason & 1;
}

/* The flags as they would be typed again, with a leading blank; "" when nothing was asked but
 * `usual`. */
void event_args_print(const struct event_args *args, enum event usual, char *buf, size_t size);

#endif
