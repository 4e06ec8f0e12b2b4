/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_leaf.h - waits among time on a CPU: each stack gets a leaf that says what its thread waited
 * for, "[off-cpu: disk]" in the module "[off-cpu]", or "[run-queue]". One partition's rows are
 * added up until it ends, then its dictionary is shown again with these leaves as nodes of its own.
 */
#ifndef PROFD_EVENT_LEAF_H
#define PROFD_EVENT_LEAF_H

#include "cleanup.h"
#include "dictionary.h"
#include "event_read.h"

struct event_leaves;

/* `dictionary` is borrowed and must have stacks. Returns 0 or -ENOMEM. */
int event_leaves_new(const struct dictionary *dictionary, struct event_leaves **ret);
struct event_leaves *event_leaves_free(struct event_leaves *leaves);
DEFINE_CLEANUP(struct event_leaves *, event_leaves_free);

/* Rows of one series, node and reason become one, of the class and bucket of the first. Returns 0,
 * -ENOMEM, or -EBADMSG for a node out of range or a sum that is. */
int event_leaves_add(struct event_leaves *leaves, const struct event_row *row);

/* Gives them to a sink, from its begin to its end. Returns 0, what the sink returned, or -ENOMEM.
 */
int event_leaves_play(struct event_leaves *leaves, const struct event_sink *sink, void *ctx);

#endif
