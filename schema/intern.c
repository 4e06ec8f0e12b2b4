// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * intern.c - the tables behind the writer: strings, files, functions, locations, trie nodes and
 * series, with a mark at the last commit so that a failed transaction leaves no trace.
 */
#include "intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define NAMED		  0x80000000u
#define LOCATION_KEY_SIZE offsetof(struct intern_location, names)
#define FILES_MAX	  (1u << (32 - INTERN_KIND_BITS))

_Static_assert(sizeof(struct intern_location) == 20, "a location has padding");
_Static_assert(sizeof(struct intern_file) == 52, "a file has padding");
_Static_assert(sizeof(struct chunk_series) == 40, "a series has padding");

void intern_init(struct intern *intern)
{
	*intern = (struct intern){};
	string_table_init(&intern->strings);
	id_table_init(&intern->files, sizeof(struct intern_file), sizeof(struct intern_file));
	id_table_init(&intern->functions, sizeof(struct chunk_function),
		      sizeof(struct chunk_function));
	id_table_init(&intern->locations, sizeof(struct intern_location), LOCATION_KEY_SIZE);
	id_table_init(&intern->nodes, sizeof(struct dictionary_node),
		      sizeof(struct dictionary_node));
	id_table_init(&intern->series, sizeof(struct chunk_series), sizeof(struct chunk_series));
	intern_commit(intern);
}

void intern_done(struct intern *intern)
{
	string_table_done(&intern->strings);
	id_table_done(&intern->files);
	id_table_done(&intern->functions);
	id_table_done(&intern->locations);
	id_table_done(&intern->nodes);
	id_table_done(&intern->series);
	byte_buf_done(&intern->names);
	free(intern->renamed);
	intern->renamed = NULL;
	intern->renamed_capacity = 0;
}

void intern_commit(struct intern *intern)
{
	intern->mark.strings = intern->strings.n;
	intern->mark.files = intern->files.n;
	intern->mark.functions = intern->functions.n;
	intern->mark.locations = intern->locations.n;
	intern->mark.nodes = intern->nodes.n;
	intern->mark.series = intern->series.n;
	byte_buf_clear(&intern->names);
	intern->n_names = 0;
	intern->last_name = 0;
	intern->n_renamed = 0;
}

void intern_rollback(struct intern *intern)
{
	/* Backwards: a location renamed twice gets its oldest state. */
	while (intern->n_renamed) {
		const struct intern_renamed *renamed = &intern->renamed[--intern->n_renamed];
		struct intern_location *location =
			id_table_at(&intern->locations, renamed->location);

		location->names = renamed->names;
	}
	string_table_truncate(&intern->strings, intern->mark.strings);
	id_table_truncate(&intern->files, intern->mark.files);
	id_table_truncate(&intern->functions, intern->mark.functions);
	id_table_truncate(&intern->locations, intern->mark.locations);
	id_table_truncate(&intern->nodes, intern->mark.nodes);
	id_table_truncate(&intern->series, intern->mark.series);
	intern_commit(intern);
}

void intern_map_done(struct intern_map *map)
{
	free(map->files);
	free(map->locations);
	free(map->nodes);
	free(map->series);
	*map = (struct intern_map){};
}

static int intern_file(struct intern *intern, const struct profile_file *file, uint32_t *ret_id)
{
	struct intern_file entry = {
		.kind = file->kind,
		.is_build_id = file->is_build_id,
		.identity_len = file->identity_len,
		.trust_uid = file->trust_uid,
	};
	int r;

	if (file->identity_len > sizeof(entry.identity) || (unsigned)file->kind >= FILE_KIND_MAX ||
	    intern->files.n >= FILES_MAX)
		return -EINVAL;
	memcpy(entry.identity, file->identity, file->identity_len);
	r = string_table_intern(&intern->strings, file->path, &entry.path);
	return r < 0 ? r : id_table_intern(&intern->files, &entry, ret_id);
}

