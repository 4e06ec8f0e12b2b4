// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_status.c - profctl status: what the store holds, whether it is being written, and what was
 * lost. From the files alone, so it also answers for a store copied from another machine.
 */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "losses_text.h"
#include "output.h"
#include "query.h"
#include "units.h"
#include "window_json.h"
#include "window_text.h"

#define RECENT_NS (600 * NSEC_PER_SEC)
#define HOUR_NS	  (3600 * NSEC_PER_SEC)

/* A store without a new bucket for so many of them is not being written. */
#define STALE_BUCKETS 3

struct status_args {
	struct query_args query;
	enum output_format format;
};

struct status {
	const struct query *query;
	struct store_span span;
	struct store_summary recent, hour; /* the last 10 minutes and the last hour */
	uint64_t age_ns;		   /* since the end of the newest bucket */
	uint64_t ahead_ns; /* or how far it ends in the future: the clock was set back */
	bool stale;
};

static void status_done(struct status *status)
{
	store_summary_done(&status->recent);
	store_summary_done(&status->hour);
}

static enum exit_code read_last(struct query *query, uint64_t width_ns, struct store_summary *ret)
{
	query->filter = (struct store_filter){
		.since_real_ns = query->now_ns > width_ns ? query->now_ns - width_ns : 0,
		.until_real_ns = query->now_ns,
		.type = SAMPLE_CPU,
	};
	return query_read(query, NULL, NULL, ret);
}

/* ---- table ---- */

static int add(struct output_table *table, const char *name, const char *text)
{
	return output_table_row(table, (const char *const[]){name, text});
}

static int add_store(const struct status *status, struct output_table *table)
{
	const struct store_span *span = &status->span;
	char text[WINDOW_TEXT_MAX + 64], bytes[24], width[24], range[WINDOW_TEXT_MAX];
	int r;

	r = add(table, "store", status->query->args->store_dir);
	if (r < 0)
		return r;
	units_format_bytes(span->bytes, bytes, sizeof(bytes));
	(void)snprintf(text, sizeof(text), "%d; %s in %" PRIu32 " partition%s",
		       STORE_FORMAT_VERSION, bytes, span->n_partitions,
		       span->n_partitions == 1 ? "" : "s");
	r = add(table, "format", text);
	if (r < 0)
		return r;
	window_text_range(span->first_ns, span->until_ns, range, sizeof(range));
	r = add(table, "covers", range);
	if (r < 0)
		return r;
	units_format_span(span->bucket_ns, width, sizeof(width));
	(void)snprintf(text, sizeof(text), "%" PRIu64 ", of %s now", span->n_buckets, width);
	return add(table, "buckets", text);
}

static int add_machine(const struct status *status, struct output_table *table)
{
	const struct store_span *span = &status->span;
	const struct store_summary *recent = &status->recent;
	char text[WINDOW_TEXT_MAX + 64], age[24], when[WINDOW_TEXT_MAX];
	int r;

	units_format_span(status->ahead_ns ? status->ahead_ns : status->age_ns, age, sizeof(age));
	window_text_time(span->newest_until_ns, when, sizeof(when));
	if (status->ahead_ns)
		(void)snprintf(text, sizeof(text), "ends %s, %s in the future", when, age);
	else
		(void)snprintf(text, sizeof(text), "ended %s, %s ago", when, age);
	r = add(table, "last bucket", text);
	if (r < 0)
		return r;
	(void)snprintf(text, sizeof(text), "%.4g Hz on %" PRIu32 " CPUs",
		       span->period_ns ? (double)NSEC_PER_SEC / (double)span->period_ns : 0.0,
		       span->n_cpus);
	r = add(table, "sampling", text);
	if (r < 0)
		return r;
	if (recent->covered_ns > 0)
		(void)snprintf(
			text, sizeof(text), "%" PRIu64 " samples, %.2f cores busy of %" PRIu32,
			query_whole_samples(recent->machine_count),
			(double)recent->machine_value / (double)recent->covered_ns, recent->n_cpus);
	else
		(void)snprintf(text, sizeof(text), "no bucket");
	return add(table, "last 10m", text);
}

static int add_losses(const struct status *status, struct output_table *table)
{
	char text[LOSSES_TEXT_MAX];
	int r;

	losses_text(&status->recent, text, sizeof(text));
	r = add(table, "counted in 10m", text);
	if (r < 0)
		return r;
	losses_text(&status->hour, text, sizeof(text));
	return add(table, "counted in 1h", text);
}

static int print_table(const struct status *status)
{
	static const struct output_column columns[] = {{.title = NULL}, {.title = NULL}};
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	int r = output_table_new(columns, ARRAY_SIZE(columns), &table);

	if (r == 0)
		r = add_store(status, table);
	if (r == 0)
		r = add_machine(status, table);
	if (r == 0)
		r = add_losses(status, table);
	return r < 0 ? r : output_table_print(table);
}

/* ---- JSON ---- */

static json_t *losses_json(const struct store_summary *summary, int *r)
{
	json_t *losses = json_object();

	for (uint32_t i = 0; i < summary->n_losses; i++) {
		const struct store_loss *loss = &summary->losses[i];
		json_t *o = json_object();

		output_json_set(o, "count", output_json_uint(loss->count), r);
		output_json_set(o, "weight_ns", output_json_uint(loss->weight_ns), r);
		output_json_set(losses, loss->name, o, r);
	}
	return losses;
}

