/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_writer.h - the state of the store's one writer, shared by store_open.c, store_write.c,
 * store_rotate.c and store_prune.c. Private to schema/.
 */
#ifndef PROFD_STORE_WRITER_H
#define PROFD_STORE_WRITER_H

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
	LIVE_LOSS,
	LIVE_STATEMENT_MAX
};

/* The partition being written, with its dictionary. */
struct live {
	struct partition partition;
	sqlite3 *db;
	sqlite3_stmt *statements[LIVE_STATEMENT_MAX];
	struct intern intern;
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
 * limit of nodes, on another UTC day, before its first bucket (the clock was set back). On failure
 * the current one stays.
 */
int live_rotate(struct store_writer *writer, uint64_t start_real_ns, struct store_error *error);

/* Unlinks the oldest partitions while the store is above its limit of bytes. */
int store_prune(struct store_writer *writer, struct store_error *error);

/* Unlinks the oldest partition that is not live, for a full disk. Returns 1, 0 when there is none,
 * or negative errno. */
int store_make_room(struct store_writer *writer);

#endif
