/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event.h - what a command is asked about (--event): one kind of time, or all of a thread's time
 * together. Which sample types of the store that is, and what each is called.
 */
#ifndef PROFD_EVENT_H
#define PROFD_EVENT_H

#include <stdbool.h>

#include "profile.h"

enum event {
	EVENT_CPU,	     /* on a CPU */
	EVENT_OFFCPU,	     /* blocked */
	EVENT_RUNQ,	     /* runnable, no CPU free */
	EVENT_WALL,	     /* the three together */
	EVENT_WAKER,	     /* blocked, by who ended it */
	EVENT_BLOCKIO,	     /* of block devices, by who asked */
	EVENT_BLOCKIO_BYTES, /* what they read and wrote, in bytes */
	EVENT_MAX
};

#define EVENT_TYPES_MAX 3

/* "cpu", "offcpu", ..., "" out of range. */
const char *event_name(enum event event);
/* What its counts count: "samples", "waits" or "I/Os". */
const char *event_counts(enum event event);
/* Returns 0 or -EINVAL. */
int event_parse(const char *text, enum event *ret);

/* Its sample types, the first one first. Returns how many. */
unsigned int event_types(enum event event, enum sample_type ret[EVENT_TYPES_MAX]);

/* Whether it is about what block devices did. */
static inline bool event_is_io(enum event event)
{
	return event == EVENT_BLOCKIO || event == EVENT_BLOCKIO_BYTES;
}

/* Whether the waits of a type have a class (wait_class.h). */
bool event_is_wait(enum sample_type type);
/* Whether the ledger has the total of a type's waits. */
bool event_has_ledger(enum sample_type type);

#endif
