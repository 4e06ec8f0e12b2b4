/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * merge.h - records of several rings in the order of their times. Pure: the clock is an argument.
 *
 * Samples come through one ring and what happened to processes through others, one a CPU, and each
 * is read when it suits; but whether an address lies in the old program or in the next one is a
 * matter of microseconds. So records are held until nothing older can come any more, and are taken
 * out by time. At a limit of memory the oldest are given out early, which is counted: it is better
 * than losing them.
 */
#ifndef PROFD_MERGE_H
#define PROFD_MERGE_H

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct merge;

enum merge_kind {
	MERGE_SAMPLE,	/* a record of wire.h */
	MERGE_SIDEBAND, /* one of perf_event_open(2) */
};

struct merge_item {
	uint64_t mono_ns;
	uint64_t number; /* in the order they came: equal times keep it */
	enum merge_kind kind;
	size_t size;
	_Alignas(8) unsigned char bytes[];
};

/* Holds little more than `max_bytes`, if merge_is_full() is heeded before each push. */
int merge_new(size_t max_bytes, struct merge **ret);
struct merge *merge_free(struct merge *merge);
DEFINE_CLEANUP(struct merge *, merge_free);

/* Copies a record. Returns 0 or -ENOMEM, and then the record is not in it. */
int merge_push(struct merge *merge, enum merge_kind kind, uint64_t mono_ns, const void *bytes,
	       size_t size);

/* The oldest record not younger than `until_mono_ns` (or the oldest of all, beyond the limit of
 * memory), to be freed by free(); NULL when there is none. */
struct merge_item *merge_pop(struct merge *merge, uint64_t until_mono_ns);

/* Whether the limit is passed: nothing more is to be put in until something was given out. */
bool merge_is_full(const struct merge *merge);

/* Whether half of it is used: who can give something out should, before more is put in. */
bool merge_is_half_full(const struct merge *merge);

/* Records given out before their time, ever. */
uint64_t merge_n_early(const struct merge *merge);

#endif
