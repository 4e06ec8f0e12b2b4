// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_writer.c - see unwind_writer.h.
 *
 * A bucket's rows are one run of words: the row that holds at its first byte and those that begin
 * in it. Rows therefore go into pieces of whatever size the slabs have, and a piece ends between
 * two buckets; the row that holds across is written into both.
 */
#include "process/unwind_writer.h"

#include "growable.h"

#include <string.h>

_Static_assert((int)UNWIND_CFA_MAX == (int)ROW_CFA_MAX && (int)UNWIND_FP_MAX == (int)ROW_FP_MAX &&
		       (int)UNWIND_CFA_PLT == (int)ROW_CFA_PLT &&
		       (int)UNWIND_CFA_SIGNAL == (int)ROW_CFA_SIGNAL &&
		       (int)UNWIND_CFA_STOP == (int)ROW_CFA_STOP &&
		       (int)UNWIND_CFA_RA_REGISTER == (int)ROW_CFA_RA_REGISTER &&
		       (int)UNWIND_FP_CFA == (int)ROW_FP_CFA &&
		       (int)UNWIND_FP_UNKNOWN == (int)ROW_FP_UNKNOWN,
	       "the resolver and the walker agree on rows");

struct unwind_writer {
	struct unwind_slabs *slabs;
	const struct unwind_table *table;
	uint32_t shift, start, n_buckets;
	/* where it reads */
	uint32_t segment, row;
	bool inside;   /* the segment's first row was given out */
	uint64_t next; /* the row after that, already read */
	bool has_next;
	/* where it writes */
	uint32_t bucket; /* number of the next one, less start */
	uint64_t cover;	 /* the row in force; of no rule before the first one */
	uint32_t piece, piece_used;
	bool taken;
	struct unwind_extent *extents; /* the buckets first, then the pieces */
	uint32_t n_extents, cap_extents;
};

static uint64_t word_of_row(const struct unwind_row *row, uint64_t offset)
{
	return (uint32_t)offset | (uint64_t)row->cfa << 32 | (uint64_t)row->kind << 48 |
	       (uint64_t)(uint8_t)row->fp << 56;
}

static bool is_empty(const struct unwind_table *table)
{
	return !table->n_rows || !table->n_segments;
}

static int check_segments(const struct unwind_table *table)
{
	for (uint32_t i = 0; i < table->n_segments; i++) {
		const struct unwind_segment *s = &table->segments[i], *before = s - 1;

		if (s->vaddr < table->base)
			return -EBADMSG;
		if (!s->size || s->offset > UINT32_MAX || s->size > UINT32_MAX - s->offset ||
		    s->vaddr > UINT64_MAX - s->size)
			return -EFBIG;
		if (i && (s->offset < before->offset + before->size ||
			  s->vaddr < before->vaddr + before->size))
			return -EBADMSG;
	}
	return 0;
}

/* Buckets of at least 256 bytes that an extent can hold. */
static int choose_shift(const struct unwind_table *table, uint32_t *ret_shift, uint32_t *ret_start,
			uint32_t *ret_n)
{
	const struct unwind_segment *last = &table->segments[table->n_segments - 1];
	uint64_t begin = table->segments[0].offset, end = last->offset + last->size;

	for (uint32_t shift = UNWIND_BUCKET_SHIFT_MIN; shift <= UNWIND_BUCKET_SHIFT_MAX; shift++) {
		uint64_t n = ((end - 1) >> shift) - (begin >> shift) + 1;

		if (n > UNWIND_CHUNK_WORDS - 1)
			continue;
		*ret_shift = shift;
		*ret_start = (uint32_t)(begin >> shift);
		*ret_n = (uint32_t)n;
		return 0;
	}
	return -EFBIG;
}

int unwind_writer_words(const struct unwind_table *table, uint32_t *ret)
{
	uint32_t shift, start, n;
	uint64_t words;
	int r;

	*ret = 0;
	if (is_empty(table))
		return 0;
	r = check_segments(table);
	if (r == 0)
		r = choose_shift(table, &shift, &start, &n);
	if (r < 0)
		return r;
	words = (uint64_t)n + table->n_rows + 2ull * table->n_segments + 2;
	if (words > UNWIND_SLABS_MAX * (uint64_t)UNWIND_SLAB_WORDS)
		return -EFBIG;
	*ret = (uint32_t)words;
	return 0;
}

