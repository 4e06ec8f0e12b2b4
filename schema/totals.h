/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * totals.h - self and total value per function, over any number of partitions.
 *
 * A key is what a line of an answer stands for. A location is mapped to the keys of its frames; the
 * trie is then walked once, depth first, with an open count per key, so that recursion is counted
 * once whatever the key is, and names may come late. Keys are merged across partitions by their
 * strings. Truncation marks are not keys: their weight is told apart in truncated_ns.
 */
#ifndef PROFD_TOTALS_H
#define PROFD_TOTALS_H

#include "cleanup.h"
#include "dictionary.h"
#include "estimate.h"

/* A key's fields not told apart by the chosen grouping are "" or 0. */
enum totals_by {
	TOTALS_BY_FUNCTION, /* function and module; unnamed: module and reason */
	TOTALS_BY_MODULE,
};

struct totals_row {
	const char *function; /* "" when there is no name, and then reason is set */
	const char *module;   /* path of the file, "[kernel]", ..., or "" for interpreted code */
	const char *source;   /* source file of the function, or "" */
	enum unknown_reason reason;
	uint64_t self, total;		  /* values: nanoseconds or bytes */
	uint64_t self_count, total_count; /* in 1/PROFILE_COUNT_ONE */
	struct estimate_spread spread;	  /* of total; 0 where none was given */
};

struct totals;

int totals_new(enum totals_by by, struct totals **ret);
struct totals *totals_free(struct totals *totals);
DEFINE_CLEANUP(struct totals *, totals_free);

/*
 * Adds one partition: value[n] and count[n] are what the samples whose leaf is node n add up to,
 * for n_nodes nodes. Node 0 is samples without a stack. Returns 0, -ENOMEM, or -EBADMSG when a sum
 * is out of range.
 */
int totals_add(struct totals *totals, const struct dictionary *dictionary, const uint64_t *value,
	       const uint64_t *count);

/* The same, with how unsure each node's samples are; NULL = not at all. */
int totals_add_sampled(struct totals *totals, const struct dictionary *dictionary,
		       const uint64_t *value, const uint64_t *count,
		       const struct estimate_spread *spread);

/*
 * The rows, by falling self or total (ties: by the other, then by name), valid until totals_free or
 * the next totals_add. Returns 0 or -ENOMEM.
 */
int totals_rows(struct totals *totals, bool by_self, const struct totals_row **ret, size_t *ret_n);

/* Value of samples whose stack was cut, and of samples whose leaf has no name. */
uint64_t totals_truncated(const struct totals *totals);
uint64_t totals_unnamed(const struct totals *totals);

#endif
