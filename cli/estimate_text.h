/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * estimate_text.h - how sure an answer about waits is, as a line of text.
 */
#ifndef PROFD_ESTIMATE_TEXT_H
#define PROFD_ESTIMATE_TEXT_H

#include <stddef.h>

#include "event_read.h"

#define ESTIMATE_TEXT_MAX 256

/* "exact 61.2 %, sampled 38.3 % (± 2.1 % of the total), not sampled 0.5 %": shares of the time
 * waited; and what the ledger did not say or says otherwise. "" for an answer without waits. */
void estimate_text(const struct event_answer *answer, char *buf, size_t size);

#endif
