// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_bucket.c - the bucket being filled: equal samples become one row, names come at the end.
 */
#include "record/bucket.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "io_class.h"

static const struct profile_file file_of_7 = {
	.kind = FILE_ELF, .path = "/bin/x", .is_build_id = true, .identity_len = 1};

static const struct profile_file *answer_file(void *ctx, uint32_t number)
{
	(void)ctx;
	return number == 7 ? &file_of_7 : NULL;
}

static enum unknown_reason answer_name(void *ctx, enum location_kind kind, uint32_t file,
				       uint64_t offset, const char **ret_function)
{
	(void)ctx;
	(void)kind;
	(void)file;
	if (offset == 1)
		return UNKNOWN_NO_SYMBOL;
	*ret_function = offset == 2 ? "main" : "f";
	return UNKNOWN_NONE;
}

static bool answer_is_whole(void *ctx, const struct profile_location *inner,
			    const struct profile_location *outer)
{
	(void)ctx;
	(void)inner;
	return outer->n_frames && strcmp(outer->frames[0].function, "main") == 0;
}

static const struct bucket_answers answers = {
	.file = answer_file, .name = answer_name, .is_whole = answer_is_whole};

static uint32_t location(struct bucket *b, enum location_kind kind, uint32_t file, uint64_t offset)
{
	uint32_t id;

	assert_int_equal(bucket_location(b, kind, file, offset, UNKNOWN_NO_MAPPING, &id, NULL), 0);
	return id;
}

static uint32_t series(struct bucket *b, uint32_t tid, const char *comm)
{
	struct profile_series s = {.pid = 1,
				   .tid = tid,
				   .start_boot_ns = 5,
				   .comm = comm,
				   .exe = "/bin/x",
				   .cgroup = "",
				   .unit = "",
				   .container = ""};
	uint32_t id;

	assert_int_equal(bucket_series(b, &s, &id), 0);
	return id;
}

static void add(struct bucket *b, uint32_t s, const uint32_t *locations, uint32_t n)
{
	struct profile_row row = {
		.type = SAMPLE_CPU, .series = s, .count = PROFILE_COUNT_ONE, .value = 10};

	assert_int_equal(bucket_stack(b, locations, n, &row.stack), 0);
	assert_int_equal(bucket_add(b, &row), 0);
}

static void test_equal_samples(void **state)
{
	struct bucket *b;
	struct bucket_head head = {.start_real_ns = 100, .duration_ns = 10};
	const struct profile_bucket *p;
	uint32_t stack[2];

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	stack[0] = location(b, LOCATION_FILE, 7, 3);
	stack[1] = location(b, LOCATION_FILE, 7, 2);
	assert_int_equal(location(b, LOCATION_FILE, 7, 3), stack[0]);
	add(b, series(b, 1, "a"), stack, 2);
	add(b, series(b, 1, "a"), stack, 2);
	add(b, series(b, 1, "a"), stack, 1);
	add(b, series(b, 2, "a"), stack, 2);
	add(b, series(b, 1, "b"), stack, 2);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->n_rows, 4);
	assert_int_equal(p->rows[0].count, 2 * PROFILE_COUNT_ONE);
	assert_int_equal(p->rows[0].value, 20);
	assert_int_equal(p->n_series, 1 + 3);
	assert_int_equal(p->n_stacks, 1 + 2);
	assert_int_equal(p->n_files, 1 + 1);
	assert_string_equal(p->files[1].path, "/bin/x");
	assert_int_equal(p->locations[stack[0]].file, 1);
	assert_string_equal(p->locations[stack[0]].frames[0].function, "f");
	bucket_free(b);
}

static void test_unknowns(void **state)
{
	struct bucket *b;
	struct bucket_head head = {};
	const struct profile_bucket *p;
	uint32_t none, no_symbol, no_file;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	none = location(b, LOCATION_FILE, 0, 0);
	no_symbol = location(b, LOCATION_FILE, 7, 1);
	no_file = location(b, LOCATION_FILE, 8, 3);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->locations[none].unknown, UNKNOWN_NO_MAPPING);
	assert_int_equal(p->locations[no_symbol].unknown, UNKNOWN_NO_SYMBOL);
	assert_int_equal(p->locations[no_symbol].n_frames, 0);
	assert_int_equal(p->locations[no_file].file, 0);
	bucket_free(b);
}

static void test_roots(void **state)
{
	struct bucket *b;
	struct bucket_head head = {};
	const struct profile_bucket *p;
	const struct profile_location *end;
	uint32_t stack[2], mark;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	mark = location(b, LOCATION_SYNTHETIC, 0, SYNTHETIC_NONE);
	stack[0] = location(b, LOCATION_FILE, 7, 2); /* main: whole */
	stack[1] = mark;
	add(b, series(b, 1, "a"), stack, 2);
	stack[0] = location(b, LOCATION_FILE, 7, 3); /* f: cut */
	add(b, series(b, 1, "a"), stack, 2);
	stack[1] = location(b, LOCATION_SYNTHETIC, 0, SYNTHETIC_TRUNCATED_LIMIT);
	add(b, series(b, 1, "a"), stack, 2);
	add(b, series(b, 1, "a"), stack, 0); /* no frame at all */
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->stacks[1].n, 1);
	assert_int_equal(p->stacks[2].n, 2);
	end = &p->locations[p->stack_locations[p->stacks[2].first + 1]];
	assert_int_equal(end->kind, LOCATION_SYNTHETIC);
	assert_int_equal(end->offset, SYNTHETIC_TRUNCATED_ROOT);
	end = &p->locations[p->stack_locations[p->stacks[3].first + 1]];
	assert_int_equal(end->offset, SYNTHETIC_TRUNCATED_LIMIT);
	bucket_free(b);
}

