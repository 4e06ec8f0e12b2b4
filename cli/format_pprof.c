// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * format_pprof.c - a window as a gzipped profile.proto, which "go tool pprof" reads.
 *
 * Two protobuf messages one after the other are one message, their repeated fields joined. So the
 * profile is written piece by piece, one sample or location at a time, and never built in memory.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "estimate_text.h"
#include "export_format.h"
#include "foreign_text.h"
#include "gzip_buffer.h"
#include "losses_text.h"
#include "pprof_mappings.h"
#include "profile.pb-c.h"
#include "query.h"

/* Strings of the format, numbered after those of the stack table. */
enum {
	TEXT_SAMPLES,
	TEXT_COUNT,
	TEXT_EVENT,
	TEXT_UNIT,
	TEXT_PID,
	TEXT_TID,
	TEXT_COMM,
	TEXT_EXE,
	TEXT_SYSTEMD_UNIT,
	TEXT_CONTAINER,
	TEXT_LOSSES,
	TEXT_REASON, /* this and the next only of waits */
	TEXT_ESTIMATE,
	N_TEXTS
};

struct writer {
	const struct export_data *data;
	const struct stack_table *table;
	struct pprof_mapping *mappings;
	struct gzip_buffer out;
	uint32_t first_text;
	int r; /* the first failure */
};

