/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * codec_dictionary.h - chunks of a partition's dictionary as bytes, and back. A chunk holds the
 * entries one transaction added to one table; ids are their positions. Compression is pack.h's;
 * the decoders take untrusted bytes, and what an entry refers to must exist before it.
 *
 * In varints (z = zigzag of a difference, "before" = the previous entry of the chunk):
 *   strings	each its bytes and a NUL
 *   functions	z(name - name before - 1), z(source - source before)
 *   locations	kind | same file as before << 3, file unless it is the same, z(offset - offset
 *before) names	z(location - location before), number of frames; without frames the reason, else for
 *		each frame function << 1 | inlined, line
 *   nodes	all: parents as id - 1 - parent; then all: locations
 *   series	pid, tid, start, comm, exe, cgroup, unit, container
 */
#ifndef PROFD_CODEC_DICTIONARY_H
#define PROFD_CODEC_DICTIONARY_H

#include "bytes.h"
#include "dictionary.h"

/* Stored; never renumber. */
enum chunk_kind {
	CHUNK_STRINGS = 1,
	CHUNK_FUNCTIONS = 2,
	CHUNK_LOCATIONS = 3,
	CHUNK_NAMES = 4, /* of locations; a later one overrides */
	CHUNK_NODES = 5,
	CHUNK_SERIES = 6,
	CHUNK_KIND_MAX
};

struct chunk_function {
	uint32_t name, source; /* strings */
};

struct chunk_location {
	enum location_kind kind;
	uint32_t file;
	uint64_t offset;
};

struct chunk_name {
	uint32_t location;
	enum unknown_reason unknown; /* without frames */
	uint32_t n_frames;
};

struct chunk_series {
	uint32_t pid, tid;
	uint64_t start_boot_ns;
	uint32_t comm, exe, cgroup, unit, container; /* strings */
	uint32_t unused;			     /* 0: no padding, so that memcmp compares */
};

/* Encoders append to `out`, whose `failed` tells of missing memory. */
void chunk_put_function(struct byte_buf *out, const struct chunk_function *before,
			const struct chunk_function *function);
void chunk_put_location(struct byte_buf *out, const struct chunk_location *before,
			const struct chunk_location *location);
void chunk_put_name(struct byte_buf *out, uint32_t location_before, const struct chunk_name *name,
		    const struct dictionary_frame *frames);
/* Nodes first..first + n - 1 of `nodes`. */
void chunk_put_nodes(struct byte_buf *out, const struct dictionary_node *nodes, uint32_t first,
		     uint32_t n);
void chunk_put_series(struct byte_buf *out, const struct chunk_series *series);

/* Whether `n` entries of a kind can lie in `len` bytes at all: to be asked before allocating. */
bool chunk_fits(enum chunk_kind kind, uint64_t n, size_t len);

/*
 * Decoders of a whole chunk: `n` entries, which chunk_fits() allowed, out of data[len] into an
 * array with room for them. The limits are one above the highest id that exists. Return 0, or
 * -EBADMSG.
 */

/* strings[i] points into `data`. */
int chunk_get_strings(const void *data, size_t len, uint32_t n, const char **strings);
int chunk_get_functions(const void *data, size_t len, uint32_t n, uint32_t n_strings,
			struct chunk_function *functions);
/* Fills kind, file and offset; the rest is that of a location without a name yet. */
int chunk_get_locations(const void *data, size_t len, uint32_t n, uint32_t n_files,
			struct dictionary_location *locations);
int chunk_get_nodes(const void *data, size_t len, uint32_t first, uint32_t n, uint32_t n_locations,
		    struct dictionary_node *nodes);
int chunk_get_series(const void *data, size_t len, uint32_t n, uint32_t n_strings,
		     struct chunk_series *series);

/* Names come one by one, since the number of their frames is not known before. */
int chunk_get_name(struct byte_cursor *cursor, uint32_t location_before, uint32_t n_locations,
		   struct chunk_name *ret);
int chunk_get_frame(struct byte_cursor *cursor, uint32_t n_functions, struct dictionary_frame *ret);

#endif