static void test_limits(void **state)
{
	struct bucket *b;
	uint32_t id;
	int r = 0;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	for (uint32_t i = 0; r == 0 && i < BUCKET_STACKS_MAX + 10; i++)
		r = bucket_stack(b, (uint32_t[]){i}, 1, &id);
	assert_int_equal(r, -ENOSPC);
	/* What is there is still found. */
	assert_int_equal(bucket_stack(b, (uint32_t[]){5}, 1, &id), 0);
	bucket_free(b);
}

static void test_empty(void **state)
{
	struct bucket *b;
	struct profile_loss loss = {"ringbuf_full", 3, 30};
	struct bucket_head head = {.losses = &loss, .n_losses = 1};

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	assert_int_equal(bucket_profile(b)->n_rows, 0);
	assert_int_equal(bucket_profile(b)->n_losses, 1);
	assert_string_equal(bucket_profile(b)->losses[0].name, "ringbuf_full");
	bucket_free(b);
	assert_null(bucket_free(NULL));
}

/* A waker's stack: the mark inside is settled as at the end, the label stays outermost. */
static void test_labels(void **state)
{
	struct bucket *b;
	struct bucket_head head = {};
	const struct profile_bucket *p;
	const struct profile_location *end;
	uint32_t stack[3], other;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	stack[0] = location(b, LOCATION_FILE, 7, 2); /* main: whole */
	stack[1] = location(b, LOCATION_SYNTHETIC, 0, SYNTHETIC_NONE);
	assert_int_equal(bucket_label(b, "server (/bin/x)", &stack[2]), 0);
	assert_int_equal(bucket_label(b, "other (/bin/x)", &other), 0);
	assert_int_not_equal(other, stack[2]);
	assert_int_equal(bucket_label(b, "server (/bin/x)", &other), 0);
	assert_int_equal(other, stack[2]);
	add(b, series(b, 1, "a"), stack, 3);
	stack[0] = location(b, LOCATION_FILE, 7, 3); /* f: cut */
	add(b, series(b, 1, "a"), stack, 3);
	add(b, series(b, 1, "a"), stack + 2, 1);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->stacks[1].n, 2);
	end = &p->locations[p->stack_locations[p->stacks[1].first + 1]];
	assert_int_equal(end->kind, LOCATION_INTERPRETER);
	assert_int_equal(end->n_frames, 1);
	assert_string_equal(end->frames[0].function, "server (/bin/x)");
	assert_int_equal(p->stacks[2].n, 3);
	end = &p->locations[p->stack_locations[p->stacks[2].first + 1]];
	assert_int_equal(end->kind, LOCATION_SYNTHETIC);
	assert_int_equal(end->offset, SYNTHETIC_TRUNCATED_ROOT);
	end = &p->locations[p->stack_locations[p->stacks[2].first + 2]];
	assert_string_equal(end->frames[0].function, "server (/bin/x)");
	assert_int_equal(p->stacks[3].n, 1);
	bucket_free(b);
}

static void test_ledger_rows(void **state)
{
	struct bucket *b;
	struct bucket_head head = {};
	const struct profile_bucket *p;
	struct profile_ledger row = {.elapsed_ns = 10, .oncpu_ns = 4};
	struct profile_held held = {.type = SAMPLE_OFFCPU, .bin = 255};

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	for (uint32_t i = 0; i < 6; i++) {
		row.series = series(b, i % 3, "a");
		assert_int_equal(bucket_ledger(b, &row), 0);
	}
	held.series = series(b, 2, "a");
	assert_int_equal(
		bucket_stack(b, &(uint32_t){location(b, LOCATION_FILE, 7, 2)}, 1, &held.stack), 0);
	assert_int_equal(bucket_hold(b, &held), 0);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->n_ledger, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(p->ledger[i].series, i + 1);
		assert_int_equal(p->ledger[i].elapsed_ns, 20);
		assert_int_equal(p->ledger[i].oncpu_ns, 8);
	}
	assert_int_equal(p->n_held, 1);
	assert_memory_equal(p->held, &held, sizeof(held));
	bucket_free(b);
}

static uint32_t device(struct bucket *b, uint64_t diskseq, const char *name)
{
	const struct io_device wanted = {7, 1, diskseq, name, false};
	uint32_t index;

	assert_int_equal(bucket_device(b, &wanted, &index), 0);
	return index;
}

