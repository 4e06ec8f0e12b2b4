// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_top.c - profctl top: where the time of a window went; this is its command line. top_read.c
 * reads and groups, and how the answer looks is top_table.c's and top_answer.c's.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output_args.h"
#include "query.h"
#include "top_read.h"

struct top_args {
	struct query_args query;
	struct top_options options;
};

static enum exit_code answer(const struct top_args *args)
{
	_cleanup_(query_done) struct query query = {0};
	const struct top top = {.options = &args->options, .query = &query};
	enum exit_code code = query_open(&query, &args->query);

	if (code != EXIT_ANSWERED)
		return code;
	query.event = args->options.event.event;
	return top_read(&top);
}

/* Which of the words it is. Returns its index or -EINVAL. */
static int parse_word(const char *text, const char *const *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	return -EINVAL;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *args = state->input;
	static const char *const sorts[] = {"total", "self"};
	static const char *const groupings[] = {
		[TOP_BY_FUNCTION] = "function", [TOP_BY_MODULE] = "module",
		[TOP_BY_PROCESS] = "process",	[TOP_BY_THREAD] = "thread",
		[TOP_BY_UNIT] = "unit",		[TOP_BY_REASON] = "reason",
	};
	int r;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		state->child_inputs[1] = &args->options.event;
		state->child_inputs[2] = &args->options.format;
		return 0;
	case 'n':
		if (output_lines_parse(arg, &args->options.n_lines) < 0)
			argp_error(state, "--lines '%s': give a number, 0 for all", arg);
		return 0;
	case 's':
		r = parse_word(arg, sorts, ARRAY_SIZE(sorts));
		if (r < 0)
			argp_error(state, "--sort '%s': give self or total", arg);
		args->options.by_self = r > 0;
		return 0;
	case 'b':
		r = parse_word(arg, groupings, ARRAY_SIZE(groupings));
		if (r < 0)
			argp_error(state,
				   "--by '%s': give function, module, process, thread, unit or "
				   "reason",
				   arg);
		args->options.by = (enum top_by)r;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'; a window is given with --since and --until",
			   arg);
		return 0;
	case ARGP_KEY_END:
		if (args->options.by == TOP_BY_REASON &&
		    (args->options.event.event == EVENT_CPU ||
		     args->options.event.event == EVENT_WAKER ||
		     event_is_io(args->options.event.event)))
			argp_error(state,
				   "--by reason: of %s time there is none; give --event offcpu or "
				   "wall as well",
				   event_name(args->options.event.event));
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{.name = "lines", .key = 'n', .arg = "N", .doc = "Rows to show, 0 for all [20]"},
	{.name = "sort", .key = 's', .arg = "KEY", .doc = "self or total [self]"},
	{.name = "by",
	 .key = 'b',
	 .arg = "KEY",
	 .doc = "function, module, process, thread, unit or reason (of waits) [function]"},
	{0},
};

enum exit_code cmd_top(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{.argp = &query_argp}, {.argp = &event_argp}, {.argp = &output_argp}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = children,
		.doc = "Where CPU time, waiting time or block I/O went, by function, process, unit "
		       "or reason.\v"
		       "SELF is time in the function itself, TOTAL with all it called. Flags that "
		       "are repeated widen the answer, different ones narrow it. TIME is a "
		       "span back from now (10m), a time (03:10) or a date and time "
		       "(2026-11-23 03:10); see profctl(1).",
	};
	struct top_args args = {.options = {.n_lines = 20, .by_self = true}};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
