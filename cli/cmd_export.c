// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_export.c - profctl export: the stacks of a window for other tools. It chooses format and
 * destination; stack_table.h adds the stacks up and format_*.c write them.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "commands.h"
#include "estimate_text.h"
#include "export_file.h"
#include "export_format.h"
#include "losses_text.h"
#include "output.h"
#include "query.h"
#include "units.h"

static const struct format {
	const char *name;
	const char *extensions[2]; /* of FILE, which choose it; the first is for names we make */
	int (*write)(FILE *file, const struct export_data *data);
	const char *open_with; /* %s is the file */
	bool binary;
} formats[] = {
	{"pprof",
	 {".pb.gz", ".pprof"},
	 format_pprof,
	 "go tool pprof -http=: %s   |   drop it on speedscope.app or ui.perfetto.dev",
	 true},
	{"folded",
	 {".folded", ".txt"},
	 format_folded,
	 "flamegraph.pl %s > flame.svg   |   drop it on speedscope.app",
	 false},
};

struct export_args {
	struct query_args query;
	struct event_args event;
	const struct format *format; /* NULL = not chosen */
	const char *path;	     /* NULL = none given */
};

static bool ends_in(const char *text, const char *end)
{
	size_t a = strlen(text), b = strlen(end);

	return a > b && strcmp(text + a - b, end) == 0;
}

static const struct format *format_of_path(const char *path)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		for (size_t k = 0; k < ARRAY_SIZE(formats[i].extensions); k++)
			if (ends_in(path, formats[i].extensions[k]))
				return &formats[i];
	return NULL;
}

