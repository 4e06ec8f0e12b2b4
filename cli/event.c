// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event.c - see event.h.
 */
#include "event.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name, *counts;
	enum sample_type types[EVENT_TYPES_MAX]; /* SAMPLE_NONE ends them */
} events[EVENT_MAX] = {
	[EVENT_CPU] = {"cpu", "samples", {SAMPLE_CPU}},
	[EVENT_OFFCPU] = {"offcpu", "waits", {SAMPLE_OFFCPU}},
	[EVENT_RUNQ] = {"runq", "waits", {SAMPLE_RUNQ}},
	[EVENT_WALL] = {"wall", "samples", {SAMPLE_CPU, SAMPLE_RUNQ, SAMPLE_OFFCPU}},
	[EVENT_WAKER] = {"waker", "waits", {SAMPLE_WAKER}},
	[EVENT_BLOCKIO] = {"blockio", "I/Os", {SAMPLE_BLOCKIO}},
	[EVENT_BLOCKIO_BYTES] = {"blockio_bytes", "I/Os", {SAMPLE_BLOCKIO_BYTES}},
};

const char *event_name(enum event event)
{
	return event < EVENT_MAX ? events[event].name : "";
}

const char *event_counts(enum event event)
{
	return event < EVENT_MAX ? events[event].counts : "";
}

int event_parse(const char *text, enum event *ret)
{
	for (unsigned int i = 0; i < EVENT_MAX; i++) {
		if (strcmp(text, events[i].name) == 0) {
			*ret = (enum event)i;
			return 0;
		}
	}
	return -EINVAL;
}

unsigned int event_types(enum event event, enum sample_type ret[EVENT_TYPES_MAX])
{
	unsigned int n = 0;

	while (event < EVENT_MAX && n < EVENT_TYPES_MAX && events[event].types[n] != SAMPLE_NONE) {
		ret[n] = events[event].types[n];
		n++;
	}
	return n;
}

bool event_is_wait(enum sample_type type)
{
	return type == SAMPLE_OFFCPU || type == SAMPLE_RUNQ || type == SAMPLE_WAKER;
}

bool event_has_ledger(enum sample_type type)
{
	return type == SAMPLE_OFFCPU || type == SAMPLE_RUNQ;
}
