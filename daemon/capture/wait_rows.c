// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wait_rows.c - see wait_rows.h.
 */
#include "capture/wait_rows.h"

#include "record/ledger.h"
#include "wait_class.h"

#include <errno.h>
#include <stdio.h>

_Static_assert((int)WIRE_STATE_MAX == (int)WAIT_STATE_MAX &&
		       (int)WIRE_STATE_STOPPED == (int)WAIT_STATE_STOPPED,
	       "states are stored as they come");

struct wait_rows {
	struct attribution *attribution;
	struct waits *waits;
	struct wait_rows_counters counters;
};

/* The record at hand. */
struct taking {
	struct wait_rows *rows;
	const struct sample *sample;
	uint64_t now_mono_ns;
	struct bucket *bucket;
	uint64_t begin_mono_ns; /* of the bucket */
};

static const struct stack_place not_sampled = {.kind = LOCATION_SYNTHETIC,
					       .offset = SYNTHETIC_NOT_SAMPLED};

int wait_rows_new(struct attribution *attribution, struct wait_rows **ret)
{
	_cleanup_(wait_rows_freep) struct wait_rows *rows = calloc(1, sizeof(*rows));
	int r;

	if (!rows)
		return -ENOMEM;
	rows->attribution = attribution;
	r = waits_new(WAITS_MAX, WAITS_BYTES_MAX, &rows->waits);
	if (r < 0)
		return r;
	*ret = take_ptr(rows);
	return 0;
}

struct wait_rows *wait_rows_free(struct wait_rows *rows)
{
	if (rows)
		waits_free(rows->waits);
	free(rows);
	return NULL;
}

/* The stack of a known wait, or else what is said without one. */
static int put_stack(struct taking *t, const struct stack_place *places, uint32_t n, uint32_t *ret)
{
	if (!n) {
		places = &not_sampled;
		n = 1;
	}
	return attribution_stack(t->rows->attribution, places, n, 0, t->bucket, ret);
}

/* ---- beginnings ---- */

static void take_begin(struct taking *t)
{
	const struct sample *sample = t->sample;
	struct wait_rows *rows = t->rows;
	const struct stack_places *places;
	const char *exe;

	rows->counters.n_stacks++;
	/* What the filter does not want is counted once, with its end. */
	if (!attribution_passes(rows->attribution, sample, t->now_mono_ns))
		return;
	if (attribution_places(rows->attribution, sample, t->now_mono_ns, &places, &exe) < 0)
		attribution_refused(rows->attribution, 0);
	else if (sample->late)
		waits_late(rows->waits, sample->tid, sample->mono_ns, places->places, places->n);
	else
		(void)waits_begin(rows->waits, sample->tid, sample->mono_ns, places->places,
				  places->n, false);
}

static void take_waker(struct taking *t)
{
	const struct sample *sample = t->sample;
	const struct wire_waker *waker = &sample->waker;
	struct wait_rows *rows = t->rows;
	const struct stack_place interrupt = stack_place_synthetic(SYNTHETIC_INTERRUPT);
	const struct stack_places *places;
	char label[PROFILE_STRING_MAX + 1] = "";
	const char *exe;
	int r;

	if (waker->in_interrupt) {
		r = waits_wake(rows->waits, waker->tid, waker->begin_mono_ns, label, &interrupt, 1);
		rows->counters.n_waker_lost += r == -ENOENT;
		return;
	}
	/* Who is excluded is nobody here either: a waker without name and stack. */
	if (!attribution_passes(rows->attribution, sample, t->now_mono_ns)) {
		r = waits_wake(rows->waits, waker->tid, waker->begin_mono_ns, label, &not_sampled,
			       1);
		rows->counters.n_waker_lost += r == -ENOENT;
		return;
	}
	r = attribution_places(rows->attribution, sample, t->now_mono_ns, &places, &exe);
	if (r < 0) {
		attribution_refused(rows->attribution, 0);
		return;
	}
	(void)snprintf(label, sizeof(label), *exe ? "%s (%s)" : "%s", sample->comm, exe);
	r = waits_wake(rows->waits, waker->tid, waker->begin_mono_ns, label, places->places,
		       places->n);
	rows->counters.n_waker_lost += r == -ENOENT;
}

