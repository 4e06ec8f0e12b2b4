/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer_text.h - what stands above and below a table: which window was read and how much is in
 * it; how sure that is, and what was lost.
 */
#ifndef PROFD_ANSWER_TEXT_H
#define PROFD_ANSWER_TEXT_H

#include "event_read.h"
#include "query.h"

/* Two lines and an empty one. */
void answer_text_head(const struct query *query, const struct event_answer *answer);

/* Of these the first: host, window, and what of it the answer is about. */
void answer_text_window(const struct query *query, const struct store_summary *s, const char *what);

/* A line each, where there is something to say. */
void answer_text_foot(const struct event_answer *answer);

#endif
