// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * codec_ledger.c - encoder and bounds-checked reader of the format that codec_ledger.h describes.
 */
#include "codec_ledger.h"

#include <errno.h>
#include <stdlib.h>

#define LEDGER_PAGES 1u /* flag of the blob */
#define PAGE_SHIFT   12

enum row_bits {
	LEDGER_MAX = 1,
	LEDGER_IDLE = 2,
	LEDGER_ACTIVE = 4,
};
#define ROW_BITS 3

/* Bits of the mask; the usual ones are in its first two bytes. Stored; never renumber. */
enum ledger_field {
	FIELD_USER,
	FIELD_SYSTEM,
	FIELD_RUNQ,
	FIELD_MAX_RUNQ,
	FIELD_VOLUNTARY,
	FIELD_MAX_BLOCKED,
	FIELD_ELAPSED,
	FIELD_OTHER,
	FIELD_INVOLUNTARY,
	FIELD_MINOR_FAULTS,
	FIELD_RSS,
	FIELD_PEAK,
	FIELD_READ,
	FIELD_WRITE,
	FIELD_ONCPU,
	FIELD_IDLE,
	FIELD_MAJOR_FAULTS,
	FIELD_FLAGS,
	FIELD_MAX
};

/* A row's fields as they are written. */
struct fields {
	uint64_t of[FIELD_MAX];
};

static uint64_t wait_to_code(uint64_t ns)
{
	unsigned shift = ns < 64 ? 0 : 57 - (unsigned)__builtin_clzll(ns);

	return ns < 64 ? ns : 64ull * (shift + 1) + (ns >> shift) - 64;
}

/* False for what wait_to_code() returns for no number that fits. */
static bool wait_from_code(uint64_t code, uint64_t *ret)
{
	uint64_t shift = code / 64 - 1;

	if (code < 64) {
		*ret = code;
		return true;
	}
	if (shift > 56)
		return false;
	*ret = (64 + code % 64) << shift;
	return true;
}

/* A difference of two numbers of 63 bits, or sums of them, modulo 2^64: what comes back is exact.
 */
static uint64_t difference(uint64_t a, uint64_t b)
{
	return zigzag((int64_t)(a - b));
}

static void to_fields(const struct profile_ledger *row, uint64_t usual_ns, bool pages,
		      struct fields *ret)
{
	unsigned shift = pages ? PAGE_SHIFT : 0;
	bool blocked_throughout = row->blocked_ns == row->elapsed_ns;

	*ret = (struct fields){{
		[FIELD_USER] = row->user_ns,
		[FIELD_SYSTEM] = row->system_ns,
		[FIELD_RUNQ] = row->runq_ns,
		[FIELD_MAX_RUNQ] = row->max_runq_ns,
		[FIELD_VOLUNTARY] = row->voluntary_switches,
		[FIELD_MAX_BLOCKED] = blocked_throughout ? wait_to_code(row->max_blocked_ns)
							 : row->max_blocked_ns,
		[FIELD_ELAPSED] = difference(row->elapsed_ns, usual_ns),
		[FIELD_OTHER] =
			difference(row->elapsed_ns, row->oncpu_ns + row->runq_ns + row->blocked_ns),
		[FIELD_INVOLUNTARY] = row->involuntary_switches,
		[FIELD_MINOR_FAULTS] = row->minor_faults,
		[FIELD_RSS] = row->rss_bytes >> shift,
		[FIELD_PEAK] = difference(row->peak_rss_bytes >> shift, row->rss_bytes >> shift),
		[FIELD_READ] = row->read_bytes,
		[FIELD_WRITE] = row->write_bytes,
		[FIELD_ONCPU] = difference(row->oncpu_ns, row->user_ns + row->system_ns),
		[FIELD_IDLE] = row->idle_ns,
		[FIELD_MAJOR_FAULTS] = row->major_faults,
		[FIELD_FLAGS] = row->flags,
	}};
}

/* Whether it can be written in the short form: blocked for the usual time, and nothing else. */
static bool is_inactive(const struct fields *fields, const struct profile_ledger *row)
{
	for (unsigned i = 0; i < FIELD_MAX; i++)
		if (fields->of[i] && i != FIELD_MAX_BLOCKED && i != FIELD_IDLE)
			return false;
	return !row->idle_ns || row->idle_ns == row->blocked_ns;
}

