// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bucket.c - see bucket.h. Everything is found by hash and stored once; strings live in blocks that
 * are freed with the bucket.
 */
#include "record/bucket.h"

#include "growable.h"
#include "hash_index.h"
#include "io_class.h"
#include "record/ledger.h"
#include "record/series_table.h"
#include "record/texts.h"

#include <errno.h>
#include <string.h>

/* Room for one more in the array `a` of the bucket: 0, -ENOSPC or -ENOMEM. */
#define RESERVE(b, a, max) ((b)->n_##a >= (max) ? -ENOSPC : GROWABLE_RESERVE(b, a))

/* A location that is a text. */
struct label {
	uint32_t location;
	const char *text;
};

struct bucket {
	struct profile_location *locations;
	struct series_table series;
	struct io_table io;
	struct profile_stack *stacks;
	struct profile_row *rows;
	struct profile_held *held;
	struct profile_ledger *ledger;
	struct label *labels;
	uint32_t *stack_locations;
	struct profile_file *files;
	uint32_t *file_numbers; /* of files[] */
	struct profile_frame *frames;
	struct profile_loss *losses;
	uint32_t n_locations, n_stacks, n_rows, n_stack_locations, n_files, n_file_numbers, n_held,
		n_ledger, n_labels;
	uint32_t cap_locations, cap_stacks, cap_rows, cap_stack_locations, cap_files,
		cap_file_numbers, cap_held, cap_ledger, cap_labels;
	struct hash_index by_location, by_stack, by_row, by_file, by_ledger;
	struct texts texts;
	uint32_t truncated_root; /* index of that location, 0 until needed */
	struct profile_bucket profile;
};

int bucket_new(struct bucket **ret)
{
	struct bucket *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	b->n_locations = b->n_stacks = b->n_files = b->n_file_numbers = 1;
	series_table_init(&b->series);
	io_table_init(&b->io);
	*ret = b;
	return 0;
}

struct bucket *bucket_free(struct bucket *b)
{
	if (!b)
		return NULL;
	texts_done(&b->texts);
	hash_index_done(&b->by_location);
	hash_index_done(&b->by_stack);
	hash_index_done(&b->by_row);
	hash_index_done(&b->by_file);
	hash_index_done(&b->by_ledger);
	free(b->locations);
	series_table_done(&b->series);
	io_table_done(&b->io);
	free(b->stacks);
	free(b->rows);
	free(b->held);
	free(b->ledger);
	free(b->labels);
	free(b->stack_locations);
	free(b->files);
	free(b->file_numbers);
	free(b->frames);
	free(b->losses);
	free(b);
	return NULL;
}

/* ---- locations ---- */

static uint64_t hash_location(const struct profile_location *l)
{
	return hash_u64(l->offset, (uint64_t)l->file << 16 | (uint64_t)l->kind << 8 | l->unknown);
}

static bool is_location(const void *ctx, uint32_t id, const void *key)
{
	const struct profile_location *have = &((const struct bucket *)ctx)->locations[id];
	const struct profile_location *wanted = key;

	return have->kind == wanted->kind && have->file == wanted->file &&
	       have->offset == wanted->offset && have->unknown == wanted->unknown;
}

int bucket_location(struct bucket *b, enum location_kind kind, uint32_t file, uint64_t offset,
		    enum unknown_reason unknown, uint32_t *ret, bool *ret_new)
{
	struct profile_location wanted = {
		.kind = kind, .file = file, .offset = offset, .unknown = unknown};
	uint64_t hash = hash_location(&wanted);
	uint32_t id = hash_index_find(&b->by_location, hash, is_location, b, &wanted);
	int r;

	if (ret_new)
		*ret_new = !id;
	if (!id) {
		r = RESERVE(b, locations, BUCKET_LOCATIONS_MAX);
		if (r == 0)
			r = hash_index_insert(&b->by_location, hash, b->n_locations);
		if (r < 0)
			return r;
		id = b->n_locations++;
		b->locations[id] = wanted;
	}
	*ret = id;
	return 0;
}

