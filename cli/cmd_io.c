// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_io.c - profctl io: what block devices did, and for whom; this is its command line. io_rows.c
 * reads and groups, io_answer.c and io_table.c print.
 */
#include <argp.h>
#include <string.h>

#include "commands.h"
#include "event_args.h"
#include "io_answer.h"
#include "output_args.h"

enum { OPTION_DEVICE = 0x300 };

struct io_args {
	struct query_args query;
	struct event_args event; /* its devices */
	enum io_by by;
	enum io_sort sort;
	uint32_t n_lines; /* 0 = all */
	enum output_format format;
};

static int print(const struct io_answer *answer, enum output_format format)
{
	switch (format) {
	case OUTPUT_JSON:
		return io_answer_json(answer);
	case OUTPUT_CSV:
		return io_answer_csv(answer);
	default:
		return io_answer_table(answer);
	}
}

static enum exit_code read_and_print(const struct io_args *args, const struct query *query,
				     struct io_query *io)
{
	_cleanup_(io_rows_done) struct io_rows rows = {0};
	struct io_answer answer = {.query = query, .io = io, .rows = &rows, .by = args->by};
	enum exit_code code = io_rows_read(query, io, args->by, args->sort, &rows);

	if (code != EXIT_ANSWERED)
		return code;
	for (uint32_t i = 0; i < io->n_groups; i++)
		if (io->devices[io->groups[i].device].is_wanted)
			io->summary.machine_count += io->groups[i].exact.ios * PROFILE_COUNT_ONE;
	answer.n_shown =
		args->n_lines > 0 && args->n_lines < rows.n_rows ? args->n_lines : rows.n_rows;
	if (!rows.n_rows)
		query_explain_empty(query, &io->summary);
	return print(&answer, args->format) < 0 ? query_no_memory() : output_finish();
}

static enum exit_code answer(const struct io_args *args)
{
	_cleanup_(io_query_done) struct io_query io = {0};
	_cleanup_(query_done) struct query query = {0};
	enum exit_code code = query_open(&query, &args->query);

	if (code != EXIT_ANSWERED)
		return code;
	query.event = EVENT_BLOCKIO;
	code = io_query_read(&query, args->event.devices, args->event.n_devices, &io);
	return code == EXIT_ANSWERED ? read_and_print(args, &query, &io) : code;
}

static int parse_word(const char *text, const char *const *words, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(text, words[i]) == 0)
			return (int)i;
	return -1;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	static const char *const groupings[] = {
		[IO_BY_PROCESS] = "process", [IO_BY_THREAD] = "thread", [IO_BY_UNIT] = "unit",
		[IO_BY_DEVICE] = "device",   [IO_BY_OP] = "op",
	};
	static const char *const sorts[] = {
		[IO_SORT_TIME] = "time", [IO_SORT_IOS] = "ios", [IO_SORT_BYTES] = "bytes"};
	struct io_args *args = state->input;
	int r;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		state->child_inputs[1] = &args->format;
		return 0;
	case 'n':
		if (output_lines_parse(arg, &args->n_lines) < 0)
			argp_error(state, "--lines '%s': give a number, 0 for all", arg);
		return 0;
	case 'b':
		r = parse_word(arg, groupings, ARRAY_SIZE(groupings));
		if (r < 0)
			argp_error(state, "--by '%s': give process, thread, unit, device or op",
				   arg);
		args->by = (enum io_by)r;
		return 0;
	case 's':
		r = parse_word(arg, sorts, ARRAY_SIZE(sorts));
		if (r < 0)
			argp_error(state, "--sort '%s': give time, ios or bytes", arg);
		args->sort = (enum io_sort)r;
		return 0;
	case OPTION_DEVICE:
		if (event_args_add_device(&args->event, arg) < 0)
			argp_error(state, "--device: at most %d can be given", EVENT_DEVICES_MAX);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'; a window is given with --since and --until",
			   arg);
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
	 .doc = "process, thread, unit, device or op (a device's operations) [process]"},
	{.name = "sort", .key = 's', .arg = "KEY", .doc = "time, ios or bytes [time]"},
	{.name = "device",
	 .key = OPTION_DEVICE,
	 .arg = "NAME",
	 .doc = "Only block I/O of this device, as in sda"},
	{0},
};

enum exit_code cmd_io(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{.argp = &query_argp}, {.argp = &output_argp}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = children,
		.doc = "What block devices did, and for whom.\v"
		       "By device or op the figures are exact. By process, thread or unit each "
		       "device's figures are shared out to who submitted, by samples; MEAN is the "
		       "time of one I/O, TIME% a row's share of its device's. A device that stands "
		       "on another has rows of its own for the same I/O. TIME is a span back from "
		       "now (10m), a time (03:10) or a date and time; see profctl(1).",
	};
	struct io_args args = {.n_lines = 20, .event = {.event = EVENT_BLOCKIO}};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
