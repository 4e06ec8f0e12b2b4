// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * top_answer.c - the answer of profctl top as a table, JSON lines or CSV. The keys and their order
 * in JSON and CSV are a contract with scripts (profctl(1)): all of them, always.
 */
#include "top_answer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "foreign_text.h"
#include "frame_name.h"
#include "losses_text.h"
#include "units.h"
#include "window_json.h"
#include "window_text.h"

struct top {
	const struct top_options *options;
	const struct query *query;
	const struct store_summary *summary;
	const struct totals_row *rows;
	size_t n_rows;	/* in all */
	size_t n_shown; /* of them */
	uint64_t truncated_ns, unnamed_ns;
};

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

static const char *or_null(const char *text)
{
	return *text ? text : NULL;
}

/* Why a row has no function; NULL when it has one, or when functions are not told apart. */
static const char *reason_of(const struct totals_row *row)
{
	return *row->function ? NULL : or_null(unknown_reason_text(row->reason));
}

/* ---- table ---- */

static void print_window(const struct top *top)
{
	const struct store_summary *s = top->summary;
	_cleanup_free_ char *copy = NULL;
	const char *host = foreign_text_printable(top->query->span.host, &copy);
	uint64_t width_ns = s->until_ns - s->since_ns;
	char range[WINDOW_TEXT_MAX], width[24], covered[24], note[48] = "";

	window_text_range(s->since_ns, s->until_ns, range, sizeof(range));
	units_format_span(width_ns, width, sizeof(width));
	if (s->covered_ns < width_ns) {
		units_format_span(s->covered_ns, covered, sizeof(covered));
		(void)snprintf(note, sizeof(note), ", %s covered", covered);
	}
	if (host && *host)
		printf("host %s  ", host);
	printf("%s  %s (%s%s)\n", sample_type_name(SAMPLE_CPU), range, width, note);
}

static void print_busy(const struct top *top)
{
	const struct store_summary *s = top->summary;

	printf("%" PRIu64 " samples", query_whole_samples(s->count));
	if (s->period_ns > 0)
		printf(" at %.4g Hz", (double)NSEC_PER_SEC / (double)s->period_ns);
	if (s->covered_ns > 0) {
		double covered = (double)s->covered_ns;

		printf(", %.2f cores busy of %" PRIu32, (double)s->value / covered, s->n_cpus);
		if (s->value != s->machine_value)
			printf(" (machine: %.2f)", (double)s->machine_value / covered);
	}
	puts("\n");
}

static void print_foot(const struct top *top)
{
	const struct store_summary *s = top->summary;
	char losses[LOSSES_TEXT_MAX], lost[24], again[512];

	if (top->n_rows > top->n_shown)
		printf("...%zu more rows. ", top->n_rows - top->n_shown);
	if (s->lost_ns > 0)
		units_format_seconds(s->lost_ns, lost, sizeof(lost));
	else
		(void)snprintf(lost, sizeof(lost), "0");
	printf("%.1f %% unnamed, %.1f %% truncated, %s lost%s.\n",
	       percent(top->unnamed_ns, s->value), percent(top->truncated_ns, s->value), lost,
	       s->value != s->machine_value && s->lost_ns > 0 ? " on the machine" : "");
	if (s->n_losses > 0) {
		losses_text(s, losses, sizeof(losses));
		printf("Counted: %s\n", losses);
	}
	if (output_is_terminal()) {
		query_args_print(top->query->args, again, sizeof(again));
		printf("Next: profctl top%s --sort %s   |   profctl export%s\n", again,
		       top->options->by_self ? "total" : "self", again);
	}
}

static int fill_table(const struct top *top, struct output_table *table)
{
	bool by_module = top->options->by == TOTALS_BY_MODULE;

	for (size_t i = 0; i < top->n_shown; i++) {
		const struct totals_row *row = &top->rows[i];
		char self[24], total[24], self_pct[16], total_pct[16], unknown[FRAME_NAME_MAX];
		const char *cells[6] = {self, self_pct, total, total_pct};
		int r;

		units_format_seconds(row->self, self, sizeof(self));
		units_format_seconds(row->total, total, sizeof(total));
		(void)snprintf(self_pct, sizeof(self_pct), "%.1f%%",
			       percent(row->self, top->summary->value));
		(void)snprintf(total_pct, sizeof(total_pct), "%.1f%%",
			       percent(row->total, top->summary->value));
		frame_name_unknown(row->reason, unknown);
		cells[4] = *row->function ? row->function : unknown;
		cells[5] = frame_name_module(row->module);
		/* The whole path where the module is all there is. */
		if (by_module)
			cells[4] = *row->module ? row->module : "[no module]";
		r = output_table_row(table, cells);
		if (r < 0)
			return r;
	}
	return 0;
}

