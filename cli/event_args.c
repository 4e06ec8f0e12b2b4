// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event_args.c - see event_args.h.
 */
#include "event_args.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { OPTION_REASON = 0x200 };

/* "disk, lock, ..., pipe-read" */
static void list_reasons(char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (unsigned int i = 1; i < WAIT_REASON_MAX && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", i > 1 ? ", " : "",
					 wait_reason_name((enum wait_reason)i));
}

/* Blanks of a name may be written as '-', which needs no quotes. */
static int add_reason(struct event_args *args, const char *text, size_t len)
{
	char name[32];
	enum wait_reason reason;

	if (len >= sizeof(name))
		return -EINVAL;
	memcpy(name, text, len);
	name[len] = '\0';
	for (char *p = name; *p; p++)
		if (*p == '-')
			*p = ' ';
	reason = wait_reason_parse(name);
	if (reason == WAIT_REASON_NONE)
		return -EINVAL;
	args->reasons |= 1u << (unsigned int)reason;
	return 0;
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

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct event_args *args = state->input;

	switch (key) {
	case 'e':
		if (event_parse(arg, &args->event) < 0)
			argp_error(state, "--event '%s': give cpu, offcpu, runq, wall or waker",
				   arg);
		return 0;
	case OPTION_REASON:
		parse_reasons(args, arg, state);
		return 0;
	case ARGP_KEY_END:
		if (args->reasons && (args->event == EVENT_CPU || args->event == EVENT_WAKER))
			argp_error(state,
				   "--reason: of %s time there is none; give --event offcpu or "
				   "wall as well",
				   event_name(args->event));
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
		"together) or waker (blocked, by who ended it)"},
	{.name = "reason",
	 .key = OPTION_REASON,
	 .arg = "REASON[,...]",
	 .doc = "Only waits for this: disk, lock, sleep, poll, pipe-read, ...; see profctl(1)"},
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
		char name[32];

		if (!(args->reasons >> i & 1))
			continue;
		(void)snprintf(name, sizeof(name), "%s", wait_reason_name((enum wait_reason)i));
		for (char *p = name; *p; p++)
			if (*p == ' ')
				*p = '-';
		used += (size_t)snprintf(buf + used, size - used, "%s%s", before, name);
		before = ",";
	}
}
