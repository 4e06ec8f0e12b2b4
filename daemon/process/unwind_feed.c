// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_feed.c - see unwind_feed.h.
 */
#include "process/unwind_feed.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

_Static_assert(PROFILE_IDENTITY_MAX == UNWIND_IDENTITY_MAX, "an identity fits into a key");

#define UNDERWAY_MAX  16 /* files that are opened, built or wait in memory */
#define ASKED_AT_ONCE 64
#define ROWS_A_WORK   8192
#define SLAB_BYTES    (UNWIND_SLAB_WORDS * 8ull)
#define WORDS_A_MB    (1u << 17)

struct unwind_feed {
	struct unwind_maps *maps;
	struct unwind_slabs *slabs;
	struct unwind_tables *tables;
	struct unwind_spaces *spaces;
	struct files *files;
	struct symbolize *symbolize;
	struct rows_client *rows;
	uint64_t budget_bytes;
	uint64_t now_mono_ns; /* of the last work */
	uint32_t n_asked;     /* rows that are on their way */
};

static struct unwind_key key_of(const struct profile_file *file)
{
	struct unwind_key key = {.trust_uid = file->trust_uid,
				 .is_build_id = file->is_build_id,
				 .identity_len = file->identity_len};

	memcpy(key.identity, file->identity, file->identity_len);
	return key;
}

/* The file was opened again, or could not be. */
static void on_reopened(void *ctx, uint32_t number, int take_fd)
{
	struct unwind_feed *feed = ctx;
	const struct profile_file *file = symbolize_file(feed->symbolize, number);
	struct unwind_key key = {};

	if (file)
		key = key_of(file);
	feed->n_asked--;
	if (take_fd < 0 || !file) {
		close_p(&take_fd);
		unwind_tables_unread(feed->tables, number, feed->now_mono_ns);
	} else if (rows_client_ask(feed->rows, number, take_fd, &key) < 0) {
		unwind_tables_postpone(feed->tables, number);
	} else {
		feed->n_asked++;
	}
}

static void on_removed(void *ctx, uint32_t number)
{
	struct unwind_feed *feed = ctx;

	unwind_tables_remove(feed->tables, number, feed->now_mono_ns);
}

int unwind_feed_new(const struct unwind_feed_parts *parts, struct unwind_feed **ret)
{
	_cleanup_(unwind_feed_freep) struct unwind_feed *feed = calloc(1, sizeof(*feed));
	const struct unwind_backend *backend;
	uint64_t *words;
	int r;

	if (!feed)
		return -ENOMEM;
	feed->files = parts->files;
	feed->symbolize = parts->symbolize;
	feed->rows = parts->rows;
	feed->budget_bytes = (uint64_t)parts->budget_mb << 20;
	r = unwind_maps_new(parts->slabs_fd, parts->files_fd, parts->processes_fd, &feed->maps);
	if (r < 0)
		return r;
	backend = unwind_maps_backend(feed->maps);
	r = unwind_slabs_new(parts->budget_mb * WORDS_A_MB, &feed->slabs);
	if (r == 0)
		r = backend->slab(backend->ctx, 0, &words);
	if (r == 0)
		r = unwind_slabs_add(feed->slabs, words);
	if (r == 0)
		r = unwind_tables_new(feed->slabs, backend, &feed->tables);
	if (r == 0)
		r = unwind_spaces_new(feed->slabs, feed->tables, backend, &feed->spaces);
	if (r < 0)
		return r;
	files_set_reader(feed->files, &(struct files_reader){.ctx = feed,
							     .reopened = on_reopened,
							     .removed = on_removed});
	*ret = take_ptr(feed);
	return 0;
}

struct unwind_feed *unwind_feed_free(struct unwind_feed *feed)
{
	if (!feed)
		return NULL;
	files_set_reader(feed->files, NULL);
	unwind_spaces_free(feed->spaces);
	unwind_tables_free(feed->tables);
	unwind_slabs_free(feed->slabs);
	unwind_maps_free(feed->maps);
	free(feed);
	return NULL;
}

struct unwind_spaces *unwind_feed_spaces(struct unwind_feed *feed)
{
	return feed->spaces;
}

/* Asks for the rows of a file that is known by now. Returns whether it has to wait for that. */
static bool ask(struct unwind_feed *feed, uint32_t number)
{
	int state = symbolize_file_state(feed->symbolize, number), r;

	if (state == 0)
		return true;
	feed->n_asked++;
	r = state < 0 ? state : files_reopen(feed->files, number);
	if (r == 0)
		return false;
	feed->n_asked--;
	if (r == -EAGAIN) /* too many wait, or there is no descriptor */
		unwind_tables_unread(feed->tables, number, feed->now_mono_ns);
	else
		unwind_tables_no_rows(feed->tables, number, false);
	return false;
}

static void ask_wanted(struct unwind_feed *feed)
{
	uint32_t later[ASKED_AT_ONCE], n_later = 0, number;

	while (n_later < ASKED_AT_ONCE &&
	       feed->n_asked + unwind_tables_n_pending(feed->tables) < UNDERWAY_MAX &&
	       (number = unwind_tables_next_wanted(feed->tables)))
		if (ask(feed, number))
			later[n_later++] = number;
	for (uint32_t i = 0; i < n_later; i++)
		unwind_tables_postpone(feed->tables, later[i]);
}

void unwind_feed_ask(struct unwind_feed *feed, uint64_t now_mono_ns)
{
	feed->now_mono_ns = now_mono_ns;
	ask_wanted(feed);
}

int unwind_feed_work(struct unwind_feed *feed, uint64_t now_mono_ns)
{
	return unwind_tables_work(feed->tables, ROWS_A_WORK, now_mono_ns);
}

void unwind_feed_scan(struct unwind_feed *feed, uint64_t now_mono_ns)
{
	unwind_tables_scan(feed->tables, now_mono_ns);
}

void unwind_feed_dispatch(struct unwind_feed *feed)
{
	struct rows_answer *answer;

	while ((answer = rows_client_take(feed->rows))) {
		feed->n_asked--;
		if (answer->table && answer->error == 0)
			(void)unwind_tables_give(feed->tables, answer->file,
						 take_ptr(answer->table));
		else if (rows_error_passes(answer->error))
			unwind_tables_unread(feed->tables, answer->file, feed->now_mono_ns);
		else
			unwind_tables_no_rows(feed->tables, answer->file, true);
		rows_answer_free(answer);
	}
}

struct unwind_feed_counters unwind_feed_counters(const struct unwind_feed *feed)
{
	return (struct unwind_feed_counters){
		.tables = *unwind_tables_counters(feed->tables),
		.n_spaces_refused = unwind_spaces_refused(feed->spaces),
		.n_words_lost = unwind_slabs_lost(feed->slabs),
		.used_bytes = unwind_slabs_used(feed->slabs) * 8ull,
		.budget_bytes = feed->budget_bytes,
		.slab_bytes = unwind_slabs_n(feed->slabs) * SLAB_BYTES,
	};
}
