// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_blob.c - the decoders of what lies in a store, which a reader must not trust. The first byte
 * says what follows: 0 the rows of a bucket, 1 a packed blob, else a dictionary, as chunks of
 * kind, number of entries, number of bytes, bytes. What is accepted must keep to its limits, and
 * must be safe to walk.
 */
#include <stdlib.h>

#include "codec_blob.h"
#include "dictionary_load.h"
#include "pack.h"
#include "totals.h"

#define N_SERIES 100
#define N_NODES	 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
	if (!holds)
		abort();
}

static void read_rows(const uint8_t *data, size_t size)
{
	uint8_t wanted[N_SERIES];
	struct blob_reader reader;
	struct blob_row row;

	for (size_t i = 0; i < N_SERIES; i++)
		wanted[i] = i % 3 != 0;
	for (int filtered = 0; filtered < 2; filtered++) {
		size_t n = 0;

		if (blob_reader_init(&reader, data, size, N_SERIES, N_NODES,
				     filtered ? wanted : NULL) < 0)
			return;
		while (blob_reader_next(&reader, &row) > 0) {
			check(row.series < N_SERIES && row.node < N_NODES);
			check(!filtered || wanted[row.series]);
			check(++n <= size);
		}
	}
}

static void unpack(const uint8_t *data, size_t size)
{
	struct unpacker *unpacker = NULL;
	struct byte_buf out = {};

	if (unpacker_new(&unpacker) < 0)
		return;
	if (unpacker_unpack(unpacker, PACK_ZSTD, data, size, &out) == 0)
		check(out.len <= PACK_BYTES_MAX);
	byte_buf_done(&out);
	unpacker_free(unpacker);
}

static void check_dictionary(const struct dictionary *d)
{
	for (uint32_t i = 1; i < d->n_nodes; i++)
		check(d->nodes[i].parent < i && d->nodes[i].location < d->n_locations);
	for (uint32_t i = 1; i < d->n_locations; i++) {
		const struct dictionary_location *location = &d->locations[i];

		check(location->kind > LOCATION_NONE && location->kind < LOCATION_KIND_MAX);
		check(location->file < d->n_files && location->unknown < UNKNOWN_REASON_MAX);
		check(location->first_frame <= d->n_frames &&
		      location->n_frames <= d->n_frames - location->first_frame);
	}
	for (uint32_t i = 1; i < d->n_frames; i++)
		check(d->frames[i].function < d->n_functions);
}

static void add_up(const struct dictionary *d)
{
	uint64_t *ones = calloc(d->n_nodes, sizeof(*ones));
	struct totals *totals = NULL;
	const struct totals_row *rows;
	size_t n;

	if (ones && totals_new(TOTALS_BY_FUNCTION, &totals) == 0) {
		for (uint32_t i = 0; i < d->n_nodes; i++)
			ones[i] = 1;
		check(totals_add(totals, d, ones, ones) == 0);
		check(totals_rows(totals, false, &rows, &n) == 0);
		for (size_t i = 0; i < n; i++)
			check(rows[i].self <= rows[i].total && rows[i].total <= d->n_nodes);
	}
	totals_free(totals);
	free(ones);
}

static void load_dictionary(const uint8_t *data, size_t size)
{
	struct byte_cursor cursor = byte_cursor(data, size);
	struct loaded *loaded = NULL;

	if (loaded_new(&loaded) < 0)
		return;
	while (byte_cursor_left(&cursor)) {
		uint64_t kind = byte_cursor_varint(&cursor), n = byte_cursor_varint(&cursor);
		uint64_t len = byte_cursor_varint(&cursor), first = 0;
		const struct dictionary *d = loaded_dictionary(loaded);

		if (cursor.bad || len > byte_cursor_left(&cursor) || kind >= CHUNK_KIND_MAX)
			break;
		if (kind == CHUNK_STRINGS)
			first = loaded_n_strings(loaded);
		else if (kind == CHUNK_FUNCTIONS)
			first = d->n_functions;
		else if (kind == CHUNK_LOCATIONS)
			first = d->n_locations;
		else if (kind == CHUNK_NODES)
			first = d->n_nodes;
		else if (kind == CHUNK_SERIES)
			first = d->n_series;
		if (loaded_add_chunk(loaded, (int)kind, first, n, cursor.p, len) < 0)
			break;
		cursor.p += len;
	}
	check_dictionary(loaded_dictionary(loaded));
	add_up(loaded_dictionary(loaded));
	loaded_free(loaded);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	if (data[0] == 0)
		read_rows(data + 1, size - 1);
	else if (data[0] == 1)
		unpack(data + 1, size - 1);
	else
		load_dictionary(data + 1, size - 1);
	return 0;
}
