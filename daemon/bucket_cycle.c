// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bucket_cycle.c - see bucket_cycle.h.
 */
#include "bucket_cycle.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define BUCKETS_BEHIND_MAX 100
#define NAMES_GRACE_NS	   1000000000ull /* for names that were asked when a bucket ends */

struct bucket_cycle {
	struct bucket_cycle_parts parts;
	uint64_t duration_ns;
	struct bucket_clock clock;
	struct bucket *bucket; /* being filled */
	struct bucket *closed; /* the one before it, while it waits for names; else NULL */
	struct bucket_head closed_head;
	uint64_t closed_deadline_ns; /* CLOCK_MONOTONIC */
	uint64_t passed_mono_ns;     /* no sample that is older will come */
	uint64_t keep_until_mono_ns; /* samples until then may be the closed one's */
	struct losses losses;	     /* as of the last bucket */
	uint64_t n_ended;
	uint64_t n_unfinished, unfinished_ns; /* buckets that could not be finished or queued */
};

int bucket_cycle_new(const struct bucket_cycle_parts *parts, uint64_t duration_ns,
		     struct bucket_cycle **ret)
{
	_cleanup_(bucket_cycle_freep) struct bucket_cycle *cycle = calloc(1, sizeof(*cycle));
	int r;

	if (!cycle)
		return -ENOMEM;
	cycle->parts = *parts;
	cycle->duration_ns = duration_ns;
	r = bucket_new(&cycle->bucket);
	if (r < 0)
		return r;
	*ret = take_ptr(cycle);
	return 0;
}

