/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stack_table.h - the stacks of a window, added up over buckets and partitions, for the formats of
 * profctl export. A partition's ids mean nothing in another one, so everything is interned again
 * here, by what it is: one sample per (thread and its names, stack, what it waited for). Ids count
 * from 1, 0 is "none".
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
	uint32_t node;	 /* of the leaf; 0 = an empty stack */
	uint32_t reason; /* what it waited for; ends the key */
	uint64_t count;	 /* in 1/PROFILE_COUNT_ONE */
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

/* To be called for each partition before its rows and after them. */
int stack_table_begin(struct stack_table *table, const struct dictionary *dictionary);
void stack_table_end(struct stack_table *table);

/* Adds a row of the partition; `reason` is what it waited for, "" for nothing. Returns 0, -ENOMEM,
 * or -EBADMSG when an index is out of range, a stack is deeper than PROFILE_STACK_MAX, or a sum
 * overflows. */
int stack_table_add(struct stack_table *table, const struct store_row *row, const char *reason);

/* The table's node for one of the partition; errors as above. */
int stack_table_node(struct stack_table *table, uint32_t node, uint32_t *ret);

/* Adds a sample of nobody, whose stack is one frame of that name. Returns 0 or -ENOMEM. */
int stack_table_add_alone(struct stack_table *table, const char *name, uint64_t value);

/* Whose a sample is; all 0 for nobody's, which may be the only ones of the table. */
const struct stack_series *stack_table_series(const struct stack_table *table,
					      const struct stack_sample *sample);

/* The location ids of a sample, leaf first. Returns how many. */
uint32_t stack_table_locations(const struct stack_table *table, const struct stack_sample *sample,
			       uint32_t ret[static PROFILE_STACK_MAX]);

#endif
