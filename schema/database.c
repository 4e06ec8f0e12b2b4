// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * database.c - opens SQLite connections and translates its errors. Knows no table.
 */
#include "database.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "bytes.h"
#include "cleanup.h"

#define WAL_HEADER_BYTES 32  /* sqlite.org/fileformat2.html, section 4.1 */
#define SHM_DMS_BYTE	 128 /* UNIX_SHM_DMS in SQLite's os_unix.c */
#define READ_BUSY_MS	 2000
#define READ_TRIES	 50
#define READ_PAUSE_NS	 10000000

/* Steps of SQLite's machine in one statement, some seconds: a day of buckets of 1 s needs 5 M. */
#define READ_STEPS_MAX 200000000

/* Of one value: the largest blob and a little more. */
#define VALUE_BYTES_MAX (65 << 20)

int store_fail(struct store_error *error, int r, const char *format, ...)
{
	va_list args;

	if (!error)
		return r;
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return r;
}

/* The group that may read `dir`, if it is one that people are put into; `buf` holds its name. */
static const char *readers_of(const char *dir, char *buf, size_t size)
{
	struct group group, *found = NULL;
	struct stat st;

	/* Group 0 may read it where there is no group of readers: nobody is put into that. */
	if (stat(dir, &st) < 0 || st.st_gid == 0 || (st.st_mode & 050) != 050 ||
	    getgrgid_r(st.st_gid, &group, buf, size, &found) != 0 || !found)
		return NULL;
	return found->gr_name;
}

int store_fail_access(struct store_error *error, const char *dir)
{
	char buf[4096], named[4096];
	const char *readers = readers_of(dir, buf, sizeof(buf));
	struct group group, *found = NULL;

	if (readers)
		return store_fail(error, -EACCES,
				  "cannot read %s: permission denied; run: "
				  "sudo usermod -aG %s $USER, and log in again",
				  dir, readers);
	if (getgrnam_r(STORE_READER_GROUP, &group, named, sizeof(named), &found) == 0 && found)
		return store_fail(error, -EACCES,
				  "cannot read %s: permission denied; run: "
				  "sudo systemctl restart profd, which gives it to the "
				  "group " STORE_READER_GROUP
				  ", and sudo usermod -aG " STORE_READER_GROUP
				  " $USER, and log in again",
				  dir);
	return store_fail(
		error, -EACCES,
		"cannot read %s: permission denied, and there is no group " STORE_READER_GROUP
		" that could; ask as root, or run: "
		"sudo groupadd --system " STORE_READER_GROUP
		" && sudo systemctl restart profd && sudo usermod -aG " STORE_READER_GROUP
		" $USER, and log in again",
		dir);
}

/* The last errno of the WAL's or else the database's file: a failed COMMIT tells no other way. */
static int last_file_errno(sqlite3 *db)
{
	sqlite3_file *journal = NULL;
	int e = 0;

	if (sqlite3_file_control(db, NULL, SQLITE_FCNTL_JOURNAL_POINTER, &journal) == SQLITE_OK &&
	    journal && journal->pMethods)
		(void)journal->pMethods->xFileControl(journal, SQLITE_FCNTL_LAST_ERRNO, &e);
	if (!e)
		(void)sqlite3_file_control(db, NULL, SQLITE_FCNTL_LAST_ERRNO, &e);
	return e;
}

/* What the system said below SQLITE_IOERR and SQLITE_CANTOPEN, if anything. */
static int system_errno(sqlite3 *db)
{
	int e = db ? sqlite3_system_errno(db) : 0;

	if (db && !e)
		e = last_file_errno(db);
	switch (e) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return -ENOSPC;
	case EACCES:
	case EPERM:
	case EROFS:
	case ENOENT:
	case ENOMEM:
		return -e;
	default:
		return -EIO;
	}
}

static int errno_of(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_SCHEMA:
	case SQLITE_ERROR:     /* a table or column that is not there, or a view */
	case SQLITE_INTERRUPT: /* READ_STEPS_MAX */
		return -EBADMSG;
	case SQLITE_PERM:
		return -EACCES;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_TOOBIG:
		return -E2BIG;
	default:
		return system_errno(db);
	}
}

int database_fail(sqlite3 *db, int rc, const char *what, struct store_error *error)
{
	int r = errno_of(db, rc);

	return store_fail(error, r, "%s: %s: %s", what,
			  db ? sqlite3_errmsg(db) : sqlite3_errstr(rc), strerror(-r));
}

