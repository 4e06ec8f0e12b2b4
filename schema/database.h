/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * database.h - SQLite as the store uses it: connections opened one way, and SQLite's codes turned
 * into negative errno and a text at the edge. Private to schema/.
 */
#ifndef PROFD_DATABASE_H
#define PROFD_DATABASE_H

#include <sqlite3.h>

#include "store.h"

static inline void sqlite3_close_p(sqlite3 **db)
{
	(void)sqlite3_close(*db);
}

static inline void sqlite3_finalize_p(sqlite3_stmt **statement)
{
	(void)sqlite3_finalize(*statement);
}

/* Sets the text (unless `error` is NULL) and returns `r`. */
int store_fail(struct store_error *error, int r, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Its members read a store, when the system has it. */
#define STORE_READER_GROUP "profd"

/* -EACCES, with the text that says how to get access to the store in `dir`. */
int store_fail_access(struct store_error *error, const char *dir);

/* The errno of SQLite's last failure on `db` (NULL: of `rc` alone), with a text that names `what`.
 */
int database_fail(sqlite3 *db, int rc, const char *what, struct store_error *error);

/* Runs statements that return nothing. `what` is for the message. */
int database_exec(sqlite3 *db, const char *sql, const char *what, struct store_error *error);

int database_prepare(sqlite3 *db, const char *sql, const char *what, sqlite3_stmt **ret,
		     struct store_error *error);

/* Opens an existing file to write to it. */
int database_open_write(const char *path, sqlite3 **ret, struct store_error *error);

/*
 * Opens an existing file so that nothing is written, neither to it nor to its -shm. A file without
 * -wal and -shm has nothing but itself and is opened as immutable, since SQLite would make them.
 * Returns 0, -ENOENT when the file is gone, -EACCES, ....
 */
int database_open_read(const char *path, sqlite3 **ret, struct store_error *error);

#endif
