/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_read.h - reads the rows of an event as they are to be shown: waits scaled by the one factor
 * of the window and group asked for, with their reason, and of several kinds of time one after the
 * other. It also knows what the answer as a whole is: how much, how sure, how much nobody sampled.
 */
#ifndef PROFD_EVENT_READ_H
#define PROFD_EVENT_READ_H

#include "estimate.h"
#include "event_args.h"
#include "query.h"
#include "wait_class.h"

/* The name of the row, or of the only frame, for time that no sample stands for. */
#define EVENT_NOT_SAMPLED "[not sampled]"

struct event_row {
	/* count and value are scaled and rounded; node is without the frames that every wait ends
	 * in (wait_reasons.h) */
	struct store_row row;
	enum sample_type type;
	struct wait_class class;
	enum wait_reason reason;       /* WAIT_REASON_NONE: on a CPU, or not asked for */
	struct estimate_spread spread; /* not scaled */
};

/*
 * As struct store_visitor, of each type of the event in turn. With wait_leaves the waits of
 * EVENT_WALL end in a leaf that says what they are ("[off-cpu: disk]", "[run-queue]":
 * event_leaf.h), without which they could not be told from time on a CPU.
 */
struct event_sink {
	int (*begin)(void *ctx, const struct dictionary *dictionary);
	int (*row)(void *ctx, const struct event_row *row);
	int (*end)(void *ctx, const struct dictionary *dictionary);
	bool series_only; /* no stacks are read unless reasons are needed */
	bool reasons;	  /* rows have one */
	bool wait_leaves;
};

/* Of EVENT_BLOCKIO_BYTES values are bytes, also those that are called ns here. */
struct event_answer {
	/* What was read. value and count are sums of the rows as shown, with what was not sampled;
	 * machine_value is the machine's, also estimated. */
	struct store_summary summary;
	bool is_estimate;    /* there are waits in it; the next are 0 otherwise */
	bool is_io;	     /* these are block I/O, beside exact sums of all of it */
	bool has_ledger;     /* all its waits have one beside them */
	bool by_reason;	     /* waits of some reasons only: not_sampled_ns is not part of the sum */
	uint64_t exact_ns;   /* of the value */
	uint64_t sampled_ns; /* of the value, scaled */
	uint64_t not_sampled_ns;
	uint64_t gate_ns; /* of the value: seen while switches were too many to look at each */
	uint64_t kernel_only_ns; /* of the value: the stack ends at the system call */
	uint64_t overrun_ns;	 /* exact waits beyond the ledger's time: they should not be */
	uint64_t half_width_ns;	 /* of the 95 % interval of the value */
	uint64_t n_seen;	 /* waits seen, not estimated */
	/* What scaled the rows, for the intervals of parts: known where they are of one kind. */
	struct estimate estimate;
	unsigned int n_types; /* kinds of time that were read */
	uint64_t max_ns;      /* the group's longest wait in the ledger; 0 = not known */
	uint64_t last_pass;   /* number of the last bucket with a ledger; 0: there is none */
};

/* Reads; after EXIT_ANSWERED event_answer_done() must follow, other codes were said. */
enum exit_code event_read(const struct query *query, const struct event_args *args,
			  const struct event_sink *sink, void *ctx, struct event_answer *ret);

void event_answer_done(struct event_answer *answer);

static inline bool event_answer_is_empty(const struct event_answer *answer)
{
	return answer->summary.value == 0 && answer->summary.count == 0;
}

/* Whether parts of the value have an interval of their own: of time on CPUs, or of several kinds of
 * time together, there is none. */
static inline bool event_answer_has_intervals(const struct event_answer *answer)
{
	return answer->is_estimate && answer->n_types == 1;
}

/* Whether there is a row for what was not sampled. */
static inline bool event_answer_has_rest(const struct event_answer *answer)
{
	return answer->not_sampled_ns > 0 && !answer->by_reason;
}

#endif
