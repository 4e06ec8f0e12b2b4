// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * intern_chunk.c - what the writer's tables got since the last commit, as chunks of the dictionary.
 */
#include "intern.h"

#include <errno.h>

static void put_functions(const struct intern *intern, uint32_t first, struct byte_buf *out)
{
	struct chunk_function before = {};

	for (uint32_t id = first; id < intern->functions.n; id++) {
		const struct chunk_function *function = id_table_at(&intern->functions, id);

		chunk_put_function(out, &before, function);
		before = *function;
	}
}

static void put_locations(const struct intern *intern, uint32_t first, struct byte_buf *out)
{
	struct chunk_location before = {};

	for (uint32_t id = first; id < intern->locations.n; id++) {
		const struct intern_location *entry = id_table_at(&intern->locations, id);
		struct chunk_location location = {
			.kind = entry->file_and_kind & ((1u << INTERN_KIND_BITS) - 1),
			.file = entry->file_and_kind >> INTERN_KIND_BITS,
			.offset = (uint64_t)entry->offset_high << 32 | entry->offset_low,
		};

		chunk_put_location(out, &before, &location);
		before = location;
	}
}

int intern_chunk(const struct intern *intern, enum chunk_kind kind, struct byte_buf *out,
		 uint32_t *ret_first, uint32_t *ret_n)
{
	uint32_t first = 0, n = 0;
	const void *strings;
	size_t len;

	switch (kind) {
	case CHUNK_STRINGS:
		first = intern->mark.strings;
		n = intern->strings.n - first;
		strings = string_table_since(&intern->strings, first, &len);
		byte_buf_put(out, strings, len);
		break;
	case CHUNK_FUNCTIONS:
		first = intern->mark.functions;
		n = intern->functions.n - first;
		put_functions(intern, first, out);
		break;
	case CHUNK_LOCATIONS:
		first = intern->mark.locations;
		n = intern->locations.n - first;
		put_locations(intern, first, out);
		break;
	case CHUNK_NAMES:
		n = intern->n_names;
		byte_buf_put(out, intern->names.data, intern->names.len);
		break;
	case CHUNK_NODES:
		first = intern->mark.nodes;
		n = intern->nodes.n - first;
		if (n)
			chunk_put_nodes(out, id_table_at(&intern->nodes, 0), first, n);
		break;
	case CHUNK_SERIES:
		first = intern->mark.series;
		n = intern->series.n - first;
		for (uint32_t id = first; id < intern->series.n; id++)
			chunk_put_series(out, id_table_at(&intern->series, id));
		break;
	case CHUNK_KIND_MAX:
		break;
	}
	*ret_first = first;
	*ret_n = n;
	return out->failed ? -ENOMEM : 0;
}
