// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * query_args.c - the flags shared by every command that asks about a window.
 */
#include "query_args.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "growable.h"
#include "units.h"

#define DEFAULT_WINDOW_NS (600 * NSEC_PER_SEC)

enum { OPTION_STORE = 256, OPTION_EXE, OPTION_CONTAINER };

void query_args_init(struct query_args *args)
{
	*args = (struct query_args){.store_dir = QUERY_DEFAULT_STORE};
}

void query_args_done(struct query_args *args)
{
	free(args->pids.values);
	free(args->tids.values);
	free(args->units.values);
	free(args->comms.values);
	free(args->exes.values);
	free(args->containers.values);
	*args = (struct query_args){0};
}

static int add_number(struct query_numbers *numbers, const char *flag, const char *what,
		      const char *text, struct argp_state *state)
{
	unsigned long number = 0;
	char *end = NULL;
	int r;

	if (text[0] >= '0' && text[0] <= '9')
		number = strtoul(text, &end, 10);
	if (!end || *end != '\0' || number < 1 || number > QUERY_PID_MAX)
		argp_error(state, "%s '%s': give a %s number, 1 to %d", flag, text, what,
			   QUERY_PID_MAX);
	r = GROWABLE_RESERVE(numbers, values);
	if (r < 0)
		return -r;
	numbers->values[numbers->n_values++] = (uint32_t)number;
	return 0;
}

