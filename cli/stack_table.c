// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack_table.c - the stacks of a window, added up over buckets and partitions.
 *
 * What a partition's id stands for is looked up once per partition and kept in a map; only what a
 * sample of the window uses is looked up at all.
 */
#include "stack_table.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include "frame_name.h"

/* From the partition's ids to the table's; 0 = not looked up yet. */
struct stack_maps {
	const struct dictionary *dictionary;
	uint32_t *files, *functions, *locations, *nodes, *series;
};

static struct stack_maps *maps_free(struct stack_maps *maps)
{
	if (maps) {
		free(maps->files);
		free(maps->functions);
		free(maps->locations);
		free(maps->nodes);
		free(maps->series);
	}
	free(maps);
	return NULL;
}
DEFINE_CLEANUP(struct stack_maps *, maps_free);

/* A table of structs whose key ends before the field `rest`. */
#define INIT_KEYED(table, type, rest) id_table_init(table, sizeof(type), offsetof(type, rest))
#define INIT_WHOLE(table, type)	      id_table_init(table, sizeof(type), sizeof(type))

int stack_table_new(struct stack_table **ret)
{
	struct stack_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	string_table_init(&t->strings);
	INIT_WHOLE(&t->files, struct stack_file);
	INIT_WHOLE(&t->functions, struct stack_function);
	INIT_WHOLE(&t->frames, struct stack_frame);
	INIT_WHOLE(&t->locations, struct stack_location);
	INIT_KEYED(&t->nodes, struct stack_node, depth);
	INIT_WHOLE(&t->series, struct stack_series);
	id_table_init(&t->samples, sizeof(struct stack_sample),
		      offsetof(struct stack_sample, reason) + sizeof(uint32_t));
	*ret = t;
	return 0;
}

struct stack_table *stack_table_free(struct stack_table *t)
{
	if (t) {
		string_table_done(&t->strings);
		id_table_done(&t->files);
		id_table_done(&t->functions);
		id_table_done(&t->frames);
		id_table_done(&t->locations);
		id_table_done(&t->nodes);
		id_table_done(&t->series);
		id_table_done(&t->samples);
		maps_free(t->maps);
	}
	free(t);
	return NULL;
}

/* ---- files, functions, frames, locations ---- */

/* Interns an entry; id_table's "1: it is new" is of no interest here. */
static int intern(struct id_table *table, const void *entry, uint32_t *ret)
{
	int r = id_table_intern(table, entry, ret);

	return r < 0 ? r : 0;
}

