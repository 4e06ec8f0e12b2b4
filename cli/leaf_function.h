/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * leaf_function.h - the function that a stack of a partition ends in, as totals.h tells functions
 * apart: what profctl top calls self.
 */
#ifndef PROFD_LEAF_FUNCTION_H
#define PROFD_LEAF_FUNCTION_H

#include "dictionary.h"
#include "totals_keys.h"

/* The innermost function of node `node`; without a name it has the reason why, and node 0 and marks
 * of truncation are no function. Strings are the dictionary's. Returns 0, or -EBADMSG for a node
 * that is out of range. */
int leaf_function_of(const struct dictionary *dictionary, uint32_t node, struct totals_key *ret);

#endif