/* Fills intern->frames. */
static int intern_frames(struct intern *intern, const struct profile_location *location)
{
	if (location->n_frames > PROFILE_FRAMES_MAX)
		return -EINVAL;
	for (uint32_t i = 0; i < location->n_frames; i++) {
		const struct profile_frame *frame = &location->frames[i];
		struct chunk_function function;
		uint32_t id;
		int r = string_table_intern(&intern->strings, frame->function, &function.name);

		if (r == 0)
			r = string_table_intern(&intern->strings, frame->source, &function.source);
		if (r == 0)
			r = id_table_intern(&intern->functions, &function, &id);
		if (r < 0)
			return r;
		intern->frames[i] = (struct dictionary_frame){id, frame->line, frame->inlined};
	}
	return 0;
}

static uint32_t hash_frames(const struct intern *intern, uint32_t n)
{
	uint64_t hash = n;

	for (uint32_t i = 0; i < n; i++) {
		const struct dictionary_frame *frame = &intern->frames[i];

		hash = hash_u64(hash, (uint64_t)frame->line << 32 | frame->function);
		hash = hash_u64(hash, frame->inlined);
	}
	return NAMED | (uint32_t)hash;
}

static int remember_renamed(struct intern *intern, uint32_t id, uint32_t names)
{
	if (intern->n_renamed == intern->renamed_capacity) {
		uint32_t capacity = intern->renamed_capacity ? intern->renamed_capacity * 2 : 64;
		struct intern_renamed *renamed =
			reallocarray(intern->renamed, capacity, sizeof(*renamed));

		if (!renamed)
			return -ENOMEM;
		intern->renamed = renamed;
		intern->renamed_capacity = capacity;
	}
	intern->renamed[intern->n_renamed++] = (struct intern_renamed){id, names};
	return 0;
}

/* Names a location when the bucket knows better: a name beats a reason, and any reason "pending".
 */
static int update_names(struct intern *intern, const struct profile_location *location, uint32_t id)
{
	struct intern_location *entry = id_table_at(&intern->locations, id);
	struct chunk_name name = {id, location->unknown, location->n_frames};
	uint32_t names;
	int r;

	if (location->kind == LOCATION_SYNTHETIC)
		return 0;
	if (location->n_frames) {
		names = hash_frames(intern, location->n_frames);
	} else {
		if (!location->unknown)
			name.unknown = UNKNOWN_PENDING;
		names = name.unknown;
		if ((entry->names & NAMED) || names == UNKNOWN_PENDING)
			return 0;
	}
	if (names == entry->names)
		return 0;
	if (id < intern->mark.locations) {
		r = remember_renamed(intern, id, entry->names);
		if (r < 0)
			return r;
	}
	chunk_put_name(&intern->names, intern->last_name, &name, intern->frames);
	if (intern->names.failed)
		return -ENOMEM;
	entry->names = names;
	intern->last_name = id;
	intern->n_names++;
	return 0;
}

static int intern_location(struct intern *intern, const struct profile_bucket *bucket,
			   const struct profile_location *location, const uint32_t *files,
			   uint32_t *ret_id)
{
	bool bad_file = location->file && location->file >= bucket->n_files;
	uint32_t file = location->file && !bad_file ? files[location->file] : 0;
	struct intern_location entry = {
		.offset_low = (uint32_t)location->offset,
		.offset_high = (uint32_t)(location->offset >> 32),
		.file_and_kind = file << INTERN_KIND_BITS | (uint32_t)location->kind,
		.names = UNKNOWN_PENDING,
	};
	bool bound = location->kind == LOCATION_JIT || location->kind == LOCATION_INTERPRETER ||
		     (file && bucket->files[location->file].kind == FILE_BPF);
	int r;

	if (bad_file || location->kind == LOCATION_NONE || location->kind >= LOCATION_KIND_MAX ||
	    (unsigned)location->unknown >= UNKNOWN_REASON_MAX)
		return -EINVAL;
	r = intern_frames(intern, location);
	if (r < 0)
		return r;
	if (bound && location->n_frames)
		entry.bound = intern->frames[0].function;
	r = id_table_intern(&intern->locations, &entry, ret_id);
	return r < 0 ? r : update_names(intern, location, *ret_id);
}

