// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * query.c - a question to one store, and why it cannot be answered.
 */
#include "query.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "foreign_text.h"
#include "units.h"
#include "window_text.h"

static uint64_t now_real_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

enum exit_code query_no_memory(void)
{
	return fail(EXIT_FAILED, "out of memory; ask for a shorter window or one --pid");
}

/* The store's own text says what to do; -ENOMEM has none. */
static enum exit_code store_failed(int r, const struct store_error *error)
{
	_cleanup_free_ char *copy = NULL;
	const char *text;

	if (r == -ENOMEM)
		return query_no_memory();
	if (error->text[0] == '\0')
		return fail(EXIT_FAILED, "cannot read the store: %s", strerror(-r));
	/* It may hold file names and what else is in a foreign file. */
	text = foreign_text_printable(error->text, &copy);
	return fail(EXIT_FAILED, "%s", text ? text : strerror(-r));
}

static uint64_t ceil_seconds(uint64_t ns)
{
	return ns / NSEC_PER_SEC + (ns % NSEC_PER_SEC != 0);
}

/* "collecting since 6 s, first answer in 4 s" while the first bucket of a new partition is being
 * filled; 0 when too long ago for that. */
static int print_collecting(const struct store_span *span, uint64_t now_ns, char *buf, size_t size)
{
	uint64_t width = span->bucket_ns;
	uint64_t age = now_ns > span->created_ns ? now_ns - span->created_ns : 0;

	if (width == 0 || age >= 2 * width)
		return 0;
	/* A bucket is written when the wall clock reaches a multiple of its width. */
	(void)snprintf(buf, size,
		       "collecting since %" PRIu64 " s, first answer in %" PRIu64 " s; "
		       "ask again then",
		       age / NSEC_PER_SEC, ceil_seconds(width - now_ns % width));
	return 1;
}

static enum exit_code no_bucket(const struct query *query)
{
	char text[WINDOW_TEXT_MAX], since[64];

	if (print_collecting(&query->span, query->now_ns, text, sizeof(text)))
		return fail(EXIT_NO_STORE, "%s", text);
	window_text_time(query->span.created_ns, since, sizeof(since));
	return fail(EXIT_NO_STORE,
		    "no bucket in %s, although it was begun at %s: see whether profd runs "
		    "('pidof profd') and what it says",
		    query->args->store_dir, since);
}

enum exit_code query_open_store(struct query *query, const struct query_args *args)
{
	struct store_error error = {0};
	int r;

	*query = (struct query){.args = args, .now_ns = now_real_ns()};
	r = store_open(args->store_dir, &query->store, &error);
	if (r == -ENOENT || r == -ENOTDIR)
		return fail(EXIT_NO_STORE,
			    "no store in %s: start profd (as root: 'profd --store %s'), or name "
			    "another one with --store DIR",
			    args->store_dir, args->store_dir);
	if (r < 0)
		return store_failed(r, &error);
	r = store_span_newest(query->store, &query->span, &error);
	if (r < 0)
		return store_failed(r, &error);
	return query->span.n_buckets == 0 ? no_bucket(query) : EXIT_ANSWERED;
}

enum exit_code query_span(const struct query *query, struct store_span *ret)
{
	struct store_error error = {0};
	int r = store_span(query->store, ret, &error);

	return r < 0 ? store_failed(r, &error) : EXIT_ANSWERED;
}

/* A pid that was several processes: the answer holds all of them, and that is said. */
static enum exit_code note_lives(const struct query *query, uint32_t pid, bool *ret_found)
{
	_cleanup_free_ struct store_life *lives = NULL;
	struct store_error error = {0};
	int n = store_pid_lives(query->store, pid, query->filter.since_real_ns,
				query->filter.until_real_ns, &lives, &error);

	if (n < 0)
		return store_failed(n, &error);
	*ret_found = n > 0;
	if (n > 1)
		note("pid %" PRIu32 " was %d processes, and all are in the answer:", pid, n);
	for (int i = 0; n > 1 && i < n; i++) {
		_cleanup_free_ char *copy = NULL;
		const char *exe = foreign_text_printable(lives[i].exe, &copy);
		char started[64];

		window_text_time(lives[i].start_real_ns, started, sizeof(started));
		note("  started %s: %s", started, exe && *exe ? exe : "(program unknown)");
	}
	return EXIT_ANSWERED;
}

/*
 * Whether anything in the store passes, in whatever window; counted in *n_found. Says that `value`
 * is not there otherwise, and what to do, unless `what` is NULL.
 */
