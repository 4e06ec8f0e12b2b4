/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * partition.h - partition files: their names, which the directory's listing is the catalogue of,
 * the check of their first bytes, and making and removing one. Private to schema/.
 *
 * A name is t0-<tmin>-live-<part>.db: tier, start of the oldest bucket it may hold in unix seconds,
 * and a number that rises with each partition of the store.
 */
#ifndef PROFD_PARTITION_H
#define PROFD_PARTITION_H

#include "database.h"

#define PARTITION_NAME_MAX 80

#define BUCKET_WIDTH_MAX_NS 86400000000000ull /* a day; a wider one is no bucket */

struct partition {
	uint64_t tmin_s;
	uint64_t part;
	char name[PARTITION_NAME_MAX];
};

struct partition_list {
	struct partition *entries; /* by rising part */
	size_t n;
	uint64_t bytes; /* of all files of the store, -wal and -shm included */
};

void partition_list_done(struct partition_list *list);

/*
 * Lists a directory. Files named otherwise are ignored. With `check` each file t*-*.db is looked
 * into: -EPROTONOSUPPORT for a newer format, -EBADMSG for no store, the text names the file. A file
 * that vanishes meanwhile is left out.
 */
int partition_list_read(int dir_fd, const char *dir, bool check, struct partition_list *ret,
			struct store_error *error);

/* Fills the name from the numbers. */
void partition_name(struct partition *partition);
/* Reads a name; false when it is not one of a partition. */
bool partition_parse(const char *name, struct partition *ret);

/* "dir/name" in memory of the caller, or NULL. */
char *partition_path(const char *dir, const char *name);

/*
 * Makes partition->name with all its tables and `options` in meta, and opens it, ready for a
 * bucket: made under another name in rollback mode, closed, synced, renamed, since a rename under
 * an open WAL would leave the data behind.
 */
int partition_create(int dir_fd, const char *dir, const struct partition *partition,
		     const struct store_options *options, uint64_t created_ns, sqlite3 **ret,
		     struct store_error *error);

/* Opens a file as a writer does: WAL, synced commits, -wal and -shm left behind at close. */
int partition_open_write(const char *dir, const struct partition *partition, sqlite3 **ret,
			 struct store_error *error);

/* Removes the file, then its -wal and -shm. Returns 0 or negative errno of the first. */
int partition_unlink(int dir_fd, const struct partition *partition);

#endif