/* ---- ends ---- */

/* Adds `ns` of a wait of `whole_ns`, and the wait itself to the count. */
static int add_part(struct taking *t, struct profile_row row, struct wait_class class, uint64_t ns,
		    uint64_t whole_ns)
{
	class.bin = latency_bin_of(whole_ns);
	row.bin = wait_class_pack(&class);
	row.count = (uint64_t)PROFILE_COUNT_ONE << class.weight_log2;
	row.value = ns << class.weight_log2;
	return bucket_add(t->bucket, &row);
}

static int add_waker(struct taking *t, const struct wait *wait, struct profile_row row,
		     struct wait_class class)
{
	const struct wait_waker *waker = wait->waker;
	uint64_t blocked_ns = t->sample->wait.blocked_ns;
	uint32_t label = 0;
	int r = *waker->label ? bucket_label(t->bucket, waker->label, &label) : 0;

	if (r == 0)
		r = attribution_stack(t->rows->attribution, waker->places, waker->n, label,
				      t->bucket, &row.stack);
	row.type = SAMPLE_WAKER;
	class.kernel_only = false;
	return r < 0 ? r : add_part(t, row, class, blocked_ns, blocked_ns);
}

/* The stack of the wait that ended: the one of its beginning, or the words of its end. */
static int stack_of_end(struct taking *t, const struct wait *wait, uint32_t *ret,
			bool *ret_kernel_only)
{
	const struct stack_places *places;
	const char *exe;
	int r;

	*ret_kernel_only = wait ? wait->kernel_only : true;
	if (wait && wait->n)
		return put_stack(t, wait->places, wait->n, ret);
	if (t->sample->wait.flags & WIRE_WAIT_DRAWN)
		t->rows->counters.n_begin_lost++;
	if (!t->sample->n_kernel)
		return put_stack(t, NULL, 0, ret);
	r = attribution_places(t->rows->attribution, t->sample, t->now_mono_ns, &places, &exe);
	return r < 0 ? r : put_stack(t, places->places, places->n, ret);
}

/* What no bucket was given yet. */
static uint64_t rest_ns(const struct wire_wait *w, const struct wait *wait)
{
	int64_t rest_ns = (int64_t)w->blocked_ns - (int64_t)w->charged_ns;

	if (wait)
		rest_ns += wait->owed_ns;
	return rest_ns > 0 ? (uint64_t)rest_ns : 0;
}

static int add_end(struct taking *t, const struct wait *wait)
{
	const struct wire_wait *w = &t->sample->wait;
	struct wait_class class = {.state = (enum wait_state)w->state,
				   .exact = w->flags & WIRE_WAIT_EXACT,
				   .gate = w->flags & WIRE_WAIT_GATE,
				   .weight_log2 = w->weight_log2};
	struct attribution_thread thread;
	struct profile_row row = {};
	int r = attribution_series(t->rows->attribution, t->sample, t->now_mono_ns, t->bucket,
				   &thread);

	row.series = thread.series;
	if (r == 0)
		r = stack_of_end(t, wait, &row.stack, &class.kernel_only);
	class.kernel_only = class.kernel_only && thread.has_memory;
	if (r == 0 && w->blocked_ns) {
		row.type = SAMPLE_OFFCPU;
		r = add_part(t, row, class, rest_ns(w, wait), w->blocked_ns);
	}
	if (r == 0 && w->runq_ns) {
		row.type = SAMPLE_RUNQ;
		r = add_part(t, row, class, w->runq_ns, w->runq_ns);
	}
	if (r == 0 && w->blocked_ns && wait && wait->waker)
		r = add_waker(t, wait, row, class);
	return r;
}

