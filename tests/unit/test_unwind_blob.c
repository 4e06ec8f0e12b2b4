// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_blob.c - a table survives as a blob, and nothing else is taken for one.
 */
#include "unwind_blob.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define ROWS 100

static const struct unwind_key key = {
	.trust_uid = 1000, .is_build_id = 1, .identity_len = 20, .identity = "build id of a file"};

struct blob {
	struct unwind_row rows[ROWS];
	struct unwind_table table;
	uint8_t bytes[UNWIND_BLOB_HEAD_SIZE + sizeof(struct unwind_row) * ROWS];
};

/* Writes the table to memory by the way of a file. */
static int encode(struct blob *blob)
{
	int fd = memfd_create("blob", MFD_CLOEXEC);
	int r = unwind_blob_write(fd, &blob->table, &key);

	if (r == 0)
		assert_int_equal(pread(fd, blob->bytes, sizeof(blob->bytes), 0),
				 UNWIND_BLOB_HEAD_SIZE +
					 blob->table.n_rows * sizeof(struct unwind_row));
	assert_int_equal(close(fd), 0);
	return r;
}

static void make(struct blob *blob)
{
	for (uint32_t i = 0; i < ROWS; i++)
		blob->rows[i] = (struct unwind_row){
			.pc = i * 7,
			.cfa = (uint16_t)i,
			.kind = (uint8_t)(i % UNWIND_CFA_MAX | i % UNWIND_FP_MAX << 4),
			.fp = (int8_t)-i};
	blob->table = (struct unwind_table){
		.base = 0x401000,
		.source = UNWIND_SOURCE_EH_FRAME_HDR,
		.n_segments = 2,
		.segments = {{0x1000, 0x401000, 0x5000}, {0x8000, 0x408000, 0x1000}},
		.n_fdes = 30,
		.n_fdes_broken = 2,
		.n_unsupported = 1,
		.n_rows = ROWS,
		.rows = blob->rows};
}

static int decode(const struct blob *blob, size_t size)
{
	struct unwind_table table;
	int r = unwind_blob_decode(blob->bytes, size, &key, &table);

	if (r < 0)
		assert_null(table.rows);
	unwind_table_done(&table);
	return r;
}

static void test_round_trip(void **state)
{
	struct unwind_table table;
	struct blob blob;

	(void)state;
	make(&blob);
	assert_int_equal(encode(&blob), 0);
	assert_int_equal(unwind_blob_decode(blob.bytes, sizeof(blob.bytes), &key, &table), 0);
	assert_int_equal(table.base, blob.table.base);
	assert_int_equal(table.source, blob.table.source);
	assert_int_equal(table.n_segments, 2);
	assert_memory_equal(table.segments, blob.table.segments, sizeof(table.segments));
	assert_int_equal(table.n_fdes, 30);
	assert_int_equal(table.n_fdes_broken, 2);
	assert_int_equal(table.n_unsupported, 1);
	assert_int_equal(table.n_rows, ROWS);
	assert_memory_equal(table.rows, blob.rows, sizeof(blob.rows));
	unwind_table_done(&table);
}

/* A file without call frame information is known as that. */
static void test_empty(void **state)
{
	struct unwind_table table;
	struct blob blob;

	(void)state;
	make(&blob);
	blob.table = (struct unwind_table){};
	assert_int_equal(encode(&blob), 0);
	assert_int_equal(unwind_blob_decode(blob.bytes, UNWIND_BLOB_HEAD_SIZE, &key, &table), 0);
	assert_int_equal(table.n_rows, 0);
	unwind_table_done(&table);
}

static void test_other_sizes(void **state)
{
	struct blob blob;
	uint8_t longer[sizeof(blob.bytes) + 8];
	struct unwind_table table;

	(void)state;
	make(&blob);
	assert_int_equal(encode(&blob), 0);
	for (size_t size = 0; size < sizeof(blob.bytes); size++)
		assert_int_equal(decode(&blob, size), -EBADMSG);
	memcpy(longer, blob.bytes, sizeof(blob.bytes));
	memset(longer + sizeof(blob.bytes), 0, 8);
	assert_int_equal(unwind_blob_decode(longer, sizeof(longer), &key, &table), -EBADMSG);
}

static void test_every_bit_counts(void **state)
{
	struct blob blob;

	(void)state;
	make(&blob);
	assert_int_equal(encode(&blob), 0);
	for (size_t at = 0; at < sizeof(blob.bytes); at++)
		for (unsigned int bit = 0; bit < 8; bit++) {
			blob.bytes[at] ^= (uint8_t)(1u << bit);
			assert_int_equal(decode(&blob, sizeof(blob.bytes)), -EBADMSG);
			blob.bytes[at] ^= (uint8_t)(1u << bit);
		}
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), 0);
}

