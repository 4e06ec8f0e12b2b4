/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * totals_keys.h - the keys of totals.h: what a line of an answer stands for, told apart by its
 * strings, which are copied since a dictionary is gone after its partition. Private to schema/.
 */
#ifndef PROFD_TOTALS_KEYS_H
#define PROFD_TOTALS_KEYS_H

#include "hash_index.h"
#include "profile.h"

struct totals_key {
	const char *function, *module, *source;
	enum unknown_reason reason;
};

/* What a key adds up to; apart from its strings, since only this is touched at each node. */
struct totals_sum {
	uint64_t self, total, self_count, total_count;
	uint32_t open; /* how often the key is on the way from the root to the node at hand */
};

struct totals_keys {
	struct totals_key *keys; /* [0] unused, as in sums */
	struct totals_sum *sums;
	uint32_t n, capacity;
	struct hash_index index;
	struct totals_text *texts;
};

void totals_keys_init(struct totals_keys *keys);
void totals_keys_done(struct totals_keys *keys);

/*
 * The id of the key with these strings and reason, made when it is new. The source is not part of
 * it: the first that is known stays. Returns 0 when memory is out.
 */
uint32_t totals_keys_find(struct totals_keys *keys, const struct totals_key *wanted);

#endif
