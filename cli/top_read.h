/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * top_read.h - reads what profctl top is asked for, groups it and prints the answer.
 */
#ifndef PROFD_TOP_READ_H
#define PROFD_TOP_READ_H

#include "top_answer.h"

/* `asked` has options and query only. Errors were said; an empty answer too. */
enum exit_code top_read(const struct top *asked);

#endif
