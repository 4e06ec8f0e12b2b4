/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * answer.c - parsing profctl's JSON lines; see answer.h.
 */
#include "answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROWS_PRINTED 20

void answer_parse(struct answer *answer, const char *text)
{
	const char *line = text;

	*answer = (struct answer){.rows = json_array()};
	assert_non_null(answer->rows);
	while (*line) {
		const char *end = strchrnul(line, '\n');
		json_error_t error;
		json_t *value = json_loadb(line, (size_t)(end - line), 0, &error);
		const char *kind = json_string_value(json_object_get(value, "kind"));

		if (!value || !kind)
			fail_msg("not a line of an answer: %.*s", (int)(end - line), line);
		if (!answer->window) {
			assert_string_equal(kind, "window");
			answer->window = value;
		} else {
			assert_string_equal(kind, "row");
			assert_int_equal(json_array_append_new(answer->rows, value), 0);
		}
		line = *end ? end + 1 : end;
	}
	assert_non_null(answer->window);
}

void answer_done(struct answer *answer)
{
	json_decref(answer->window);
	json_decref(answer->rows);
	*answer = (struct answer){0};
}

uint64_t answer_window(const struct answer *answer, const char *key)
{
	const json_t *value = json_object_get(answer->window, key);

	if (!json_is_integer(value))
		fail_msg("the window has no integer \"%s\"", key);
	return (uint64_t)json_integer_value(value);
}

static bool contains(const json_t *row, const char *key, const char *word)
{
	const char *value = json_string_value(json_object_get(row, key));

	return !word || (value && strstr(value, word));
}

const json_t *answer_row(const struct answer *answer, const char *function, const char *module)
{
	size_t i;
	json_t *row;

	json_array_foreach(answer->rows, i, row)
	{
		const char *name = json_string_value(json_object_get(row, "function"));

		if (name && strcmp(name, function) == 0 && contains(row, "module", module))
			return row;
	}
	return NULL;
}

uint64_t answer_total(const struct answer *answer, const char *function)
{
	const json_t *row = answer_row(answer, function, NULL);

	return row ? (uint64_t)json_integer_value(json_object_get(row, "total_ns")) : 0;
}

uint64_t answer_unnamed(const struct answer *answer, const char *module, const char *reason)
{
	uint64_t sum = 0;
	size_t i;
	json_t *row;

	json_array_foreach(answer->rows, i, row)
	{
		if (json_is_null(json_object_get(row, "function")) &&
		    contains(row, "module", module) && contains(row, "reason", reason))
			sum += (uint64_t)json_integer_value(json_object_get(row, "self_ns"));
	}
	return sum;
}

static void print_line(const json_t *value)
{
	char *text = json_dumps(value, JSON_COMPACT);

	print_message("  %s\n", text ? text : "?");
	free(text);
}

void answer_print(const struct answer *answer)
{
	print_line(answer->window);
	for (size_t i = 0; i < json_array_size(answer->rows) && i < ROWS_PRINTED; i++)
		print_line(json_array_get(answer->rows, i));
}
