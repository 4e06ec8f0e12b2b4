/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * store.h - the store: a directory of partition files, written by one profd, read by anybody.
 *
 * The writer takes whole buckets by value (profile.h) and does all interning itself, so a caller
 * knows nothing of dictionaries, blobs or SQLite. A reader is given each partition's dictionary as
 * plain arrays (dictionary.h) and then its rows; names and stacks are resolved by index. Readers
 * never write, not even a lock. Nothing here logs: errors come as negative errno and a text.
 */
#ifndef PROFD_STORE_H
#define PROFD_STORE_H

#include "cleanup.h"
#include "dictionary.h"
#include "profile.h"

#define STORE_FORMAT_VERSION 3 /* 1 has neither ledger nor held waits, 2 no block I/O */
#define STORE_ERROR_MAX	     512

/* What went wrong and what to do next, one sentence without a newline; "" after success. */
struct store_error {
	char text[STORE_ERROR_MAX];
};

/* ---- writing (store_open.c, store_write*.c, store_rotate.c, store_prune.c) ---- */

struct store_writer;

struct store_options {
	uint64_t bucket_ns;   /* nominal width of the buckets to come, for readers' hints */
	uint32_t max_nodes;   /* a new partition is begun beyond it, and beyond a quarter of it in
				 series; 0 = 1,000,000 */
	uint64_t max_bytes;   /* oldest partitions are unlinked beyond it; 0 = 1 GiB */
	uint64_t now_real_ns; /* creation time of the first partition */
	const char *boot_id;  /* may be NULL, as may the next */
	const char *host;
	const char *version;	  /* of profd */
	const char *reader_group; /* may read it; NULL = "profd". Other ones are for tests */
};

/*
 * What needs privileges that the writer does not: makes `dir` (mode 2750) if it is missing; one
 * that is there, is this user's, has this user's or root's group and nothing in it but a store is
 * given to the group of readers (systemd makes the directory of a service root:root). `group` NULL
 * is "profd". Files that are made in it later have its group by its setgid bit. Says in
 * *ret_foreign whether the directory or a file of the store in it belongs to another user, or its
 * owner may not write it: then root needs CAP_DAC_OVERRIDE and CAP_FOWNER to write the store.
 * Errors: -EACCES, -EPERM, -EROFS, -ENOTDIR, -ENOENT, -ENOSPC; `*ret_foreign` is false then.
 */
int store_prepare_dir(const char *dir, const char *group, bool *ret_foreign,
		      struct store_error *error);

/*
 * Opens `dir` for writing: prepares it (store_prepare_dir()) as far as that was not done; takes the
 * lock, removes what an interrupted creation left (*.new), checks every partition, and begins a new
 * one.
 * Errors: -EBUSY another profd holds the lock; -EACCES/-EPERM/-EROFS no write permission; -ENOTDIR;
 * -EPROTONOSUPPORT a partition of a newer format; -EBADMSG a file with a partition's name that is
 * no store; -ENOSPC; -EIO. On failure nothing that existed was changed, but on a full disk a few of
 * the oldest partitions are unlinked for the new one.
 */
int store_writer_open(const char *dir, const struct store_options *options,
		      struct store_writer **ret, struct store_error *error);

/*
 * Writes one bucket in one transaction (dictionary entries first). A new partition is begun before
 * it when the limit of nodes or series was reached, UTC midnight passed, or the clock was set back
 * beyond the current one's start; partitions above max_bytes are unlinked after it, the oldest
 * first. Rows that differ in count and value only are added up, and losses of one name; of ledger
 * rows of one series sums are added up, the longest waits and the peak are the greatest, and the
 * resident size is the later one that is not 0. `held` is all that was held over this bucket: what
 * was held over the bucket before and is not in it ended there. A location keeps its names when a
 * later bucket brings none; JIT, BPF and interpreted code of another name is another location. On
 * failure the transaction is rolled back, the ids it took are forgotten, and the caller may give
 * the bucket again, alone or merged into the next; on a full disk the oldest partition is unlinked,
 * to make room for that. Errors: -ENOSPC, -EIO, -EINVAL (an index, a length or a sum out of range,
 * a row without series or stack), -ENOMEM.
 */
