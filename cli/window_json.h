/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_json.h - the line that every JSON output begins with: the window that was read. Its keys
 * and their order are a contract with scripts (profctl(1)).
 */
#ifndef PROFD_WINDOW_JSON_H
#define PROFD_WINDOW_JSON_H

#include "query.h"

/* What not every answer knows of its window. */
struct window_parts {
	bool has_stacks; /* the next two are known */
	uint64_t truncated_ns, unnamed_ns;
	bool has_ledger; /* the next is known */
	uint64_t not_sampled_ns;
	double resolution_pct; /* of its percentiles; 0 = it has none, and no such key */
};

/* Prints the line; `parts` NULL: nothing of them. Returns 0 or -ENOMEM. */
int window_json(const char *command, const struct query *query, const struct store_summary *summary,
		const struct window_parts *parts);

#endif
