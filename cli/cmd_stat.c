// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_stat.c - profctl stat: what a process, a unit or the machine did in a window, in all. The
 * figures are the ledger's; what its blocked time was waited for is estimated from the waits beside
 * it.
 */
#include <argp.h>

#include "commands.h"
#include "ledger_answer.h"
#include "output_args.h"
#include "stat_text.h"

struct stat_args {
	struct query_args query;
	enum output_format format;
};

static int print_json(const struct stat_answer *stat)
{
	const struct window_parts parts = {.has_ledger = stat->waits->has_ledger,
					   .not_sampled_ns = stat->waits->not_sampled_ns};
	int r = ledger_answer_json_window(stat->view, &parts);

	if (r == 0 && stat->view->n_rows > 0)
		r = ledger_answer_json_row(stat->view, &stat->view->rows[0]);
	for (size_t i = 0; r == 0 && i < stat->n_reasons; i++)
		r = ledger_answer_json_reason(&stat->reasons[i]);
	return r == 0 ? stat_io_json(stat->io) : r;
}

static int print_csv(const struct stat_answer *stat)
{
	int r = ledger_answer_csv_header();

	if (r == 0 && stat->view->n_rows > 0)
		r = ledger_answer_csv_row(stat->view, &stat->view->rows[0]);
	for (size_t i = 0; r == 0 && i < stat->n_reasons; i++)
		r = ledger_answer_csv_reason(&stat->reasons[i]);
	return r == 0 ? stat_io_csv(stat->io) : r;
}

static int print(const struct stat_answer *stat, enum output_format format)
{
	switch (format) {
	case OUTPUT_JSON:
		return print_json(stat);
	case OUTPUT_CSV:
		return print_csv(stat);
	default:
		return stat_text_print(stat);
	}
}

/* Without a ledger there is nothing that the reasons would be part of. */
static enum exit_code read_reasons(const struct query *query, struct stat_answer *stat,
				   struct reason_sums *sums, struct event_answer *waits)
{
	static const struct event_args offcpu = {.event = EVENT_OFFCPU};
	struct query of_waits = *query;
	enum exit_code code;

	if (stat->view->n_rows == 0)
		return EXIT_ANSWERED;
	of_waits.event = EVENT_OFFCPU;
	code = event_read(&of_waits, &offcpu, &reason_sums_sink, sums, waits);
	if (code != EXIT_ANSWERED)
		return code;
	stat->n_reasons = reason_sums_sort(sums);
	stat->reasons = sums->sums;
	return EXIT_ANSWERED;
}

static enum exit_code answer(const struct stat_args *args)
{
	_cleanup_(query_done) struct query query = {0};
	_cleanup_(ledger_view_done) struct ledger_view view = {.command = "stat", .query = &query};
	_cleanup_(event_answer_done) struct event_answer waits = {0};
	_cleanup_(stat_io_done) struct stat_io io = {0};
	struct stat_answer stat = {.view = &view, .waits = &waits, .io = &io};
	struct reason_sums sums = {0};
	enum exit_code code = query_open(&query, &args->query);

	if (code == EXIT_ANSWERED)
		code = ledger_view_read(&view, SERIES_TOTALS_BY_NOTHING, LEDGER_ONCPU);
	if (code == EXIT_ANSWERED)
		code = read_reasons(&query, &stat, &sums, &waits);
	if (code == EXIT_ANSWERED)
		code = stat_io_read(&query, &io);
	if (code != EXIT_ANSWERED)
		return code;
	return print(&stat, args->format) < 0 ? query_no_memory() : output_finish();
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct stat_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		state->child_inputs[1] = &args->format;
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'; a window is given with --since and --until",
			   arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

enum exit_code cmd_stat(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{.argp = &query_argp}, {.argp = &output_argp}, {0}};
	static const struct argp argp = {
		.parser = parse,
		.children = children,
		.doc = "What the machine, or what was chosen of it, did in all.\v"
		       "Times are those of all threads together, and measured, not sampled; what "
		       "was waited for is estimated. What block devices did is exact, but of a "
		       "part of "
		       "the machine. Flags that are repeated widen the answer, "
		       "different ones narrow it. TIME is a span back from now (10m), a time "
		       "(03:10) or a date and time (2026-11-23 03:10); see profctl(1).",
	};
	struct stat_args args = {0};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
