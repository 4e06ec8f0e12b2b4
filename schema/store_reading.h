/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store_reading.h - one reading of a window, shared by store_read.c, which goes through partitions
 * and buckets, and store_read_rows.c, store_read_held.c, store_read_ledger.c and store_read_io.c,
 * which know what is in them. Private to schema/.
 */
#ifndef PROFD_STORE_READING_H
#define PROFD_STORE_READING_H

#include "growable.h"
#include "store_reader.h"

#define READING_LEDGER_SINCE 2 /* format versions */
#define READING_HELD_SINCE   2
#define READING_IO_SINCE     3

/* What a kind's SELECT begins and ends with; between them n_rows, two sums, enc and data, NULL in a
 * bucket that has none. */
#define READING_BUCKET_COLUMNS                                                                     \
	"b.seq, b.start_ns, b.duration_ns, b.covered_ns, b.n_cpus, b.period_ns"
#define READING_WINDOW "WHERE b.start_ns >= ?1 AND b.start_ns < ?2 ORDER BY b.start_ns, b.seq"

/* A bucket and its header of what is asked for. */
struct bucket_head {
	uint64_t seq, start_ns, duration_ns, covered_ns, n_cpus, period_ns;
	uint64_t number;	       /* struct store_bucket's */
	uint64_t n_rows, count, value; /* of the ledger: elapsed and on-CPU time; of
					  block I/O: ios and bytes */
	int enc;
	const void *data;
	size_t len;
};

struct covered_bucket {
	uint64_t seq, covered_ns;
	struct store_bucket bucket;
};

struct reading;

/* What is read of a window. */
struct reading_kind {
	const char *select; /* ?1 and ?2 are the window, ?3 the sample type */
	int since_version;  /* of the store's format, that has its table */
	/* A bucket that has some. */
	int (*bucket)(struct reading *reading, const struct bucket_head *head,
		      struct store_error *error);
	/* After the buckets of a partition of READING_HELD_SINCE that has one; or NULL. */
	int (*partition)(struct reading *reading, struct store_error *error);
	bool has_sums; /* the two sums are those of a sample type */
};

/* One call of store_read() or store_read_ledger(). */
struct reading {
	const struct reading_kind *kind;
	const struct store_filter *filter;
	const struct store_visitor *visitor;
	const struct store_ledger_visitor *ledger; /* of rows of the ledger */
	const struct store_io_visitor *io;	   /* of block I/O */
	void *ctx;
	bool decode; /* somebody wants rows */
	struct unpacker *unpacker;
	struct byte_buf rows; /* unpacked, of one bucket */
	struct store_summary summary;
	/* of the partition at hand */
	sqlite3 *db;
	const char *name;
	int version;
	struct loaded *loaded; /* NULL until its first bucket */
	uint8_t *wanted;       /* by series; NULL: all */
	struct {
		struct covered_bucket *buckets;
		uint32_t n_buckets, cap_buckets;
	} covered; /* its buckets in the window */
};

/* Reads the window. Releases what is in `reading`. */
int reading_run(struct reading *reading, struct store *store, struct store_summary *ret,
		struct store_error *error);

/* -EBADMSG, with a text that names file and bucket. */
int reading_damaged(const struct reading *reading, uint64_t seq, struct store_error *error);

/* What was held over buckets of the window, as rows (store_read_held.c). */
int read_held(struct reading *reading, struct store_error *error);

/* False when the sum is out of range. */
static inline bool reading_add(uint64_t *sum, uint64_t more)
{
	return !__builtin_add_overflow(*sum, more, sum) && *sum <= INT64_MAX;
}

#endif
