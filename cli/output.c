// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * output.c - the one output layer: aligned tables, JSON lines and CSV on stdout.
 */
#include "output.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "foreign_text.h"
#include "growable.h"

int output_format_parse(const char *text, enum output_format *ret)
{
	static const char *const names[] = {
		[OUTPUT_TABLE] = "table",
		[OUTPUT_JSON] = "json",
		[OUTPUT_CSV] = "csv",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) == 0) {
			*ret = (enum output_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

int output_lines_parse(const char *text, uint32_t *ret)
{
	unsigned long lines;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	lines = strtoul(text, &end, 10);
	if (errno || *end != '\0' || lines > UINT32_MAX)
		return -EINVAL;
	*ret = (uint32_t)lines;
	return 0;
}

bool output_is_terminal(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

enum exit_code output_finish(void)
{
	struct pollfd pipe = {.fd = STDOUT_FILENO};
	bool failed = ferror(stdout) != 0;

	errno = 0;
	if (fflush(stdout) == 0 && !failed)
		return EXIT_ANSWERED;
	/* The errno of an earlier failure is gone, but a pipe still knows that it is closed. */
	if (errno == EPIPE || (poll(&pipe, 1, 0) == 1 && (pipe.revents & POLLERR)))
		return EXIT_FAILED;
	return fail(EXIT_FAILED, "cannot write the answer: %s; check where stdout goes",
		    errno ? strerror(errno) : "write error");
}

/* ---- tables ---- */

#define GAP 2 /* blanks between columns */

struct output_table {
	const struct output_column *columns;
	unsigned int n_columns;
	char **cells; /* row after row, titles first when there are any */
	uint32_t n_cells, cap_cells;
};

int output_table_new(const struct output_column *columns, unsigned int n_columns,
		     struct output_table **ret)
{
	_cleanup_(output_table_freep) struct output_table *table = calloc(1, sizeof(*table));
	_cleanup_free_ const char **titles = calloc(n_columns, sizeof(*titles));
	int r;

	if (!table || !titles)
		return -ENOMEM;
	table->columns = columns;
	table->n_columns = n_columns;
	for (unsigned int i = 0; i < n_columns; i++)
		titles[i] = columns[i].title;
	r = titles[0] ? output_table_row(table, titles) : 0;
	if (r < 0)
		return r;
	*ret = take_ptr(table);
	return 0;
}

struct output_table *output_table_free(struct output_table *table)
{
	if (table) {
		for (uint32_t i = 0; i < table->n_cells; i++)
			free(table->cells[i]);
		free(table->cells);
	}
	free(table);
	return NULL;
}

int output_table_row(struct output_table *table, const char *const *cells)
{
	for (unsigned int i = 0; i < table->n_columns; i++) {
		char *copy;
		int r = GROWABLE_RESERVE(table, cells);

		if (r < 0)
			return r;
		if (!foreign_text_printable(cells[i], &copy))
			return -ENOMEM;
		if (!copy)
			copy = strdup(cells[i]);
		if (!copy)
			return -ENOMEM;
		table->cells[table->n_cells++] = copy;
	}
	return 0;
}

static size_t terminal_width(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

/* Takes what exceeds the terminal's width from the columns that may shrink, the widest first. */
static void shrink(const struct output_table *table, size_t *widths)
{
	static const size_t least = 12;
	size_t sum = 0, limit = terminal_width();

	for (unsigned int i = 0; i < table->n_columns; i++)
		sum += widths[i] + (i > 0 ? GAP : 0);
	while (sum > limit) {
		size_t *widest = NULL;

		for (unsigned int i = 0; i < table->n_columns; i++)
			if (table->columns[i].shrinks && widths[i] > least &&
			    (!widest || widths[i] > *widest))
				widest = &widths[i];
		if (!widest)
			break;
		--*widest;
		sum--;
	}
}

/* Prints a cell in its width; `pad` says that another follows. */
static void print_cell(const char *text, const struct output_column *column, size_t width, bool pad)
{
	const char *ellipsis = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\342\200\246" : "~";
	size_t columns = foreign_text_width(text);

	if (columns > width) {
		size_t bytes = foreign_text_fit(text, width - 1);

		(void)printf("%.*s%s", (int)bytes, text, ellipsis);
		columns = width;
	} else if (column->right) {
		(void)printf("%*s%s", (int)(width - columns), "", text);
		columns = width;
	} else {
		(void)fputs(text, stdout);
	}
	if (pad)
		(void)printf("%*s", (int)(width - columns + GAP), "");
}

static void print_row(const struct output_table *table, char *const *cells, const size_t *widths)
{
	unsigned int n = table->n_columns;

	/* Nothing is padded for the sake of empty cells. */
	while (n > 0 && cells[n - 1][0] == '\0')
		n--;
	for (unsigned int i = 0; i < n; i++)
		print_cell(cells[i], &table->columns[i], widths[i], i + 1 < n);
	(void)putchar('\n');
}

int output_table_print(const struct output_table *table)
{
	_cleanup_free_ size_t *widths = calloc(table->n_columns, sizeof(*widths));

	if (!widths)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->n_cells; i++) {
		size_t width = foreign_text_width(table->cells[i]);

		if (width > widths[i % table->n_columns])
			widths[i % table->n_columns] = width;
	}
	if (output_is_terminal())
		shrink(table, widths);
	for (uint32_t i = 0; i < table->n_cells; i += table->n_columns)
		print_row(table, &table->cells[i], widths);
	return 0;
}

/* ---- JSON lines ---- */

void output_json_set(json_t *object, const char *key, json_t *value, int *r)
{
	if (json_object_set_new(object, key, value) < 0)
		*r = -ENOMEM;
}

int output_json_line(json_t *object)
{
	int r;

	if (!object)
		return -ENOMEM;
	/* Six digits are more than a percentage has. */
	r = json_dumpf(object, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
	json_decref(object);
	if (r < 0 && !ferror(stdout))
		return -ENOMEM;
	(void)putchar('\n');
	return 0;
}

json_t *output_json_text(const char *text)
{
	_cleanup_free_ char *copy = NULL;
	const char *valid;

	if (!text || *text == '\0')
		return json_null();
	valid = foreign_text_utf8(text, &copy);
	return valid ? json_string(valid) : NULL;
}

json_t *output_json_uint(uint64_t value)
{
	return json_integer(value > INT64_MAX ? INT64_MAX : (json_int_t)value);
}

/* ---- CSV ---- */

int output_csv_row(const char *const *cells, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		_cleanup_free_ char *copy = NULL;
		const char *text = foreign_text_printable(cells[i] ? cells[i] : "", &copy);

		if (!text)
			return -ENOMEM;
		if (i > 0)
			(void)putchar(',');
		if (!strpbrk(text, ",\"")) {
			(void)fputs(text, stdout);
			continue;
		}
		(void)putchar('"');
		for (; *text; text++) {
			if (*text == '"')
				(void)putchar('"');
			(void)putchar(*text);
		}
		(void)putchar('"');
	}
	(void)fputs("\r\n", stdout);
	return 0;
}