static enum exit_code look_for(const struct query *query, const struct store_filter *filter,
			       uint32_t *n_found, const char *what, const char *value,
			       const char *hint)
{
	struct store_error error = {0};
	int r = store_has_series(query->store, filter, &error);

	if (r < 0)
		return store_failed(r, &error);
	*n_found += r > 0;
	if (r == 0 && what)
		note("%s %s is nowhere in the store; %s", what, value, hint);
	return EXIT_ANSWERED;
}

/* One of a kind that is there is enough for an answer. */
static enum exit_code judge(enum exit_code code, uint32_t n_asked, uint32_t n_found)
{
	return code == EXIT_ANSWERED && n_asked > 0 && n_found == 0 ? EXIT_NOT_FOUND : code;
}

static enum exit_code check_pid(const struct query *query, const uint32_t *pid, uint32_t *n_found)
{
	const struct store_filter process = {.pids = pid, .n_pids = 1};
	const struct store_filter thread = {.tids = pid, .n_tids = 1};
	uint32_t n_threads = 0;
	char text[16], hint[128];
	bool found = false;
	enum exit_code code = note_lives(query, *pid, &found);

	*n_found += found;
	if (code != EXIT_ANSWERED || found)
		return code;
	/* Only what is not in the window is looked for everywhere. */
	code = look_for(query, &thread, &n_threads, NULL, NULL, NULL);
	if (code != EXIT_ANSWERED)
		return code;
	(void)snprintf(text, sizeof(text), "%" PRIu32, *pid);
	if (n_threads > 0)
		(void)snprintf(hint, sizeof(hint), "it is a thread's number: try --tid %s", text);
	else
		(void)snprintf(hint, sizeof(hint),
			       "it used no CPU while profd looked; 'profctl top --by process' "
			       "lists those that did");
	return look_for(query, &process, n_found, "pid", text, hint);
}

static enum exit_code check_pids(const struct query *query)
{
	const struct query_numbers *pids = &query->args->pids;
	enum exit_code code = EXIT_ANSWERED;
	uint32_t n_found = 0;

	for (uint32_t i = 0; code == EXIT_ANSWERED && i < pids->n_values; i++)
		code = check_pid(query, &pids->values[i], &n_found);
	return judge(code, pids->n_values, n_found);
}

static enum exit_code check_tids(const struct query *query)
{
	const struct query_numbers *tids = &query->args->tids;
	enum exit_code code = EXIT_ANSWERED;
	uint32_t n_found = 0;

	for (uint32_t i = 0; code == EXIT_ANSWERED && i < tids->n_values; i++) {
		const struct store_filter filter = {.tids = &tids->values[i], .n_tids = 1};
		char text[16];

		(void)snprintf(text, sizeof(text), "%" PRIu32, tids->values[i]);
		code = look_for(query, &filter, &n_found, "tid", text,
				"it used no CPU while profd looked; 'profctl top --by thread' "
				"lists those that did");
	}
	return judge(code, tids->n_values, n_found);
}

static enum exit_code check_units(const struct query *query)
{
	const struct query_patterns *units = &query->args->units;
	enum exit_code code = EXIT_ANSWERED;
	uint32_t n_found = 0;

	for (uint32_t i = 0; code == EXIT_ANSWERED && i < units->n_values; i++)
		code = look_for(query,
				&(struct store_filter){.units = &units->values[i], .n_units = 1},
				&n_found, "unit", units->values[i],
				"'profctl top --by unit' lists those that are, and a pattern like "
				"'*name*' finds more");
	return judge(code, units->n_values, n_found);
}

static enum exit_code check_containers(const struct query *query)
{
	const struct query_patterns *names = &query->args->containers;
	enum exit_code code = EXIT_ANSWERED;
	uint32_t n_found = 0;

	for (uint32_t i = 0; code == EXIT_ANSWERED && i < names->n_values; i++)
		code = look_for(
			query,
			&(struct store_filter){.containers = &names->values[i], .n_containers = 1},
			&n_found, "container", names->values[i],
			"'profctl top --by unit' lists those that are; of an id give 12 "
			"digits or more");
	return judge(code, names->n_values, n_found);
}

/* What is asked for by name and occurs nowhere is no empty answer but a mistake, most likely. */
static enum exit_code check_names(const struct query *query)
{
	enum exit_code code = check_pids(query);

	if (code == EXIT_ANSWERED)
		code = check_tids(query);
	if (code == EXIT_ANSWERED)
		code = check_units(query);
	return code == EXIT_ANSWERED ? check_containers(query) : code;
}