/* "profd-1234-cpu-20261122T083000Z.pb.gz" */
static void make_name(const struct export_args *args, const struct export_data *data, char *buf,
		      size_t size)
{
	time_t since = (time_t)(data->since_ns / NSEC_PER_SEC);
	char who[24] = "all", when[32] = "";
	struct tm tm;

	if (args->query.pids.n_values == 1)
		(void)snprintf(who, sizeof(who), "%" PRIu32, args->query.pids.values[0]);
	else if (args->query.pids.n_values > 1)
		(void)snprintf(who, sizeof(who), "%" PRIu32 "-pids", args->query.pids.n_values);
	if (gmtime_r(&since, &tm))
		(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	(void)snprintf(buf, size, "profd-%s-%s-%s%s", who, event_name(data->event), when,
		       args->format->extensions[0]);
}

static enum exit_code write_failed(int r, const char *path)
{
	if (r == -ENOMEM)
		return query_no_memory();
	if (r == -EEXIST)
		return fail(EXIT_FAILED,
			    "%s is already there and is left as it is; name another file: "
			    "profctl export FILE",
			    path);
	return fail(EXIT_FAILED, "cannot write %s: %s; name another file: profctl export FILE",
		    path, strerror(-r));
}

static void print_written(const struct export_args *args, const struct export_data *data,
			  const char *path, uint64_t bytes)
{
	const struct store_summary *s = data->summary;
	char size[24], width[24];

	units_format_bytes(bytes, size, sizeof(size));
	units_format_span(data->until_ns - data->since_ns, width, sizeof(width));
	printf("Wrote %s (%s, %" PRIu64 " %s, %" PRIu32 " stacks, %s)\n", path, size,
	       query_whole_samples(s->count), event_counts(data->event), data->table->n_stacks,
	       width);
	fputs("Open: ", stdout);
	for (const char *p = args->format->open_with; *p; p++) {
		if (p[0] == '%' && p[1] == 's') {
			fputs(path, stdout);
			p++;
		} else {
			putchar(*p);
		}
	}
	putchar('\n');
}

static enum exit_code write_file(const struct export_args *args, const struct export_data *data)
{
	_cleanup_(export_file_done) struct export_file file = {0};
	const char *path = args->path;
	char made[128];
	uint64_t bytes = 0;
	int r;

	if (!path) {
		make_name(args, data, made, sizeof(made));
		path = made;
	}
	r = export_file_open(&file, path, path == made);
	if (r < 0)
		return write_failed(r, path);
	r = args->format->write(file.stream, data);
	/* -EIO says only that the stream failed; the flush in commit knows why. */
	if (r == -ENOMEM)
		return write_failed(r, path);
	if (r == 0 && ferror(file.stream))
		r = -EIO;
	if (r == 0)
		r = export_file_commit(&file, &bytes);
	if (r < 0)
		return write_failed(r, path);
	if (output_is_terminal())
		print_written(args, data, path, bytes);
	return output_finish();
}

static enum exit_code write_stdout(const struct export_args *args, const struct export_data *data)
{
	int r = args->format->write(stdout, data);

	return r == -ENOMEM ? query_no_memory() : output_finish();
}

static int begin(void *ctx, const struct dictionary *dictionary)
{
	return stack_table_begin(ctx, dictionary);
}

static int add_row(void *ctx, const struct event_row *row)
{
	return stack_table_add(ctx, &row->row, wait_reason_name(row->reason));
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	(void)dictionary;
	stack_table_end(ctx);
	return 0;
}

static enum exit_code read_stacks(const struct query *query, const struct export_args *args,
				  struct stack_table *table, struct event_answer *answer)
{
	static const struct event_sink sink = {begin, add_row, end, .reasons = true,
					       .wait_leaves = true};
	enum exit_code code = event_read(query, &args->event, &sink, table, answer);
	int r = 0;

	if (code == EXIT_ANSWERED && event_answer_has_rest(answer))
		r = stack_table_add_alone(table, EVENT_NOT_SAMPLED, answer->not_sampled_ns);
	return r < 0 ? query_no_memory() : code;
}

static enum exit_code choose_format(struct export_args *args)
{
	if (!args->format && args->path)
		args->format = format_of_path(args->path);
	if (!args->format && args->path)
		return fail(EXIT_USAGE,
			    "'%s' does not say which format: end it in .pb.gz or .folded, or give "
			    "-o pprof or -o folded",
			    args->path);
	if (!args->format)
		args->format = &formats[0];
	return EXIT_ANSWERED;
}

static void print_notes(const struct event_answer *answer)
{
	char losses[LOSSES_TEXT_MAX], sure[ESTIMATE_TEXT_MAX];

	estimate_text(answer, sure, sizeof(sure));
	if (*sure)
		note("of the %s: %s", answer->is_io ? "I/O" : "waits", sure);
	if (answer->summary.n_losses > 0) {
		losses_text(&answer->summary, losses, sizeof(losses));
		note("counted on the machine in this window: %s", losses);
	}
}

static enum exit_code answer(struct export_args *args)
{
	_cleanup_(event_answer_done) struct event_answer answer = {0};
	_cleanup_(stack_table_freep) struct stack_table *table = NULL;
	_cleanup_(query_done) struct query query = {0};
	const struct store_summary *summary = &answer.summary;
	struct export_data data;
	enum exit_code code = choose_format(args);
	bool named;

	if (code == EXIT_ANSWERED)
		code = query_open(&query, &args->query);
	if (code != EXIT_ANSWERED)
		return code;
	query.event = args->event.event;
	if (stack_table_new(&table) < 0)
		return query_no_memory();
	code = read_stacks(&query, args, table, &answer);
	if (code != EXIT_ANSWERED)
		return code;
	data = (struct export_data){
		.table = table,
		.answer = &answer,
		.summary = summary,
		.args = &args->query,
		.since_ns = summary->n_buckets ? summary->since_ns : query.filter.since_real_ns,
		.until_ns = summary->n_buckets ? summary->until_ns : query.filter.until_real_ns,
		.event = query.event,
	};
	/* Binary never onto a terminal; and no file that nobody named for an empty answer. */
	named = args->path || (args->format->binary && output_is_terminal());
	if (event_answer_is_empty(&answer))
		query_explain_empty(&query, summary);
	if (event_answer_is_empty(&answer) && named && !args->path)
		return EXIT_ANSWERED;
	print_notes(&answer);
	return named ? write_file(args, &data) : write_stdout(args, &data);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct export_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		state->child_inputs[1] = &args->event;
		return 0;
	case 'o':
		args->format = NULL;
		for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
			if (strcmp(arg, formats[i].name) == 0)
				args->format = &formats[i];
		if (!args->format)
			argp_error(state,
				   "--output '%s': give pprof or folded; a file is the argument, "
				   "as in 'profctl export x.pb.gz'",
				   arg);
		return 0;
	case ARGP_KEY_ARG:
		if (args->path)
			argp_error(state, "unexpected '%s'; one file is written", arg);
		if (*arg == '\0')
			argp_error(state, "FILE '': give a name");
		args->path = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{.name = "output",
	 .key = 'o',
	 .arg = "FORMAT",
	 .doc = "pprof or folded [by FILE's extension, else pprof]"},
	{0},
};

enum exit_code cmd_export(int argc, char **argv)
{
	static const struct argp_child children[] = {
		{.argp = &query_argp}, {.argp = &event_argp}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.args_doc = "[FILE]",
		.children = children,
		.doc = "Stacks for pprof and flame graph tools.\v"
		       "pprof is gzipped profile.proto (.pb.gz, .pprof); folded is a line per "
		       "stack, \"comm;root;...;leaf N\", N in nanoseconds, or bytes of "
		       "blockio_bytes (.folded, .txt). Without "
		       "FILE the format goes to stdout; on a terminal pprof goes to a new file, "
		       "and its name is printed. TIME is a span back from now (10m), a time "
		       "(03:10) or a date and time; see profctl(1).",
	};
	struct export_args args = {0};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