static int add_file(struct stack_table *t, uint32_t theirs, uint32_t *ret)
{
	const struct dictionary *d = t->maps->dictionary;
	char hex[2 * PROFILE_IDENTITY_MAX + 1] = "";
	const struct profile_file *source;
	struct stack_file file;
	int r;

	if (theirs >= d->n_files)
		return -EBADMSG;
	*ret = t->maps->files[theirs];
	if (theirs == 0 || *ret != 0)
		return 0;
	source = &d->files[theirs];
	if (source->identity_len > PROFILE_IDENTITY_MAX)
		return -EBADMSG;
	for (unsigned int i = 0; i < source->identity_len; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", source->identity[i]);
	file = (struct stack_file){.kind = source->kind, .is_build_id = source->is_build_id};
	r = string_table_intern(&t->strings, source->path, &file.path);
	if (r == 0)
		r = string_table_intern(&t->strings, hex, &file.identity);
	if (r == 0)
		r = intern(&t->files, &file, ret);
	if (r == 0)
		t->maps->files[theirs] = *ret;
	return r;
}

static int add_named(struct stack_table *t, const char *name, const char *source, uint32_t *ret)
{
	struct stack_function function;
	int r = string_table_intern(&t->strings, name, &function.name);

	if (r == 0)
		r = string_table_intern(&t->strings, source, &function.source);
	return r < 0 ? r : intern(&t->functions, &function, ret);
}

static int add_function(struct stack_table *t, uint32_t theirs, uint32_t *ret)
{
	const struct dictionary *d = t->maps->dictionary;
	int r;

	if (theirs == 0 || theirs >= d->n_functions)
		return -EBADMSG;
	*ret = t->maps->functions[theirs];
	if (*ret != 0)
		return 0;
	r = add_named(t, d->functions[theirs].name, d->functions[theirs].source, ret);
	if (r == 0)
		t->maps->functions[theirs] = *ret;
	return r;
}

/* What stands for the name of a location that has no frames. */
static int add_substitute(struct stack_table *t, const struct dictionary_location *theirs,
			  uint32_t *ret)
{
	struct stack_frame frame = {0};
	char unknown[FRAME_NAME_MAX];
	const char *name = "";
	int r;

	if (theirs->kind == LOCATION_SYNTHETIC && theirs->offset < SYNTHETIC_MAX)
		name = synthetic_name((enum synthetic)theirs->offset);
	if (*name == '\0') {
		frame_name_unknown(theirs->unknown, unknown);
		name = unknown;
	}
	r = add_named(t, name, "", &frame.function);
	return r < 0 ? r : intern(&t->frames, &frame, ret);
}

/* Outermost first, so that each frame can point at the one it was inlined into. */
static int add_frames(struct stack_table *t, const struct dictionary_location *theirs,
		      uint32_t *ret)
{
	const struct dictionary *d = t->maps->dictionary;
	uint32_t outer = 0;

	if (theirs->first_frame > d->n_frames ||
	    theirs->n_frames > d->n_frames - theirs->first_frame)
		return -EBADMSG;
	if (theirs->n_frames == 0)
		return add_substitute(t, theirs, ret);
	for (uint32_t i = theirs->n_frames; i-- > 0;) {
		const struct dictionary_frame *source = &d->frames[theirs->first_frame + i];
		struct stack_frame frame = {
			.line = source->line,
			.inlined = source->inlined,
			.outer = outer,
		};
		int r = add_function(t, source->function, &frame.function);

		if (r == 0)
			r = intern(&t->frames, &frame, &outer);
		if (r < 0)
			return r;
	}
	*ret = outer;
	return 0;
}

static int add_location(struct stack_table *t, uint32_t theirs, uint32_t *ret)
{
	const struct dictionary *d = t->maps->dictionary;
	const struct dictionary_location *source;
	struct stack_location location;
	int r;

	if (theirs == 0 || theirs >= d->n_locations)
		return -EBADMSG;
	*ret = t->maps->locations[theirs];
	if (*ret != 0)
		return 0;
	source = &d->locations[theirs];
	location = (struct stack_location){
		.offset = source->offset,
		.kind = source->kind,
		.named = source->n_frames > 0 || source->kind == LOCATION_SYNTHETIC,
	};
	r = add_file(t, source->file, &location.file);
	if (r == 0)
		r = add_frames(t, source, &location.frame);
	if (r == 0)
		r = intern(&t->locations, &location, ret);
	if (r == 0)
		t->maps->locations[theirs] = *ret;
	return r;
}

/* ---- stacks, series, samples ---- */

static struct stack_node *node_at(const struct stack_table *t, uint32_t id)
{
	return id_table_at(&t->nodes, id);
}

static int add_child(struct stack_table *t, uint32_t parent, uint32_t their_location, uint32_t *ret)
{
	struct stack_node node = {
		.parent = parent,
		.depth = parent > 0 ? node_at(t, parent)->depth + 1 : 1,
	};
	int r;

	if (node.depth > PROFILE_STACK_MAX)
		return -EBADMSG;
	r = add_location(t, their_location, &node.location);
	return r < 0 ? r : intern(&t->nodes, &node, ret);
}

static int add_node(struct stack_table *t, uint32_t theirs, uint32_t *ret)
{
	const struct dictionary *d = t->maps->dictionary;
	uint32_t path[PROFILE_STACK_MAX], n = 0, node;

	/* Up to the first node that is known, */
	for (; theirs != 0 && theirs < d->n_nodes && t->maps->nodes[theirs] == 0; n++) {
		if (n == PROFILE_STACK_MAX || d->nodes[theirs].parent >= theirs)
			return -EBADMSG;
		path[n] = theirs;
		theirs = d->nodes[theirs].parent;
	}
	if (theirs >= d->n_nodes)
		return -EBADMSG;
	node = t->maps->nodes[theirs];
	/* and down again. */
	while (n-- > 0) {
		int r = add_child(t, node, d->nodes[path[n]].location, &node);

		if (r < 0)
			return r;
		t->maps->nodes[path[n]] = node;
	}
	*ret = node;
	return 0;
}

static int add_series(struct stack_table *t, uint32_t theirs, uint32_t *ret)
{
	const struct dictionary *d = t->maps->dictionary;
	const struct profile_series *source;
	struct stack_series series;
	int r;

	if (theirs == 0 || theirs >= d->n_series)
		return -EBADMSG;
	*ret = t->maps->series[theirs];
	if (*ret != 0)
		return 0;
	source = &d->series[theirs];
	series = (struct stack_series){.pid = source->pid, .tid = source->tid};
	r = string_table_intern(&t->strings, source->comm, &series.comm);
	if (r == 0)
		r = string_table_intern(&t->strings, source->exe, &series.exe);
	if (r == 0)
		r = string_table_intern(&t->strings, source->unit, &series.unit);
	if (r == 0)
		r = string_table_intern(&t->strings, source->container, &series.container);
	if (r == 0)
		r = intern(&t->series, &series, ret);
	if (r == 0)
		t->maps->series[theirs] = *ret;
	return r;
}

int stack_table_begin(struct stack_table *t, const struct dictionary *d)
{
	_cleanup_(maps_freep) struct stack_maps *maps = calloc(1, sizeof(*maps));

	if (!maps)
		return -ENOMEM;
	maps->dictionary = d;
	/* One more, so that calloc() returns NULL for want of memory only. */
	maps->files = calloc((size_t)d->n_files + 1, sizeof(uint32_t));
	maps->functions = calloc((size_t)d->n_functions + 1, sizeof(uint32_t));
	maps->locations = calloc((size_t)d->n_locations + 1, sizeof(uint32_t));
	maps->nodes = calloc((size_t)d->n_nodes + 1, sizeof(uint32_t));
	maps->series = calloc((size_t)d->n_series + 1, sizeof(uint32_t));
	if (!maps->files || !maps->functions || !maps->locations || !maps->nodes || !maps->series)
		return -ENOMEM;
	maps_free(t->maps);
	t->maps = take_ptr(maps);
	return 0;
}

void stack_table_end(struct stack_table *t)
{
	t->maps = maps_free(t->maps);
}

static int add_sample(struct stack_table *t, const struct stack_sample *key, uint64_t count,
		      uint64_t value)
{
	struct stack_sample *sample;
	uint32_t id;
	int r = intern(&t->samples, key, &id);

	if (r < 0)
		return r;
	if (key->node != 0 && !node_at(t, key->node)->leaf) {
		node_at(t, key->node)->leaf = 1;
		t->n_stacks++;
	}
	sample = id_table_at(&t->samples, id);
	if (__builtin_add_overflow(sample->count, count, &sample->count) ||
	    __builtin_add_overflow(sample->value, value, &sample->value))
		return -EBADMSG;
	return 0;
}

int stack_table_node(struct stack_table *t, uint32_t node, uint32_t *ret)
{
	return add_node(t, node, ret);
}

int stack_table_add(struct stack_table *t, const struct store_row *row, const char *reason)
{
	struct stack_sample key = {0};
	int r = add_series(t, row->series, &key.series);

	if (r == 0)
		r = add_node(t, row->node, &key.node);
	if (r == 0 && *reason)
		r = string_table_intern(&t->strings, reason, &key.reason);
	return r < 0 ? r : add_sample(t, &key, row->count, row->value);
}

int stack_table_add_alone(struct stack_table *t, const char *name, uint64_t value)
{
	struct stack_location location = {.kind = LOCATION_SYNTHETIC, .named = 1};
	struct stack_frame frame = {0};
	struct stack_node node = {.depth = 1};
	struct stack_sample key = {0};
	int r = add_named(t, name, "", &frame.function);

	if (r == 0)
		r = intern(&t->frames, &frame, &location.frame);
	if (r == 0)
		r = intern(&t->locations, &location, &node.location);
	if (r == 0)
		r = intern(&t->nodes, &node, &key.node);
	return r < 0 ? r : add_sample(t, &key, 0, value);
}

const struct stack_series *stack_table_series(const struct stack_table *t,
					      const struct stack_sample *sample)
{
	static const struct stack_series nobody;

	return sample->series ? id_table_at(&t->series, sample->series) : &nobody;
}

uint32_t stack_table_locations(const struct stack_table *t, const struct stack_sample *sample,
			       uint32_t ret[static PROFILE_STACK_MAX])
{
	uint32_t n = 0;

	for (uint32_t id = sample->node; id != 0; id = node_at(t, id)->parent)
		ret[n++] = node_at(t, id)->location;
	return n;
}
