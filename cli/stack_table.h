/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_table.h - the stacks of a window, added up over buckets and partitions, for the formats of
 * profctl export. A partition's ids mean nothing in another one, so everything is interned again
 * here, by what it is: one sample per (thread and its names, stack). Ids count from 1, 0 is "none".
 */
#ifndef PROFD_STACK_TABLE_H
#define PROFD_STACK_TABLE_H

#include "cleanup.h"
#include "id_table.h"
#include "store.h"
#include "string_table.h"

/* The keys below are compared by their bytes, so all their fields are of one width. */
struct stack_file {
	uint32_t kind; /* enum file_kind */
	uint32_t is_build_id;
	uint32_t path;	   /* a string, as all texts here are */
	uint32_t identity; /* in hexadecimal */
};

struct stack_function {
	uint32_t name, source;
};

/* A frame and those it was inlined into: `outer` is the next, 0 the end. */
struct stack_frame {
	uint32_t function;
	uint32_t line; /* 0 = unknown */
	uint32_t inlined;
	uint32_t outer;
};

struct stack_location {
	uint64_t offset;
	uint32_t kind; /* enum location_kind */
	uint32_t file;
	uint32_t frame; /* innermost, never 0: without a name it says why */
	uint32_t named;
};

struct stack_node {
	uint32_t parent; /* towards the root, 0 */
	uint32_t location;
	uint32_t depth; /* locations up to the root; not part of the key, nor is leaf */
	uint32_t leaf;	/* a sample ends here */
};

struct stack_series {
	uint32_t pid, tid;
	uint32_t comm, exe, unit, container;
};

struct stack_sample {
	uint32_t series;
	uint32_t node;	/* of the leaf; 0 = an empty stack */
	uint64_t count; /* in 1/PROFILE_COUNT_ONE; not part of the key, nor is value */
	uint64_t value;
};

struct stack_maps; /* of the partition being read */

struct stack_table {
	struct string_table strings; /* bytes as the programs chose them: see foreign_text.h */
	struct id_table files, functions, frames, locations, nodes, series, samples;
	uint32_t n_stacks; /* different ones */
	struct stack_maps *maps;
};

int stack_table_new(struct stack_table **ret);
struct stack_table *stack_table_free(struct stack_table *table);
DEFINE_CLEANUP(struct stack_table *, stack_table_free);

/* Fills a table, which is its context. Rows are refused with -EBADMSG when an index is out of
 * range, a stack is deeper than PROFILE_STACK_MAX, or a sum overflows. */
extern const struct store_visitor stack_table_visitor;

/* The location ids of a sample, leaf first. Returns how many. */
uint32_t stack_table_locations(const struct stack_table *table, const struct stack_sample *sample,
			       uint32_t ret[static PROFILE_STACK_MAX]);

#endif
