/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_writer.h - the state of the store's one writer, shared by store_open.c, store_write*.c,
 * store_rotate.c and store_prune.c. Private to schema/.
 */
#ifndef PROFD_STORE_WRITER_H
#define PROFD_STORE_WRITER_H

#include "held_set.h"
#include "intern.h"
#include "pack.h"
#include "partition.h"

enum live_statement {
	LIVE_BEGIN,
	LIVE_COMMIT,
	LIVE_ROLLBACK,
	LIVE_FILE,
	LIVE_CHUNK,
	LIVE_BUCKET,
	LIVE_PROFILE,
	LIVE_LEDGER,
	LIVE_IO,
	LIVE_HELD_FIRST,
	LIVE_HELD_LAST,
	LIVE_LOSS,
	LIVE_STATEMENT_MAX
};

/* The partition being written, with its dictionary. */
struct live {
	struct partition partition;
	sqlite3 *db;
	sqlite3_stmt *statements[LIVE_STATEMENT_MAX];
	struct intern intern;
	struct held_set held;
	uint64_t n_buckets;
};

struct store_writer {
	char *dir;
	int dir_fd, lock_fd;
	struct store_options options; /* the strings are the writer's own */
	char *boot_id, *host, *version;
	uint64_t next_part;
	struct live *live;
	struct packer *packer;
	struct byte_buf chunk;
};

/* Makes the next partition, for buckets that start at `start_real_ns` or later, and opens it; on a
 * full disk a few of the oldest are unlinked for it. */
int live_new(struct store_writer *writer, uint64_t start_real_ns, uint64_t created_ns,
	     struct live **ret, struct store_error *error);
/* Checkpoints and closes. Accepts NULL; returns NULL. */
struct live *live_free(struct live *live);
DEFINE_CLEANUP(struct live *, live_free);

/*
 * Begins a new partition when a bucket that starts then must not go into the current one: at its
 * limit of nodes or series, on another UTC day, before its first bucket (the clock was set back).
 * On failure the current one stays.
 */
int live_rotate(struct store_writer *writer, uint64_t start_real_ns, struct store_error *error);

/* Steps one of the live partition's statements. */
int live_run(struct live *live, enum live_statement which, struct store_error *error);
/* Binds integers from parameter `first` on. */
void live_bind(struct live *live, enum live_statement which, int first, const uint64_t *numbers,
	       int n);
/* Packs writer->chunk into the parameters for enc and data. Returns 0, -E2BIG or -ENOMEM. */
int live_bind_packed(struct store_writer *writer, enum live_statement which, int enc_at);

/* SQLite's integers are signed. */
static inline bool live_fits(uint64_t value)
{
	return value <= INT64_MAX;
}

/* The parts of a bucket that store_write_ledger.c, store_write_io.c and store_write_held.c write,
 * within its transaction. Errors: those of store_write_bucket(), with a text. */
int live_write_ledger(struct store_writer *writer, uint64_t seq,
		      const struct profile_bucket *bucket, const struct intern_map *map,
		      struct store_error *error);
int live_write_io(struct store_writer *writer, uint64_t seq, const struct profile_bucket *bucket,
		  const struct intern_map *map, struct store_error *error);
int live_write_held(struct live *live, uint64_t seq, const struct profile_bucket *bucket,
		    const struct intern_map *map, struct store_error *error);

/* Unlinks the oldest partitions while the store is above its limit of bytes. */
int store_prune(struct store_writer *writer, struct store_error *error);

/* Unlinks the oldest partition that is not live, for a full disk. Returns 1, 0 when there is none,
 * or negative errno. */
int store_make_room(struct store_writer *writer);

#endif
