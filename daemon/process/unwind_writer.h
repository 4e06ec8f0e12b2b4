/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_writer.h - writes the rows of one file and its bucket index into the slabs.
 *
 * Rows come by virtual address, as the file's unwind information has them; here they become offsets
 * in the file, which is what a mapping tells. It works a stretch at a time, because a large browser
 * has 5 M rows and the event loop must not be held up. Nothing it writes is seen by anybody before
 * its index is published (unwind_tables.h).
 */
#ifndef PROFD_UNWIND_WRITER_H
#define PROFD_UNWIND_WRITER_H

#include "process/unwind_slabs.h"
#include "unwind_row.h"

struct unwind_writer;

/* Words that the table takes at most, all together; 0 for one without rows. -EBADMSG when its
 * segments are not in the same order by address and by offset, or begin before its base, -EFBIG
 * when offsets need more than 32 bits or there is too much text. */
int unwind_writer_words(const struct unwind_table *table, uint32_t *ret);

/* `table` has to live until the writer is freed. Returns 0, errors as above, -ENOSPC, -ENOMEM. */
int unwind_writer_new(struct unwind_slabs *slabs, const struct unwind_table *table,
		      struct unwind_writer **ret);
/* What it has written is given back, unless unwind_writer_take() has taken it over. */
struct unwind_writer *unwind_writer_free(struct unwind_writer *writer, uint64_t now_mono_ns);

/* Writes on, `n_rows` rows at least. Returns 0 when all is written, 1 when there is more; -ENOSPC,
 * -ENOMEM; -EBADMSG for rows that are not in order. */
int unwind_writer_run(struct unwind_writer *writer, uint32_t n_rows, uint64_t now_mono_ns);

/* After all is written: the file's index and first bucket (bpf/unwind_table.h), and its extents,
 * which are the caller's from now on. */
void unwind_writer_take(struct unwind_writer *writer, uint64_t *ret_index, uint32_t *ret_start,
			struct unwind_extent **ret_extents, uint32_t *ret_n_extents);

#endif
