// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event_args.c - see event_args.h.
 */
#include "event_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { OPTION_REASON = 0x200, OPTION_DEVICE };

#define REASON_MAX 32

/* A reason as it is typed: '-' for a blank, which would need quotes. */
static void print_reason(enum wait_reason reason, char buf[REASON_MAX])
{
	(void)snprintf(buf, REASON_MAX, "%s", wait_reason_name(reason));
	for (char *p = buf; *p; p++)
		if (*p == ' ')
			*p = '-';
}

/* "disk, lock, ..., pipe-read" */
static void list_reasons(char *buf, size_t size)
{
	char name[REASON_MAX];
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 1; i < WAIT_REASON_MAX && used < size; i++) {
		print_reason((enum wait_reason)i, name);
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 1 ? ", " : "", name);
	}
}

/* Whatever the case, and with blanks too. */
static int add_reason(struct event_args *args, const char *text, size_t len)
{
	char wanted[REASON_MAX], name[REASON_MAX];

	if (len >= sizeof(wanted))
		return -EINVAL;
	memcpy(wanted, text, len);
	wanted[len] = '\0';
	for (char *p = wanted; *p; p++)
		if (*p == ' ')
			*p = '-';
	for (unsigned int i = 1; i < WAIT_REASON_MAX; i++) {
		print_reason((enum wait_reason)i, name);
		if (strcasecmp(name, wanted) == 0) {
			args->reasons |= 1u << i;
			return 0;
		}
	}
	return -EINVAL;
}

static void parse_reasons(struct event_args *args, const char *text, struct argp_state *state)
{
	char known[256];

	for (const char *p = text;; p++) {
		size_t len = strcspn(p, ",");

		if (add_reason(args, p, len) < 0) {
			list_reasons(known, sizeof(known));
			argp_error(state, "--reason '%s': give some of %s, with commas between",
				   text, known);
		}
		p += len;
		if (*p == '\0')
			return;
	}
}

int event_args_add_device(struct event_args *args, const char *name)
{
	static const char folder[] = "/dev/";

	if (args->n_devices >= EVENT_DEVICES_MAX)
		return -ENOSPC;
	if (strncmp(name, folder, sizeof(folder) - 1) == 0)
		name += sizeof(folder) - 1;
	args->devices[args->n_devices++] = name;
	return 0;
}

static void check(const struct event_args *args, struct argp_state *state)
{
	if (args->reasons &&
	    (args->event == EVENT_CPU || args->event == EVENT_WAKER || event_is_io(args->event)))
		argp_error(state,
			   "--reason: of %s time there is none; give --event offcpu or wall as "
			   "well",
			   event_name(args->event));
	if (args->event == EVENT_RUNQ && !event_args_has_reason(args, WAIT_REASON_CPU))
		argp_error(state, "--reason: run-queue time has no reason but cpu; give --event "
				  "offcpu");
	if (args->n_devices && !event_is_io(args->event))
		argp_error(state, "--device: %s time is of no device; give --event blockio as well",
			   event_name(args->event));
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct event_args *args = state->input;

	switch (key) {
	case 'e':
		if (event_parse(arg, &args->event) < 0)
			argp_error(state,
				   "--event '%s': give cpu, offcpu, runq, wall, waker, "
				   "blockio or blockio_bytes",
				   arg);
		return 0;
	case OPTION_REASON:
		parse_reasons(args, arg, state);
		return 0;
	case OPTION_DEVICE:
		if (event_args_add_device(args, arg) < 0)
			argp_error(state, "--device: at most %d can be given", EVENT_DEVICES_MAX);
		return 0;
	case ARGP_KEY_END:
		check(args, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{.name = "event",
	 .key = 'e',
	 .arg = "EVENT",
	 .doc = "Which time: cpu, offcpu (blocked), runq (waiting for a CPU), wall (the three "
		"together), waker (blocked, by who ended it), blockio (of block devices) or "
		"blockio_bytes (what they read and wrote)"},
	{.name = "reason",
	 .key = OPTION_REASON,
	 .arg = "REASON[,...]",
	 .doc = "Only waits for this: disk, lock, sleep, poll, pipe-read, ...; see profctl(1)"},
	{.name = "device",
	 .key = OPTION_DEVICE,
	 .arg = "NAME",
	 .doc = "Only block I/O of this device, as in sda"},
	{0},
};

const struct argp event_argp = {.options = options, .parser = parse};

void event_args_print(const struct event_args *args, enum event usual, char *buf, size_t size)
{
	const char *before = " --reason ";
	size_t used = 0;

	buf[0] = '\0';
	if (args->event != usual)
		used += (size_t)snprintf(buf, size, " --event %s", event_name(args->event));
	for (unsigned int i = 1; i < WAIT_REASON_MAX && used < size; i++) {
		char name[REASON_MAX];

		if (!(args->reasons >> i & 1))
			continue;
		print_reason((enum wait_reason)i, name);
		used += (size_t)snprintf(buf + used, size - used, "%s%s", before, name);
		before = ",";
	}
	for (uint32_t i = 0; i < args->n_devices && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, " --device %s", args->devices[i]);
}