struct bucket_cycle *bucket_cycle_free(struct bucket_cycle *cycle)
{
	if (!cycle)
		return NULL;
	bucket_free(cycle->closed);
	bucket_free(cycle->bucket);
	free(cycle);
	return NULL;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

struct clock_reading bucket_cycle_read_clocks(void)
{
	return (struct clock_reading){.real_ns = clock_ns(CLOCK_REALTIME),
				      .mono_ns = clock_ns(CLOCK_MONOTONIC)};
}

void bucket_cycle_start(struct bucket_cycle *cycle)
{
	bucket_clock_start(&cycle->clock, cycle->duration_ns, bucket_cycle_read_clocks());
}

struct bucket *bucket_cycle_open(struct bucket_cycle *cycle)
{
	return cycle->bucket;
}

struct bucket *bucket_cycle_ended_at(struct bucket_cycle *cycle, uint64_t mono_ns)
{
	return cycle->closed && cycle->clock.begin_mono_ns == mono_ns ? cycle->closed
								      : cycle->bucket;
}

void bucket_cycle_keep(struct bucket_cycle *cycle, uint64_t until_mono_ns)
{
	cycle->keep_until_mono_ns = until_mono_ns;
}

uint64_t bucket_cycle_begin_mono_ns(const struct bucket_cycle *cycle)
{
	return cycle->clock.begin_mono_ns;
}

uint64_t bucket_cycle_end_mono_ns(const struct bucket_cycle *cycle)
{
	return cycle->clock.end_mono_ns;
}

void bucket_cycle_losses(const struct bucket_cycle *cycle, struct losses *ret)
{
	const struct bucket_cycle_parts *parts = &cycle->parts;
	const struct attribution_counters *attribution = attribution_counters(parts->attribution);
	const struct symbolize_counters *symbolize = symbolize_counters(parts->symbolize);
	struct writer_counters writer = writer_counters(parts->writer);

	*ret = cycle->losses;
	ret->count[LOSS_NO_ROOM] = attribution->n_refused;
	ret->weight_ns[LOSS_NO_ROOM] = attribution->refused_ns;
	ret->count[LOSS_FILTERED] = attribution->n_filtered;
	ret->weight_ns[LOSS_FILTERED] = attribution->filtered_ns;
	ret->count[LOSS_BUCKET_DROPPED] = writer.n_dropped + cycle->n_unfinished;
	ret->weight_ns[LOSS_BUCKET_DROPPED] = writer.dropped_ns + cycle->unfinished_ns;
	ret->count[LOSS_PROCESS_GONE] = attribution->n_process_gone;
	ret->count[LOSS_MAPPING_DROPPED] =
		process_table_counters(parts->processes)->n_mappings_dropped;
	ret->count[LOSS_FILE_BROKEN] = symbolize->n_files_broken;
	ret->count[LOSS_FILE_SKIPPED] = symbolize->n_files_skipped;
	ret->count[LOSS_FILE_REFUSED] = symbolize->n_files_refused;
	ret->count[LOSS_NAME_DROPPED] = symbolize->n_questions_dropped;
	ret->count[LOSS_NAME_LATE] = attribution->n_late_names;
	ret->count[LOSS_NAME_PENDING] = attribution->n_pending_names;
	ret->count[LOSS_KERNEL_UNKNOWN] = symbolize->n_kernel_unknown;
	ret->count[LOSS_WRITE_FAILED] = writer.n_failures;
	ret->count[LOSS_CLOCK_STEP] = cycle->clock.n_steps;
	parts->count(parts->ctx, ret);
}

/* Names the bucket that was closed and gives it to the writer. */
void bucket_cycle_settle_now(struct bucket_cycle *cycle)
{
	_cleanup_(bucket_freep) struct bucket *bucket = take_ptr(cycle->closed);
	struct bucket_head *head = &cycle->closed_head;
	struct profile_loss changed[LOSS_MAX];
	struct losses losses;
	int r;

	if (!bucket)
		return;
	bucket_cycle_losses(cycle, &losses);
	head->losses = changed;
	head->n_losses = losses_since(&cycle->losses, &losses, changed);
	r = attribution_finish(cycle->parts.attribution, bucket, head);
	if (r == 0)
		r = writer_submit(cycle->parts.writer, bucket);
	if (r == 0) {
		bucket = NULL;
		cycle->losses = losses;
	} else {
		cycle->n_unfinished++;
		cycle->unfinished_ns += head->covered_ns * head->n_cpus; /* at most */
		log_error("a bucket is lost: %s", strerror(-r));
	}
	process_table_sweep_files(cycle->parts.processes);
}

void bucket_cycle_settle(struct bucket_cycle *cycle)
{
	bool is_whole = cycle->passed_mono_ns >= cycle->keep_until_mono_ns &&
			resolver_client_idle(cycle->parts.resolver);

	if (cycle->closed && (is_whole || clock_ns(CLOCK_MONOTONIC) >= cycle->closed_deadline_ns))
		bucket_cycle_settle_now(cycle);
}

/* Begins the next bucket; this one waits, for a second at most, for names that were asked. */
static int close_bucket(struct bucket_cycle *cycle, struct clock_reading now)
{
	struct bucket_clock *clock = &cycle->clock;
	uint64_t boot_ns = clock_ns(CLOCK_BOOTTIME), since_ns = now.real_ns - clock->start_real_ns;
	struct bucket *next;
	int r = bucket_new(&next);

	if (r < 0)
		return r;
	bucket_cycle_settle_now(cycle);
	cycle->closed_head = (struct bucket_head){
		.start_real_ns = clock->start_real_ns,
		.duration_ns = clock->duration_ns,
		/* The slice may have begun before the machine did. */
		.start_boot_ns = boot_ns > since_ns ? boot_ns - since_ns : 0,
	};
	cycle->parts.describe(cycle->parts.ctx, &cycle->closed_head);
	if (cycle->parts.complete)
		cycle->parts.complete(cycle->parts.ctx, cycle->bucket);
	cycle->closed_head.covered_ns = bucket_clock_next(clock, now);
	cycle->closed_deadline_ns = now.mono_ns + NAMES_GRACE_NS;
	cycle->closed = cycle->bucket;
	cycle->bucket = next;
	cycle->n_ended++;
	symbolize_flush(cycle->parts.symbolize);
	return 0;
}

/* Closes buckets until `mono_ns` lies in the open one: one after the other, because the kernel
 * went on sampling if profd was kept from running. */
static int close_until(struct bucket_cycle *cycle, uint64_t mono_ns, struct clock_reading now)
{
	int r = 0;

	for (int i = 0; r == 0 && bucket_clock_is_over(&cycle->clock, mono_ns); i++) {
		if (i == BUCKETS_BEHIND_MAX) /* more than the ring can hold */
			bucket_clock_start(&cycle->clock, cycle->clock.duration_ns, now);
		else
			r = close_bucket(cycle, now);
	}
	return r;
}

int bucket_cycle_reach(struct bucket_cycle *cycle, uint64_t mono_ns)
{
	if (!bucket_clock_is_over(&cycle->clock, mono_ns))
		return 0;
	return close_until(cycle, mono_ns, bucket_cycle_read_clocks());
}

int bucket_cycle_passed(struct bucket_cycle *cycle, uint64_t mono_ns)
{
	struct clock_reading now = bucket_cycle_read_clocks();

	cycle->passed_mono_ns = mono_ns;
	if (bucket_clock_stepped(&cycle->clock, now))
		return close_bucket(cycle, now);
	return close_until(cycle, mono_ns, now);
}

int bucket_cycle_cut(struct bucket_cycle *cycle, struct clock_reading at)
{
	return at.mono_ns > cycle->clock.begin_mono_ns ? close_bucket(cycle, at) : 0;
}

struct bucket_cycle_buckets bucket_cycle_buckets(const struct bucket_cycle *cycle)
{
	struct writer_counters writer = writer_counters(cycle->parts.writer);

	return (struct bucket_cycle_buckets){.n_ended = cycle->n_ended,
					     .n_written = writer.n_written,
					     .n_dropped = writer.n_dropped + cycle->n_unfinished};
}
