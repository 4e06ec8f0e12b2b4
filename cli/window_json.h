/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_json.h - the line that every JSON output begins with: the window that was read. Its keys
 * and their order are a contract with scripts (profctl(1)).
 */
#ifndef PROFD_WINDOW_JSON_H
#define PROFD_WINDOW_JSON_H

#include "query.h"

/* What only the stacks of a window tell. */
struct window_parts {
	uint64_t truncated_ns, unnamed_ns;
};

/* Prints the line; `parts` NULL: not asked. Returns 0 or -ENOMEM. */
int window_json(const char *command, const struct query *query, const struct store_summary *summary,
		const struct window_parts *parts);

#endif