static void take_end(struct taking *t)
{
	const struct sample *sample = t->sample;
	struct attribution *attribution = t->rows->attribution;
	const struct wait *wait =
		waits_find(t->rows->waits, sample->tid, sample->wait.begin_mono_ns);

	if (sample->wait.flags & WIRE_WAIT_VOID)
		; /* its beginning is forgotten */
	else if (!attribution_passes(attribution, sample, t->now_mono_ns))
		attribution_filtered(attribution, sample->value);
	else if (sample->wait.state != WIRE_STATE_IDLE && add_end(t, wait) < 0)
		attribution_refused(attribution, sample->value);
	waits_end(t->rows->waits, sample->tid, sample->wait.begin_mono_ns);
}

/* ---- the ledger ---- */

/* The wait that goes on, with what is known of its stack: kernel words come once. NULL without
 * room. */
static struct wait *open_wait(struct taking *t, const struct attribution_thread *thread)
{
	const struct sample *sample = t->sample;
	const struct wire_ledger *l = &sample->ledger;
	struct waits *waits = t->rows->waits;
	struct wait *wait = waits_find(waits, sample->tid, l->open_since_mono_ns);
	const struct stack_places *places;
	const char *exe;

	if (wait && wait->n)
		return wait;
	if (sample->n_kernel) {
		if (attribution_places(t->rows->attribution, sample, t->now_mono_ns, &places,
				       &exe) < 0)
			return NULL;
		return waits_begin(waits, sample->tid, l->open_since_mono_ns, places->places,
				   places->n, thread->has_memory);
	}
	t->rows->counters.n_begin_lost += !!(l->flags & WIRE_LEDGER_OPEN_DRAWN);
	return waits_begin(waits, sample->tid, l->open_since_mono_ns, &not_sampled, 1, true);
}

/* What the bucket has of a wait that goes on, charged until a little after its end. */
static uint64_t part_of_bucket(const struct taking *t, struct wait *wait)
{
	const struct wire_ledger *l = &t->sample->ledger;
	uint64_t end_mono_ns = t->sample->mono_ns + 1;
	uint64_t since_mono_ns =
		l->open_since_mono_ns > t->begin_mono_ns ? l->open_since_mono_ns : t->begin_mono_ns;
	uint64_t part_ns;

	if (!wait || since_mono_ns >= end_mono_ns)
		return l->open_charge_ns;
	part_ns = end_mono_ns - since_mono_ns;
	wait->owed_ns += (int64_t)l->open_charge_ns - (int64_t)part_ns;
	return part_ns;
}

/* A row, or nothing but the mark of a wait that is like that from the bucket's beginning to its
 * end. */
static int add_open(struct taking *t, const struct attribution_thread *thread)
{
	const struct wire_ledger *l = &t->sample->ledger;
	struct wait *wait = open_wait(t, thread);
	struct wait_class class = {.bin = LATENCY_BIN_OPEN,
				   .state = (enum wait_state)l->open_state,
				   .exact = true,
				   .kernel_only = wait ? wait->kernel_only : thread->has_memory};
	struct profile_row row = {.type = SAMPLE_OFFCPU,
				  .series = thread->series,
				  .bin = wait_class_pack(&class),
				  .value = part_of_bucket(t, wait)};
	bool whole = l->open_since_mono_ns <= t->begin_mono_ns;
	int r = put_stack(t, wait ? wait->places : NULL, wait ? wait->n : 0, &row.stack);

	if (r < 0)
		return r;
	if (wait && wait->charged && whole)
		return bucket_hold(t->bucket, &(struct profile_held){.type = row.type,
								     .series = row.series,
								     .stack = row.stack,
								     .bin = row.bin});
	r = bucket_add(t->bucket, &row);
	if (wait && r == 0)
		wait->charged = true;
	return r;
}

/* Exact waits of a type that the budget had no record for: one row of their mean. One may be
 * counted by the next record and not by the one that has its time. */
static int add_unsent(struct taking *t, uint32_t series, enum sample_type type, uint64_t ns,
		      uint64_t count)
{
	struct wait_class class = {.bin = latency_bin_of(ns / (count ? count : 1)),
				   .state = WAIT_STATE_SLEEP, /* most are */
				   .exact = true,
				   .kernel_only = true};
	struct profile_row row = {.type = type,
				  .series = series,
				  .bin = wait_class_pack(&class),
				  .count = count * PROFILE_COUNT_ONE,
				  .value = ns};
	int r = put_stack(t, NULL, 0, &row.stack);

	t->rows->counters.n_unsent += count;
	t->rows->counters.unsent_ns += ns;
	return r < 0 ? r : bucket_add(t->bucket, &row);
}

