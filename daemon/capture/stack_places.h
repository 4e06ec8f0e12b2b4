/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_places.h - where the frames of a sample lie: addresses to (kind, file, offset).
 *
 * Addresses mean something only while the process maps what it mapped then; places keep their
 * meaning, so that the stack of a wait can be put into a bucket long after it was taken. Names are
 * not its business.
 */
#ifndef PROFD_STACK_PLACES_H
#define PROFD_STACK_PLACES_H

#include "capture/ingest.h"
#include "process/process.h"
#include "record/bucket.h"
#include "symbols/symbolize.h"

struct stack_place {
	uint64_t offset;
	uint32_t file;	 /* number of symbolize.h */
	uint8_t kind;	 /* enum location_kind */
	uint8_t unknown; /* enum unknown_reason, for a place in no file */
};

struct stack_places {
	uint32_t n; /* leaf first, with the mark at the outer end, if there is one */
	bool gone;  /* the process was, and so were its places */
	struct stack_place places[WIRE_WORDS_MAX + 1];
};

/* The places of the sample's stack. */
void stack_places_find(struct symbolize *symbolize, struct process_table *processes,
		       struct process *process, const struct sample *sample, uint64_t now_mono_ns,
		       struct stack_places *ret);

/* One place of profd's own. */
static inline struct stack_place stack_place_synthetic(enum synthetic synthetic)
{
	return (struct stack_place){.kind = LOCATION_SYNTHETIC, .offset = synthetic};
}

/* The places as locations of a bucket, whose names are asked where they are new there; `ret` has
 * room for `n`. Returns 0 or an error of bucket_location(). */
int stack_places_put(const struct stack_place *places, uint32_t n, struct symbolize *symbolize,
		     struct bucket *bucket, uint32_t *ret);

#endif
