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
	const char *device, *op;
	bool is_rest;		       /* what was not sampled */
	uint64_t self, total;	       /* nanoseconds */
	uint64_t count;		       /* of self, in 1/PROFILE_COUNT_ONE */
	struct estimate_spread spread; /* of total */
	bool has_interval;
	uint64_t half_width_ns; /* of the 95 % interval of total */
};

/* Nothing told apart, no time. */
extern const struct top_row top_row_none;

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

/* ---- what rows of other commands begin with, too ---- */

/* Sets the keys of a row, and takes `stack`; whole_ns is 100 %. Returns 0 or -ENOMEM. */
int top_answer_json_keys(json_t *o, const struct top_row *row, uint64_t whole_ns, json_t *stack);

enum {
	TOP_CSV_FUNCTION,
	TOP_CSV_MODULE,
	TOP_CSV_FILE,
	TOP_CSV_LINE,
	TOP_CSV_PID,
	TOP_CSV_TID,
	TOP_CSV_COMM,
	TOP_CSV_UNIT,
	TOP_CSV_DEVICE,
	TOP_CSV_OP,
	TOP_CSV_REASON,
	TOP_CSV_SELF,
	TOP_CSV_TOTAL,
	TOP_CSV_SELF_PCT,
	TOP_CSV_TOTAL_PCT,
	TOP_CSV_COUNT,
	TOP_CSV_BYTES,
	TOP_CSV_CONTAINER,
	TOP_N_CSV
};

/* The cells of a row; numbers lie behind them. */
struct top_csv {
	const char *cells[TOP_N_CSV];
	char pid[16], tid[16], self[24], total[24], self_pct[24], total_pct[24], count[24];
};

void top_answer_csv_cells(const struct top_row *row, uint64_t whole_ns, struct top_csv *csv);
/* TOP_N_CSV of them. */
const char *const *top_answer_csv_header(void);

#endif
