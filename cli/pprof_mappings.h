/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pprof_mappings.h - an address space for a whole machine: each file of a profile gets a range of
 * its own, as pprof's format knows one process only. Real addresses differ from process to process
 * and are not kept; offsets in files are, so an address is its range's start plus the offset.
 */
#ifndef PROFD_PPROF_MAPPINGS_H
#define PROFD_PPROF_MAPPINGS_H

#include "stack_table.h"

struct pprof_mapping {
	uint64_t start, limit;	 /* page aligned; both 0 when the offsets do not fit anywhere */
	uint64_t offset;	 /* in the file, of start */
	uint64_t least, largest; /* offset of its locations */
	bool used;
	bool functions, filenames, lines, inlined; /* whether any of its locations has them */
};

/* One mapping per file, by file id, which the caller frees. Returns 0 or -ENOMEM. */
int pprof_mappings_new(const struct stack_table *table, struct pprof_mapping **ret);

/* The address of a location in the mappings; its offset when its file has no range; 0 for what is
 * no address. */
uint64_t pprof_address(const struct pprof_mapping *mappings, const struct stack_location *location);

#endif
