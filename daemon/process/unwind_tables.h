/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_tables.h - which files have rows in the slabs, within the budget.
 *
 * A file has a slot that mappings refer to. Its rows are asked for when it is mapped by a sampled
 * process, installed when they are there, and evicted when others need the room: the one that was
 * walked through longest ago first, and no more than is needed. What is evicted and walked through
 * again is asked for again.
 */
#ifndef PROFD_UNWIND_TABLES_H
#define PROFD_UNWIND_TABLES_H

#include "process/unwind_maps.h"
#include "process/unwind_slabs.h"
#include "unwind_row.h"

struct unwind_tables;

struct unwind_tables_counters {
	uint64_t n_installed;
	uint64_t n_evicted, evicted_words;
	uint64_t n_refused; /* no room for the rows of a file, for now or at all */
	uint64_t n_unread;  /* times that a file's unwind information could not be read */
	uint64_t n_failed;  /* files whose unwind information cannot be used */
	uint64_t n_full;    /* files beyond UNWIND_FILES_MAX */
};

/* All are borrowed. */
int unwind_tables_new(struct unwind_slabs *slabs, const struct unwind_backend *backend,
		      struct unwind_tables **ret);
struct unwind_tables *unwind_tables_free(struct unwind_tables *tables);
DEFINE_CLEANUP(struct unwind_tables *, unwind_tables_free);

/* The slot of a file by its number (symbolize.h), made when it is new; 0 when there is none. */
uint32_t unwind_tables_slot(struct unwind_tables *tables, uint32_t number);

/* A file whose rows are to be asked for, and which counts as asked from now on; 0 when there is
 * none. */
uint32_t unwind_tables_next_wanted(struct unwind_tables *tables);
/* It could not be asked yet: wanted again at the next scan. */
void unwind_tables_postpone(struct unwind_tables *tables, uint32_t number);
/* There are no rows, and will be none. `broken`: because they cannot be used. */
void unwind_tables_no_rows(struct unwind_tables *tables, uint32_t number, bool broken);

/* It could not be read for now: asked again when it is walked through after a while. */
void unwind_tables_unread(struct unwind_tables *tables, uint32_t number, uint64_t now_mono_ns);

/* The rows of a file that was asked for; the table is the callee's from now on, also on failure.
 * They are installed by unwind_tables_work(). -EAGAIN when too many wait: asked again later. */
int unwind_tables_give(struct unwind_tables *tables, uint32_t number,
		       struct unwind_table *take_table);

/* Goes on with what is to be installed, `n_rows` rows at a time at least; once a tick, and again at
 * once when it returns 1: there is more that can be done now. */
int unwind_tables_work(struct unwind_tables *tables, uint32_t n_rows, uint64_t now_mono_ns);

/* Makes that many words available, now or after a moment, at the cost of files that were not used
 * for a while. -EAGAIN: not now; -ENOSPC: not by this. */
int unwind_tables_make_room(struct unwind_tables *tables, uint32_t n_words, uint64_t now_mono_ns);

/* Looks for files that were walked through without rows; once a second. */
void unwind_tables_scan(struct unwind_tables *tables, uint64_t now_mono_ns);

/* The file is forgotten. */
void unwind_tables_remove(struct unwind_tables *tables, uint32_t number, uint64_t now_mono_ns);

/* How many tables wait in memory to be installed. */
uint32_t unwind_tables_n_pending(const struct unwind_tables *tables);
/* Whether files wait to be asked or installed. */
bool unwind_tables_busy(const struct unwind_tables *tables);
const struct unwind_tables_counters *unwind_tables_counters(const struct unwind_tables *tables);

#endif
