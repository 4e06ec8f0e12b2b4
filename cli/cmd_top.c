// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_top.c - profctl top: the CPU time of a window. By function or module it adds the rows up per
 * node of each partition's trie and leaves the walk to totals.h; by process, thread or unit no trie
 * is read, and series_totals.h adds up. How the answer looks is top_table.c's and top_answer.c's.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "query.h"
#include "series_totals.h"
#include "top_answer.h"
#include "top_table.h"
#include "totals.h"

struct top_args {
	struct query_args query;
	struct top_options options;
};

/* What the samples whose leaf is a node add up to, in the partition being read. */
struct node_sums {
	struct totals *totals;
	uint64_t *value, *count;
	uint32_t n_nodes;
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct node_sums *sums = ctx;

	sums->n_nodes = dictionary->n_nodes;
	sums->value = calloc(dictionary->n_nodes, sizeof(*sums->value));
	sums->count = calloc(dictionary->n_nodes, sizeof(*sums->count));
	return sums->value && sums->count ? 0 : -ENOMEM;
}

static int add_row(void *ctx, const struct store_row *row)
{
	struct node_sums *sums = ctx;

	if (row->node >= sums->n_nodes ||
	    __builtin_add_overflow(sums->value[row->node], row->value, &sums->value[row->node]) ||
	    __builtin_add_overflow(sums->count[row->node], row->count, &sums->count[row->node]))
		return -EBADMSG;
	return 0;
}

static void node_sums_done(struct node_sums *sums)
{
	free(sums->value);
	free(sums->count);
	sums->value = sums->count = NULL;
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct node_sums *sums = ctx;
	int r = totals_add(sums->totals, dictionary, sums->value, sums->count);

	node_sums_done(sums);
	return r;
}

/* How many of the rows are shown. */
static size_t count_shown(const struct top_options *options, size_t n_rows)
{
	return options->n_lines > 0 && options->n_lines < n_rows ? options->n_lines : n_rows;
}

static int print(struct top *top, struct top_row *rows)
{
	top->rows = rows;
	switch (top->options->format) {
	case OUTPUT_JSON:
		return top_answer_json(top);
	case OUTPUT_CSV:
		return top_answer_csv(top);
	default:
		return top_table_print(top);
	}
}

/* `asked` has everything but the rows. */
static int print_totals(const struct top *asked, struct totals *totals)
{
	const struct window_parts parts = {totals_truncated(totals), totals_unnamed(totals)};
	_cleanup_free_ struct top_row *rows = NULL;
	const struct totals_row *from;
	struct top top = *asked;
	int r = totals_rows(totals, top.options->by_self, &from, &top.n_rows);

	if (r < 0)
		return r;
	top.parts = &parts;
	top.n_shown = count_shown(top.options, top.n_rows);
	rows = calloc(top.n_shown + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < top.n_shown; i++)
		rows[i] = (struct top_row){
			.function = from[i].function,
			.module = from[i].module,
			.source = from[i].source,
			.reason = from[i].reason,
			.comm = "",
			.unit = "",
			.container = "",
			.self = from[i].self,
			.total = from[i].total,
			.count = from[i].self_count,
		};
	return print(&top, rows);
}

static int print_series(const struct top *asked, struct series_totals *totals)
{
	_cleanup_free_ struct top_row *rows = NULL;
	const struct series_totals_row *from;
	struct top top = *asked;
	int r = series_totals_rows(totals, &from, &top.n_rows);

	if (r < 0)
		return r;
	top.n_shown = count_shown(top.options, top.n_rows);
	rows = calloc(top.n_shown + 1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < top.n_shown; i++)
		rows[i] = (struct top_row){
			.function = "",
			.module = from[i].exe,
			.source = "",
			.pid = from[i].pid,
			.tid = from[i].tid,
			.comm = from[i].comm,
			.unit = from[i].unit,
			.container = from[i].container,
			.self = from[i].value,
			.total = from[i].value,
			.count = from[i].count,
		};
	return print(&top, rows);
}

static enum exit_code answer_stacks(const struct top *top, struct store_summary *summary)
{
	static const struct store_visitor visitor = {begin, add_row, end};
	bool by_module = top->options->by == TOP_BY_MODULE;
	_cleanup_(totals_freep) struct totals *totals = NULL;
	_cleanup_(node_sums_done) struct node_sums sums = {0};
	enum exit_code code;

	if (totals_new(by_module ? TOTALS_BY_MODULE : TOTALS_BY_FUNCTION, &totals) < 0)
		return query_no_memory();
	sums.totals = totals;
	code = query_read(top->query, &visitor, &sums, summary);
	if (code != EXIT_ANSWERED)
		return code;
	return print_totals(top, totals) < 0 ? query_no_memory() : output_finish();
}

static enum exit_code answer_series(const struct top *top, struct store_summary *summary)
{
	static const enum series_totals_by by[] = {
		[TOP_BY_PROCESS] = SERIES_TOTALS_BY_PROCESS,
		[TOP_BY_THREAD] = SERIES_TOTALS_BY_THREAD,
		[TOP_BY_UNIT] = SERIES_TOTALS_BY_UNIT,
	};
	_cleanup_(series_totals_freep) struct series_totals *totals = NULL;
	enum exit_code code;

	if (series_totals_new(by[top->options->by], &totals) < 0)
		return query_no_memory();
	code = query_read(top->query, &series_totals_visitor, totals, summary);
	if (code != EXIT_ANSWERED)
		return code;
	return print_series(top, totals) < 0 ? query_no_memory() : output_finish();
}

static enum exit_code answer(const struct top_args *args)
{
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	_cleanup_(query_done) struct query query = {0};
	const struct top top = {.options = &args->options, .query = &query, .summary = &summary};
	enum exit_code code = query_open(&query, &args->query);

	if (code != EXIT_ANSWERED)
		return code;
	if (args->options.by == TOP_BY_FUNCTION || args->options.by == TOP_BY_MODULE)
		code = answer_stacks(&top, &summary);
	else
		code = answer_series(&top, &summary);
	if (code == EXIT_ANSWERED && summary.count == 0)
		query_explain_empty(&query, &summary);
	return code;
}

static int parse_lines(const char *text, uint32_t *ret)
{
	unsigned long lines;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	lines = strtoul(text, &end, 10);
	if (errno || *end != '\0' || lines > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)lines;
	return 0;
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
		[TOP_BY_UNIT] = "unit",
	};
	int r;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		return 0;
	case 'n':
		if (parse_lines(arg, &args->options.n_lines) < 0)
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
				   "--by '%s': give function, module, process, thread or unit",
				   arg);
		args->options.by = (enum top_by)r;
		return 0;
	case 'o':
		if (output_format_parse(arg, &args->options.format) < 0)
			argp_error(state, "--output '%s': give table, json or csv", arg);
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
	{.name = "sort", .key = 's', .arg = "KEY", .doc = "self or total [self]"},
	{.name = "by",
	 .key = 'b',
	 .arg = "KEY",
	 .doc = "function, module, process, thread or unit [function]"},
	{.name = "output", .key = 'o', .arg = "FORMAT", .doc = "table, json or csv [table]"},
	{0},
};

enum exit_code cmd_top(int argc, char **argv)
{
	static const struct argp_child children[] = {{.argp = &query_argp}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = children,
		.doc = "Where CPU time went, by function, process or unit.\v"
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
