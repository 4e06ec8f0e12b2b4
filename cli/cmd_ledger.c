// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_ledger.c - profctl ps, threads and units: what each process, thread or unit did, by the
 * ledger. They are one command with three groupings.
 */
#include <argp.h>

#include "commands.h"
#include "ledger_answer.h"
#include "ledger_table.h"
#include "output_args.h"

struct ledger_args {
	struct query_args query;
	const char *command;
	enum series_totals_by by;
	enum ledger_column sort;
	uint32_t n_lines; /* 0 = all */
	enum output_format format;
};

static int print(const struct ledger_args *args, const struct ledger_view *view)
{
	size_t n = args->n_lines > 0 && args->n_lines < view->n_rows ? args->n_lines : view->n_rows;
	int r;

	switch (args->format) {
	case OUTPUT_JSON:
		r = ledger_answer_json_window(view, NULL);
		for (size_t i = 0; r == 0 && i < n; i++)
			r = ledger_answer_json_row(view, &view->rows[i]);
		return r;
	case OUTPUT_CSV:
		r = ledger_answer_csv_header();
		for (size_t i = 0; r == 0 && i < n; i++)
			r = ledger_answer_csv_row(view, &view->rows[i]);
		return r;
	default:
		return ledger_table_print(view, args->by, n, args->sort);
	}
}

static enum exit_code answer(const struct ledger_args *args)
{
	_cleanup_(query_done) struct query query = {0};
	_cleanup_(ledger_view_done) struct ledger_view view = {.command = args->command,
							       .query = &query};
	enum exit_code code = query_open(&query, &args->query);

	if (code == EXIT_ANSWERED)
		code = ledger_view_read(&view, args->by, args->sort);
	if (code != EXIT_ANSWERED)
		return code;
	return print(args, &view) < 0 ? query_no_memory() : output_finish();
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct ledger_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		state->child_inputs[1] = &args->format;
		return 0;
	case 'n':
		if (output_lines_parse(arg, &args->n_lines) < 0)
			argp_error(state, "--lines '%s': give a number, 0 for all", arg);
		return 0;
	case 's':
		if (ledger_column_parse_sort(arg, &args->sort) < 0)
			argp_error(state, "--sort '%s': give %s", arg, ledger_column_sorts);
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
	{.name = "sort",
	 .key = 's',
	 .arg = "KEY",
	 .doc = "oncpu, user, system, runq, blocked, other, switches, rss, peak, faults, read, "
		"write, threads or elapsed [oncpu]"},
	{0},
};

static enum exit_code run(int argc, char **argv, const char *command, enum series_totals_by by,
			  const char *doc)
{
	static const struct argp_child children[] = {
		{.argp = &query_argp}, {.argp = &output_argp}, {0}};
	const struct argp argp = {
		.options = options, .parser = parse, .children = children, .doc = doc};
	struct ledger_args args = {
		.command = command, .by = by, .sort = LEDGER_ONCPU, .n_lines = 20};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}

#define DETAILS                                                                                    \
	"\vCPU is time on a CPU, RUNQ runnable and waiting for one, BLOCKED all other waiting, "   \
	"OTHER what is left of the time that threads were there. These are measured, not "         \
	"sampled. TIME is a span back from now (10m), a time (03:10) or a date and time "          \
	"(2026-11-23 03:10); see profctl(1)."

enum exit_code cmd_ps(int argc, char **argv)
{
	return run(argc, argv, "ps", SERIES_TOTALS_BY_PROCESS, "What each process did." DETAILS);
}

enum exit_code cmd_threads(int argc, char **argv)
{
	return run(argc, argv, "threads", SERIES_TOTALS_BY_THREAD, "What each thread did." DETAILS);
}

enum exit_code cmd_units(int argc, char **argv)
{
	return run(argc, argv, "units", SERIES_TOTALS_BY_UNIT,
		   "What each systemd unit and container did." DETAILS);
}