enum exit_code query_open(struct query *query, const struct query_args *args)
{
	uint64_t since_ns = 0, until_ns = 0;
	char message[QUERY_MESSAGE_MAX];
	enum exit_code code;

	*query = (struct query){.args = args};
	/* Before the store: a wrong time is a wrong time on any machine. */
	if (query_args_window(args, now_real_ns(), &since_ns, &until_ns, message) < 0)
		return fail(EXIT_USAGE, "%s", message);
	code = query_open_store(query, args);
	if (code != EXIT_ANSWERED)
		return code;
	query->filter = (struct store_filter){
		.since_real_ns = since_ns,
		.until_real_ns = until_ns,
		.type = SAMPLE_CPU,
		.pids = args->pids.values,
		.n_pids = args->pids.n_values,
		.tids = args->tids.values,
		.n_tids = args->tids.n_values,
		.units = args->units.values,
		.n_units = args->units.n_values,
		.containers = args->containers.values,
		.n_containers = args->containers.n_values,
		.comms = args->comms.values,
		.n_comms = args->comms.n_values,
		.exes = args->exes.values,
		.n_exes = args->exes.n_values,
	};
	return check_names(query);
}

void query_done(struct query *query)
{
	query->store = store_free(query->store);
}

bool query_is_filtered(const struct query *query)
{
	const struct store_filter *filter = &query->filter;

	return filter->n_pids || filter->n_tids || filter->n_comms || filter->n_exes ||
	       filter->n_units || filter->n_containers;
}

enum exit_code query_read(const struct query *query, const struct store_visitor *visitor, void *ctx,
			  struct store_summary *ret)
{
	struct store_error error = {0};
	int r = store_read(query->store, &query->filter, visitor, ctx, ret, &error);

	return r < 0 ? store_failed(r, &error) : EXIT_ANSWERED;
}

enum exit_code query_read_ledger(const struct query *query,
				 const struct store_ledger_visitor *visitor, void *ctx,
				 struct store_summary *ret)
{
	struct store_error error = {0};
	int r = store_read_ledger(query->store, &query->filter, visitor, ctx, ret, &error);

	return r < 0 ? store_failed(r, &error) : EXIT_ANSWERED;
}

enum exit_code query_read_io(const struct query *query, const struct store_io_visitor *visitor,
			     void *ctx, struct store_summary *ret)
{
	struct store_error error = {0};
	int r = store_read_io(query->store, &query->filter, visitor, ctx, ret, &error);

	return r < 0 ? store_failed(r, &error) : EXIT_ANSWERED;
}

void query_explain_data(const struct query *query)
{
	char range[WINDOW_TEXT_MAX], text[WINDOW_TEXT_MAX];
	struct store_span span;

	if (store_span(query->store, &span, NULL) == 0) {
		window_text_range(span.first_ns, span.until_ns, range, sizeof(range));
		note("there is data in %s: choose with --since and --until", range);
	}
	if (query->span.created_ns >= query->span.newest_until_ns &&
	    print_collecting(&query->span, query->now_ns, text, sizeof(text)))
		note("%s", text);
}

void query_explain_empty(const struct query *query, const struct store_summary *summary)
{
	const struct store_filter *filter = &query->filter;
	char range[WINDOW_TEXT_MAX], kinds[64];

	(void)fprintf(stderr, "-- no %s --\n", event_counts(query->event));
	window_text_range(filter->since_real_ns, filter->until_real_ns, range, sizeof(range));
	if (summary->n_buckets == 0) {
		note("no bucket begins in %s", range);
	} else if (summary->machine_value == 0 && query->event == EVENT_CPU) {
		note("no CPU was busy in %s", range);
	} else if (summary->machine_count == 0 && event_is_io(query->event)) {
		note("no block device was asked for anything in %s, or 'profctl status' says why "
		     "block I/O is not collected",
		     range);
	} else if (summary->machine_value == 0) {
		note("no wait was recorded in %s: 'profctl status' says whether waits are "
		     "collected",
		     range);
	} else {
		query_args_print_kinds(query->args, kinds, sizeof(kinds));
		note("nothing in %s passes %s, of %" PRIu64 " %s of the machine", range,
		     *kinds			 ? kinds
		     : event_is_io(query->event) ? "--device"
						 : "--reason",
		     query_whole_samples(summary->machine_count), event_counts(query->event));
	}
	query_explain_data(query);
}