/* ---- reading ---- */

/* The first row that begins behind `pc`. */
static uint32_t first_behind(const struct unwind_table *table, uint64_t pc)
{
	uint32_t low = 0, high = table->n_rows;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (table->rows[middle].pc <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static uint64_t begin_segment(struct unwind_writer *w, const struct unwind_segment *segment)
{
	const struct unwind_table *t = w->table;
	uint64_t pc = segment->vaddr - t->base;

	w->inside = true;
	w->row = segment->vaddr < t->base ? 0 : first_behind(t, pc);
	return w->row ? word_of_row(&t->rows[w->row - 1], segment->offset)
		      : (uint32_t)segment->offset;
}

/* Reads the next row, as a word whose pc is an offset in the file. */
static void read_row(struct unwind_writer *w)
{
	const struct unwind_table *t = w->table;
	const struct unwind_segment *segment = &t->segments[w->segment];
	uint64_t vaddr;

	w->has_next = w->segment < t->n_segments;
	if (!w->has_next)
		return;
	if (!w->inside) {
		w->next = begin_segment(w, segment);
		return;
	}
	vaddr = w->row < t->n_rows ? t->base + t->rows[w->row].pc : UINT64_MAX;
	if (vaddr < segment->vaddr + segment->size) {
		w->next = word_of_row(&t->rows[w->row], vaddr - segment->vaddr + segment->offset);
		w->row++;
		return;
	}
	/* Behind the segment there is no code, unless the next one begins there. */
	w->segment++;
	w->inside = false;
	w->next = (uint32_t)(segment->offset + segment->size);
	if (w->segment < t->n_segments &&
	    t->segments[w->segment].offset == segment->offset + segment->size)
		w->next = begin_segment(w, segment + 1);
}

/* ---- writing ---- */

static int take_extent(struct unwind_writer *w, uint32_t n_min, uint32_t n)
{
	int r = GROWABLE_RESERVE(w, extents);

	if (r == 0)
		r = unwind_slabs_take(w->slabs, n_min, n, &w->extents[w->n_extents]);
	if (r == 0)
		w->n_extents++;
	return r;
}

int unwind_writer_new(struct unwind_slabs *slabs, const struct unwind_table *table,
		      struct unwind_writer **ret)
{
	struct unwind_writer *w = calloc(1, sizeof(*w));
	uint32_t n_words;
	int r = w ? unwind_writer_words(table, &n_words) : -ENOMEM;

	if (r == 0 && !n_words)
		r = -EINVAL;
	if (r == 0)
		r = choose_shift(table, &w->shift, &w->start, &w->n_buckets);
	if (r == 0) {
		w->slabs = slabs;
		w->table = table;
		r = take_extent(w, w->n_buckets, w->n_buckets);
	}
	if (r < 0) {
		if (w)
			free(w->extents);
		free(w);
		return r;
	}
	read_row(w);
	*ret = w;
	return 0;
}

struct unwind_writer *unwind_writer_free(struct unwind_writer *w, uint64_t now_mono_ns)
{
	if (!w)
		return NULL;
	for (uint32_t i = 0; i < w->n_extents && !w->taken; i++)
		unwind_slabs_give(w->slabs, w->extents[i], now_mono_ns);
	if (!w->taken)
		free(w->extents);
	free(w);
	return NULL;
}

/* The rest of the piece is given back. */
static void end_piece(struct unwind_writer *w, uint64_t now_mono_ns)
{
	struct unwind_extent *piece = &w->extents[w->piece];

	if (!w->piece)
		return;
	unwind_slabs_give(
		w->slabs,
		(struct unwind_extent){piece->first + w->piece_used, piece->n - w->piece_used},
		now_mono_ns);
	piece->n = w->piece_used;
}

/* How many words are still to be pushed at most. */
static uint64_t count_left(const struct unwind_writer *w)
{
	uint64_t n = w->table->n_rows - w->row + w->has_next;

	/* Each segment has a row where it begins and one where it ends. */
	if (w->segment < w->table->n_segments)
		n += 2ull * (w->table->n_segments - w->segment) - w->inside;
	return n;
}

/* How many of them a bucket that ends at that offset takes at most: all of them are to fit. */
static uint32_t count_bucket(const struct unwind_writer *w, uint64_t end)
{
	const struct unwind_table *t = w->table;
	const struct unwind_segment *segment = &t->segments[w->segment];
	uint64_t left = count_left(w), most = 1ull << w->shift, vaddr_end;
	uint32_t row = w->row;

	if (!w->has_next || ROW_PC(w->next) >= end)
		return 0;
	if (w->segment == t->n_segments || !w->inside || segment->offset + segment->size < end)
		return (uint32_t)(left < most ? left : most);
	vaddr_end = end - segment->offset + segment->vaddr;
	while (row < t->n_rows && t->base + t->rows[row].pc < vaddr_end)
		row++;
	return row - w->row + 1; /* with the one that is read already */
}

static int begin_piece(struct unwind_writer *w, uint32_t n_rows, uint64_t now_mono_ns)
{
	uint64_t n = count_left(w) + 1;
	int r;

	end_piece(w, now_mono_ns);
	w->piece = 0;
	r = take_extent(w, n_rows + 1,
			n < UNWIND_CHUNK_WORDS - 1 ? (uint32_t)n : UNWIND_CHUNK_WORDS - 1);
	if (r < 0)
		return r;
	w->piece = w->n_extents - 1;
	w->piece_used = 0;
	return 0;
}

/* False when there is no room: count_bucket() has promised some, for rows that are in order, and
 * whether they are is the word of the process that made them. */
static bool push_row(struct unwind_writer *w, uint64_t row)
{
	const struct unwind_extent *piece = &w->extents[w->piece];

	if (w->piece_used >= piece->n)
		return false;
	*unwind_slabs_words(w->slabs, piece->first + w->piece_used++) = row;
	w->cover = row;
	return true;
}

/* Writes a bucket's rows and the bucket. */
static int write_bucket(struct unwind_writer *w, uint64_t now_mono_ns)
{
	uint64_t begin = ((uint64_t)w->start + w->bucket) << w->shift;
	uint64_t end = begin + (1ull << w->shift);
	uint32_t first, last, n_rows = count_bucket(w, end);

	if (!w->piece || w->extents[w->piece].n - w->piece_used < n_rows) {
		int r = begin_piece(w, n_rows, now_mono_ns);

		if (r < 0)
			return r;
	}
	if (!w->piece_used && !push_row(w, w->cover))
		return -EBADMSG;
	first = w->piece_used - 1;
	while (w->has_next && ROW_PC(w->next) < end) {
		if (!push_row(w, w->next))
			return -EBADMSG;
		if (ROW_PC(w->cover) <= begin)
			first = w->piece_used - 1;
		read_row(w);
	}
	last = w->piece_used;
	*unwind_slabs_words(w->slabs, w->extents[0].first + w->bucket) =
		BUCKET(w->extents[w->piece].first + first, last - first);
	w->bucket++;
	return 0;
}

int unwind_writer_run(struct unwind_writer *w, uint32_t n_rows, uint64_t now_mono_ns)
{
	/* A bucket without rows is work too. */
	for (uint64_t n = 0; w->bucket < w->n_buckets && n < n_rows; n++) {
		uint32_t used = w->piece_used;
		int r = write_bucket(w, now_mono_ns);

		if (r < 0)
			return r;
		n += w->piece_used > used ? w->piece_used - used : 0;
	}
	if (w->bucket < w->n_buckets)
		return 1;
	end_piece(w, now_mono_ns);
	return 0;
}

void unwind_writer_take(struct unwind_writer *w, uint64_t *ret_index, uint32_t *ret_start,
			struct unwind_extent **ret_extents, uint32_t *ret_n_extents)
{
	*ret_index = FILE_INDEX(w->extents[0].first, w->n_buckets, w->shift);
	*ret_start = w->start;
	*ret_extents = w->extents;
	*ret_n_extents = w->n_extents;
	w->taken = true;
}
