/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_answer.h - the answer of profctl top as a table, JSON lines or CSV.
 */
#ifndef PROFD_TOP_ANSWER_H
#define PROFD_TOP_ANSWER_H

#include "output.h"
#include "query.h"
#include "store.h"
#include "totals.h"

struct top_options {
	uint32_t n_lines; /* 0 = all */
	bool by_self;	  /* sorted by self, else by total */
	enum totals_by by;
	enum output_format format;
};

/* Prints to stdout. An empty window prints only what the format has for one. 0 or -ENOMEM. */
int top_answer(const struct top_options *options, const struct query *query,
	       const struct store_summary *summary, struct totals *totals);

#endif
