// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_top.c - profctl top: self and total CPU time per function or module of a window. It adds the
 * rows up per node of each partition's trie and leaves the walk to totals.h; how the answer looks
 * is top_answer.c's.
 */
#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "output.h"
#include "query.h"
#include "top_answer.h"
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

static enum exit_code answer(const struct top_args *args)
{
	static const struct store_visitor visitor = {begin, add_row, end};
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	_cleanup_(totals_freep) struct totals *totals = NULL;
	_cleanup_(node_sums_done) struct node_sums sums = {0};
	_cleanup_(query_done) struct query query = {0};
	enum exit_code code;

	code = query_open(&query, &args->query);
	if (code != EXIT_ANSWERED)
		return code;
	if (totals_new(args->options.by, &totals) < 0)
		return query_no_memory();
	sums.totals = totals;
	code = query_read(&query, &visitor, &sums, &summary);
	if (code != EXIT_ANSWERED)
		return code;
	if (top_answer(&args->options, &query, &summary, totals) < 0)
		return query_no_memory();
	code = output_finish();
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

/* Which of two words it is, the first or the second. Returns 0 or -EINVAL. */
static int parse_word(const char *text, const char *first, const char *second, bool *ret_first)
{
	bool is_first = strcmp(text, first) == 0;

	if (!is_first && strcmp(text, second) != 0)
		return -EINVAL;
	*ret_first = is_first;
	return 0;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct top_args *args = state->input;
	bool by_function = true;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		return 0;
	case 'n':
		if (parse_lines(arg, &args->options.n_lines) < 0)
			argp_error(state, "--lines '%s': give a number, 0 for all", arg);
		return 0;
	case 's':
		if (parse_word(arg, "self", "total", &args->options.by_self) < 0)
			argp_error(state, "--sort '%s': give self or total", arg);
		return 0;
	case 'b':
		if (parse_word(arg, "function", "module", &by_function) < 0)
			argp_error(state, "--by '%s': give function or module", arg);
		args->options.by = by_function ? TOTALS_BY_FUNCTION : TOTALS_BY_MODULE;
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
	{.name = "by", .key = 'b', .arg = "KEY", .doc = "function or module [function]"},
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
		.doc = "Where CPU time went, by function.\v"
		       "SELF is time in the function itself, TOTAL with all it called. TIME is a "
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