static int intern_stack(struct intern *intern, const struct profile_bucket *bucket,
			const struct profile_stack *stack, const uint32_t *locations,
			uint32_t *ret_node)
{
	uint32_t node = 0;

	if (stack->n > PROFILE_STACK_MAX)
		return -EINVAL;
	for (uint32_t i = stack->n; i-- > 0;) {
		uint32_t index = bucket->stack_locations[stack->first + i];
		struct dictionary_node entry = {.parent = node};
		int r;

		if (!index || index >= bucket->n_locations)
			return -EINVAL;
		entry.location = locations[index];
		r = id_table_intern(&intern->nodes, &entry, &node);
		if (r < 0)
			return r;
	}
	*ret_node = node;
	return 0;
}

static int intern_series(struct intern *intern, const struct profile_series *series,
			 uint32_t *ret_id)
{
	struct chunk_series entry = {
		.pid = series->pid,
		.tid = series->tid,
		.start_boot_ns = series->start_boot_ns,
	};
	int r = string_table_intern(&intern->strings, series->comm, &entry.comm);

	if (r == 0)
		r = string_table_intern(&intern->strings, series->exe, &entry.exe);
	if (r == 0)
		r = string_table_intern(&intern->strings, series->cgroup, &entry.cgroup);
	if (r == 0)
		r = string_table_intern(&intern->strings, series->unit, &entry.unit);
	if (r == 0)
		r = string_table_intern(&intern->strings, series->container, &entry.container);
	return r < 0 ? r : id_table_intern(&intern->series, &entry, ret_id);
}

static int by_address(const void *a, const void *b, void *locations)
{
	const struct profile_location *x =
		(const struct profile_location *)locations + *(const uint32_t *)a;
	const struct profile_location *y =
		(const struct profile_location *)locations + *(const uint32_t *)b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

/* New locations by file and address: neighbours cost less, 7 % of a store that is still filling. */
static int intern_locations(struct intern *intern, const struct profile_bucket *bucket,
			    struct intern_map *map)
{
	_cleanup_free_ uint32_t *order = NULL;
	uint32_t n = bucket->n_locations;

	if (n < 2)
		return 0;
	order = calloc(n, sizeof(*order));
	if (!order)
		return -ENOMEM;
	for (uint32_t i = 1; i < n; i++)
		order[i] = i;
	qsort_r(order + 1, n - 1, sizeof(*order), by_address, (void *)(uintptr_t)bucket->locations);
	for (uint32_t i = 1; i < n; i++) {
		uint32_t index = order[i];
		int r = intern_location(intern, bucket, &bucket->locations[index], map->files,
					&map->locations[index]);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Also where the bucket has none: entry 0 is always there to be asked for. */
static int map_new(struct intern_map *map, const struct profile_bucket *bucket)
{
	map->files = calloc((size_t)bucket->n_files + 1, sizeof(uint32_t));
	map->locations = calloc((size_t)bucket->n_locations + 1, sizeof(uint32_t));
	map->nodes = calloc((size_t)bucket->n_stacks + 1, sizeof(uint32_t));
	map->series = calloc((size_t)bucket->n_series + 1, sizeof(uint32_t));
	return map->files && map->locations && map->nodes && map->series ? 0 : -ENOMEM;
}

int intern_bucket(struct intern *intern, const struct profile_bucket *bucket,
		  struct intern_map *map)
{
	int r = map_new(map, bucket);

	for (uint32_t i = 1; r >= 0 && i < bucket->n_files; i++)
		r = intern_file(intern, &bucket->files[i], &map->files[i]);
	if (r >= 0)
		r = intern_locations(intern, bucket, map);
	for (uint32_t i = 1; r >= 0 && i < bucket->n_stacks; i++)
		r = intern_stack(intern, bucket, &bucket->stacks[i], map->locations,
				 &map->nodes[i]);
	for (uint32_t i = 1; r >= 0 && i < bucket->n_series; i++)
		r = intern_series(intern, &bucket->series[i], &map->series[i]);
	return r < 0 ? r : 0;
}