static int64_t clamp(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static int64_t text(const struct writer *w, unsigned int which)
{
	return (int64_t)w->first_text + which;
}

static void emit(struct writer *w, const Pprof__Profile *piece)
{
	(void)pprof__profile__pack_to_buffer(piece, &w->out.base);
}

static void write_head(struct writer *w)
{
	const struct export_data *data = w->data;
	Pprof__ValueType count = PPROF__VALUE_TYPE__INIT;
	Pprof__ValueType value = PPROF__VALUE_TYPE__INIT;
	Pprof__ValueType *types[] = {&count, &value};
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	int64_t comments[] = {text(w, TEXT_LOSSES), text(w, TEXT_ESTIMATE)};

	count.type = text(w, TEXT_SAMPLES);
	count.unit = text(w, TEXT_COUNT);
	value.type = text(w, TEXT_EVENT);
	value.unit = text(w, TEXT_UNIT);
	piece.n_sample_type = ARRAY_SIZE(types);
	piece.sample_type = types;
	piece.default_sample_type = value.type;
	piece.period_type = &value;
	/* Waits have weights of their own and no period. */
	if (data->event == EVENT_CPU || data->event == EVENT_WALL)
		piece.period = clamp(data->summary->period_ns);
	piece.time_nanos = clamp(data->since_ns);
	piece.duration_nanos = clamp(data->until_ns - data->since_ns);
	piece.n_comment = data->answer->is_estimate ? 2 : 1;
	piece.comment = comments;
	emit(w, &piece);
}

#define LABELS_MAX 7

/* Who the sample is of and what it waited for; what is not known has no label. Returns how many
 * there are. */
static size_t set_labels(const struct writer *w, const struct stack_sample *sample,
			 Pprof__Label labels[LABELS_MAX])
{
	const struct stack_series *series = stack_table_series(w->table, sample);
	const struct {
		unsigned int key;
		uint32_t text, number;
	} known[LABELS_MAX] = {
		{TEXT_PID, 0, series->pid},	      {TEXT_TID, 0, series->tid},
		{TEXT_COMM, series->comm, 0},	      {TEXT_EXE, series->exe, 0},
		{TEXT_SYSTEMD_UNIT, series->unit, 0}, {TEXT_CONTAINER, series->container, 0},
		{TEXT_REASON, sample->reason, 0},
	};
	size_t n = 0;

	for (size_t i = 0; i < LABELS_MAX; i++) {
		if (known[i].text == 0 && known[i].number == 0)
			continue;
		pprof__label__init(&labels[n]);
		labels[n].key = text(w, known[i].key);
		labels[n].str = known[i].text;
		labels[n].num = known[i].number;
		n++;
	}
	return n;
}

static void write_sample(struct writer *w, const struct stack_sample *sample)
{
	uint32_t ids[PROFILE_STACK_MAX];
	uint64_t locations[PROFILE_STACK_MAX];
	int64_t values[] = {clamp(query_whole_samples(sample->count)), clamp(sample->value)};
	Pprof__Label labels[LABELS_MAX], *pointers[LABELS_MAX];
	Pprof__Sample s = PPROF__SAMPLE__INIT;
	Pprof__Sample *samples[] = {&s};
	Pprof__Profile piece = PPROF__PROFILE__INIT;

	s.n_location_id = stack_table_locations(w->table, sample, ids);
	s.location_id = locations;
	for (size_t i = 0; i < s.n_location_id; i++)
		locations[i] = ids[i];
	s.n_value = ARRAY_SIZE(values);
	s.value = values;
	s.n_label = set_labels(w, sample, labels);
	s.label = pointers;
	for (size_t i = 0; i < s.n_label; i++)
		pointers[i] = &labels[i];
	piece.n_sample = 1;
	piece.sample = samples;
	emit(w, &piece);
}

static void write_mapping(struct writer *w, uint32_t id)
{
	const struct stack_file *file = id_table_at(&w->table->files, id);
	const struct pprof_mapping *mapping = &w->mappings[id];
	Pprof__Mapping m = PPROF__MAPPING__INIT;
	Pprof__Mapping *mappings[] = {&m};
	Pprof__Profile piece = PPROF__PROFILE__INIT;

	m.id = id;
	m.memory_start = mapping->start;
	m.memory_limit = mapping->limit;
	m.file_offset = mapping->offset;
	m.filename = file->path;
	m.build_id = file->is_build_id ? file->identity : 0;
	m.has_functions = mapping->functions;
	m.has_filenames = mapping->filenames;
	m.has_line_numbers = mapping->lines;
	m.has_inline_frames = mapping->inlined;
	piece.n_mapping = 1;
	piece.mapping = mappings;
	emit(w, &piece);
}

/* The file that the first process asked for runs; 0 when none was asked for. */
static uint32_t main_file(const struct writer *w)
{
	uint32_t exe = 0;

	if (w->data->args->pids.n_values == 0)
		return 0;
	for (uint32_t id = 1; exe == 0 && id < w->table->series.n; id++) {
		const struct stack_series *series = id_table_at(&w->table->series, id);

		if (series->pid == w->data->args->pids.values[0])
			exe = series->exe;
	}
	for (uint32_t id = 1; exe != 0 && id < w->table->files.n; id++) {
		const struct stack_file *file = id_table_at(&w->table->files, id);

		if (file->path == exe)
			return id;
	}
	return 0;
}

/* The first mapping is taken for the main binary. */
static void write_mappings(struct writer *w)
{
	uint32_t first = main_file(w);

	if (first != 0)
		write_mapping(w, first);
	for (uint32_t id = 1; id < w->table->files.n; id++)
		if (id != first)
			write_mapping(w, id);
}

/* More inlined calls in one place than any compiler makes; what is beyond it is left out. */
#define LINES_MAX 256

static void write_location(struct writer *w, uint32_t id)
{
	const struct stack_location *location = id_table_at(&w->table->locations, id);
	Pprof__Line lines[LINES_MAX];
	Pprof__Line *pointers[LINES_MAX];
	Pprof__Location l = PPROF__LOCATION__INIT;
	Pprof__Location *locations[] = {&l};
	Pprof__Profile piece = PPROF__PROFILE__INIT;
	const struct stack_frame *frame;

	l.id = id;
	l.mapping_id = location->file;
	l.address = pprof_address(w->mappings, location);
	for (uint32_t f = location->frame; f != 0 && l.n_line < LINES_MAX; f = frame->outer) {
		frame = id_table_at(&w->table->frames, f);
		pointers[l.n_line] = &lines[l.n_line];
		pprof__line__init(&lines[l.n_line]);
		lines[l.n_line].function_id = frame->function;
		lines[l.n_line].line = frame->line;
		l.n_line++;
	}
	l.line = pointers;
	piece.n_location = 1;
	piece.location = locations;
	emit(w, &piece);
}

static void write_function(struct writer *w, uint32_t id)
{
	const struct stack_function *function = id_table_at(&w->table->functions, id);
	Pprof__Function f = PPROF__FUNCTION__INIT;
	Pprof__Function *functions[] = {&f};
	Pprof__Profile piece = PPROF__PROFILE__INIT;

	f.id = id;
	f.name = function->name;
	/* The linker's name is not kept. Without one pprof shows the name as it is; with the same
	 * one it would cut arguments off. */
	f.filename = function->source;
	piece.n_function = 1;
	piece.function = functions;
	emit(w, &piece);
}

static void write_string(struct writer *w, const char *string)
{
	_cleanup_free_ char *copy = NULL;
	/* pprof prints names to a terminal as they are. */
	const char *valid = foreign_text_printable(string, &copy);
	char *one = NULL;
	Pprof__Profile piece = PPROF__PROFILE__INIT;

	if (!copy && valid)
		copy = strdup(valid);
	if (!copy) {
		w->r = -ENOMEM;
		return;
	}
	one = copy;
	piece.n_string_table = 1;
	piece.string_table = &one;
	emit(w, &piece);
}

static void write_strings(struct writer *w)
{
	char losses[LOSSES_TEXT_MAX], comment[LOSSES_TEXT_MAX + 16];
	char sure[ESTIMATE_TEXT_MAX], estimate[ESTIMATE_TEXT_MAX + 16];
	const char *const texts[N_TEXTS] = {
		[TEXT_SAMPLES] = event_counts(w->data->event),
		[TEXT_COUNT] = "count",
		[TEXT_EVENT] = event_name(w->data->event),
		[TEXT_UNIT] = w->data->event == EVENT_BLOCKIO_BYTES ? "bytes" : "nanoseconds",
		[TEXT_PID] = "pid",
		[TEXT_TID] = "tid",
		[TEXT_COMM] = "comm",
		[TEXT_EXE] = "exe",
		[TEXT_SYSTEMD_UNIT] = "unit",
		[TEXT_CONTAINER] = "container",
		[TEXT_LOSSES] = comment,
		[TEXT_REASON] = "reason",
		[TEXT_ESTIMATE] = estimate,
	};

	losses_text(w->data->summary, losses, sizeof(losses));
	(void)snprintf(comment, sizeof(comment), "counted: %s", losses);
	estimate_text(w->data->answer, sure, sizeof(sure));
	(void)snprintf(estimate, sizeof(estimate), "of the %s: %s",
		       w->data->answer->is_io ? "I/O" : "waits", sure);
	for (uint32_t id = 0; id < w->first_text; id++)
		write_string(w, string_table_at(&w->table->strings, id));
	for (size_t i = 0; i < (w->data->answer->is_estimate ? N_TEXTS : TEXT_REASON); i++)
		write_string(w, texts[i]);
}

int format_pprof(FILE *file, const struct export_data *data)
{
	const struct stack_table *table = data->table;
	_cleanup_free_ struct pprof_mapping *mappings = NULL;
	struct writer w = {
		.data = data,
		.table = table,
		.first_text = table->strings.n,
	};
	int r = pprof_mappings_new(table, &mappings);

	if (r < 0)
		return r;
	w.mappings = mappings;
	r = gzip_buffer_init(&w.out, file);
	if (r < 0)
		return r;
	write_head(&w);
	for (uint32_t id = 1; id < table->samples.n; id++)
		write_sample(&w, id_table_at(&table->samples, id));
	write_mappings(&w);
	for (uint32_t id = 1; id < table->locations.n; id++)
		write_location(&w, id);
	for (uint32_t id = 1; id < table->functions.n; id++)
		write_function(&w, id);
	write_strings(&w);
	r = gzip_buffer_finish(&w.out);
	return w.r < 0 ? w.r : r;
}
