/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_blob.h - an unwind table as bytes: how it comes from profd-resolver, and how it lies in
 * the cache on disk. A head of fixed size, then the rows.
 *
 * It is made by a process that reads foreign files, or has lain on a disk: whoever takes one in
 * checks every number of it, that rows are in order, of known kinds and nowhere but in what the
 * segments span (or at its end), that segments are as unwind_segments.h has them, and the checksum,
 * which finds damage and is no proof of who wrote it. Bytes are those of this machine's memory: a
 * blob is never taken to another one.
 */
#ifndef PROFD_UNWIND_BLOB_H
#define PROFD_UNWIND_BLOB_H

#include "unwind_row.h"

#include <stddef.h>

#define UNWIND_BLOB_VERSION   2 /* of this format and of what rows mean */
#define UNWIND_IDENTITY_MAX   32
#define UNWIND_BLOB_HEAD_SIZE 512
#define UNWIND_BLOB_MAX	      (UNWIND_BLOB_HEAD_SIZE + sizeof(struct unwind_row) * UNWIND_ROWS_MAX)

/* Whose rows they are: identity of the file, trust class of who could have written it, and a hash
 * of what lies at its ends, so that nobody's file stands for another one's. As bytes it has no
 * holes. */
struct unwind_key {
	uint32_t trust_uid;
	uint8_t is_build_id; /* 0 or 1 */
	uint8_t identity_len;
	uint8_t zero[2];
	uint8_t identity[UNWIND_IDENTITY_MAX]; /* 0 beyond its length */
	uint64_t ends;			       /* hash; rows_client.h has of what */
};
_Static_assert(sizeof(struct unwind_key) == 48, "a key without holes");

/* Writes the blob to the beginning of `fd`. Returns 0; -EINVAL a table that no reader would take;
 * -errno of pwrite(2), or -ENOSPC when it wrote less. */
int unwind_blob_write(int fd, const struct unwind_table *table, const struct unwind_key *key);

/*
 * Reads the blob that is all of `fd`, into memory once, and checks that copy. `ret` is to be given
 * to unwind_table_done(). Errors: -EBADMSG not a whole blob of this version and this key, and then
 * no rows; -ENOMEM; -errno of fstat(2) and pread(2).
 */
int unwind_blob_read(int fd, const struct unwind_key *key, struct unwind_table *ret);

/* The same from memory. Pure. */
int unwind_blob_decode(const void *bytes, size_t size, const struct unwind_key *key,
		       struct unwind_table *ret);

/* Sets the checksum of a head (UNWIND_BLOB_HEAD_SIZE bytes) and the rows behind it, whatever they
 * say. Pure. */
void unwind_blob_seal(void *head, const struct unwind_row *rows, uint32_t n_rows);

#endif
