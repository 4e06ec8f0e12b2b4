/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows_cache.h - unwind tables on disk, one file for a key, so that a
 * large program is read once and not at each start of profd.
 *
 * Files are blobs (resolver/unwind_blob.h), whose key and checksum are looked at again each time:
 * one that is damaged is removed and counted, and the table is made anew. All together stay within
 * a limit, by removing what was not used for longest, of files that users may have written before
 * any other; and none has more than a quarter of it. Nothing is synced: what a crash leaves of a
 * file is damage like any other. For one thread; a second profd in the same directory does no harm.
 */
#ifndef PROFD_ROWS_CACHE_H
#define PROFD_ROWS_CACHE_H

#include "cleanup.h"
#include "resolver/unwind_blob.h"

#define ROWS_CACHE_MAX_BYTES (128ull << 20)

struct rows_cache;

struct rows_cache_counters {
	uint64_t n_found, n_missed;
	uint64_t n_damaged; /* removed: not a whole blob of its key */
	uint64_t n_removed; /* for want of room, of another version, or left by an interruption */
	uint64_t n_failed; /* could not be written, or not be read for another reason than damage */
};

/*
 * Opens `dir`, which is made (0700) if it is missing and its parent is there. Removes what is of
 * another version. Errors: -EPERM it belongs to somebody else, or others may write to it: they
 * could say how programs are unwound; -ENOTDIR; -EROFS and others of mkdir(2) and open(2); -ENOMEM.
 */
int rows_cache_new(const char *dir, uint64_t max_bytes, struct rows_cache **ret);
struct rows_cache *rows_cache_free(struct rows_cache *cache);
DEFINE_CLEANUP(struct rows_cache *, rows_cache_free);

/* The table, to be given to unwind_table_done(). -ENOENT when there is none; -ENOMEM. */
int rows_cache_find(struct rows_cache *cache, const struct unwind_key *key,
		    struct unwind_table *ret);

/* Keeps a table if it can. Returns 0; -EFBIG it alone has more than a quarter of the limit; -errno
 * of writing, which is counted, and nothing is left of it then. */
int rows_cache_put(struct rows_cache *cache, const struct unwind_key *key,
		   const struct unwind_table *table);

const struct rows_cache_counters *rows_cache_counters(const struct rows_cache *cache);

#endif
