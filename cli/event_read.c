// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event_read.c - see event_read.h. Each row is scaled and rounded by itself, so that the sum is the
 * same whatever the rows are grouped by.
 */
#include "event_read.h"

#include <errno.h>
#include <math.h>

#include "event_leaf.h"
#include "io_read.h"
#include "wait_query.h"
#include "wait_reasons.h"

/* One reading of one type. */
struct reading {
	const struct event_args *args;
	const struct event_sink *sink;
	void *ctx;
	enum sample_type type;
	const struct estimate *estimate; /* NULL: rows are as they are */
	bool wants_stacks;		 /* or reasons, which are in them */
	struct wait_reasons *reasons;	 /* of the partition at hand, as are leaves */
	bool wants_leaves;
	struct event_leaves *leaves;
	uint64_t value, count; /* as shown */
	uint64_t gate_ns, kernel_only_ns;
	struct estimate_sums shown; /* of the rows that pass, not scaled */
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;
	int r = 0;

	if (reading->wants_stacks)
		r = wait_reasons_new(dictionary, &reading->reasons);
	if (r == 0 && reading->wants_leaves)
		return event_leaves_new(dictionary, &reading->leaves);
	if (r == 0 && reading->sink->begin)
		r = reading->sink->begin(reading->ctx, dictionary);
	return r;
}

static int scale(double factor, uint64_t *value)
{
	double scaled;

	if (factor == 1)
		return 0;
	scaled = nearbyint((double)*value * factor);
	if (!(scaled >= 0 && scaled < 0x1p63))
		return -EBADMSG;
	*value = (uint64_t)scaled;
	return 0;
}

/* Whether estimate_add() takes it for exact. */
static bool is_exact(const struct event_row *row)
{
	return row->class.exact || row->class.bin == LATENCY_BIN_OPEN || row->row.count == 0;
}

/* What a wait is: its class, its reason, its size. Returns 1 when it is not asked for. */
static int judge(struct reading *reading, struct event_row *row)
{
	int r = wait_class_unpack(row->row.bin, &row->class);
	struct estimate_sums alone = {0};

	if (r < 0)
		return r;
	if (reading->reasons)
		row->reason = wait_reasons_of(reading->reasons, reading->type, row->class.state,
					      row->row.node);
	else if (reading->type == SAMPLE_RUNQ)
		row->reason = WAIT_REASON_CPU;
	if (!event_args_has_reason(reading->args, row->reason))
		return 1;
	if (reading->reasons)
		row->row.node = wait_reasons_leaf(reading->reasons, row->row.node);
	r = estimate_add(&alone, row->row.bin, row->row.count, row->row.value);
	estimate_sums_add(&reading->shown, &alone);
	row->spread = estimate_spread_of(&alone);
	if (r < 0 || is_exact(row))
		return r;
	r = scale(reading->estimate->factor, &row->row.value);
	return r < 0 ? r : scale(reading->estimate->factor, &row->row.count);
}

static int add_row(void *ctx, const struct store_row *from)
{
	struct reading *reading = ctx;
	struct event_row row = {.row = *from, .type = reading->type};
	int r = 0;

	if (reading->estimate)
		r = judge(reading, &row);
	if (r != 0)
		return r < 0 ? r : 0;
	if (__builtin_add_overflow(reading->value, row.row.value, &reading->value) ||
	    __builtin_add_overflow(reading->count, row.row.count, &reading->count))
		return -EBADMSG;
	reading->gate_ns += row.class.gate ? row.row.value : 0; /* parts of value: in range */
	reading->kernel_only_ns += row.class.kernel_only ? row.row.value : 0;
	if (reading->leaves)
		return event_leaves_add(reading->leaves, &row);
	return reading->sink->row(reading->ctx, &row);
}

static void forget_partition(struct reading *reading)
{
	reading->leaves = event_leaves_free(reading->leaves);
	reading->reasons = wait_reasons_free(reading->reasons);
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;
	int r = 0;

	if (reading->leaves)
		r = event_leaves_play(reading->leaves, reading->sink, reading->ctx);
	else if (reading->sink->end)
		r = reading->sink->end(reading->ctx, dictionary);
	forget_partition(reading);
	return r;
}

static uint64_t whole(double ns)
{
	return ns < 0x1p63 ? (uint64_t)nearbyint(ns) : INT64_MAX;
}

/* Adds what a reading of waits says to the answer. */
static void add_waits(const struct reading *reading, const struct wait_query *waits,
		      struct event_answer *answer)
{
	const struct estimate *e = &waits->estimate;
	const struct estimate_spread spread = estimate_spread_of(&reading->shown);
	double half = estimate_half_width_ns(e, &spread);
	double so_far = (double)answer->half_width_ns;
	uint64_t exact_ns = whole(reading->shown.exact_ns);

