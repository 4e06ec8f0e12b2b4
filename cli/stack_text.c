// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack_text.c - see stack_text.h.
 */
#include "stack_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "output.h"

#define FEW 5

/* Calls `each` with the names, leaf first, until it returns other than 0, and returns that. */
static int walk(const struct stack_table *t, uint32_t node, int (*each)(void *ctx, const char *),
		void *ctx)
{
	const struct stack_sample sample = {.node = node};
	uint32_t locations[PROFILE_STACK_MAX];
	uint32_t n = stack_table_locations(t, &sample, locations);

	for (uint32_t i = 0; i < n; i++) {
		const struct stack_location *location = id_table_at(&t->locations, locations[i]);
		uint32_t id = location->frame;

		while (id != 0) {
			const struct stack_frame *frame = id_table_at(&t->frames, id);
			const struct stack_function *function =
				id_table_at(&t->functions, frame->function);
			int r = each(ctx, string_table_at(&t->strings, function->name));

			if (r != 0)
				return r;
			id = frame->outer;
		}
	}
	return 0;
}

static int append_json(void *ctx, const char *name)
{
	return json_array_append_new(ctx, output_json_text(name)) < 0 ? -ENOMEM : 0;
}

json_t *stack_text_json(const struct stack_table *table, uint32_t node)
{
	json_t *array = json_array();

	if (array && walk(table, node, append_json, array) < 0) {
		json_decref(array);
		return NULL;
	}
	return array;
}

struct line {
	FILE *f;
	const char *separator;
	unsigned int n, most; /* names; 0 = all */
};

static int append_line(void *ctx, const char *name)
{
	struct line *line = ctx;

	if (line->most && line->n == line->most) {
		(void)fprintf(line->f, "%s...", line->separator);
		return 1;
	}
	(void)fprintf(line->f, "%s%s", line->n++ ? line->separator : "", name);
	return 0;
}

static int print(const struct stack_table *table, uint32_t node, struct line *line, char **ret)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	line->f = open_memstream(&text, &len);
	if (!line->f)
		return -ENOMEM;
	(void)walk(table, node, append_line, line);
	if (fclose(line->f) != 0)
		return -ENOMEM;
	*ret = take_ptr(text);
	return 0;
}

int stack_text_all(const struct stack_table *table, uint32_t node, char **ret)
{
	struct line line = {.separator = "; "};

	return print(table, node, &line, ret);
}

int stack_text_few(const struct stack_table *table, uint32_t node, char **ret)
{
	struct line line = {.separator = " < ", .most = FEW};

	return print(table, node, &line, ret);
}