int store_write_bucket(struct store_writer *writer, const struct profile_bucket *bucket,
		       struct store_error *error);

/* Other limits from now on; 0 means what it does in struct store_options. */
void store_set_limits(struct store_writer *writer, uint32_t max_nodes, uint64_t max_bytes);

/* Copies the WAL into the file (about once a minute); 0, or -EIO and a text. */
int store_checkpoint(struct store_writer *writer, struct store_error *error);

/* Checkpoints, closes and releases the lock. Accepts NULL; returns NULL. */
struct store_writer *store_writer_free(struct store_writer *writer);
DEFINE_CLEANUP(struct store_writer *, store_writer_free);

/* ---- reading (store_query.c, store_read*.c) ---- */

struct store;

/*
 * Opens `dir` for reading. Errors: -ENOENT no such directory, or no partition in it; -EACCES (the
 * text names the group to join); -ENOTDIR; -EPROTONOSUPPORT; -EBADMSG; -EIO.
 */
int store_open(const char *dir, struct store **ret, struct store_error *error);
struct store *store_free(struct store *store);
DEFINE_CLEANUP(struct store *, store_free);

struct store_span {
	uint64_t first_ns; /* start of the oldest bucket; 0 when there is none */
	uint64_t until_ns; /* end of the latest one */
	/* end of the one written last: earlier when the clock was set back since */
	uint64_t newest_until_ns;
	uint64_t n_buckets;
	uint32_t n_partitions;
	uint64_t bytes;	     /* of all files of the store */
	char host[256];	     /* of the newest partition, "" when unknown */
	uint64_t created_ns; /* of the newest partition: since when it is collected */
	uint64_t bucket_ns;  /* width of the newest partition's buckets */
	uint64_t period_ns;  /* of the newest bucket's CPU samples; 0 when there is none */
	uint32_t n_cpus;
	uint64_t n_nodes; /* of the newest partition's trie */
};

int store_span(struct store *store, struct store_span *ret, struct store_error *error);

/* The same from the newest partitions alone, back to one that has a bucket: first_ns, until_ns,
 * n_buckets and n_partitions are of these. Takes no longer for an older store. */
int store_span_newest(struct store *store, struct store_span *ret, struct store_error *error);

/*
 * What to read: buckets whose start lies in [since, until), of one type, from series that match. Of
 * each kind any value may match, of all kinds that have one (n > 0) one must. Patterns are those of
 * the shell (fnmatch).
 */
struct store_filter {
	uint64_t since_real_ns, until_real_ns;
	enum sample_type type;
	const uint32_t *pids, *tids;
	const char *const *comms;
	const char *const *exes;       /* of the whole path, without a '/' of its last part */
	const char *const *units;      /* of any unit on the cgroup's path (cgroup_path.h) */
	const char *const *containers; /* or 12 digits or more that an id begins with */
	uint32_t n_pids, n_tids, n_comms, n_exes, n_units, n_containers;
};

/*
 * A bucket of the window. Several may have one start: one that was cut off before its end has the
 * rest of its slice for the next one, and so has one in which profd was restarted. What is summed
 * up is the sum of all of them; a state is that of the last one, which has the greatest number.
 */
struct store_bucket {
	uint64_t start_ns;
	uint64_t number; /* in this reading, counted from 1: the last has store_summary.n_buckets */
};

struct store_row {
	uint32_t series; /* of the partition's dictionary, as is node */
	uint32_t node;
	uint32_t bin;
	uint64_t count; /* in 1/PROFILE_COUNT_ONE */
	uint64_t value;
	struct store_bucket bucket;
	struct store_bucket last_bucket; /* of what was held: its last one in the window */
};

/*
 * Called in this order for each partition that has a bucket in the window: begin, row..., end. Any
 * may be NULL; one that returns < 0 ends the reading with that value. `dictionary` is valid until
 * end returns.
 */