	answer->is_estimate = true;
	answer->estimate = *e;
	answer->has_ledger = answer->has_ledger && waits->has_ledger;
	answer->exact_ns += exact_ns;
	answer->sampled_ns += reading->value > exact_ns ? reading->value - exact_ns : 0;
	answer->not_sampled_ns += whole(e->not_sampled_ns);
	answer->gate_ns += reading->gate_ns;
	answer->kernel_only_ns += reading->kernel_only_ns;
	answer->overrun_ns += whole(e->overrun_ns);
	/* Draws are independent. */
	answer->half_width_ns = whole(sqrt(so_far * so_far + half * half));
	answer->n_seen += whole(reading->shown.n_samples + reading->shown.exact_count);
	if (waits->max_ns > answer->max_ns)
		answer->max_ns = waits->max_ns;
	if (waits->last_pass > answer->last_pass)
		answer->last_pass = waits->last_pass;
}

static int add_sums(const struct reading *reading, uint64_t machine_ns, struct event_answer *answer)
{
	struct store_summary *s = &answer->summary;

	return __builtin_add_overflow(s->value, reading->value, &s->value) ||
			       __builtin_add_overflow(s->count, reading->count, &s->count) ||
			       __builtin_add_overflow(s->machine_value, machine_ns,
						      &s->machine_value)
		       ? -EBADMSG
		       : 0;
}

/* Reads one type and adds it to the answer, whose summary is that of the first one read. */
static enum exit_code read_type(const struct query *query, struct reading *reading, bool is_first,
				struct event_answer *answer)
{
	const struct store_visitor visitor = {begin, add_row, end,
					      .series_only = reading->sink->series_only &&
							     !reading->wants_stacks};
	_cleanup_(store_summary_done) struct store_summary summary = {0};
	_cleanup_(wait_query_done) struct wait_query waits = {0};
	enum exit_code code = EXIT_ANSWERED;
	struct query of_type = *query;
	uint64_t machine_ns;

	of_type.filter.type = reading->type;
	if (event_is_wait(reading->type))
		code = wait_query_read(query, reading->type, &waits);
	if (code != EXIT_ANSWERED)
		return code;
	if (event_is_wait(reading->type))
		reading->estimate = &waits.estimate;
	code = query_read(&of_type, &visitor, reading, &summary);
	forget_partition(reading);
	if (code != EXIT_ANSWERED)
		return code;
	machine_ns = reading->estimate ? waits.machine_ns : summary.machine_value;
	if (is_first) {
		answer->summary = summary;
		answer->summary.value = answer->summary.count = 0;
		answer->summary.machine_value = answer->summary.machine_count = 0;
		answer->has_ledger = true;
	}
	answer->summary.machine_count += summary.machine_count;
	if (is_first)
		summary = (struct store_summary){0};
	if (reading->estimate)
		add_waits(reading, &waits, answer);
	if (add_sums(reading, machine_ns, answer) < 0)
		return fail(EXIT_FAILED, "the sums of this window are out of range; ask for a "
					 "shorter one");
	return EXIT_ANSWERED;
}

/* Whether a type has anything of the reasons asked for. */
static bool is_asked(const struct event_args *args, enum sample_type type)
{
	if (type == SAMPLE_RUNQ)
		return event_args_has_reason(args, WAIT_REASON_CPU);
	return args->reasons == 0 || type == SAMPLE_OFFCPU;
}

static void finish(const struct query *query, const struct event_args *args,
		   struct event_answer *answer)
{
	struct store_summary *s = &answer->summary;

	answer->by_reason = args->reasons != 0;
	if (!answer->is_estimate)
		answer->has_ledger = false;
	if (event_answer_has_rest(answer))
		s->value += answer->not_sampled_ns;
	/* Of the whole machine it is the same figure, rounded once. */
	if (answer->is_estimate && !query_is_filtered(query) && !answer->by_reason)
		s->machine_value = s->value;
}

enum exit_code event_read(const struct query *query, const struct event_args *args,
			  const struct event_sink *sink, void *ctx, struct event_answer *ret)
{
	_cleanup_(event_answer_done) struct event_answer answer = {0};
	enum sample_type types[EVENT_TYPES_MAX];
	unsigned int n = event_types(args->event, types);
	bool is_first = true;

	if (event_is_io(args->event)) {
		*ret = (struct event_answer){0};
		return io_read(query, args, sink, ctx, ret);
	}
	for (unsigned int i = 0; i < n; i++) {
		bool leaf = sink->wait_leaves && n > 1 && event_is_wait(types[i]);
		struct reading reading = {
			.args = args,
			.sink = sink,
			.ctx = ctx,
			.type = types[i],
			.wants_stacks = event_has_ledger(types[i]) &&
					(!sink->series_only || (types[i] == SAMPLE_OFFCPU &&
								(sink->reasons || args->reasons))),
			.wants_leaves = leaf,
		};
		enum exit_code code;

		if (!is_asked(args, types[i]))
			continue;
		code = read_type(query, &reading, is_first, &answer);
		if (code != EXIT_ANSWERED)
			return code;
		is_first = false;
		answer.n_types++;
	}
	finish(query, args, &answer);
	*ret = answer;
	answer = (struct event_answer){0};
	return EXIT_ANSWERED;
}

void event_answer_done(struct event_answer *answer)
{
	store_summary_done(&answer->summary);
}
