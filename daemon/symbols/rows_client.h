/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows_client.h - asks for unwind tables of files without waiting for them: from the cache on disk,
 * else from a profd-resolver that does nothing else, so that names never wait behind a large file.
 *
 * The process is started with the first question that the cache cannot answer. After a file that a
 * user may have written it is replaced before the next file of anybody else is read: what that file
 * did to it reaches no other one's tables. A file that is to blame for its end
 * (resolver_process_blames()) is not given to it again, by whatever number: it is known by its key.
 *
 * A build ID says what whoever linked a file wanted it to say. So a key also has a hash of the
 * file's size and of its first and last 4 KiB, where headers are, which is made here: a file that
 * takes another one's build ID over is another file, unless it agrees in those as well. Rows are
 * not bound to the bytes of the call frame information itself; within a trust class, whoever may
 * write one file may write the other. Files without a build ID are not kept in the cache.
 */
#ifndef PROFD_ROWS_CLIENT_H
#define PROFD_ROWS_CLIENT_H

#include "cleanup.h"
#include "resolver/unwind_blob.h"
#include "symbols/resolver_program.h"

#include <stdbool.h>

struct rows_client;

struct rows_counters {
	uint64_t n_restarts; /* of the process, that it was not asked to end for */
	uint64_t n_built;    /* tables by the process */
	uint64_t n_cached;   /* tables from the cache */
	uint64_t n_cache_damaged, n_cache_failed; /* as rows_cache.h has them */
};

struct rows_answer {
	uint32_t file; /* number, as asked */
	/* 0; -EBADMSG the file is broken, or the process failed by it; -EFBIG it is beyond a limit;
	 * else see rows_error_passes(). */
	int error;
	struct unwind_table *table; /* the receiver may take it: unwind_table_done() and free() */
};

/*
 * Whether an answer's error says nothing about the file, which may be asked for again later:
 * -EMFILE and -ENFILE no descriptor was left here or in the process, -ENOMEM, -ENOSPC no memory for
 * the table, -EIO the file could not be read. A file may be so large that -ENOMEM never passes:
 * whoever asks again does so a limited number of times. Also true for the -EAGAIN of
 * rows_client_ask().
 */
bool rows_error_passes(int error);

/*
 * `program` is borrowed; `cache_dir` NULL or empty: none. Starts a thread, which opens the cache
 * with the first question: one that cannot be used is said in the log, and profd goes on without.
 * Returns 0 or negative errno of making the thread.
 */
int rows_client_new(const struct resolver_program *program, const char *cache_dir,
		    struct rows_client **ret);
/* Ends the thread and the process; questions that have no answer yet are dropped. */
struct rows_client *rows_client_free(struct rows_client *client);
DEFINE_CLEANUP(struct rows_client *, rows_client_free);

/* Readable when there may be an answer. */
int rows_client_fd(const struct rows_client *client);
/* Whether every question was answered and every answer taken. */
bool rows_client_idle(const struct rows_client *client);

/* Asks for the table of the file behind `take_fd`, which is known as `key` (`ends` is not used: it
 * is read from the file, in the thread). -EAGAIN when too many wait, -EINVAL no such key, -ENOMEM;
 * the descriptor is closed in any case. */
int rows_client_ask(struct rows_client *client, uint32_t file, int take_fd,
		    const struct unwind_key *key);

/* The next answer, in the order of the questions, or NULL when there is none. */
struct rows_answer *rows_client_take(struct rows_client *client);
struct rows_answer *rows_answer_free(struct rows_answer *answer);
DEFINE_CLEANUP(struct rows_answer *, rows_answer_free);

/* As known by the answers that were taken; restarts also while no answer comes. */
const struct rows_counters *rows_client_counters(struct rows_client *client);

#endif
