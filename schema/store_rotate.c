// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_rotate.c - the live partition: begun, checkpointed, closed, and replaced by the next one.
 */
#include <errno.h>

#include "store_writer.h"
#include "units.h"

#define WAL_FRAMES_MAX 2048 /* of 4 KiB */
#define SECONDS_OF_DAY 86400

/* A partition may have as many series as nodes divided by this. Threads that come and go bring one
 * each, whatever their stacks are. */
#define SERIES_SHARE 4

/* Oldest partitions unlinked for one new one: a disk that others fill must not cost all history. */
#define ROOM_TRIES 4

static const char *const statement_sql[] = {
	[LIVE_BEGIN] = "BEGIN IMMEDIATE",
	[LIVE_COMMIT] = "COMMIT",
	[LIVE_ROLLBACK] = "ROLLBACK",
	[LIVE_FILE] = "INSERT INTO file (id, kind, is_build_id, identity, trust_uid, path) "
		      "VALUES (?, ?, ?, ?, ?, ?)",
	[LIVE_CHUNK] = "INSERT INTO dictionary (kind, first, n, enc, data) VALUES (?, ?, ?, ?, ?)",
	[LIVE_BUCKET] =
		"INSERT INTO bucket (seq, start_ns, duration_ns, covered_ns, boot_ns, n_cpus, "
		"period_ns) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[LIVE_PROFILE] = "INSERT INTO profile (id, n_rows, count, value, enc, data) "
			 "VALUES (?, ?, ?, ?, ?, ?)",
	[LIVE_IO] = "INSERT INTO io (bucket, n_rows, ios, bytes, enc, data) "
		    "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[LIVE_LEDGER] = "INSERT INTO ledger (bucket, n_rows, elapsed_ns, oncpu_ns, enc, data) "
			"VALUES (?, ?, ?, ?, ?, ?)",
	[LIVE_HELD_FIRST] = "INSERT INTO held (first, series, node, type, class) "
			    "VALUES (?, ?, ?, ?, ?)",
	[LIVE_HELD_LAST] = "UPDATE held SET last = ?6 WHERE first = ?1 AND series = ?2 AND "
			   "node = ?3 AND type = ?4 AND class = ?5",
	[LIVE_LOSS] = "INSERT INTO loss (bucket, name, count, weight_ns) VALUES (?, ?, ?, ?) "
		      "ON CONFLICT DO UPDATE SET count = count + excluded.count, "
		      "weight_ns = weight_ns + excluded.weight_ns",
};
_Static_assert(ARRAY_SIZE(statement_sql) == LIVE_STATEMENT_MAX, "a statement without its SQL");

/* Creates live->partition; when the disk is full, again with the oldest partitions gone. */
static int create(struct store_writer *writer, struct live *live, uint64_t created_ns,
		  struct store_error *error)
{
	int r = -ENOSPC;

	for (int i = 0; r == -ENOSPC && i <= ROOM_TRIES; i++) {
		if (i && store_make_room(writer) <= 0)
			break;
		r = partition_create(writer->dir_fd, writer->dir, &live->partition,
				     &writer->options, created_ns, &live->db, error);
	}
	if (r == 0 && error)
		error->text[0] = '\0';
	return r;
}

int live_new(struct store_writer *writer, uint64_t start_real_ns, uint64_t created_ns,
	     struct live **ret, struct store_error *error)
{
	_cleanup_(live_freep) struct live *live = calloc(1, sizeof(*live));
	int r;

	if (!live)
		return store_fail(error, -ENOMEM, "out of memory");
	intern_init(&live->intern);
	live->partition.tmin_s = start_real_ns / NSEC_PER_SEC;
	live->partition.part = writer->next_part;
	partition_name(&live->partition);
	r = create(writer, live, created_ns, error);
	if (r < 0)
		return r;
	writer->next_part++;
	for (size_t i = 0; r == 0 && i < LIVE_STATEMENT_MAX; i++)
		r = database_prepare(live->db, statement_sql[i], live->partition.name,
				     &live->statements[i], error);
	if (r < 0) {
		(void)partition_unlink(writer->dir_fd, &live->partition);
		return r;
	}
	*ret = take_ptr(live);
	return 0;
}

struct live *live_free(struct live *live)
{
	if (!live)
		return NULL;
	for (size_t i = 0; i < LIVE_STATEMENT_MAX; i++)
		sqlite3_finalize(live->statements[i]);
	if (live->db) {
		(void)sqlite3_wal_checkpoint_v2(live->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
						NULL);
		sqlite3_close(live->db);
	}
	intern_done(&live->intern);
	held_set_done(&live->held);
	free(live);
	return NULL;
}

int live_rotate(struct store_writer *writer, uint64_t start_real_ns, struct store_error *error)
{
	struct live *old = writer->live, *next = NULL;
	uint64_t start_s = start_real_ns / NSEC_PER_SEC;
	int r;

	if (start_s >= old->partition.tmin_s &&
	    start_s / SECONDS_OF_DAY == old->partition.tmin_s / SECONDS_OF_DAY &&
	    old->intern.nodes.n <= writer->options.max_nodes &&
	    old->intern.series.n <= 1 + writer->options.max_nodes / SERIES_SHARE)
		return 0;
	r = live_new(writer, start_real_ns, start_real_ns, &next, error);
	if (r < 0)
		return r;
	writer->live = next;
	/* One that got no bucket says nothing; a clock set far and wide must not litter. */
	if (!old->n_buckets)
		(void)partition_unlink(writer->dir_fd, &old->partition);
	live_free(old);
	return 0;
}

int store_checkpoint(struct store_writer *writer, struct store_error *error)
{
	sqlite3 *db = writer->live->db;
	int frames = 0;
	int rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_PASSIVE, &frames, NULL);

	if (error)
		error->text[0] = '\0';
	/* Readers hold the WAL for the length of one query: what is busy now is done next time. */
	if (rc == SQLITE_OK && frames > WAL_FRAMES_MAX)
		rc = sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return 0;
	return database_fail(db, rc, writer->live->partition.name, error);
}
