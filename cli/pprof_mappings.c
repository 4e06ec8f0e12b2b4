// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * pprof_mappings.c - an address space for a whole machine.
 */
#include "pprof_mappings.h"

#include <errno.h>
#include <stdlib.h>

#define PAGE	    4096ull
#define FIRST_START 0x10000ull

static void look_at_frames(const struct stack_table *table, const struct stack_location *location,
			   struct pprof_mapping *mapping)
{
	uint32_t id = location->frame;

	mapping->functions |= location->named;
	while (id != 0) {
		const struct stack_frame *frame = id_table_at(&table->frames, id);
		const struct stack_function *function =
			id_table_at(&table->functions, frame->function);

		mapping->filenames |= function->source != 0;
		mapping->lines |= frame->line != 0;
		mapping->inlined |= frame->inlined != 0;
		id = frame->outer;
	}
}

static bool has_address(const struct stack_location *location)
{
	return location->kind == LOCATION_FILE || location->kind == LOCATION_KERNEL ||
	       location->kind == LOCATION_JIT;
}

/* Ranges one after the other, with a page between them. */
static void place(struct pprof_mapping *mapping, uint64_t *next)
{
	uint64_t size, limit;

	mapping->offset = mapping->least & ~(PAGE - 1);
	size = mapping->largest - mapping->offset;
	if (__builtin_add_overflow(size, PAGE, &size) ||
	    __builtin_add_overflow(*next, size & ~(PAGE - 1), &limit) ||
	    limit > UINT64_MAX - PAGE) {
		mapping->offset = 0;
		return;
	}
	mapping->start = *next;
	mapping->limit = limit;
	*next = limit + PAGE;
}

int pprof_mappings_new(const struct stack_table *table, struct pprof_mapping **ret)
{
	uint32_t n = table->files.n;
	struct pprof_mapping *mappings = calloc(n, sizeof(*mappings));
	uint64_t next = FIRST_START;

	if (!mappings)
		return -ENOMEM;
	for (uint32_t id = 1; id < table->locations.n; id++) {
		const struct stack_location *location = id_table_at(&table->locations, id);
		struct pprof_mapping *mapping = &mappings[location->file];

		look_at_frames(table, location, mapping);
		if (!has_address(location))
			continue;
		if (!mapping->used || location->offset < mapping->least)
			mapping->least = location->offset;
		if (!mapping->used || location->offset > mapping->largest)
			mapping->largest = location->offset;
		mapping->used = true;
	}
	for (uint32_t id = 1; id < n; id++)
		if (mappings[id].used)
			place(&mappings[id], &next);
	*ret = mappings;
	return 0;
}

uint64_t pprof_address(const struct pprof_mapping *mappings, const struct stack_location *location)
{
	const struct pprof_mapping *mapping = &mappings[location->file];

	if (!has_address(location))
		return 0;
	if (location->file == 0 || mapping->limit == 0)
		return location->offset;
	return mapping->start + (location->offset - mapping->offset);
}
