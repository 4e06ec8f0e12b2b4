// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event_leaf.c - see event_leaf.h.
 *
 * The larger dictionary has the arrays of the partition's, copied where something is added to them:
 * behind its entries come two files, and a function, a frame and a location for each reason; behind
 * its nodes those with such a location.
 */
#include "event_leaf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "id_table.h"

enum { N_FILES = 2, N_REASONS = WAIT_REASON_MAX };

#define NAME_MAX_BYTES 48

/* Keys are compared by their bytes. */
struct leaf_node {
	uint32_t parent, reason;
};

struct leaf_row {
	uint32_t series, leaf; /* ends the key; leaf is an id of `nodes` */
	struct event_row row;
};

struct event_leaves {
	const struct dictionary *source;
	struct dictionary dictionary; /* with the leaves */
	struct id_table nodes, rows;
	char names[N_REASONS][NAME_MAX_BYTES];
	void *copies[5];
};

int event_leaves_new(const struct dictionary *dictionary, struct event_leaves **ret)
{
	struct event_leaves *leaves = calloc(1, sizeof(*leaves));

	if (!leaves)
		return -ENOMEM;
	leaves->source = dictionary;
	id_table_init(&leaves->nodes, sizeof(struct leaf_node), sizeof(struct leaf_node));
	id_table_init(&leaves->rows, sizeof(struct leaf_row), 2 * sizeof(uint32_t));
	*ret = leaves;
	return 0;
}

struct event_leaves *event_leaves_free(struct event_leaves *leaves)
{
	if (leaves) {
		id_table_done(&leaves->nodes);
		id_table_done(&leaves->rows);
		for (size_t i = 0; i < ARRAY_SIZE(leaves->copies); i++)
			free(leaves->copies[i]);
	}
	free(leaves);
	return NULL;
}

int event_leaves_add(struct event_leaves *leaves, const struct event_row *row)
{
	const struct leaf_node node = {row->row.node, (uint32_t)row->reason};
	struct leaf_row key = {.series = row->row.series, .row = *row}, *sum;
	uint32_t id;
	int r;

	if (row->row.node >= leaves->source->n_nodes || (uint32_t)row->reason >= N_REASONS)
		return -EBADMSG;
	r = id_table_intern(&leaves->nodes, &node, &key.leaf);
	if (r >= 0)
		r = id_table_intern(&leaves->rows, &key, &id);
	if (r != 0)
		return r < 0 ? r : 0; /* the first of its kind is its sum */
	sum = id_table_at(&leaves->rows, id);
	if (__builtin_add_overflow(sum->row.row.value, row->row.value, &sum->row.row.value) ||
	    __builtin_add_overflow(sum->row.row.count, row->row.count, &sum->row.row.count))
		return -EBADMSG;
	return 0;
}

/* Room for more behind a copy of n entries; NULL without memory. */
static void *grow(struct event_leaves *leaves, unsigned int which, const void *from, uint32_t n,
		  size_t more, size_t size)
{
	size_t bytes;
	char *copy;

	if (__builtin_mul_overflow((size_t)n + more, size, &bytes))
		return NULL;
	copy = calloc(1, bytes);
	if (copy && n > 0)
		memcpy(copy, from, (size_t)n * size);
	leaves->copies[which] = copy;
	return copy;
}

static void name_reasons(struct event_leaves *leaves)
{
	for (unsigned int i = 0; i < N_REASONS; i++) {
		if (i == WAIT_REASON_CPU)
			(void)snprintf(leaves->names[i], NAME_MAX_BYTES, "[run-queue]");
		else
			(void)snprintf(leaves->names[i], NAME_MAX_BYTES, "[off-cpu%s%s]",
				       i ? ": " : "", wait_reason_name((enum wait_reason)i));
	}
}

static int extend(struct event_leaves *leaves)
{
	const struct dictionary *from = leaves->source;
	uint32_t n_leaves = leaves->nodes.n - 1;
	struct profile_file *files =
		grow(leaves, 0, from->files, from->n_files, N_FILES, sizeof(*files));
	struct dictionary_function *functions =
		grow(leaves, 1, from->functions, from->n_functions, N_REASONS, sizeof(*functions));
	struct dictionary_frame *frames =
		grow(leaves, 2, from->frames, from->n_frames, N_REASONS, sizeof(*frames));
	struct dictionary_location *locations =
		grow(leaves, 3, from->locations, from->n_locations, N_REASONS, sizeof(*locations));
	struct dictionary_node *nodes =
		grow(leaves, 4, from->nodes, from->n_nodes, n_leaves, sizeof(*nodes));

	if (!files || !functions || !frames || !locations || !nodes)
		return -ENOMEM;
	name_reasons(leaves);
	files[from->n_files] = (struct profile_file){.path = "[off-cpu]"};
	files[from->n_files + 1] = (struct profile_file){.path = "[run-queue]"};
	for (uint32_t i = 0; i < N_REASONS; i++) {
		functions[from->n_functions + i] =
			(struct dictionary_function){leaves->names[i], ""};
		frames[from->n_frames + i].function = from->n_functions + i;
		/* No address, as code that is interpreted has none. */
		locations[from->n_locations + i] = (struct dictionary_location){
			.kind = LOCATION_INTERPRETER,
			.file = from->n_files + (i == WAIT_REASON_CPU),
			.offset = i,
			.first_frame = from->n_frames + i,
			.n_frames = 1,
		};
	}
	for (uint32_t i = 0; i < n_leaves; i++) {
		const struct leaf_node *leaf = id_table_at(&leaves->nodes, i + 1);

		nodes[from->n_nodes + i] = (struct dictionary_node){
			.parent = leaf->parent,
			.location = from->n_locations + leaf->reason,
		};
	}
	leaves->dictionary = *from;
	leaves->dictionary.files = files;
	leaves->dictionary.functions = functions;
	leaves->dictionary.frames = frames;
	leaves->dictionary.locations = locations;
	leaves->dictionary.nodes = nodes;
	leaves->dictionary.n_files += N_FILES;
	leaves->dictionary.n_functions += N_REASONS;
	leaves->dictionary.n_frames += N_REASONS;
	leaves->dictionary.n_locations += N_REASONS;
	leaves->dictionary.n_nodes += n_leaves;
	return 0;
}

int event_leaves_play(struct event_leaves *leaves, const struct event_sink *sink, void *ctx)
{
	int r = extend(leaves);

	if (r == 0 && sink->begin)
		r = sink->begin(ctx, &leaves->dictionary);
	for (uint32_t id = 1; r == 0 && id < leaves->rows.n; id++) {
		struct leaf_row *row = id_table_at(&leaves->rows, id);

		row->row.row.node = leaves->source->n_nodes + row->leaf - 1;
		r = sink->row(ctx, &row->row);
	}
	if (r == 0 && sink->end)
		r = sink->end(ctx, &leaves->dictionary);
	return r;
}
