/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_feed.h - keeps the walker's tables fed: which files are mapped, their rows asked for and
 * installed.
 *
 * The way of a file's rows: a mapping of a sampled process names it (unwind_spaces.h), it is opened
 * anew (files.h), its rows are made or come from the cache (rows_client.h), and are written into
 * the slabs (unwind_tables.h), a stretch at a time. All of that is the event loop's, and none of it
 * waits.
 */
#ifndef PROFD_UNWIND_FEED_H
#define PROFD_UNWIND_FEED_H

#include "process/files.h"
#include "process/unwind_spaces.h"
#include "symbols/rows_client.h"

struct unwind_feed;

struct unwind_feed_parts {
	int slabs_fd, files_fd, processes_fd; /* of bpf/unwind.bpf.h */
	uint32_t budget_mb;
	struct files *files;
	struct symbolize *symbolize;
	struct rows_client *rows;
};

struct unwind_feed_counters {
	struct unwind_tables_counters tables;
	uint64_t n_spaces_refused;
	uint64_t n_words_lost; /* of the slabs: without memory to note that they are free */
	uint64_t used_bytes, budget_bytes;
	uint64_t slab_bytes; /* that the slabs take, in use or not */
};

/* All parts are borrowed. */
int unwind_feed_new(const struct unwind_feed_parts *parts, struct unwind_feed **ret);
struct unwind_feed *unwind_feed_free(struct unwind_feed *feed);
DEFINE_CLEANUP(struct unwind_feed *, unwind_feed_free);

struct unwind_spaces *unwind_feed_spaces(struct unwind_feed *feed);

/* Asks for what is wanted; every tick, and when a file or its rows have come. */
void unwind_feed_ask(struct unwind_feed *feed, uint64_t now_mono_ns);
/* Installs some thousand rows; after asking, and again when it returns 1. */
int unwind_feed_work(struct unwind_feed *feed, uint64_t now_mono_ns);
/* Looks for what has become wanted; once a second. */
void unwind_feed_scan(struct unwind_feed *feed, uint64_t now_mono_ns);
/* Takes in rows; when rows_client_fd() is readable. */
void unwind_feed_dispatch(struct unwind_feed *feed);

struct unwind_feed_counters unwind_feed_counters(const struct unwind_feed *feed);

#endif
