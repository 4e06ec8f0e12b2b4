// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * partition_create.c - makes a partition so that a reader or a crash at any moment finds either
 * none or a whole one, and opens one for writing.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "partition.h"

#define FILE_MODE 0640
#define TEXT_(x)  #x
#define TEXT(x)	  TEXT_(x)

static const char schema_sql[] =
#include "schema.sql.h"
	;

static int put_meta(sqlite3_stmt *insert, const char *key, const char *text, uint64_t number)
{
	int rc;

	sqlite3_reset(insert);
	rc = sqlite3_bind_text(insert, 1, key, -1, SQLITE_STATIC);
	if (rc == SQLITE_OK)
		rc = text ? sqlite3_bind_text(insert, 2, text, -1, SQLITE_STATIC)
			  : sqlite3_bind_int64(insert, 2, (sqlite3_int64)number);
	if (rc != SQLITE_OK)
		return rc;
	rc = sqlite3_step(insert);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static int fill_meta(sqlite3 *db, const struct store_options *options, uint64_t created_ns,
		     const char *what, struct store_error *error)
{
	_cleanup_(sqlite3_finalize_p) sqlite3_stmt *insert = NULL;
	const struct {
		const char *key, *text;
		uint64_t number;
	} facts[] = {
		{"created_ns", NULL, created_ns},
		{"bucket_ns", NULL, options->bucket_ns},
		{"boot_id", options->boot_id ? options->boot_id : "", 0},
		{"host", options->host ? options->host : "", 0},
		{"version", options->version ? options->version : "", 0},
	};
	int r = database_prepare(db, "INSERT INTO meta VALUES (?, ?)", what, &insert, error);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(facts); i++) {
		int rc = put_meta(insert, facts[i].key, facts[i].text, facts[i].number);

		if (rc != SQLITE_OK)
			r = database_fail(db, rc, what, error);
	}
	return r;
}

static int fill(const char *path, const struct store_options *options, uint64_t created_ns,
		struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	int r = database_open_write(path, &db, error);

	if (r == 0)
		r = database_exec(db,
				  "PRAGMA page_size = 4096; PRAGMA journal_mode = DELETE;"
				  "PRAGMA synchronous = FULL; BEGIN IMMEDIATE;"
				  "PRAGMA user_version = " TEXT(STORE_FORMAT_VERSION) ";",
				  path, error);
	if (r == 0)
		r = database_exec(db, schema_sql, path, error);
	if (r == 0)
		r = fill_meta(db, options, created_ns, path, error);
	if (r == 0)
		r = database_exec(db, "COMMIT", path, error);
	return r;
}

int partition_open_write(const char *dir, const struct partition *partition, sqlite3 **ret,
			 struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	_cleanup_free_ char *path = partition_path(dir, partition->name);
	int r, on = 1;

	if (!path)
		return store_fail(error, -ENOMEM, "out of memory");
	r = database_open_write(path, &db, error);
	if (r < 0)
		return r;
	sqlite3_busy_timeout(db, 2000);
	/* An unprivileged reader cannot make -wal and -shm, so they must outlive this process. */
	sqlite3_file_control(db, NULL, SQLITE_FCNTL_PERSIST_WAL, &on);
	r = database_exec(db,
			  "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
			  "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024;"
			  "PRAGMA temp_store = MEMORY;",
			  path, error);
	if (r < 0)
		return r;
	*ret = take_ptr(db);
	return 0;
}

/* The file's name appears in one step, and its directory entry is on the disk before a bucket. */
static int publish(int dir_fd, const char *dir, const char *from, const char *to,
		   struct store_error *error)
{
	_cleanup_close_ int fd = openat(dir_fd, from, O_RDWR | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0 || renameat(dir_fd, from, dir_fd, to) < 0 || fsync(dir_fd) < 0)
		return store_fail(error, -errno, "cannot create %s/%s: %m", dir, to);
	return 0;
}

static int make_empty(int dir_fd, const char *dir, const char *name, struct store_error *error)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);

	/* The process's umask has no say in who may read the store. */
	if (fd < 0 || fchmod(fd, FILE_MODE) < 0)
		return store_fail(error, -errno, "cannot create %s/%s: %m", dir, name);
	return 0;
}

int partition_create(int dir_fd, const char *dir, const struct partition *partition,
		     const struct store_options *options, uint64_t created_ns, sqlite3 **ret,
		     struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	_cleanup_free_ char *path = NULL;
	char name[PARTITION_NAME_MAX + 8];
	int r;

	snprintf(name, sizeof(name), "%s.new", partition->name);
	path = partition_path(dir, name);
	if (!path)
		return store_fail(error, -ENOMEM, "out of memory");
	(void)unlinkat(dir_fd, name, 0);
	r = make_empty(dir_fd, dir, name, error);
	if (r == 0)
		r = fill(path, options, created_ns, error);
	if (r == 0)
		r = publish(dir_fd, dir, name, partition->name, error);
	if (r < 0) {
		(void)unlinkat(dir_fd, name, 0);
		return r;
	}
	r = partition_open_write(dir, partition, &db, error);
	/* A transaction that changes nothing else still makes -wal and -shm. */
	if (r == 0)
		r = database_exec(db,
				  "BEGIN IMMEDIATE;"
				  "PRAGMA user_version = " TEXT(STORE_FORMAT_VERSION) "; COMMIT;",
				  partition->name, error);
	if (r < 0) {
		(void)partition_unlink(dir_fd, partition);
		return r;
	}
	*ret = take_ptr(db);
	return 0;
}