static void add_bin(struct bucket *b, enum sample_type type, uint32_t bin)
{
	struct profile_row row = {.type = type, .bin = bin, .count = PROFILE_COUNT_ONE};
	uint32_t main_of_7 = location(b, LOCATION_FILE, 7, 2);

	row.series = series(b, 1, "a");
	assert_int_equal(bucket_stack(b, &main_of_7, 1, &row.stack), 0);
	assert_int_equal(bucket_add(b, &row), 0);
}

/* The path of the device that the row's bin names. */
static const char *device_of(const struct profile_bucket *p, const struct profile_row *row)
{
	struct io_class class;

	assert_int_equal(io_class_unpack(row->bin, &class), 0);
	assert_in_range(class.device, 1, p->n_files - 1);
	assert_int_equal(class.bin, 40);
	assert_int_equal(class.weight_log2, 3);
	assert_int_equal(p->files[class.device].kind, FILE_DEVICE);
	return p->files[class.device].path;
}

/* Devices lie behind the files of locations, which are known at the end only; what names a device
 * follows, and what has other bins stays as it is. */
static void test_devices(void **state)
{
	struct io_class class = {.bin = 40, .op = IO_OP_WRITE, .weight_log2 = 3};
	struct bucket_head head = {};
	const struct profile_bucket *p;
	char name[] = "loop1";
	uint32_t none = io_class_pack(&class), first;
	struct bucket *b;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	first = device(b, 1, name);
	name[4] = '2';
	class.device = device(b, 1, name);
	name[4] = '3'; /* it was copied */
	assert_int_equal(device(b, 1, "loop1"), first);
	add_bin(b, SAMPLE_BLOCKIO, io_class_pack(&class));
	add_bin(b, SAMPLE_BLOCKIO_BYTES, io_class_pack(&class));
	add_bin(b, SAMPLE_OFFCPU, io_class_pack(&class));
	class.device = first;
	add_bin(b, SAMPLE_BLOCKIO, io_class_pack(&class));
	add_bin(b, SAMPLE_BLOCKIO_BYTES, none);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->n_files, 1 + 1 + 2);
	assert_string_equal(p->files[1].path, "/bin/x");
	assert_string_equal(device_of(p, &p->rows[0]), "loop2");
	assert_int_equal(p->rows[1].bin, p->rows[0].bin);
	class.device = first + 1;
	assert_int_equal(p->rows[2].bin, io_class_pack(&class));
	assert_string_equal(device_of(p, &p->rows[3]), "loop1");
	assert_int_equal(p->rows[4].bin, none);
	bucket_free(b);
}

/* What a device did, once for each operation and flags. */
static void test_io_rows(void **state)
{
	struct profile_io row = {.op = IO_OP_READ, .ios = 3, .bytes = 4096};
	struct bucket_head head = {};
	const struct profile_bucket *p;
	struct bucket *b;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	(void)location(b, LOCATION_FILE, 7, 2);
	(void)device(b, 1, "loop1");
	row.device = device(b, 2, "loop1");
	assert_int_equal(bucket_io(b, &row), 0);
	assert_int_equal(bucket_io(b, &row), 0);
	row.flags = PROFILE_IO_META;
	assert_int_equal(bucket_io(b, &row), 0);
	row.bytes = INT64_MAX;
	assert_int_equal(bucket_io(b, &row), -ERANGE);
	assert_int_equal(bucket_finish(b, &head, &answers), 0);
	p = bucket_profile(b);
	assert_int_equal(p->n_io, 2);
	assert_int_equal(p->io[0].device, 3);
	assert_int_equal(p->files[3].kind, FILE_DEVICE);
	assert_int_equal(p->files[3].identity[8], 2);
	assert_int_equal(p->io[0].ios, 6);
	assert_int_equal(p->io[0].bytes, 8192);
	assert_int_equal(p->io[1].ios, 3); /* without what was refused */
	assert_int_equal(p->io[1].bytes, 4096);
	bucket_free(b);
}

static void test_device_limits(void **state)
{
	struct io_device wanted = {.name = "x"};
	struct bucket *b;
	uint32_t index;
	size_t bytes;
	int r = 0;

	(void)state;
	assert_int_equal(bucket_new(&b), 0);
	bytes = bucket_bytes(b);
	for (; r == 0 && wanted.minor < IO_TABLE_DEVICES_MAX + 10; wanted.minor++)
		r = bucket_device(b, &wanted, &index);
	assert_int_equal(r, -ENOSPC);
	wanted.minor = 5;
	assert_int_equal(bucket_device(b, &wanted, &index), 0);
	assert_int_equal(index, 5 + 1);
	assert_true(bucket_bytes(b) - bytes >= IO_TABLE_DEVICES_MAX * sizeof(struct profile_file));
	bucket_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal_samples), cmocka_unit_test(test_unknowns),
		cmocka_unit_test(test_roots),	      cmocka_unit_test(test_limits),
		cmocka_unit_test(test_empty),	      cmocka_unit_test(test_labels),
		cmocka_unit_test(test_ledger_rows),   cmocka_unit_test(test_devices),
		cmocka_unit_test(test_io_rows),	      cmocka_unit_test(test_device_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
