/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_answer.h - the answer of profctl top, whatever its rows stand for, as JSON lines or CSV; as a
 * table it is top_table.h's.
 */
#ifndef PROFD_TOP_ANSWER_H
#define PROFD_TOP_ANSWER_H

#include "event_read.h"
#include "output.h"
#include "query.h"
#include "store.h"
#include "window_json.h"

/* What a row stands for. */
enum top_by {
	TOP_BY_FUNCTION,
	TOP_BY_MODULE,
	TOP_BY_PROCESS,
	TOP_BY_THREAD,
	TOP_BY_UNIT,
	TOP_BY_REASON, /* what was waited for */
};

struct top_options {
	uint32_t n_lines; /* 0 = all */
	bool by_self;	  /* sorted by self, else by total */
	enum top_by by;
	enum output_format format;
	struct event_args event;
};

/* What the grouping does not tell apart is "" or 0. */
struct top_row {
	const char *function, *module, *source;
	enum unknown_reason reason; /* why there is no function */
	uint32_t pid, tid;
	const char *comm, *unit, *container;
	const char *wait_reason;
	bool is_rest;	      /* what was not sampled */
	uint64_t self, total; /* nanoseconds */
	uint64_t count;	      /* of self, in 1/PROFILE_COUNT_ONE */
};

struct top {
	const struct top_options *options;
	const struct query *query;
	const struct event_answer *answer;
	const struct store_summary *summary; /* of the answer */
	struct window_parts parts;
	const struct top_row *rows;
	size_t n_rows;	/* in all */
	size_t n_shown; /* of them; rows has no more */
};

static inline void top_set_answer(struct top *top, const struct event_answer *answer)
{
	top->answer = answer;
	top->summary = &answer->summary;
	top->parts.has_ledger = answer->has_ledger;
	top->parts.not_sampled_ns = answer->not_sampled_ns;
}

/* The share of the window, 0 to 100. */
double top_percent(const struct top *top, uint64_t part);

/* Print to stdout. An empty window prints only what the format has for one. 0 or -ENOMEM. */
int top_answer_json(const struct top *top);
int top_answer_csv(const struct top *top);

#endif