static int print_table(const struct top *top)
{
	static const struct output_column columns[] = {
		{.title = "SELF", .right = true},	{.title = "SELF%", .right = true},
		{.title = "TOTAL", .right = true},	{.title = "TOTAL%", .right = true},
		{.title = "FUNCTION", .shrinks = true}, {.title = "MODULE", .shrinks = true},
	};
	static const struct output_column module_columns[] = {
		{.title = "SELF", .right = true},     {.title = "SELF%", .right = true},
		{.title = "TOTAL", .right = true},    {.title = "TOTAL%", .right = true},
		{.title = "MODULE", .shrinks = true},
	};
	bool by_module = top->options->by == TOTALS_BY_MODULE;
	_cleanup_(output_table_freep) struct output_table *table = NULL;
	int r;

	/* Why there is nothing is said on stderr. */
	if (top->summary->count == 0)
		return 0;
	r = output_table_new(by_module ? module_columns : columns,
			     by_module ? ARRAY_SIZE(module_columns) : ARRAY_SIZE(columns), &table);
	if (r < 0)
		return r;
	r = fill_table(top, table);
	if (r < 0)
		return r;
	print_window(top);
	print_busy(top);
	r = output_table_print(table);
	if (r < 0)
		return r;
	putchar('\n');
	print_foot(top);
	return 0;
}

/* ---- JSON lines ---- */

static int print_json_row(const struct top *top, const struct totals_row *row)
{
	uint64_t whole = top->summary->value;
	json_t *o = json_object();
	int r = 0;

	output_json_set(o, "schema", json_integer(1), &r);
	output_json_set(o, "kind", json_string("row"), &r);
	output_json_set(o, "function", output_json_text(row->function), &r);
	output_json_set(o, "module", output_json_text(row->module), &r);
	output_json_set(o, "file", output_json_text(row->source), &r);
	output_json_set(o, "line", json_null(), &r);
	output_json_set(o, "pid", json_null(), &r);
	output_json_set(o, "tid", json_null(), &r);
	output_json_set(o, "comm", json_null(), &r);
	output_json_set(o, "unit", json_null(), &r);
	output_json_set(o, "device", json_null(), &r);
	output_json_set(o, "op", json_null(), &r);
	output_json_set(o, "reason", output_json_text(reason_of(row)), &r);
	output_json_set(o, "self_ns", output_json_uint(row->self), &r);
	output_json_set(o, "total_ns", output_json_uint(row->total), &r);
	output_json_set(o, "self_pct", json_real(percent(row->self, whole)), &r);
	output_json_set(o, "total_pct", json_real(percent(row->total, whole)), &r);
	output_json_set(o, "count", output_json_uint(query_whole_samples(row->self_count)), &r);
	output_json_set(o, "bytes", json_null(), &r);
	output_json_set(o, "stack", json_null(), &r);
	if (r < 0) {
		json_decref(o);
		return r;
	}
	return output_json_line(o);
}

static int print_json(const struct top *top)
{
	const struct window_parts parts = {top->truncated_ns, top->unnamed_ns};
	int r = window_json("top", top->query, top->summary, &parts);

	for (size_t i = 0; r == 0 && i < top->n_shown; i++)
		r = print_json_row(top, &top->rows[i]);
	return r;
}

/* ---- CSV ---- */

static int print_csv(const struct top *top)
{
	static const char *const header[] = {
		"function", "module",	"file",	     "line",  "pid",	"tid",
		"comm",	    "unit",	"device",    "op",    "reason", "self_ns",
		"total_ns", "self_pct", "total_pct", "count", "bytes",
	};
	enum { FUNCTION, MODULE, SOURCE, REASON = 10, SELF, TOTAL, SELF_PCT, TOTAL_PCT, COUNT };
	int r = output_csv_row(header, ARRAY_SIZE(header));

	for (size_t i = 0; r == 0 && i < top->n_shown; i++) {
		const struct totals_row *row = &top->rows[i];
		const char *cells[ARRAY_SIZE(header)] = {
			[FUNCTION] = row->function,
			[MODULE] = row->module,
			[SOURCE] = row->source,
			[REASON] = reason_of(row),
		};
		char figures[5][24];

		(void)snprintf(figures[0], sizeof(figures[0]), "%" PRIu64, row->self);
		(void)snprintf(figures[1], sizeof(figures[1]), "%" PRIu64, row->total);
		(void)snprintf(figures[2], sizeof(figures[2]), "%.4f",
			       percent(row->self, top->summary->value));
		(void)snprintf(figures[3], sizeof(figures[3]), "%.4f",
			       percent(row->total, top->summary->value));
		(void)snprintf(figures[4], sizeof(figures[4]), "%" PRIu64,
			       query_whole_samples(row->self_count));
		for (int k = SELF; k <= COUNT; k++)
			cells[k] = figures[k - SELF];
		r = output_csv_row(cells, ARRAY_SIZE(cells));
	}
	return r;
}

int top_answer(const struct top_options *options, const struct query *query,
	       const struct store_summary *summary, struct totals *totals)
{
	struct top top = {.options = options, .query = query, .summary = summary};
	int r = totals_rows(totals, options->by_self, &top.rows, &top.n_rows);

	if (r < 0)
		return r;
	top.n_shown = top.n_rows;
	if (options->n_lines > 0 && options->n_lines < top.n_rows)
		top.n_shown = options->n_lines;
	top.truncated_ns = totals_truncated(totals);
	top.unnamed_ns = totals_unnamed(totals);
	switch (options->format) {
	case OUTPUT_JSON:
		return print_json(&top);
	case OUTPUT_CSV:
		return print_csv(&top);
	default:
		return print_table(&top);
	}
}
