// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * latency_open.c - see latency_open.h.
 */
#include "latency_open.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "growable.h"

struct open_thread {
	uint64_t start_boot_ns; /* the key, compared by its bytes, */
	uint32_t pid, tid;	/* ends here */
	uint64_t last_close;	/* number of the bucket in which a long wait ended last */
	uint64_t last_open;	/* of the one that was charged last */
	uint64_t wait_ns;
	uint32_t group; /* of that charge */
};

struct latency_charge {
	uint32_t thread, group;
	uint64_t first, ns;
};

void latency_open_init(struct latency_open *open)
{
	*open = (struct latency_open){0};
	id_table_init(&open->threads, sizeof(struct open_thread),
		      offsetof(struct open_thread, last_close));
}

void latency_open_done(struct latency_open *open)
{
	id_table_done(&open->threads);
	free(open->charges);
	*open = (struct latency_open){0};
}

int latency_open_add(struct latency_open *open, const struct profile_series *series,
		     const struct event_row *row, uint32_t group)
{
	const struct open_thread key = {
		.start_boot_ns = series->start_boot_ns, .pid = series->pid, .tid = series->tid};
	bool is_open = row->class.bin == LATENCY_BIN_OPEN;
	struct open_thread *thread;
	uint32_t id;
	int r;

	if (!is_open && !row->class.exact)
		return 0; /* too short to have been charged */
	r = id_table_intern(&open->threads, &key, &id);
	if (r < 0)
		return r;
	thread = id_table_at(&open->threads, id);
	if (!is_open) {
		if (row->row.bucket.number > thread->last_close)
			thread->last_close = row->row.bucket.number;
		return 0;
	}
	r = GROWABLE_RESERVE(open, charges);
	if (r < 0)
		return r;
	open->charges[open->n_charges++] = (struct latency_charge){
		.thread = id,
		.group = group,
		.first = row->row.bucket.number,
		.ns = row->row.value,
	};
	if (row->row.last_bucket.number >= thread->last_open) {
		thread->last_open = row->row.last_bucket.number;
		thread->group = group;
	}
	return 0;
}

static bool is_open_at(const struct open_thread *thread, uint64_t last_bucket)
{
	return thread->last_open > 0 && thread->last_open >= last_bucket &&
	       thread->last_open >= thread->last_close;
}

int latency_open_finish(struct latency_open *open, uint64_t last_bucket,
			void (*each)(void *ctx, const struct latency_open_part *part), void *ctx)
{
	for (uint32_t i = 0; i < open->n_charges; i++) {
		const struct latency_charge *charge = &open->charges[i];
		struct open_thread *thread = id_table_at(&open->threads, charge->thread);

		/* A wait is charged at the end of a bucket, after what ended in it. */
		if (!is_open_at(thread, last_bucket) || charge->first < thread->last_close)
			continue;
		if (__builtin_add_overflow(thread->wait_ns, charge->ns, &thread->wait_ns))
			return -EBADMSG;
		each(ctx, &(struct latency_open_part){.group = charge->group, .ns = charge->ns});
	}
	for (uint32_t id = 1; id < open->threads.n; id++) {
		const struct open_thread *thread = id_table_at(&open->threads, id);

		if (is_open_at(thread, last_bucket))
			each(ctx, &(struct latency_open_part){.group = thread->group,
							      .count = 1,
							      .wait_ns = thread->wait_ns});
	}
	return 0;
}
