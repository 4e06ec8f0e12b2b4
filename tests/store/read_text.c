// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * read_text.c - turns a store's rows into sorted lines. Knows only store.h.
 */
#include "read_text.h"

#include <inttypes.h>
#include <string.h>

struct lines {
	char **lines;
	size_t n, capacity;
	const struct dictionary *dictionary;
	bool full;
};

struct store_filter read_all(enum sample_type type)
{
	return (struct store_filter){.until_real_ns = UINT64_MAX, .type = type};
}

static int begin(void *ctx, const struct dictionary *dictionary)
{
	((struct lines *)ctx)->dictionary = dictionary;
	return 0;
}

static void print_file(FILE *f, const struct profile_file *file)
{
	fprintf(f, "%d:%s:%d:%u:", file->kind, file->path, file->is_build_id, file->trust_uid);
	for (size_t i = 0; i < file->identity_len; i++)
		fprintf(f, "%02x", file->identity[i]);
}

static void print_location(FILE *f, const struct lines *lines, uint32_t id)
{
	const struct dictionary *d = lines->dictionary;
	const struct dictionary_location *location = &d->locations[id];

	if (lines->full) {
		fprintf(f, "%d ", location->kind);
		if (location->file)
			print_file(f, &d->files[location->file]);
		fprintf(f, "+%" PRIx64 " u%d", location->offset, location->unknown);
	} else if (!location->n_frames) {
		fputc('?', f);
	}
	for (uint32_t i = 0; i < location->n_frames; i++) {
		const struct dictionary_frame *frame = &d->frames[location->first_frame + i];
		const struct dictionary_function *function = &d->functions[frame->function];

		if (lines->full)
			fprintf(f, " %s@%s:%u%s", function->name, function->source, frame->line,
				frame->inlined ? " inlined" : "");
		else
			fprintf(f, "%s%s", i ? "," : "", function->name);
	}
}

static int row(void *ctx, const struct store_row *r)
{
	struct lines *lines = ctx;
	const struct dictionary *d = lines->dictionary;
	const struct profile_series *s = &d->series[r->series];
	size_t size;
	char *line = NULL;
	FILE *f = open_memstream(&line, &size);

	assert_non_null(f);
	assert_true(r->node < d->n_nodes && r->series < d->n_series);
	fprintf(f, "%" PRId64 " %u/%u %s",
		(int64_t)(r->bucket.start_ns / NSEC_PER_SEC - MADE_START_S), s->pid, s->tid,
		s->comm);
	if (lines->full)
		fprintf(f, " %" PRIu64 " %s %s %s %s", s->start_boot_ns, s->exe, s->cgroup, s->unit,
			s->container);
	fputs(" |", f);
	for (uint32_t node = r->node; node; node = d->nodes[node].parent) {
		fputc(node == r->node ? ' ' : ';', f);
		print_location(f, lines, d->nodes[node].location);
	}
	fprintf(f, " | %u %" PRIu64 " %" PRIu64 "\n", r->bin, r->count, r->value);
	fclose(f);
	if (lines->n == lines->capacity) {
		lines->capacity = lines->capacity ? lines->capacity * 2 : 64;
		lines->lines = reallocarray(lines->lines, lines->capacity, sizeof(char *));
		assert_non_null(lines->lines);
	}
	lines->lines[lines->n++] = line;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *read_text(const char *dir, const struct store_filter *filter, bool full,
		struct store_summary *ret_summary)
{
	static const struct store_visitor visitor = {.begin = begin, .row = row};
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_error error = {};
	struct store_summary summary;
	struct lines lines = {.full = full};
	char *text = NULL;
	size_t size;
	FILE *f;
	int r = store_open(dir, &store, &error);

	if (r == 0)
		r = store_read(store, filter, &visitor, &lines, &summary, &error);
	if (r < 0)
		fail_msg("reading %s: %d: %s", dir, r, error.text);
	if (lines.n)
		qsort(lines.lines, lines.n, sizeof(char *), by_text);
	f = open_memstream(&text, &size);
	assert_non_null(f);
	for (size_t i = 0; i < lines.n; i++) {
		fputs(lines.lines[i], f);
		free(lines.lines[i]);
	}
	fclose(f);
	free(lines.lines);
	if (ret_summary)
		*ret_summary = summary;
	else
		store_summary_done(&summary);
	return text;
}

void assert_store_reads(const char *dir, const char *expected)
{
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_free_ char *text = read_text(dir, &filter, false, NULL);

	assert_string_equal(text, expected);
}
