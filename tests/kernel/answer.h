/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer.h - what profctl -o json said: the window and the rows, with look-ups for tests.
 */
#ifndef TEST_ANSWER_H
#define TEST_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct answer {
	json_t *window; /* the first line */
	json_t *rows;	/* an array of the others */
};

/* Parses JSON lines; anything else than one window and then rows fails the test. */
void answer_parse(struct answer *answer, const char *text);
void answer_done(struct answer *answer);

/* A number of the window ("total_ns"); a missing one fails the test. */
uint64_t answer_window(const struct answer *answer, const char *key);

/* The row of a function, or NULL. `module` may be NULL, else the row's module must contain it. */
const json_t *answer_row(const struct answer *answer, const char *function, const char *module);

/* total_ns of that row, 0 when there is none. */
uint64_t answer_total(const struct answer *answer, const char *function);

/* Sum of self_ns over the rows without a function whose module and reason contain these words. */
uint64_t answer_unnamed(const struct answer *answer, const char *module, const char *reason);

/* Prints the head and the first rows: for a test that is about to fail. */
void answer_print(const struct answer *answer);

#endif
