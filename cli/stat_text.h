/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stat_text.h - the answer of profctl stat as a person reads it.
 */
#ifndef PROFD_STAT_TEXT_H
#define PROFD_STAT_TEXT_H

#include "ledger_view.h"
#include "reason_sums.h"
#include "stat_io.h"

struct stat_answer {
	const struct ledger_view *view;
	const struct reason_sum *reasons; /* of blocked time, by falling time */
	size_t n_reasons;
	const struct event_answer *waits; /* that the reasons are of */
	const struct stat_io *io;	  /* of block devices */
};

/* Prints the view's only row. Returns 0 or -ENOMEM. */
int stat_text_print(const struct stat_answer *stat);

#endif
