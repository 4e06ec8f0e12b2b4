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
#include "latency_io.h"
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
	if (args->options.by == LATENCY_BY_DEVICE || args->options.by == LATENCY_BY_OP)
		return latency_io_read(&args->options, &query);
	return latency_read(&args->options, &query);
}

static void parse_by(struct latency_options *options, const char *text, struct argp_state *state)
{
	static const char *const groupings[] = {
		[LATENCY_BY_REASON] = "reason", [LATENCY_BY_FUNCTION] = "function",
		[LATENCY_BY_STACK] = "stack",	[LATENCY_BY_PROCESS] = "process",
		[LATENCY_BY_THREAD] = "thread", [LATENCY_BY_UNIT] = "unit",
		[LATENCY_BY_DEVICE] = "device", [LATENCY_BY_OP] = "op",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(groupings); i++) {
		if (strcmp(text, groupings[i]) == 0) {
			options->by = (enum latency_by)i;
			return;
		}
	}
	argp_error(state,
		   "--by '%s': give reason, function, stack, process, thread or unit, or "
		   "device or op of block I/O",
		   text);
}

static void check(struct latency_options *options, const struct query_args *query,
		  struct argp_state *state)
{
	bool is_io = options->event.event == EVENT_BLOCKIO, by_device;
	char kinds[64];

	query_args_print_kinds(query, kinds, sizeof(kinds));
	if (options->by == LATENCY_BY_USUAL)
		options->by = is_io ? LATENCY_BY_DEVICE : LATENCY_BY_REASON;
	by_device = options->by == LATENCY_BY_DEVICE || options->by == LATENCY_BY_OP;
	if (!is_io && options->event.event != EVENT_OFFCPU && options->event.event != EVENT_RUNQ)
		argp_error(state,
			   "--event %s: latency is of single waits; give offcpu, runq or blockio, "
			   "or ask 'profctl top'",
			   event_name(options->event.event));
	if (by_device && !is_io)
		argp_error(state, "--by device, op: of block I/O; give --event blockio as well");
	if (is_io && options->by == LATENCY_BY_REASON)
		argp_error(state, "--by reason: block I/O has none; give device, op, process, "
				  "thread, unit, function or stack");
	if (by_device && *kinds)
		argp_error(state, "--by device, op: that is exact, and of the whole device; give "
				  "--by process, say, for a part of the machine");
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
		check(options, &args->query, state);
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
		.doc = "How long threads were blocked, waited for a CPU, or block I/O took, each "
		       "time.\v"
		       "COUNT is waits that ended in the window, OPEN those that go on at its end, "
		       "TOTAL the time of both. EVENT is offcpu [offcpu], runq or blockio. TIME is "
		       "a span "
		       "back from now (10m), a time (03:10) or a date and time; see profctl(1).",
	};
	struct latency_args args = {.options = {.n_lines = 20,
						.by = LATENCY_BY_USUAL,
						.event = {.event = EVENT_OFFCPU}}};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
