// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * format_folded.c - a window as folded stacks, which flame graph tools read: a line per thread name
 * and stack, "comm;root;...;leaf N", N in nanoseconds, sorted. Kernel frames end in "_[k]".
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "export_format.h"
#include "foreign_text.h"
#include "frame_name.h"

struct folded_line {
	char *stack;
	uint64_t value;
};

struct folded {
	struct folded_line *lines;
	uint32_t n;
};

static void folded_done(struct folded *folded)
{
	for (uint32_t i = 0; i < folded->n; i++)
		free(folded->lines[i].stack);
	free(folded->lines);
}

/* Names may hold what separates: "a;b" would be two frames, and a line end two stacks. */
static int print_name(FILE *f, const char *name)
{
	_cleanup_free_ char *copy = NULL;
	const char *valid = foreign_text_utf8(name, &copy);

	if (!valid)
		return -ENOMEM;
	for (; *valid; valid++) {
		if (*valid == ';')
			(void)fputc(':', f);
		else if ((unsigned char)*valid < 0x20 || *valid == 0x7f)
			(void)fputc(' ', f);
		else
			(void)fputc(*valid, f);
	}
	return 0;
}

/* Outermost first: the chain of inlined frames is the other way round. */
static int print_frames(FILE *f, const struct stack_table *t, const struct stack_location *location,
			uint32_t frame_id)
{
	enum { MAX = 256 };
	uint32_t chain[MAX], n = 0;
	int r = 0;

	for (; frame_id != 0 && n < MAX; n++) {
		const struct stack_frame *frame = id_table_at(&t->frames, frame_id);

		chain[n] = frame->function;
		frame_id = frame->outer;
	}
	while (n-- > 0 && r == 0) {
		const struct stack_function *function = id_table_at(&t->functions, chain[n]);

		(void)fputc(';', f);
		/* Nothing else in this format says which file an unnamed address is in. */
		if (!location->named && location->file != 0) {
			const struct stack_file *file = id_table_at(&t->files, location->file);

			r = print_name(f,
				       frame_name_module(string_table_at(&t->strings, file->path)));
			(void)fputc(' ', f);
		}
		if (r == 0)
			r = print_name(f, string_table_at(&t->strings, function->name));
		if (location->kind == LOCATION_KERNEL)
			(void)fputs("_[k]", f);
	}
	return r;
}

static int fold(const struct stack_table *t, const struct stack_sample *sample, char **ret)
{
	const struct stack_series *series = stack_table_series(t, sample);
	const char *comm = string_table_at(&t->strings, series->comm);
	uint32_t locations[PROFILE_STACK_MAX], n;
	_cleanup_free_ char *line = NULL;
	size_t len;
	FILE *f = open_memstream(&line, &len);
	int r;

	if (!f)
		return -ENOMEM;
	/* What is nobody's begins with its stack. */
	r = sample->series ? print_name(f, *comm ? comm : "[no name]") : 0;
	n = stack_table_locations(t, sample, locations);
	while (n-- > 0 && r == 0) {
		const struct stack_location *location = id_table_at(&t->locations, locations[n]);

		r = print_frames(f, t, location, location->frame);
	}
	if (fclose(f) != 0 && r == 0)
		r = -ENOMEM;
	if (r < 0)
		return r;
	if (!sample->series)
		memmove(line, line + 1, len); /* the first frame has nothing to be told from */
	*ret = take_ptr(line);
	return 0;
}

static int by_stack(const void *a, const void *b)
{
	const struct folded_line *x = a, *y = b;

	return strcmp(x->stack, y->stack);
}

int format_folded(FILE *file, const struct export_data *data)
{
	const struct stack_table *t = data->table;
	uint32_t n = t->samples.n;
	_cleanup_(folded_done) struct folded folded = {0};
	int r;

	folded.lines = calloc(n, sizeof(*folded.lines));
	if (!folded.lines)
		return -ENOMEM;
	for (uint32_t id = 1; id < n; id++) {
		const struct stack_sample *sample = id_table_at(&t->samples, id);

		r = fold(t, sample, &folded.lines[folded.n].stack);
		if (r < 0)
			return r;
		folded.lines[folded.n++].value = sample->value;
	}
	qsort(folded.lines, folded.n, sizeof(*folded.lines), by_stack);
	/* Different threads of one name, and places of one name, are one line. */
	for (uint32_t i = 0; i < folded.n;) {
		const char *stack = folded.lines[i].stack;
		uint64_t sum = 0;

		for (; i < folded.n && strcmp(folded.lines[i].stack, stack) == 0; i++)
			if (__builtin_add_overflow(sum, folded.lines[i].value, &sum))
				sum = UINT64_MAX;
		if (fprintf(file, "%s %" PRIu64 "\n", stack, sum) < 0)
			return -EIO;
	}
	return 0;
}
