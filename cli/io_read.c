// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * io_read.c - see io_read.h. As with waits each row is scaled and rounded by itself, so that the
 * sum is the same whatever the rows are grouped by.
 */
#include "io_read.h"

#include <errno.h>
#include <math.h>

/* Operations of too few samples to be scaled are so little of the sum that its interval is as if
 * they were. */
#define UNSCALED_PART 0.01

struct reading {
	const struct event_sink *sink;
	void *ctx;
	enum sample_type type;
	struct io_query *io;
	uint64_t value, count; /* as shown */
	double n_samples, variance, third;
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;
	int r = io_query_begin(reading->io, dictionary);

	return r < 0 || !reading->sink->begin ? r : reading->sink->begin(reading->ctx, dictionary);
}

static int scale(double factor, uint64_t *value)
{
	double scaled = nearbyint((double)*value * factor);

	if (!(scaled >= 0 && scaled < 0x1p63))
		return -EBADMSG;
	*value = (uint64_t)scaled;
	return 0;
}

int io_read_scale(const struct io_group *group, enum sample_type type, struct store_row *row)
{
	int r = scale(type == SAMPLE_BLOCKIO ? group->ns_factor : group->bytes_factor, &row->value);

	return r < 0 ? r : scale(group->ios_factor, &row->count);
}

/* By the estimator of Horvitz and Thompson, for n samples that stand for w each. */
struct estimate_spread io_read_spread(const struct store_row *scaled,
				      const struct store_row *stored, uint32_t weight_log2)
{
	double w = (double)(1u << weight_log2), value = (double)scaled->value;
	double n = (double)stored->count / PROFILE_COUNT_ONE / w;
	double mean = n > 0 ? value / (n * w) : 0;

	return (struct estimate_spread){value, n * mean * mean * w * (w - 1),
					n * mean * mean * mean * w * (w - 1) * (w - 1)};
}

static int add_row(void *ctx, const struct store_row *from)
{
	struct reading *reading = ctx;
	struct event_row row = {.row = *from, .type = reading->type};
	const struct io_group *group;
	struct io_class class;
	int r = io_query_find(reading->io, from->bin, &class, &group);

	if (r < 0 || !group || reading->io->devices[group->device].is_left_out)
		return r;
	r = io_read_scale(group, reading->type, &row.row);
	if (r < 0 || __builtin_add_overflow(reading->value, row.row.value, &reading->value) ||
	    __builtin_add_overflow(reading->count, row.row.count, &reading->count))
		return -EBADMSG;
	row.class.bin = class.bin;
	row.spread = io_read_spread(&row.row, from, class.weight_log2);
	reading->n_samples +=
		(double)from->count / PROFILE_COUNT_ONE / (double)(1u << class.weight_log2);
	reading->variance += row.spread.variance;
	reading->third += row.spread.third;
	return reading->sink->row(reading->ctx, &row);
}

static int end(void *ctx, const struct dictionary *dictionary)
{
	struct reading *reading = ctx;

	return reading->sink->end ? reading->sink->end(reading->ctx, dictionary) : 0;
}

/* The exact sums over the devices that are asked for. */
static void add_exact(const struct io_query *io, enum sample_type type, struct event_answer *answer)
{
	bool is_time = type == SAMPLE_BLOCKIO;

	for (uint32_t i = 0; i < io->n_groups; i++) {
		const struct io_group *group = &io->groups[i];
		const struct profile_io *exact = &group->exact;

		if (io->devices[group->device].is_left_out)
			continue;
		answer->summary.machine_count += exact->ios * PROFILE_COUNT_ONE;
		answer->summary.machine_value += is_time ? exact->total.sum_ns : exact->bytes;
		answer->not_sampled_ns +=
			is_time ? io_group_rest(exact->total.sum_ns, group->sampled_ns,
						group->is_scaled && group->sampled_ns > 0)
				: io_group_rest(exact->bytes, group->sampled_bytes,
						group->is_scaled && group->sampled_bytes > 0);
	}
}

/*
 * Of the whole machine each part is a share of a sum that is known, as with waits (estimate.h). Of
 * a group of threads it is not told apart from the rest of the machine here, and so the interval is
 * that of samples that are not scaled, which is wider.
 */
static void set_interval(const struct query *query, const struct reading *reading,
			 struct event_answer *answer)
{
	const struct estimate_spread all = {(double)reading->value, reading->variance,
					    reading->third};

	double unscaled = 0;

	for (uint32_t i = 0; i < reading->io->n_groups; i++) {
		const struct io_group *group = &reading->io->groups[i];

		if (!group->is_scaled && !reading->io->devices[group->device].is_left_out)
			unscaled += reading->type == SAMPLE_BLOCKIO ? group->sampled_ns
								    : group->sampled_bytes;
	}
	answer->estimate = (struct estimate){
		.factor = 1,
		.scaled = !query_is_filtered(query) &&
			  unscaled <= UNSCALED_PART * (double)reading->value,
	};
	answer->estimate.group.sampled_ns = all.sampled_ns;
	answer->estimate.group.variance = all.variance;
	answer->estimate.group.third = all.third;
	answer->half_width_ns = (uint64_t)llround(estimate_half_width_ns(&answer->estimate, &all));
}

static uint64_t whole(double value)
{
	return value < 0x1p63 ? (uint64_t)nearbyint(value) : INT64_MAX;
}

enum exit_code io_read(const struct query *query, const struct event_args *args,
		       const struct event_sink *sink, void *ctx, struct event_answer *ret)
{
	const struct store_visitor visitor = {begin, add_row, end,
					      .series_only = sink->series_only};
	_cleanup_(io_query_done) struct io_query io = {0};
	struct reading reading = {.sink = sink, .ctx = ctx, .io = &io};
	struct query of_type = *query;
	enum exit_code code = io_query_read(query, args->devices, args->n_devices, &io);

	reading.type = of_type.filter.type =
		args->event == EVENT_BLOCKIO ? SAMPLE_BLOCKIO : SAMPLE_BLOCKIO_BYTES;
	if (code == EXIT_ANSWERED)
		code = query_read(&of_type, &visitor, &reading, &ret->summary);
	if (code != EXIT_ANSWERED)
		return code;
	ret->summary.value = reading.value;
	ret->summary.count = reading.count;
	ret->summary.machine_value = ret->summary.machine_count = 0;
	add_exact(&io, reading.type, ret);
	ret->is_estimate = ret->has_ledger = ret->is_io = true;
	ret->sampled_ns = reading.value;
	ret->n_seen = whole(reading.n_samples);
	set_interval(query, &reading, ret);
	ret->n_types = 1;
	/* Of a part of the machine nobody knows what was not sampled. */
	if (query_is_filtered(query))
		ret->not_sampled_ns = 0;
	ret->summary.value += ret->not_sampled_ns;
	io_query_note_left_out(&io);
	return EXIT_ANSWERED;
}