static void put_row(const struct profile_ledger *row, uint32_t series_before, uint64_t usual_ns,
		    bool pages, struct byte_buf *out)
{
	uint64_t head = (uint64_t)(row->series - series_before - 1) << ROW_BITS, mask = 0;
	struct fields fields;

	to_fields(row, usual_ns, pages, &fields);
	if (is_inactive(&fields, row)) {
		uint64_t longest = fields.of[FIELD_MAX_BLOCKED];

		byte_buf_put_varint(out, head | (longest ? LEDGER_MAX : 0) |
						 (row->idle_ns ? LEDGER_IDLE : 0));
		if (longest)
			byte_buf_put_varint(out, longest);
		return;
	}
	for (unsigned i = 0; i < FIELD_MAX; i++)
		mask |= (uint64_t)(fields.of[i] != 0) << i;
	byte_buf_put_varint(out, head | LEDGER_ACTIVE);
	byte_buf_put_varint(out, mask);
	for (unsigned i = 0; i < FIELD_MAX; i++)
		if (fields.of[i])
			byte_buf_put_varint(out, fields.of[i]);
}

static bool is_in_range(const struct profile_ledger *row)
{
	/* One above the limit sets the sign of all of them together. */
	uint64_t any = row->elapsed_ns | row->oncpu_ns | row->user_ns | row->system_ns |
		       row->runq_ns | row->blocked_ns | row->idle_ns | row->max_blocked_ns |
		       row->max_runq_ns | row->voluntary_switches | row->involuntary_switches |
		       row->minor_faults | row->major_faults | row->read_bytes | row->write_bytes |
		       row->rss_bytes | row->peak_rss_bytes;

	return any <= INT64_MAX;
}

static int by_number(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The elapsed time that most rows have. */
static int most_usual(const struct profile_ledger *rows, size_t n, uint64_t *ret)
{
	uint64_t *sorted = calloc(n + 1, sizeof(*sorted));
	size_t best = 0;

	if (!sorted)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		sorted[i] = rows[i].elapsed_ns;
	qsort(sorted, n, sizeof(*sorted), by_number);
	*ret = 0;
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i; next < n && sorted[next] == sorted[i];)
			next++;
		if (next - i > best) {
			best = next - i;
			*ret = sorted[i];
		}
	}
	free(sorted);
	return 0;
}

int ledger_encode(const struct profile_ledger *rows, size_t n, struct byte_buf *out)
{
	uint32_t series_before = 0;
	uint64_t usual_ns, sizes = 0;
	bool pages;
	int r;

	for (size_t i = 0; i < n; i++) {
		if (rows[i].series <= series_before || !is_in_range(&rows[i]))
			return -EINVAL;
		series_before = rows[i].series;
		sizes |= rows[i].rss_bytes | rows[i].peak_rss_bytes;
	}
	r = most_usual(rows, n, &usual_ns);
	if (r < 0)
		return r;
	pages = !(sizes & ((1u << PAGE_SHIFT) - 1));
	byte_buf_put_varint(out, pages ? LEDGER_PAGES : 0);
	byte_buf_put_varint(out, usual_ns);
	byte_buf_put_varint(out, n);
	series_before = 0;
	for (size_t i = 0; i < n; i++) {
		put_row(&rows[i], series_before, usual_ns, pages, out);
		series_before = rows[i].series;
	}
	return out->failed ? -ENOMEM : 0;
}

int ledger_reader_init(struct ledger_reader *reader, const void *data, size_t len,
		       uint32_t n_series)
{
	struct byte_cursor cursor = byte_cursor(data, len);
	uint32_t flags = byte_cursor_below(&cursor, LEDGER_PAGES + 1);
	uint64_t usual_ns = byte_cursor_varint(&cursor), n_rows = byte_cursor_varint(&cursor);

	/* A row takes a byte or more. */
	if (cursor.bad || usual_ns > INT64_MAX || n_rows > byte_cursor_left(&cursor))
		return -EBADMSG;
	*reader = (struct ledger_reader){
		.cursor = cursor,
		.elapsed_ns = usual_ns,
		.rows_left = n_rows,
		.n_series = n_series,
		.pages = flags & LEDGER_PAGES,
	};
	return 0;
}