static int add_ledger(struct taking *t)
{
	const struct wire_ledger *l = &t->sample->ledger;
	struct attribution_thread thread;
	struct profile_ledger row;
	int r = attribution_series(t->rows->attribution, t->sample, t->now_mono_ns, t->bucket,
				   &thread);

	if (r < 0)
		return r;
	ledger_row(l, thread.series, thread.has_memory, &row);
	r = bucket_ledger(t->bucket, &row);
	t->rows->counters.n_ledger_folded += r == 0 && thread.is_folded;
	if (r == 0 && l->unsent_ns)
		r = add_unsent(t, thread.series, SAMPLE_OFFCPU, l->unsent_ns, l->unsent_count);
	if (r == 0 && l->unsent_runq_ns)
		r = add_unsent(t, thread.series, SAMPLE_RUNQ, l->unsent_runq_ns,
			       l->unsent_runq_count);
	if (r == 0 && l->open_since_mono_ns && l->open_charge_ns &&
	    l->open_state != WIRE_STATE_IDLE)
		r = add_open(t, &thread);
	return r;
}

static void take_ledger(struct taking *t)
{
	const struct sample *sample = t->sample;
	struct wait_rows *rows = t->rows;
	struct wait *wait;

	if (!attribution_passes(rows->attribution, sample, t->now_mono_ns))
		attribution_filtered(rows->attribution, 0);
	else if (add_ledger(t) < 0)
		rows->counters.n_ledger_refused++;
	if (sample->ledger.flags & WIRE_LEDGER_ENDED) {
		waits_forget(rows->waits, sample->tid);
		return;
	}
	wait = waits_find(rows->waits, sample->tid, sample->ledger.open_since_mono_ns);
	if (wait) {
		wait->seen = true;
		wait->unconfirmed = false;
	}
}

bool wait_rows_is_before(const struct sample *sample, const struct wait_pass *pass)
{
	uint64_t since_mono_ns = sample->mono_ns;

	if (sample->mono_ns < pass->boundary_mono_ns || sample->mono_ns >= pass->until_mono_ns)
		return false;
	if (sample->kind == WIRE_WAIT_END)
		since_mono_ns = sample->wait.ledger_since_mono_ns;
	else if (sample->kind == WIRE_LEDGER && sample->ledger.elapsed_ns <= sample->mono_ns)
		since_mono_ns = sample->mono_ns - sample->ledger.elapsed_ns;
	return since_mono_ns < pass->boundary_mono_ns;
}

void wait_rows_add(struct wait_rows *rows, const struct sample *sample, uint64_t now_mono_ns,
		   const struct wait_bucket *bucket)
{
	struct taking t = {.rows = rows,
			   .sample = sample,
			   .now_mono_ns = now_mono_ns,
			   .bucket = bucket->bucket,
			   .begin_mono_ns = bucket->begin_mono_ns};

	rows->counters.n_records++;
	if (sample->kind == WIRE_WAIT_BEGIN)
		take_begin(&t);
	else if (sample->kind == WIRE_WAIT_END)
		take_end(&t);
	else if (sample->kind == WIRE_LEDGER)
		take_ledger(&t);
	else if (sample->kind == WIRE_WAKER)
		take_waker(&t);
}

void wait_rows_passed(struct wait_rows *rows, uint64_t before_mono_ns)
{
	waits_sweep(rows->waits, before_mono_ns);
}

uint32_t wait_rows_n_open(const struct wait_rows *rows)
{
	return waits_n(rows->waits);
}

const struct waits_counters *wait_rows_waits(const struct wait_rows *rows)
{
	return waits_counters(rows->waits);
}

const struct wait_rows_counters *wait_rows_counters(const struct wait_rows *rows)
{
	return &rows->counters;
}