int bucket_label(struct bucket *b, const char *text, uint32_t *ret)
{
	uint64_t hash = hash_bytes(text, strlen(text));
	const char *copy;
	bool is_new;
	int r = RESERVE(b, labels, BUCKET_SERIES_MAX);

	if (r == 0)
		r = bucket_location(b, LOCATION_INTERPRETER, 0, hash, UNKNOWN_NONE, ret, &is_new);
	if (r < 0 || !is_new)
		return r;
	copy = texts_copy(&b->texts, text);
	if (!copy)
		return -ENOMEM;
	b->labels[b->n_labels++] = (struct label){*ret, copy};
	return 0;
}

/* ---- series ---- */

int bucket_series(struct bucket *b, const struct profile_series *series, uint32_t *ret)
{
	*ret = series_table_find(&b->series, series);
	return *ret ? 0 : series_table_add(&b->series, series, BUCKET_SERIES_MAX, &b->texts, ret);
}

bool bucket_has_series(const struct bucket *b, const struct profile_series *series)
{
	return series_table_find(&b->series, series) != 0;
}

uint32_t bucket_n_series(const struct bucket *b)
{
	return b->series.n_series;
}

/* ---- block devices ---- */

int bucket_device(struct bucket *b, const struct io_device *device, uint32_t *ret)
{
	return io_table_device(&b->io, device, &b->texts, ret);
}

int bucket_io(struct bucket *b, const struct profile_io *row)
{
	return io_table_add(&b->io, row);
}

/* ---- stacks and rows ---- */

struct wanted_stack {
	const uint32_t *locations;
	uint32_t n;
};

static bool is_stack(const void *ctx, uint32_t id, const void *key)
{
	const struct bucket *b = ctx;
	const struct wanted_stack *wanted = key;
	const struct profile_stack *have = &b->stacks[id];

	return have->n == wanted->n && memcmp(b->stack_locations + have->first, wanted->locations,
					      wanted->n * sizeof(*wanted->locations)) == 0;
}

static int copy_stack(struct bucket *b, const uint32_t *locations, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		int r = RESERVE(b, stack_locations, UINT32_MAX / 2);

		if (r < 0)
			return r;
		b->stack_locations[b->n_stack_locations++] = locations[i];
	}
	return 0;
}

int bucket_stack(struct bucket *b, const uint32_t *locations, uint32_t n, uint32_t *ret)
{
	struct wanted_stack wanted = {locations, n};
	uint64_t hash = hash_bytes(locations, n * sizeof(*locations));
	uint32_t id = hash_index_find(&b->by_stack, hash, is_stack, b, &wanted);
	uint32_t first = b->n_stack_locations;
	int r;

	if (!id) {
		r = RESERVE(b, stacks, BUCKET_STACKS_MAX);
		if (r == 0)
			r = copy_stack(b, locations, n);
		if (r == 0)
			r = hash_index_insert(&b->by_stack, hash, b->n_stacks);
		if (r < 0) {
			b->n_stack_locations = first;
			return r;
		}
		id = b->n_stacks++;
		b->stacks[id] = (struct profile_stack){first, n};
	}
	*ret = id;
	return 0;
}

static bool is_row(const void *ctx, uint32_t id, const void *key)
{
	const struct profile_row *have = &((const struct bucket *)ctx)->rows[id - 1];
	const struct profile_row *wanted = key;

	return have->type == wanted->type && have->series == wanted->series &&
	       have->stack == wanted->stack && have->bin == wanted->bin;
}

int bucket_add(struct bucket *b, const struct profile_row *sample)
{
	uint64_t hash = hash_u64((uint64_t)sample->series << 32 | sample->stack,
				 (uint64_t)sample->bin << 8 | sample->type);
	uint32_t id = hash_index_find(&b->by_row, hash, is_row, b, sample);
	int r;

	if (id) {
		b->rows[id - 1].count += sample->count;
		b->rows[id - 1].value += sample->value;
		return 0;
	}
	r = RESERVE(b, rows, UINT32_MAX / 2);
	if (r == 0)
		r = hash_index_insert(&b->by_row, hash, b->n_rows + 1);
	if (r < 0)
		return r;
	b->rows[b->n_rows++] = *sample;
	return 0;
}

/* ---- held waits and the ledger ---- */

int bucket_hold(struct bucket *b, const struct profile_held *held)
{
	int r = RESERVE(b, held, BUCKET_SERIES_MAX);

	if (r == 0)
		b->held[b->n_held++] = *held;
	return r;
}