static int add_pattern(struct query_patterns *patterns, const char *flag, const char *what,
		       const char *text, struct argp_state *state)
{
	int r;

	if (*text == '\0')
		argp_error(state, "%s '': give %s", flag, what);
	r = GROWABLE_RESERVE(patterns, values);
	if (r < 0)
		return -r;
	patterns->values[patterns->n_values++] = text;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct query_args *args = state->input;

	switch (key) {
	case 'S':
		args->since = arg;
		return 0;
	case 'U':
		args->until = arg;
		return 0;
	case 'p':
		return add_number(&args->pids, "--pid", "process", arg, state);
	case 't':
		return add_number(&args->tids, "--tid", "thread", arg, state);
	case 'u':
		return add_pattern(&args->units, "--unit",
				   "a systemd unit or a pattern, e.g. 'nginx.service'", arg, state);
	case 'c':
		return add_pattern(&args->comms, "--comm",
				   "a thread name or a pattern, e.g. 'nginx*'", arg, state);
	case OPTION_EXE:
		return add_pattern(&args->exes, "--exe",
				   "a program's name, path or a pattern, e.g. 'python3*'", arg,
				   state);
	case OPTION_CONTAINER:
		return add_pattern(&args->containers, "--container",
				   "a container's name, 12 digits or more of its id, or a pattern",
				   arg, state);
	case OPTION_STORE:
		args->store_dir = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option query_options[] = {
	{.name = "since",
	 .key = 'S',
	 .arg = "TIME",
	 .doc = "Start of the window [10 minutes back]"},
	{.name = "until", .key = 'U', .arg = "TIME", .doc = "End of the window [now]"},
	{.name = "pid", .key = 'p', .arg = "PID", .doc = "Only this process; may be repeated"},
	{.name = "tid", .key = 't', .arg = "TID", .doc = "Only this thread; may be repeated"},
	{.name = "unit",
	 .key = 'u',
	 .arg = "PATTERN",
	 .doc = "Only this systemd unit or slice and what lies in it (shell pattern); may be "
		"repeated"},
	{.name = "container",
	 .key = OPTION_CONTAINER,
	 .arg = "PATTERN",
	 .doc = "Only this container: name (shell pattern) or id, 12 digits are enough; may be "
		"repeated"},
	{.name = "comm",
	 .key = 'c',
	 .arg = "PATTERN",
	 .doc = "Only threads of this name (shell pattern); may be repeated"},
	{.name = "exe",
	 .key = OPTION_EXE,
	 .arg = "PATTERN",
	 .doc = "Only this program: its path, or without a '/' the last part of it (shell "
		"pattern); may be repeated"},
	{.name = "store",
	 .key = OPTION_STORE,
	 .arg = "DIR",
	 .doc = "The store to read [" QUERY_DEFAULT_STORE "]"},
	{0},
};

static const struct argp_option store_options[] = {
	{.name = "store",
	 .key = OPTION_STORE,
	 .arg = "DIR",
	 .doc = "The store to read [" QUERY_DEFAULT_STORE "]"},
	{0},
};

const struct argp query_argp = {.options = query_options, .parser = parse};
const struct argp store_argp = {.options = store_options, .parser = parse};

static int parse_time(const char *flag, const char *text, uint64_t now_ns, uint64_t *ret_ns,
		      char message[QUERY_MESSAGE_MAX])
{
	int r = units_parse_time(text, now_ns, ret_ns);

	if (r == -ERANGE)
		(void)snprintf(message, QUERY_MESSAGE_MAX,
			       "%s '%s' is before 1970 or after 2553; give a time like %s", flag,
			       text, units_time_forms);
	else if (r < 0)
		(void)snprintf(message, QUERY_MESSAGE_MAX, "%s '%s' is no time; give one like %s",
			       flag, text, units_time_forms);
	return r < 0 ? -EINVAL : 0;
}

int query_args_window(const struct query_args *args, uint64_t now_ns, uint64_t *ret_since_ns,
		      uint64_t *ret_until_ns, char message[QUERY_MESSAGE_MAX])
{
	uint64_t since, until = now_ns;
	int r;

	if (args->until) {
		r = parse_time("--until", args->until, now_ns, &until, message);
		if (r < 0)
			return r;
	}
	since = until > DEFAULT_WINDOW_NS ? until - DEFAULT_WINDOW_NS : 0;
	if (args->since) {
		r = parse_time("--since", args->since, now_ns, &since, message);
		if (r < 0)
			return r;
	}
	if (since > now_ns && args->since) {
		(void)snprintf(message, QUERY_MESSAGE_MAX,
			       "--since '%s' is in the future; give an earlier time", args->since);
		return -EINVAL;
	}
	if (since > now_ns) {
		(void)snprintf(message, QUERY_MESSAGE_MAX,
			       "the 10 minutes before --until '%s' are in the future; give --since",
			       args->until);
		return -EINVAL;
	}
	if (until <= since) {
		(void)snprintf(message, QUERY_MESSAGE_MAX,
			       "--until '%s' is not after --since '%s'; give a later --until or an "
			       "earlier --since",
			       args->until ? args->until : "now", args->since ? args->since : "@0");
		return -EINVAL;
	}
	*ret_since_ns = since;
	*ret_until_ns = until;
	return 0;
}

/* Appends " FLAG 'VALUE'" when it fits whole and the value can be quoted. */
static size_t print_flag(char *buf, size_t size, size_t used, const char *flag, const char *value)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-_:./@+%,";
	const char *quote = *value && value[strspn(value, plain)] == '\0' ? "" : "'";
	int n;

	if (strchr(value, '\''))
		return used;
	n = snprintf(buf + used, size - used, " %s %s%s%s", flag, quote, value, quote);
	if (n < 0 || (size_t)n >= size - used) {
		buf[used] = '\0';
		return used;
	}
	return used + (size_t)n;
}

static size_t print_numbers(char *buf, size_t size, size_t used, const char *flag,
			    const struct query_numbers *numbers)
{
	char text[16];

	for (uint32_t i = 0; i < numbers->n_values; i++) {
		(void)snprintf(text, sizeof(text), "%" PRIu32, numbers->values[i]);
		used = print_flag(buf, size, used, flag, text);
	}
	return used;
}

static size_t print_patterns(char *buf, size_t size, size_t used, const char *flag,
			     const struct query_patterns *patterns)
{
	for (uint32_t i = 0; i < patterns->n_values; i++)
		used = print_flag(buf, size, used, flag, patterns->values[i]);
	return used;
}

void query_args_print(const struct query_args *args, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	if (strcmp(args->store_dir, QUERY_DEFAULT_STORE) != 0)
		used = print_flag(buf, size, used, "--store", args->store_dir);
	if (args->since)
		used = print_flag(buf, size, used, "--since", args->since);
	if (args->until)
		used = print_flag(buf, size, used, "--until", args->until);
	used = print_numbers(buf, size, used, "--pid", &args->pids);
	used = print_numbers(buf, size, used, "--tid", &args->tids);
	used = print_patterns(buf, size, used, "--unit", &args->units);
	used = print_patterns(buf, size, used, "--container", &args->containers);
	used = print_patterns(buf, size, used, "--comm", &args->comms);
	(void)print_patterns(buf, size, used, "--exe", &args->exes);
}

void query_args_print_kinds(const struct query_args *args, char *buf, size_t size)
{
	const struct {
		const char *flag;
		uint32_t n;
	} kinds[] = {
		{"--pid", args->pids.n_values},	  {"--tid", args->tids.n_values},
		{"--unit", args->units.n_values}, {"--container", args->containers.n_values},
		{"--comm", args->comms.n_values}, {"--exe", args->exes.n_values},
	};
	unsigned int left = 0;
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		left += kinds[i].n > 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && used < size; i++) {
		if (kinds[i].n == 0)
			continue;
		left--;
		used += (size_t)snprintf(buf + used, size - used, "%s%s", kinds[i].flag,
					 left > 1    ? ", "
					 : left == 1 ? " and "
						     : "");
	}
}
