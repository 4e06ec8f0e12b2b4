// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * output_args.c - see output_args.h.
 */
#include "output_args.h"

static error_t parse(int key, char *arg, struct argp_state *state)
{
	enum output_format *format = state->input;

	if (key != 'o')
		return ARGP_ERR_UNKNOWN;
	if (output_format_parse(arg, format) < 0)
		argp_error(state, "--output '%s': give table, json or csv", arg);
	return 0;
}

static const struct argp_option options[] = {
	{.name = "output", .key = 'o', .arg = "FORMAT", .doc = "table, json or csv [table]"},
	{0},
};

const struct argp output_argp = {.options = options, .parser = parse};
