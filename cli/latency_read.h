/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency_read.h - reads what profctl latency is asked for, groups it and prints the answer.
 */
#ifndef PROFD_LATENCY_READ_H
#define PROFD_LATENCY_READ_H

#include "latency_answer.h"

/* Errors were said; an empty answer too. */
enum exit_code latency_read(const struct latency_options *options, const struct query *query);

#endif
