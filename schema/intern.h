/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * intern.h - the writer's side of a partition's dictionary: turns a bucket's own indices into the
 * partition's ids, and knows what is new since the last commit. Knows no SQLite. Private to
 * schema/.
 *
 * About 25 bytes a node, 40 a location; names are not kept, only a hash that tells a new one.
 */
#ifndef PROFD_INTERN_H
#define PROFD_INTERN_H

#include "codec_dictionary.h"
#include "id_table.h"
#include "profile.h"
#include "string_table.h"

struct intern_file {
	uint32_t kind, is_build_id, identity_len, trust_uid;
	uint8_t identity[PROFILE_IDENTITY_MAX];
	uint32_t path; /* string */
};

/*
 * Five words, without padding: a partition has hundreds of thousands. `bound` is the function when
 * it belongs to the address's identity, as in JIT code, where the next program has another.
 */
struct intern_location {
	uint32_t offset_low, offset_high;
	uint32_t file_and_kind; /* file << INTERN_KIND_BITS | kind */
	uint32_t bound;
	uint32_t names; /* not part of the key: NAMED | hash, or the reason why there are none */
};

#define INTERN_KIND_BITS 3

/* Names of one bucket's entries to ids of the partition, by index. */
struct intern_map {
	uint32_t *files, *locations, *nodes, *series; /* nodes: of stacks */
};

/* A location whose names changed since the mark, and what they were. */
struct intern_renamed {
	uint32_t location, names;
};

struct intern {
	struct string_table strings;
	struct id_table files, functions, locations, nodes, series;
	struct byte_buf names; /* the chunk of names since the mark */
	uint32_t n_names, last_name;
	struct intern_renamed *renamed;
	uint32_t n_renamed, renamed_capacity;
	struct dictionary_frame frames[PROFILE_FRAMES_MAX]; /* of the location at hand */
	struct {
		uint32_t strings, files, functions, locations, nodes, series;
	} mark;
};

void intern_init(struct intern *intern);
void intern_done(struct intern *intern);

/* What is there now is committed. */
void intern_commit(struct intern *intern);
/* Forgets everything since the last commit. */
void intern_rollback(struct intern *intern);

/*
 * Interns all that `bucket` brings. Returns 0, -EINVAL (an index or a number out of range), or
 * -ENOMEM; after a failure the caller rolls back. The map is the caller's to release either way.
 */
int intern_bucket(struct intern *intern, const struct profile_bucket *bucket,
		  struct intern_map *map);
void intern_map_done(struct intern_map *map);

/*
 * Appends the chunk of one kind with what is new to `out`, and sets *ret_first and *ret_n (0:
 * nothing is new). Returns 0 or -ENOMEM.
 */
int intern_chunk(const struct intern *intern, enum chunk_kind kind, struct byte_buf *out,
		 uint32_t *ret_first, uint32_t *ret_n);

#endif
