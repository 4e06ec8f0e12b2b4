/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_answer.h - rows of the ledger as JSON lines or CSV: the keys that all rows have, and the
 * ledger's figures behind them. They are a contract with scripts (profctl(1)).
 */
#ifndef PROFD_LEDGER_ANSWER_H
#define PROFD_LEDGER_ANSWER_H

#include "ledger_view.h"
#include "reason_sums.h"

/* The window line; `parts` may be NULL. These and the next return 0 or -ENOMEM. */
int ledger_answer_json_window(const struct ledger_view *view, const struct window_parts *parts);
int ledger_answer_json_row(const struct ledger_view *view, const struct ledger_totals_row *row);
/* Of a row's blocked time: what was waited for. The figure is blocked_ns, as all others are of the
 * row without a reason. */
int ledger_answer_json_reason(const struct reason_sum *sum);

int ledger_answer_csv_header(void);
int ledger_answer_csv_row(const struct ledger_view *view, const struct ledger_totals_row *row);
int ledger_answer_csv_reason(const struct reason_sum *sum);

#endif
