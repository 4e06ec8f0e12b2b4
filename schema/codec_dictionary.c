// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * codec_dictionary.c - encoders and bounds-checked decoders of the chunks that
 * codec_dictionary.h describes. Owns no memory.
 */
#include "codec_dictionary.h"

#include <errno.h>
#include <string.h>

#define KIND_BITS 3
_Static_assert(LOCATION_KIND_MAX <= 1 << KIND_BITS, "a kind of location needs more bits");

/* The fewest bytes one entry takes. */
static const unsigned char entry_bytes_min[CHUNK_KIND_MAX] = {
	[CHUNK_STRINGS] = 1, [CHUNK_FUNCTIONS] = 2, [CHUNK_LOCATIONS] = 2,
	[CHUNK_NAMES] = 3,   [CHUNK_NODES] = 2,	    [CHUNK_SERIES] = 8,
};

bool chunk_fits(enum chunk_kind kind, uint64_t n, size_t len)
{
	return kind > 0 && kind < CHUNK_KIND_MAX && n <= len / entry_bytes_min[kind];
}

static void put_delta(struct byte_buf *out, uint64_t before, uint64_t value)
{
	byte_buf_put_varint(out, zigzag((int64_t)(value - before)));
}

/* before + a zigzag difference, when that is below `limit`. */
static uint32_t get_delta_below(struct byte_cursor *cursor, uint32_t before, uint32_t limit)
{
	uint64_t value = before + (uint64_t)unzigzag(byte_cursor_varint(cursor));

	if (value >= limit) {
		cursor->bad = true;
		return 0;
	}
	return (uint32_t)value;
}

/* A chunk ends where its last entry does. */
static int finish(const struct byte_cursor *cursor)
{
	return cursor->bad || byte_cursor_left(cursor) ? -EBADMSG : 0;
}

int chunk_get_strings(const void *data, size_t len, uint32_t n, const char **strings)
{
	const char *p = data, *end = p + len;

	for (uint32_t i = 0; i < n; i++) {
		const char *nul = memchr(p, '\0', (size_t)(end - p));

		if (!nul)
			return -EBADMSG;
		strings[i] = p;
		p = nul + 1;
	}
	return p == end ? 0 : -EBADMSG;
}

void chunk_put_function(struct byte_buf *out, const struct chunk_function *before,
			const struct chunk_function *function)
{
	put_delta(out, (uint64_t)before->name + 1, function->name);
	put_delta(out, before->source, function->source);
}

int chunk_get_functions(const void *data, size_t len, uint32_t n, uint32_t n_strings,
			struct chunk_function *functions)
{
	struct byte_cursor cursor = byte_cursor(data, len);
	struct chunk_function f = {};

	for (uint32_t i = 0; i < n && !cursor.bad; i++) {
		f.name = get_delta_below(&cursor, f.name + 1, n_strings);
		f.source = get_delta_below(&cursor, f.source, n_strings);
		functions[i] = f;
	}
	return finish(&cursor);
}

void chunk_put_location(struct byte_buf *out, const struct chunk_location *before,
			const struct chunk_location *location)
{
	unsigned same = location->file == before->file;

	byte_buf_put_varint(out, (unsigned)location->kind | same << KIND_BITS);
	if (!same)
		byte_buf_put_varint(out, location->file);
	put_delta(out, before->offset, location->offset);
}

int chunk_get_locations(const void *data, size_t len, uint32_t n, uint32_t n_files,
			struct dictionary_location *locations)
{
	struct byte_cursor cursor = byte_cursor(data, len);
	uint64_t offset = 0;
	uint32_t file = 0;

	for (uint32_t i = 0; i < n && !cursor.bad; i++) {
		uint32_t head = byte_cursor_below(&cursor, 2u << KIND_BITS);
		uint32_t kind = head & ((1u << KIND_BITS) - 1);

		if (!kind || kind >= LOCATION_KIND_MAX)
			return -EBADMSG;
		if (!(head >> KIND_BITS))
			file = byte_cursor_below(&cursor, n_files);
		offset += (uint64_t)unzigzag(byte_cursor_varint(&cursor));
		locations[i] = (struct dictionary_location){
			.kind = kind,
			.unknown = kind == LOCATION_SYNTHETIC ? UNKNOWN_NONE : UNKNOWN_PENDING,
			.file = file,
			.offset = offset,
		};
	}
	return finish(&cursor);
}

