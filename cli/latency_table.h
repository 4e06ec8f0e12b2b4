/* SPDX-License-Identifier: GPL-2.0-or-later */
/* latency_table.h - the answer of profctl latency as a person reads it. */
#ifndef PROFD_LATENCY_TABLE_H
#define PROFD_LATENCY_TABLE_H

#include "latency_answer.h"

/* Prints to stdout; an empty answer prints nothing. Returns 0 or -ENOMEM. */
int latency_table_print(const struct latency_answer *answer);

#endif
