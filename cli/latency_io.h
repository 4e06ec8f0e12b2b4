/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * latency_io.h - profctl latency of block I/O by device and operation: exact, by the histograms
 * that are kept of each.
 */
#ifndef PROFD_LATENCY_IO_H
#define PROFD_LATENCY_IO_H

#include "latency_answer.h"

/* LATENCY_BY_DEVICE or LATENCY_BY_OP: reads, and prints the answer. The query is not filtered. */
enum exit_code latency_io_read(const struct latency_options *options, const struct query *query);

#endif