void chunk_put_name(struct byte_buf *out, uint32_t location_before, const struct chunk_name *name,
		    const struct dictionary_frame *frames)
{
	put_delta(out, location_before, name->location);
	byte_buf_put_varint(out, name->n_frames);
	if (!name->n_frames)
		byte_buf_put_varint(out, name->unknown);
	for (uint32_t i = 0; i < name->n_frames; i++) {
		byte_buf_put_varint(out, (uint64_t)frames[i].function << 1 | frames[i].inlined);
		byte_buf_put_varint(out, frames[i].line);
	}
}

int chunk_get_name(struct byte_cursor *cursor, uint32_t location_before, uint32_t n_locations,
		   struct chunk_name *ret)
{
	struct chunk_name name = {};

	name.location = get_delta_below(cursor, location_before, n_locations);
	name.n_frames = byte_cursor_below(cursor, PROFILE_FRAMES_MAX + 1);
	if (!name.n_frames)
		name.unknown = byte_cursor_below(cursor, UNKNOWN_REASON_MAX);
	if (cursor->bad || !name.location)
		return -EBADMSG;
	*ret = name;
	return 0;
}

int chunk_get_frame(struct byte_cursor *cursor, uint32_t n_functions, struct dictionary_frame *ret)
{
	uint64_t head = byte_cursor_varint(cursor);
	uint64_t line = byte_cursor_varint(cursor);

	if (cursor->bad || head >> 1 >= n_functions || line > UINT32_MAX)
		return -EBADMSG;
	*ret = (struct dictionary_frame){(uint32_t)(head >> 1), (uint32_t)line, head & 1};
	return 0;
}

void chunk_put_nodes(struct byte_buf *out, const struct dictionary_node *nodes, uint32_t first,
		     uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		byte_buf_put_varint(out, first + i - 1 - nodes[first + i].parent);
	for (uint32_t i = 0; i < n; i++)
		byte_buf_put_varint(out, nodes[first + i].location);
}

int chunk_get_nodes(const void *data, size_t len, uint32_t first, uint32_t n, uint32_t n_locations,
		    struct dictionary_node *nodes)
{
	struct byte_cursor cursor = byte_cursor(data, len);

	for (uint32_t i = 0; i < n; i++)
		nodes[i].parent = first + i - 1 - byte_cursor_below(&cursor, first + i);
	for (uint32_t i = 0; i < n; i++)
		nodes[i].location = byte_cursor_below(&cursor, n_locations);
	return finish(&cursor);
}

void chunk_put_series(struct byte_buf *out, const struct chunk_series *series)
{
	byte_buf_put_varint(out, series->pid);
	byte_buf_put_varint(out, series->tid);
	byte_buf_put_varint(out, series->start_boot_ns);
	byte_buf_put_varint(out, series->comm);
	byte_buf_put_varint(out, series->exe);
	byte_buf_put_varint(out, series->cgroup);
	byte_buf_put_varint(out, series->unit);
	byte_buf_put_varint(out, series->container);
}

static uint32_t get_u32(struct byte_cursor *cursor)
{
	uint64_t value = byte_cursor_varint(cursor);

	if (value > UINT32_MAX)
		cursor->bad = true;
	return (uint32_t)value;
}

int chunk_get_series(const void *data, size_t len, uint32_t n, uint32_t n_strings,
		     struct chunk_series *series)
{
	struct byte_cursor cursor = byte_cursor(data, len);

	for (uint32_t i = 0; i < n && !cursor.bad; i++) {
		struct chunk_series *s = &series[i];

		s->pid = get_u32(&cursor);
		s->tid = get_u32(&cursor);
		s->start_boot_ns = byte_cursor_varint(&cursor);
		s->comm = byte_cursor_below(&cursor, n_strings);
		s->exe = byte_cursor_below(&cursor, n_strings);
		s->cgroup = byte_cursor_below(&cursor, n_strings);
		s->unit = byte_cursor_below(&cursor, n_strings);
		s->container = byte_cursor_below(&cursor, n_strings);
		s->unused = 0;
	}
	return finish(&cursor);
}
