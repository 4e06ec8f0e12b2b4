/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency_answer.h - the answer of profctl latency, as JSON lines or CSV; as a table it is
 * latency_table.h's.
 */
#ifndef PROFD_LATENCY_ANSWER_H
#define PROFD_LATENCY_ANSWER_H

#include "latency_groups.h"
#include "stack_table.h"
#include "top_answer.h"

/* What a row stands for. */
enum latency_by {
	LATENCY_BY_REASON,
	LATENCY_BY_FUNCTION, /* that they ended in */
	LATENCY_BY_STACK,
	LATENCY_BY_PROCESS,
	LATENCY_BY_THREAD,
	LATENCY_BY_UNIT,
	LATENCY_BY_DEVICE, /* this and the next of block I/O, exact */
	LATENCY_BY_OP,	   /* of each device */
	LATENCY_BY_USUAL,  /* device of block I/O, reason of waits */
};

struct latency_options {
	uint32_t n_lines; /* 0 = all */
	enum latency_by by;
	bool histogram;
	enum output_format format;
	struct event_args event;
};

struct latency_row {
	struct top_row who; /* with total and count */
	struct latency latency;
};

struct latency_answer {
	const struct latency_options *options;
	const struct query *query;
	const struct event_answer *answer;
	const struct stack_table *stacks; /* by stack: of latency.node */
	struct window_parts parts;
	const struct latency_row *rows;
	size_t n_rows;	/* in all */
	size_t n_shown; /* of them */
};

/* Print to stdout. 0 or -ENOMEM. */
int latency_answer_json(const struct latency_answer *answer);
int latency_answer_csv(const struct latency_answer *answer);

#endif
