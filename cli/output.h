/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * output.h - the one output layer: aligned tables, JSON lines and CSV on stdout. It owns alignment,
 * escaping and what is wrong with stdout; what the columns mean is the command's.
 */
#ifndef PROFD_OUTPUT_H
#define PROFD_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "cleanup.h"
#include "exit_code.h"

enum output_format {
	OUTPUT_TABLE,
	OUTPUT_JSON,
	OUTPUT_CSV,
};

/* "table", "json" or "csv". Returns 0 or -EINVAL. */
int output_format_parse(const char *text, enum output_format *ret);

/* How many rows to show: digits, 0 for all. Returns 0 or -EINVAL. */
int output_lines_parse(const char *text, uint32_t *ret);

/* Whether a person reads stdout: only then are names cut and hints given. */
bool output_is_terminal(void);

/* Flushes stdout. Writing to a closed pipe ends the program quietly, as SIGPIPE does; any other
 * error is said. Returns EXIT_ANSWERED or EXIT_FAILED. */
enum exit_code output_finish(void);

/* ---- tables ---- */

struct output_column {
	const char *title; /* NULL in all columns: no line of titles */
	bool right;	   /* aligned */
	bool shrinks;	   /* cut to what is left of a terminal's width */
};

struct output_table;

/* `columns` are borrowed for the table's life. Returns 0 or -ENOMEM. */
int output_table_new(const struct output_column *columns, unsigned int n_columns,
		     struct output_table **ret);
struct output_table *output_table_free(struct output_table *table);
DEFINE_CLEANUP(struct output_table *, output_table_free);

/* Adds a row of n_columns cells, copied and made printable. Returns 0 or -ENOMEM. */
int output_table_row(struct output_table *table, const char *const *cells);

/* Returns 0, or -ENOMEM and nothing is printed. */
int output_table_print(const struct output_table *table);

/* ---- JSON lines ---- */

/* Sets a key of an object and takes the value; either may be NULL from a json_*() without memory,
 * and then *r becomes -ENOMEM, so that one check after many keys is enough. */
void output_json_set(json_t *object, const char *key, json_t *value, int *r);

/* Prints an object on a line of its own, its keys in the order in which they were set, and releases
 * it. NULL is what a failed json_*() gave. Returns 0 or -ENOMEM. */
int output_json_line(json_t *object);

/* A string of any bytes as valid JSON; null for NULL and "". NULL when memory is short. */
json_t *output_json_text(const char *text);

/* An exact integer; JSON readers and jansson end at 2^63 - 1 (292 years in ns), and so does it. */
json_t *output_json_uint(uint64_t value);

/* ---- CSV ---- */

/* A record of RFC 4180; NULL cells are empty. Returns 0 or -ENOMEM. */
int output_csv_row(const char *const *cells, unsigned int n);

#endif