int database_exec(sqlite3 *db, const char *sql, const char *what, struct store_error *error)
{
	int rc = sqlite3_exec(db, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : database_fail(db, rc, what, error);
}

int database_prepare(sqlite3 *db, const char *sql, const char *what, sqlite3_stmt **ret,
		     struct store_error *error)
{
	int rc = sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret, NULL);

	return rc == SQLITE_OK ? 0 : database_fail(db, rc, what, error);
}

/* A file is anybody's: its schema gets no say in what runs when it is asked. */
static void distrust(sqlite3 *db)
{
	static const struct {
		int option, on;
	} configs[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(configs); i++)
		(void)sqlite3_db_config(db, configs[i].option, configs[i].on, NULL);
	(void)sqlite3_limit(db, SQLITE_LIMIT_LENGTH, VALUE_BYTES_MAX);
}

static int open_with(const char *name, int flags, const char *path, sqlite3 **ret,
		     struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	int rc = sqlite3_open_v2(name, &db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc != SQLITE_OK)
		return database_fail(db, rc, path, error);
	sqlite3_extended_result_codes(db, 1);
	distrust(db);
	*ret = take_ptr(db);
	return 0;
}

int database_open_write(const char *path, sqlite3 **ret, struct store_error *error)
{
	return open_with(path, SQLITE_OPEN_READWRITE, path, ret, error);
}

/* "file:" and the path with what URIs reserve escaped, then `query` and a NUL. */
static int make_uri(const char *path, const char *query, struct byte_buf *out)
{
	byte_buf_put(out, "file:", 5);
	for (const char *p = path; *p; p++) {
		char escaped[4];

		if (strchr("%?#", *p)) {
			snprintf(escaped, sizeof(escaped), "%%%02X", (unsigned char)*p);
			byte_buf_put(out, escaped, 3);
		} else {
			byte_buf_put(out, p, 1);
		}
	}
	byte_buf_put(out, query, strlen(query) + 1);
	return out->failed ? -ENOMEM : 0;
}

/* Called after READ_STEPS_MAX: no file of ours takes so long. */
static int give_up(void *ctx)
{
	(void)ctx;
	return 1;
}

static int open_uri(const char *path, const char *query, sqlite3 **ret, struct store_error *error)
{
	_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
	struct byte_buf uri = {};
	int r = make_uri(path, query, &uri);

	if (r == 0)
		r = open_with((const char *)uri.data, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, path,
			      &db, error);
	byte_buf_done(&uri);
	if (r < 0)
		return r;
	sqlite3_busy_timeout(db, READ_BUSY_MS);
	sqlite3_progress_handler(db, READ_STEPS_MAX, give_up, NULL);
	/* Only the first read opens -wal and -shm. */
	r = database_exec(db, "PRAGMA query_only = 1; BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;",
			  path, error);
	if (r < 0)
		return r;
	*ret = take_ptr(db);
	return 0;
}

/* Whether a writer, or a reader that takes part, has the database open: each locks that byte. */
static bool is_in_use(const char *path)
{
	_cleanup_free_ char *shm = NULL;
	_cleanup_close_ int fd = -1;
	struct flock lock = {.l_type = F_WRLCK, .l_start = SHM_DMS_BYTE, .l_len = 1};

	if (asprintf(&shm, "%s-shm", path) < 0)
		return true;
	fd = open(shm, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT;
	return fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

/*
 * Whether all there is stands in the main file and nobody is about to change that. A writer that
 * was killed between the header of its WAL and the first frame leaves 32 bytes that SQLite neither
 * takes for empty nor can read without writing (walBeginShmUnreliable() finds no salt to compare,
 * and gives up with "locking protocol" after 10 s); killed earlier still, it leaves no -shm.
 */
static bool is_complete(const char *path)
{
	_cleanup_free_ char *wal = NULL;
	struct stat st;

	if (asprintf(&wal, "%s-wal", path) < 0)
		return false;
	if (stat(wal, &st) < 0)
		return errno == ENOENT && !is_in_use(path);
	return st.st_size <= WAL_HEADER_BYTES && !is_in_use(path);
}

int database_open_read(const char *path, sqlite3 **ret, struct store_error *error)
{
	int r = -EIO;

	if (eaccess(path, R_OK) < 0)
		return store_fail(error, -errno, "%s: %m", path);
	if (is_complete(path))
		return open_uri(path, "?mode=ro&immutable=1", ret, error);
	/* A writer that is just making or repairing the -shm is done in a moment. */
	for (int i = 0; i < READ_TRIES; i++) {
		const struct timespec pause = {.tv_nsec = READ_PAUSE_NS};

		r = open_uri(path, "?mode=ro&readonly_shm=1", ret, error);
		if (r != -EROFS)
			break;
		nanosleep(&pause, NULL);
	}
	return r;
}
