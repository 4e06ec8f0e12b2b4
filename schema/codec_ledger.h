/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * codec_ledger.h - the ledger of one bucket as bytes, and back. Most threads of a machine do
 * nothing in a bucket: such a row is two bytes or three. Compression is pack.h's; the reader takes
 * untrusted bytes.
 *
 * Format, in varints: flags; the elapsed time that most rows have; number of rows; then the rows by
 * rising series. A row begins with: its series less the series before less one, shifted left by 3,
 * and bits. LEDGER_ACTIVE is for all but a thread that was blocked for the usual time and did
 * nothing else. Without it LEDGER_MAX says that the longest wait follows (see below), LEDGER_IDLE
 * that the thread was idle for as long as it was blocked.
 *
 * With it a mask follows, and for each bit of it, from the lowest on, a field (enum ledger_field).
 * Of these are signed, as zigzags: elapsed less the usual; oncpu less user and system; elapsed less
 * oncpu, runq and blocked; peak less rss. A field without its bit is 0. With LEDGER_PAGES rss and
 * peak are in units of 4 KiB.
 *
 * A thread that was blocked all the time has a longest wait that goes on, and with each bucket
 * another: it is a lower bound anyhow, and is kept to seven significant bits, rounded down: below
 * 64 as it is, else 64 * (exponent + 1) + the six bits below the highest.
 */
#ifndef PROFD_CODEC_LEDGER_H
#define PROFD_CODEC_LEDGER_H

#include "bytes.h"
#include "profile.h"

/*
 * Appends `n` rows, ascending by series, each series above 0 and once; no number above INT64_MAX.
 * Returns 0, -EINVAL for rows that are not so, or -ENOMEM.
 */
int ledger_encode(const struct profile_ledger *rows, size_t n, struct byte_buf *out);

struct ledger_reader {
	struct byte_cursor cursor;
	uint64_t elapsed_ns, rows_left;
	uint32_t n_series, series;
	bool pages;
};

/* Begins to read. Series must lie below n_series. Returns 0 or -EBADMSG. */
int ledger_reader_init(struct ledger_reader *reader, const void *data, size_t len,
		       uint32_t n_series);

/* Returns 1 and a row, of which no number is above INT64_MAX, 0 at the end, or -EBADMSG. */
int ledger_reader_next(struct ledger_reader *reader, struct profile_ledger *ret);

#endif
