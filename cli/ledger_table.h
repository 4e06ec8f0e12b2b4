/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_table.h - rows of the ledger as a person reads them: head, table and foot.
 */
#ifndef PROFD_LEDGER_TABLE_H
#define PROFD_LEDGER_TABLE_H

#include "ledger_view.h"

/* Prints the first n rows, sorted by a column, which is among those shown. 0 or -ENOMEM. */
int ledger_table_print(const struct ledger_view *view, enum series_totals_by by, size_t n,
		       enum ledger_column sort);

/* ---- what stands around the figures of stat, too ---- */

/* Which window was read, and how busy it was. */
void ledger_table_head(const struct ledger_view *view);
/* What of it is not known; nothing of what was lost. */
void ledger_table_notes(const struct ledger_view *view);

#endif