static void set_window(json_t *o, const char *key, const struct store_summary *summary, int *r)
{
	json_t *w = json_object();

	output_json_set(w, "samples", output_json_uint(query_whole_samples(summary->machine_count)),
			r);
	output_json_set(w, "machine_total_ns", output_json_uint(summary->machine_value), r);
	output_json_set(w, "covered_ns", output_json_uint(summary->covered_ns), r);
	output_json_set(w, "lost_ns", output_json_uint(summary->lost_ns), r);
	output_json_set(w, "losses", losses_json(summary, r), r);
	output_json_set(o, key, w, r);
}

static int print_json(const struct status *status)
{
	const struct store_span *span = &status->span;
	json_t *o = json_object();
	int r = window_json("status", status->query, &status->recent, NULL);

	output_json_set(o, "schema", json_integer(1), &r);
	output_json_set(o, "kind", json_string("status"), &r);
	output_json_set(o, "store", output_json_text(status->query->args->store_dir), &r);
	output_json_set(o, "host", output_json_text(span->host), &r);
	output_json_set(o, "format", json_integer(STORE_FORMAT_VERSION), &r);
	output_json_set(o, "partitions", output_json_uint(span->n_partitions), &r);
	output_json_set(o, "bytes", output_json_uint(span->bytes), &r);
	output_json_set(o, "since_ns", output_json_uint(span->first_ns), &r);
	output_json_set(o, "until_ns", output_json_uint(span->until_ns), &r);
	output_json_set(o, "buckets", output_json_uint(span->n_buckets), &r);
	output_json_set(o, "bucket_ns", output_json_uint(span->bucket_ns), &r);
	output_json_set(o, "newest_until_ns", output_json_uint(span->newest_until_ns), &r);
	output_json_set(o, "age_ns", output_json_uint(status->age_ns), &r);
	output_json_set(o, "ahead_ns", output_json_uint(status->ahead_ns), &r);
	output_json_set(o, "stale", json_boolean(status->stale), &r);
	output_json_set(o, "period_ns", output_json_uint(span->period_ns), &r);
	output_json_set(o, "cpus", output_json_uint(span->n_cpus), &r);
	output_json_set(o, "nodes", output_json_uint(span->n_nodes), &r);
	set_window(o, "last_10m", &status->recent, &r);
	set_window(o, "last_1h", &status->hour, &r);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

static void set_age(struct status *status)
{
	uint64_t now_ns = status->query->now_ns, end_ns = status->span.newest_until_ns;

	/* The last bucket of a profd that was stopped ends when it would have been full. */
	if (now_ns > end_ns)
		status->age_ns = now_ns - end_ns;
	else if (end_ns - now_ns > status->span.bucket_ns)
		status->ahead_ns = end_ns - now_ns;
	status->stale = status->age_ns / STALE_BUCKETS > status->span.bucket_ns;
}

static void say_age(const struct status *status)
{
	char age[24];

	units_format_span(status->ahead_ns ? status->ahead_ns : status->age_ns, age, sizeof(age));
	if (status->ahead_ns)
		note("the last bucket ends %s in the future: the clock was set back since, or the "
		     "store is another machine's; see whether profd runs ('pidof profd')",
		     age);
	else if (status->stale)
		note("nothing was written for %s: profd seems not to be running here; start it as "
		     "root with 'profd --store %s'",
		     age, status->query->args->store_dir);
}

static enum exit_code answer(const struct status_args *args)
{
	_cleanup_(status_done) struct status status = {0};
	_cleanup_(query_done) struct query query = {0};
	enum exit_code code;
	int r;

	code = query_open_store(&query, &args->query);
	if (code == EXIT_ANSWERED)
		code = query_span(&query, &status.span);
	/* The window of the answer is the last one read. */
	if (code == EXIT_ANSWERED)
		code = read_last(&query, HOUR_NS, &status.hour);
	if (code == EXIT_ANSWERED)
		code = read_last(&query, RECENT_NS, &status.recent);
	if (code != EXIT_ANSWERED)
		return code;
	status.query = &query;
	set_age(&status);
	r = args->format == OUTPUT_JSON ? print_json(&status) : print_table(&status);
	if (r < 0)
		return query_no_memory();
	code = output_finish();
	if (code == EXIT_ANSWERED)
		say_age(&status);
	return code;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct status_args *args = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &args->query;
		return 0;
	case 'o':
		if (output_format_parse(arg, &args->format) < 0 || args->format == OUTPUT_CSV)
			argp_error(state, "--output '%s': give table or json", arg);
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "unexpected '%s'; a store is given with --store DIR", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option options[] = {
	{.name = "output", .key = 'o', .arg = "FORMAT", .doc = "table or json [table]"},
	{0},
};

enum exit_code cmd_status(int argc, char **argv)
{
	static const struct argp_child children[] = {{.argp = &store_argp}, {0}};
	static const struct argp argp = {
		.options = options,
		.parser = parse,
		.children = children,
		.doc = "What the store holds, what was lost, and whether profd is writing.",
	};
	struct status_args args = {0};
	enum exit_code code = EXIT_USAGE;

	query_args_init(&args.query);
	if (argp_parse(&argp, argc, argv, 0, NULL, &args) == 0)
		code = answer(&args);
	query_args_done(&args.query);
	return code;
}
