/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_table.h - the answer of profctl top as a person reads it: head, table and foot.
 */
#ifndef PROFD_TOP_TABLE_H
#define PROFD_TOP_TABLE_H

#include "top_answer.h"

/* Prints to stdout; nothing for an empty window, which stderr explains. 0 or -ENOMEM. */
int top_table_print(const struct top *top);

#endif