static bool is_ledger(const void *ctx, uint32_t id, const void *key)
{
	return ((const struct bucket *)ctx)->ledger[id - 1].series == *(const uint32_t *)key;
}

int bucket_ledger(struct bucket *b, const struct profile_ledger *row)
{
	uint64_t hash = hash_u64(row->series, 0);
	uint32_t id = hash_index_find(&b->by_ledger, hash, is_ledger, b, &row->series);
	int r;

	if (id) {
		ledger_add(&b->ledger[id - 1], row);
		return 0;
	}
	r = RESERVE(b, ledger, BUCKET_SERIES_MAX);
	if (r == 0)
		r = hash_index_insert(&b->by_ledger, hash, b->n_ledger + 1);
	if (r < 0)
		return r;
	b->ledger[b->n_ledger++] = *row;
	return 0;
}

/* ---- finishing ---- */

static bool is_file(const void *ctx, uint32_t id, const void *key)
{
	return ((const struct bucket *)ctx)->file_numbers[id] == *(const uint32_t *)key;
}

/* The index of the file with that number in files[], 0 when it is not known. */
static int file_index(struct bucket *b, uint32_t number, const struct bucket_answers *answers,
		      uint32_t *ret)
{
	uint64_t hash = hash_u64(number, 0);
	uint32_t id = number ? hash_index_find(&b->by_file, hash, is_file, b, &number) : 0;
	const struct profile_file *file =
		id || !number ? NULL : answers->file(answers->ctx, number);
	int r;

	if (file) {
		r = RESERVE(b, files, BUCKET_LOCATIONS_MAX);
		if (r == 0)
			r = RESERVE(b, file_numbers, BUCKET_LOCATIONS_MAX);
		if (r == 0)
			r = hash_index_insert(&b->by_file, hash, b->n_files);
		if (r < 0)
			return r;
		id = b->n_files++;
		b->file_numbers[b->n_file_numbers++] = number;
		b->files[id] = *file;
		b->files[id].path = texts_copy(&b->texts, file->path);
		if (!b->files[id].path)
			return -ENOMEM;
	}
	*ret = id;
	return 0;
}

static int name_location(struct bucket *b, uint32_t id, const struct bucket_answers *answers)
{
	struct profile_location *l = &b->locations[id];
	const char *function = NULL;
	uint32_t file;
	int r;

	if (l->kind == LOCATION_SYNTHETIC || !l->file)
		return 0;
	r = file_index(b, l->file, answers, &file);
	if (r < 0)
		return r;
	l->unknown = answers->name(answers->ctx, l->kind, l->file, l->offset, &function);
	l->file = file;
	if (l->unknown != UNKNOWN_NONE)
		return 0;
	b->frames[id] =
		(struct profile_frame){.function = texts_copy(&b->texts, function), .source = ""};
	if (!b->frames[id].function)
		return -ENOMEM;
	l->frames = &b->frames[id];
	l->n_frames = 1;
	return 0;
}

static void name_labels(struct bucket *b)
{
	for (uint32_t i = 0; i < b->n_labels; i++) {
		struct profile_location *l = &b->locations[b->labels[i].location];
		struct profile_frame *frame = &b->frames[b->labels[i].location];

		*frame = (struct profile_frame){.function = b->labels[i].text, .source = ""};
		l->frames = frame;
		l->n_frames = 1;
	}
}

static bool is_label(const struct profile_location *l)
{
	return l->kind == LOCATION_INTERPRETER && l->unknown == UNKNOWN_NONE && !l->file;
}

/* Whether the stack is whole for all its mark, the last of its `n` locations. */
static bool is_whole(const struct bucket *b, const uint32_t *locations, uint32_t n,
		     const struct bucket_answers *answers)
{
	return answers->is_whole(answers->ctx, &b->locations[n > 2 ? locations[n - 3] : 0],
				 &b->locations[locations[n - 2]]);
}

static void settle_roots(struct bucket *b, const struct bucket_answers *answers)
{
	for (uint32_t i = 1; i < b->n_stacks; i++) {
		struct profile_stack *stack = &b->stacks[i];
		uint32_t *locations = b->stack_locations + stack->first;
		bool labelled = stack->n && is_label(&b->locations[locations[stack->n - 1]]);
		uint32_t n = stack->n - labelled;
		const struct profile_location *mark = &b->locations[n < 2 ? 0 : locations[n - 1]];

		if (mark->kind != LOCATION_SYNTHETIC || mark->offset == SYNTHETIC_TRUNCATED_LIMIT)
			continue;
		if (is_whole(b, locations, n, answers)) {
			stack->n--;
			if (labelled)
				locations[n - 1] = locations[n];
		} else if (mark->offset == SYNTHETIC_NONE) {
			locations[n - 1] = b->truncated_root;
		}
	}
}