struct store_visitor {
	int (*begin)(void *ctx, const struct dictionary *dictionary);
	int (*row)(void *ctx, const struct store_row *row);
	int (*end)(void *ctx, const struct dictionary *dictionary);
	/* the dictionary has series and files and nothing else, and nodes are unchecked */
	bool series_only;
};

struct store_loss {
	char name[48];
	uint64_t count, weight_ns;
};

/* What was read, for the head of every answer. */
struct store_summary {
	uint64_t since_ns, until_ns; /* start of the first bucket read, end of the last; 0: none */
	uint64_t covered_ns;	     /* time sampled between them */
	uint64_t n_buckets;
	uint64_t count; /* of rows that passed the filter, in 1/PROFILE_COUNT_ONE */
	uint64_t value; /* their values */
	uint64_t machine_count, machine_value; /* of all rows of the type, from bucket headers */
	uint64_t period_ns;		       /* of the last bucket read */
	uint32_t n_cpus;		       /* of the last bucket read */
	uint64_t lost_ns;		       /* sum of the losses' weights */
	struct store_loss *losses;	       /* summed by name, sorted by name */
	uint32_t n_losses;
};

void store_summary_done(struct store_summary *summary);

/*
 * Reads the window. What is held over whole buckets (struct profile_held) comes as one row a run:
 * count 0, and as value the time covered by its buckets that lie in the window. A blob that cannot
 * be decoded is an error (-EBADMSG, the text names file and bucket): no answer is better than a
 * wrong one. `visitor` may be NULL for the summary alone.
 */
int store_read(struct store *store, const struct store_filter *filter,
	       const struct store_visitor *visitor, void *ctx, struct store_summary *ret,
	       struct store_error *error);

/*
 * The ledger of the same window, from series that match; the type of the filter does not matter.
 * `row` is called with the series of the partition's dictionary (series_only is implied), once for
 * each row of each bucket. The summary has what of it does not depend on a sample type; its counts
 * and values are 0. Partitions older than the ledger have none, which is no error.
 */
struct store_ledger_visitor {
	int (*begin)(void *ctx, const struct dictionary *dictionary);
	int (*row)(void *ctx, const struct store_bucket *bucket, const struct profile_ledger *row);
	int (*end)(void *ctx, const struct dictionary *dictionary);
};
int store_read_ledger(struct store *store, const struct store_filter *filter,
		      const struct store_ledger_visitor *visitor, void *ctx,
		      struct store_summary *ret, struct store_error *error);

/*
 * What block devices did in the same window, all of it: neither the series nor the type of the
 * filter matter. `row` is called with the device as a file of the partition's dictionary (which has
 * files and series and nothing else), once for each row of each bucket. The summary is as above.
 */
struct store_io_visitor {
	int (*begin)(void *ctx, const struct dictionary *dictionary);
	int (*row)(void *ctx, const struct store_bucket *bucket, const struct profile_io *row);
	int (*end)(void *ctx, const struct dictionary *dictionary);
};
int store_read_io(struct store *store, const struct store_filter *filter,
		  const struct store_io_visitor *visitor, void *ctx, struct store_summary *ret,
		  struct store_error *error);

/* 1 when a series that matches is anywhere in the store, in whatever window and of whatever type; 0
 * when none is, or negative errno. */
int store_has_series(struct store *store, const struct store_filter *filter,
		     struct store_error *error);

/* The lives of a pid in the partitions that may hold a bucket of [since, until): start times on
 * CLOCK_BOOTTIME with the exe, newest first; the caller frees *ret. Returns their number or
 * negative errno. */
struct store_life {
	uint64_t start_boot_ns;
	uint64_t start_real_ns; /* by the wall clock of a bucket it was in */
	char exe[256];
};
int store_pid_lives(struct store *store, uint32_t pid, uint64_t since_real_ns,
		    uint64_t until_real_ns, struct store_life **ret, struct store_error *error);

#endif
