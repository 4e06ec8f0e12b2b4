/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dictionary_load.h - reads a partition's dictionary into the plain arrays of dictionary.h. What
 * it reads is untrusted. Private to schema/.
 */
#ifndef PROFD_DICTIONARY_LOAD_H
#define PROFD_DICTIONARY_LOAD_H

#include "codec_dictionary.h"
#include "database.h"
#include "pack.h"

/* Owns what a struct dictionary points to. */
struct loaded;
struct loaded *loaded_free(struct loaded *loaded);
DEFINE_CLEANUP(struct loaded *, loaded_free);

/*
 * Reads all of it, or with `series_only` strings, series and files. `partition` is borrowed.
 * Returns 0, -EBADMSG for what cannot be decoded, or another negative errno, with a text.
 */
int dictionary_load(sqlite3 *db, const char *partition, bool series_only, struct unpacker *unpacker,
		    struct loaded **ret, struct store_error *error);

/* What is loaded so far, valid until the next chunk or loaded_free(). */
const struct dictionary *loaded_dictionary(struct loaded *loaded);

/*
 * Takes one chunk: `n` entries from id `first` on, out of data[len], which stays valid while
 * `loaded` lives when the kind is CHUNK_STRINGS. For tests and fuzzers; dictionary_load() is made
 * of it. Returns 0, -EBADMSG or -ENOMEM.
 */
int loaded_new(struct loaded **ret);
uint32_t loaded_n_strings(const struct loaded *loaded); /* with entry 0 */
int loaded_add_chunk(struct loaded *loaded, int kind, uint64_t first, uint64_t n, const void *data,
		     size_t len);

#endif