/* A device among the bucket's files, behind those of locations. */
static int put_devices(struct bucket *b)
{
	uint32_t first = b->n_files - 1; /* less the entry of devices that is unused */

	for (uint32_t i = 1; i < b->io.n_devices; i++) {
		int r = RESERVE(b, files, BUCKET_LOCATIONS_MAX);

		if (r < 0)
			return r;
		b->files[b->n_files++] = b->io.devices[i];
	}
	for (uint32_t i = 0; i < b->io.n_rows; i++)
		b->io.rows[i].device += first;
	for (uint32_t i = 0; i < b->n_rows; i++)
		if (b->rows[i].type == SAMPLE_BLOCKIO || b->rows[i].type == SAMPLE_BLOCKIO_BYTES)
			b->rows[i].bin = io_class_shift(b->rows[i].bin, first);
	return 0;
}

int bucket_finish(struct bucket *b, const struct bucket_head *head,
		  const struct bucket_answers *answers)
{
	int r = bucket_location(b, LOCATION_SYNTHETIC, 0, SYNTHETIC_TRUNCATED_ROOT, UNKNOWN_NONE,
				&b->truncated_root, NULL);

	if (r < 0)
		return r;
	b->locations[0] = (struct profile_location){};
	b->frames = calloc(b->n_locations, sizeof(*b->frames));
	b->losses = calloc(head->n_losses ? head->n_losses : 1, sizeof(*b->losses));
	if (!b->frames || !b->losses)
		return -ENOMEM;
	for (uint32_t i = 1; r == 0 && i < b->n_locations; i++)
		r = name_location(b, i, answers);
	if (r == 0)
		r = put_devices(b);
	if (r < 0)
		return r;
	name_labels(b);
	settle_roots(b, answers);
	if (head->n_losses)
		memcpy(b->losses, head->losses, head->n_losses * sizeof(*b->losses));
	b->profile = (struct profile_bucket){.start_real_ns = head->start_real_ns,
					     .duration_ns = head->duration_ns,
					     .covered_ns = head->covered_ns,
					     .start_boot_ns = head->start_boot_ns,
					     .n_cpus = head->n_cpus,
					     .period_ns = head->period_ns,
					     .files = b->files,
					     .n_files = b->n_files,
					     .locations = b->locations,
					     .n_locations = b->n_locations,
					     .stack_locations = b->stack_locations,
					     .stacks = b->stacks,
					     .n_stacks = b->n_stacks,
					     .series = b->series.series,
					     .n_series = b->series.n_series,
					     .io = b->io.rows,
					     .n_io = b->io.n_rows,
					     .rows = b->rows,
					     .n_rows = b->n_rows,
					     .held = b->held,
					     .n_held = b->n_held,
					     .ledger = b->ledger,
					     .n_ledger = b->n_ledger,
					     .losses = b->losses,
					     .n_losses = head->n_losses};
	return 0;
}

const struct profile_bucket *bucket_profile(const struct bucket *b)
{
	return &b->profile;
}

uint32_t bucket_n_locations(const struct bucket *b)
{
	return b->n_locations;
}

size_t bucket_bytes(const struct bucket *b)
{
	return sizeof(*b) + b->texts.bytes + b->cap_locations * sizeof(*b->locations) +
	       b->n_locations * sizeof(*b->frames) +
	       b->series.cap_series * sizeof(*b->series.series) +
	       b->cap_stacks * sizeof(*b->stacks) + b->cap_rows * sizeof(*b->rows) +
	       b->cap_stack_locations * sizeof(*b->stack_locations) +
	       b->cap_files * sizeof(*b->files) + b->cap_held * sizeof(*b->held) +
	       b->io.cap_devices * sizeof(*b->io.devices) + b->io.cap_rows * sizeof(*b->io.rows) +
	       b->cap_ledger * sizeof(*b->ledger) + b->cap_labels * sizeof(*b->labels);
}
