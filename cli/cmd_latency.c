// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_latency.c - profctl latency: how long threads waited, each time; this is its command line.
 * latency_read.c reads and groups, and how the answer looks is latency_table.c's and
 * latency_answer.c's.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "latency_read.h"
#include "output_args.h"

struct latency_args {
	struct query_args query;
	struct latency_options options;
};

static enum exit_code answer(const struct latency_args *args)
{
	_cleanup_(query_done) struct query query = {0};
	enum exit_code code = query_open(&query, &args->query);

	if (code != EXIT_ANSWERED)
		return code;
	query.event = args->options.event.event;
	return latency_read(&args->options, &query);
}

static void parse_by(struct latency_options *options, const char *text, struct argp_state *state)
{
	static const char *const groupings[] = {
		[LATENCY_BY_REASON] = "reason", [LATENCY_BY_FUNCTION] = "function",
		[LATENCY_BY_STACK] = "stack",	[LATENCY_BY_PROCESS] = "process",
		[LATENCY_BY_THREAD] = "thread", [LATENCY_BY_UNIT] = "unit",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(groupings); i++) {
		if (strcmp(text, groupings[i]) == 0) {
			options->by = (enum latency_by)i;
			return;
		}
	}
	argp_error(state, "--by '%s': give reason, function, stack, process, thread or unit", text);
}

static void check(const struct latency_options *options, struct argp_state *state)
{
	if (options->event.event != EVENT_OFFCPU && options->event.event != EVENT_RUNQ)
		argp_error(state,
			   "--event %s: latency is of single waits; give offcpu or runq, or ask "
			   "'profctl top'",
			   event_name(options->event.event));
	if (options->histogram && options->format == OUTPUT_CSV)
		argp_error(state, "--histogram: CSV has one line a row; give --output table or "
				  "json");
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct latency_args *args = state->input;
	struct latency_options *options = &args->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		state->child_inputs[1] = &options->event;
		state->child_inputs[2] = &options->format;
		return 0;
	case 'n':
		if (output_lines_parse(arg, &options->n_lines) < 0)
			argp_error(state, "--lines '%s': give a number, 0 for all", arg);
		return 0;
	case 'b':
		parse_by(options, arg, state);
		return 0;
	case 'H':
		options->histogram = true;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'; a window is given with --since and --until",
			   arg);
		return 0;
	case ARGP_KEY_END:
		check(options, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{.name = "lines", .key = 'n', .arg = "N", .doc = "Rows to show, 0 for all [20]"},
	{.name = "by",
	 .key = 'b',
	 .arg = "KEY",
	 .doc = "reason, function, stack, process, thread or unit [reason]"},
	{.name = "histogram", .key = 'H', .doc = "How many waits lasted how long, for each row"},
	{0},
};

enum exit_code cmd_latency(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{.argp = &query_argp}, {.argp = &event_argp}, {.argp = &output_argp}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = children,
		.doc = "How long threads were blocked, or waited for a CPU, each time.\v"
		       "COUNT is waits that ended in the window, OPEN those that go on at its end, "
		       "TOTAL the time of both. EVENT is offcpu [offcpu] or runq. TIME is a span "
		       "back from now (10m), a time (03:10) or a date and time; see profctl(1).",
	};
	struct latency_args args = {.options = {.n_lines = 20, .event = {.event = EVENT_OFFCPU}}};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
