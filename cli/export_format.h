/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * export_format.h - what a format of profctl export is given, and the formats there are. A format
 * writes bytes to a file and knows nothing of windows, names of files or terminals.
 */
#ifndef PROFD_EXPORT_FORMAT_H
#define PROFD_EXPORT_FORMAT_H

#include <stdio.h>

#include "event_read.h"
#include "query_args.h"
#include "stack_table.h"
#include "store.h"

struct export_data {
	const struct stack_table *table;
	const struct event_answer *answer;
	const struct store_summary *summary; /* of the answer */
	const struct query_args *args;
	uint64_t since_ns, until_ns; /* of the answer */
	enum event event;
};

/* Return 0, -ENOMEM, or -EIO when `file` could not be written. */
int format_pprof(FILE *file, const struct export_data *data);
int format_folded(FILE *file, const struct export_data *data);

#endif