static void test_other_keys(void **state)
{
	struct unwind_key other[5] = {key, key, key, key, key};
	struct unwind_table table;
	struct blob blob;

	(void)state;
	make(&blob);
	assert_int_equal(encode(&blob), 0);
	other[0].trust_uid = 1001;
	other[1].is_build_id = 0;
	other[2].identity_len = 19;
	other[3].identity[0] ^= 1;
	other[4].ends ^= 1;
	for (int i = 0; i < 5; i++)
		assert_int_equal(
			unwind_blob_decode(blob.bytes, sizeof(blob.bytes), &other[i], &table),
			-EBADMSG);
}

#define REFUSED(field, value)                                                                      \
	do {                                                                                       \
		make(&blob);                                                                       \
		blob.field = (value);                                                              \
		assert_int_equal(encode(&blob), -EINVAL);                                          \
	} while (0)

/* What no reader takes is not written. */
static void test_wrong_tables(void **state)
{
	struct blob blob;

	(void)state;
	REFUSED(rows[7].pc, blob.rows[6].pc);
	REFUSED(rows[7].pc, blob.rows[6].pc - 1);
	REFUSED(rows[7].kind, UNWIND_CFA_MAX);
	REFUSED(rows[7].kind, UNWIND_FP_MAX << 4);
	REFUSED(table.base, 0x401001);
	REFUSED(table.source, 4);
	REFUSED(table.base, 0x401100);		      /* above the first segment */
	REFUSED(table.base, (uint64_t)-256);	      /* a row's address would wrap */
	REFUSED(rows[ROWS - 1].pc, 0x8001);	      /* beyond the last segment */
	REFUSED(table.segments[0].vaddr, 0x409000);   /* not in order */
	REFUSED(table.segments[0].offset, 0x9000);    /* likewise, in the file */
	REFUSED(table.segments[0].size, 0x7001);      /* one in the other */
	REFUSED(table.segments[1].vaddr, 1ull << 47); /* no user space */
	REFUSED(table.segments[1].size, 0x100000000); /* too far from the base */
	REFUSED(table.segments[1].size, 0);
	REFUSED(table.n_segments, 0);
	REFUSED(table.n_segments, UNWIND_SEGMENTS_MAX + 1);
	REFUSED(table.segments[1].size, UINT64_MAX);
	REFUSED(table.n_unsupported, ROWS + 1);
	REFUSED(table.n_fdes_broken, 31);
	REFUSED(table.n_rows, UNWIND_ROWS_MAX + 1);
}

/* Whoever lies can make the checksum right. */
static void test_sealed_lies(void **state)
{
	struct blob blob;
	struct unwind_row *rows = (struct unwind_row *)(void *)(blob.bytes + UNWIND_BLOB_HEAD_SIZE);

	(void)state;
	make(&blob);
	assert_int_equal(encode(&blob), 0);
	rows[5].pc = rows[6].pc;
	unwind_blob_seal(blob.bytes, rows, ROWS);
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), -EBADMSG);
	rows[5].pc = rows[6].pc - 1;
	unwind_blob_seal(blob.bytes, rows, ROWS);
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), 0);
	rows[ROWS - 1].pc = 0x8000;
	unwind_blob_seal(blob.bytes, rows, ROWS);
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), 0);
	rows[ROWS - 1].pc = UINT32_MAX;
	unwind_blob_seal(blob.bytes, rows, ROWS);
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), -EBADMSG);
	rows[ROWS - 1].pc = 0x8000;
	rows[ROWS - 1].kind = UNWIND_CFA_MAX;
	unwind_blob_seal(blob.bytes, rows, ROWS);
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), -EBADMSG);
	rows[ROWS - 1].kind = 15 << 4;
	unwind_blob_seal(blob.bytes, rows, ROWS);
	assert_int_equal(decode(&blob, sizeof(blob.bytes)), -EBADMSG);
}

static void test_full_disk(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct blob blob;

	(void)state;
	make(&blob);
	assert_true(fd >= 0);
	assert_int_equal(unwind_blob_write(fd, &blob.table, &key), -ENOSPC);
	assert_int_equal(close(fd), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_empty),
		cmocka_unit_test(test_other_sizes), cmocka_unit_test(test_every_bit_counts),
		cmocka_unit_test(test_other_keys),  cmocka_unit_test(test_wrong_tables),
		cmocka_unit_test(test_sealed_lies), cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
