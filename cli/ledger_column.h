/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_column.h - the figures that the ledger has of a thread, a process, a unit or the machine:
 * what each is called in tables, JSON and CSV and for --sort, and how it looks.
 */
#ifndef PROFD_LEDGER_COLUMN_H
#define PROFD_LEDGER_COLUMN_H

#include <argp.h>
#include <jansson.h>

#include "ledger_totals.h"

/* In the order of JSON and CSV, which is a contract with scripts; the last ones have no key. */
enum ledger_column {
	LEDGER_ONCPU,
	LEDGER_USER,
	LEDGER_SYSTEM,
	LEDGER_RUNQ,
	LEDGER_BLOCKED,
	LEDGER_OTHER,
	LEDGER_ELAPSED,
	LEDGER_VOLUNTARY,
	LEDGER_INVOLUNTARY,
	LEDGER_THREADS,
	LEDGER_RSS,
	LEDGER_PEAK,
	LEDGER_MINOR,
	LEDGER_MAJOR,
	LEDGER_READ,
	LEDGER_WRITE,
	LEDGER_GATE, /* of blocked: not measured, but what was left */
	LEDGER_IDLE, /* of blocked: kernel threads with nothing to do */
	LEDGER_N_KEYS,
	LEDGER_SWITCHES = LEDGER_N_KEYS,
	LEDGER_FAULTS,
	LEDGER_N_COLUMNS
};

/* "oncpu_ns" or "ONCPU"; the key is NULL from LEDGER_N_KEYS on. */
const char *ledger_column_key(enum ledger_column column);
const char *ledger_column_title(enum ledger_column column);

/* The column that --sort KEY means, or -EINVAL; all the words there are, for messages. */
int ledger_column_parse_sort(const char *text, enum ledger_column *ret);
extern const char ledger_column_sorts[];

/* The figure, for sorting as well. One of memory need not be known: threads but for the main one,
 * and the kernel's, have none of their own; and what began and ended inside one bucket was seen by
 * no pass, and has a peak only if its main thread ended last. */
ledger_totals_key ledger_column_value(enum ledger_column column);
bool ledger_column_is_known(enum ledger_column column, const struct ledger_totals_row *row);

#define LEDGER_COLUMN_TEXT_MAX 24

/* As people read it ("1.2s", "412 KB"), "-" for what is not known; and as CSV has it, then "". */
void ledger_column_text(enum ledger_column column, const struct ledger_totals_row *row,
			char buf[LEDGER_COLUMN_TEXT_MAX]);
void ledger_column_digits(enum ledger_column column, const struct ledger_totals_row *row,
			  char buf[LEDGER_COLUMN_TEXT_MAX]);
/* null for what is not known; NULL when memory is short. */
json_t *ledger_column_json(enum ledger_column column, const struct ledger_totals_row *row);

#endif