static int from_fields(const struct fields *fields, uint64_t usual_ns, bool pages,
		       struct profile_ledger *row)
{
	const uint64_t *of = fields->of;
	unsigned shift = pages ? PAGE_SHIFT : 0;
	uint64_t peak = of[FIELD_RSS] + (uint64_t)unzigzag(of[FIELD_PEAK]);

	if (of[FIELD_RSS] > (uint64_t)INT64_MAX >> shift || peak > (uint64_t)INT64_MAX >> shift ||
	    of[FIELD_FLAGS] > UINT32_MAX)
		return -EBADMSG;
	row->flags = (uint32_t)of[FIELD_FLAGS];
	row->elapsed_ns = usual_ns + (uint64_t)unzigzag(of[FIELD_ELAPSED]);
	row->user_ns = of[FIELD_USER];
	row->system_ns = of[FIELD_SYSTEM];
	row->oncpu_ns = row->user_ns + row->system_ns + (uint64_t)unzigzag(of[FIELD_ONCPU]);
	row->runq_ns = of[FIELD_RUNQ];
	row->blocked_ns = row->elapsed_ns - row->oncpu_ns - row->runq_ns -
			  (uint64_t)unzigzag(of[FIELD_OTHER]);
	row->idle_ns = of[FIELD_IDLE];
	row->max_blocked_ns = of[FIELD_MAX_BLOCKED];
	row->max_runq_ns = of[FIELD_MAX_RUNQ];
	row->voluntary_switches = of[FIELD_VOLUNTARY];
	row->involuntary_switches = of[FIELD_INVOLUNTARY];
	row->minor_faults = of[FIELD_MINOR_FAULTS];
	row->major_faults = of[FIELD_MAJOR_FAULTS];
	row->read_bytes = of[FIELD_READ];
	row->write_bytes = of[FIELD_WRITE];
	row->rss_bytes = of[FIELD_RSS] << shift;
	row->peak_rss_bytes = peak << shift;
	if (row->blocked_ns == row->elapsed_ns &&
	    !wait_from_code(of[FIELD_MAX_BLOCKED], &row->max_blocked_ns))
		return -EBADMSG;
	return is_in_range(row) ? 0 : -EBADMSG;
}

static int next_active(struct ledger_reader *reader, struct profile_ledger *row)
{
	uint32_t mask = byte_cursor_below(&reader->cursor, 1u << FIELD_MAX);
	struct fields fields = {};

	for (unsigned i = 0; i < FIELD_MAX; i++)
		if (mask >> i & 1)
			fields.of[i] = byte_cursor_varint(&reader->cursor);
	if (reader->cursor.bad)
		return -EBADMSG;
	return from_fields(&fields, reader->elapsed_ns, reader->pages, row);
}

static int next_inactive(struct ledger_reader *reader, unsigned bits, struct profile_ledger *row)
{
	uint64_t longest = bits & LEDGER_MAX ? byte_cursor_varint(&reader->cursor) : 0;

	row->elapsed_ns = row->blocked_ns = reader->elapsed_ns;
	row->idle_ns = bits & LEDGER_IDLE ? reader->elapsed_ns : 0;
	if (reader->cursor.bad || !wait_from_code(longest, &row->max_blocked_ns))
		return -EBADMSG;
	return 0;
}

int ledger_reader_next(struct ledger_reader *reader, struct profile_ledger *ret)
{
	struct byte_cursor *cursor = &reader->cursor;
	uint64_t head, distance;
	int r;

	if (!reader->rows_left)
		return cursor->p == cursor->end ? 0 : -EBADMSG;
	head = byte_cursor_varint(cursor);
	distance = head >> ROW_BITS;
	/* Series lie below n_series: there are n_series - 1 - series of them left. */
	if (cursor->bad || reader->n_series <= reader->series + 1 ||
	    distance >= reader->n_series - 1 - reader->series)
		return -EBADMSG;
	reader->series += (uint32_t)distance + 1;
	reader->rows_left--;
	*ret = (struct profile_ledger){.series = reader->series};
	if (head & LEDGER_ACTIVE)
		r = head & (LEDGER_MAX | LEDGER_IDLE) ? -EBADMSG : next_active(reader, ret);
	else
		r = next_inactive(reader, (unsigned)head, ret);
	return r < 0 ? r : 1;
}
