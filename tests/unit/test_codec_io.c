// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_codec_io.c - rows of block I/O there and back, and their sums; rows that are not as they
 * should be are refused; bytes that are cut or garbage are refused or give rows within their
 * limits, and are never read past their end (each input is a heap block of just its size, so that
 * ASan would tell).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "codec_io.h"
#include "io_class.h"
#include "io_sum.h"
#include "wait_class.h"

#define N_FILES 50u

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 20;
}

/* `n` of which each took so long. */
static void take(struct profile_io_time *time, uint64_t n, uint64_t ns)
{
	uint32_t bin = latency_bin_of(ns);

	time->bins[bin < PROFILE_IO_BINS ? bin : PROFILE_IO_BINS - 1] += n;
	time->known += n;
	time->sum_ns += n * ns;
}

static size_t make_rows(struct profile_io rows[static 4])
{
	memset(rows, 0, 4 * sizeof(*rows));
	rows[0] = (struct profile_io){.device = 1, .op = IO_OP_READ, .ios = 5, .bytes = 20480};
	take(&rows[0].total, 3, 1000);
	take(&rows[0].total, 2, 5000000);
	take(&rows[0].queue, 1, 0);
	rows[1] = (struct profile_io){.device = 1,
				      .op = IO_OP_WRITE,
				      .flags = PROFILE_IO_SYNC | PROFILE_IO_FUA,
				      .ios = INT64_MAX,
				      .bytes = INT64_MAX,
				      .errors = INT64_MAX};
	rows[2] = (struct profile_io){.device = 7, .op = IO_OP_OTHER, .flags = PROFILE_IO_FLAGS};
	rows[3] = (struct profile_io){.device = N_FILES - 1, .op = IO_OP_FLUSH, .ios = 2};
	take(&rows[3].service, 2, 1ull << 40);
	rows[3].service.bins[PROFILE_IO_BINS - 1] = 2;
	rows[3].service.bins[latency_bin_of(1ull << 40)] = 0;
	return 4;
}

static unsigned char *exact_copy(const void *data, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

static int read_all(const void *data, size_t len, struct profile_io *rows, size_t max,
		    size_t *ret_n)
{
	_cleanup_free_ unsigned char *copy = exact_copy(data, len);
	struct io_reader reader;
	struct profile_io row;
	int r = io_reader_init(&reader, copy, len, N_FILES);

	*ret_n = 0;
	while (r == 0 && (r = io_reader_next(&reader, &row)) > 0) {
		assert_in_range(row.device, 1, N_FILES - 1);
		assert_true(row.op > IO_OP_NONE && row.op < IO_OP_MAX);
		assert_true(row.errors <= row.ios && row.total.known <= row.ios);
		if (*ret_n < max)
			rows[*ret_n] = row;
		(*ret_n)++;
		r = 0;
	}
	return r;
}

static void test_there_and_back(void **state)
{
	struct profile_io rows[4], back[4];
	struct byte_buf buf = {};
	size_t n = make_rows(rows), n_back;

	(void)state;
	assert_int_equal(io_encode(rows, n, &buf), 0);
	assert_int_equal(read_all(buf.data, buf.len, back, 4, &n_back), 0);
	assert_int_equal(n_back, n);
	assert_memory_equal(back, rows, sizeof(rows));
	byte_buf_clear(&buf);
	assert_int_equal(io_encode(NULL, 0, &buf), 0);
	assert_int_equal(read_all(buf.data, buf.len, back, 4, &n_back), 0);
	assert_int_equal(n_back, 0);
	byte_buf_done(&buf);
}

static void assert_refused(const struct profile_io *rows, size_t n)
{
	struct byte_buf buf = {};

	assert_int_equal(io_encode(rows, n, &buf), -EINVAL);
	byte_buf_done(&buf);
}

static void test_refused_rows(void **state)
{
	struct profile_io good = {.device = 3, .op = IO_OP_READ, .ios = 2}, bad;
	struct profile_io twice[2] = {good, good};

	(void)state;
	assert_refused(twice, 2);
	twice[0].device = 4;
	assert_refused(twice, 2);
	twice[0] = good;
	twice[0].op = IO_OP_WRITE;
	assert_refused(twice, 2);
#define REFUSED(member, value)                                                                     \
	do {                                                                                       \
		bad = good;                                                                        \
		bad.member = (value);                                                              \
		assert_refused(&bad, 1);                                                           \
	} while (0)
	REFUSED(device, 0);
	REFUSED(op, IO_OP_NONE);
	REFUSED(op, IO_OP_MAX);
	REFUSED(flags, PROFILE_IO_FLAGS + 1);
	REFUSED(ios, 1ull << 63);
	REFUSED(bytes, 1ull << 63);
	REFUSED(errors, 3);
	REFUSED(total.known, 1);	    /* without a bin */
	REFUSED(queue.sum_ns, 1);	    /* of nothing */
	REFUSED(service.bins[0], 1);	    /* the bin of none */
	REFUSED(total.bins[5], UINT64_MAX); /* more than are known */
	bad = good;
	take(&bad.total, 3, 10); /* more than there are */
	assert_refused(&bad, 1);
}

/* Whatever is cut off, it is no longer what it was. */
static void test_cut(void **state)
{
	struct profile_io rows[4], back[4];
	struct byte_buf buf = {};
	size_t n = make_rows(rows), n_back;

	(void)state;
	assert_int_equal(io_encode(rows, n, &buf), 0);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(read_all(buf.data, len, back, 4, &n_back), -EBADMSG);
	byte_buf_put_varint(&buf, 0);
	assert_int_equal(read_all(buf.data, buf.len, back, 4, &n_back), -EBADMSG);
	byte_buf_done(&buf);
}

static void test_garbage(void **state)
{
	struct profile_io rows[4], back[4];
	struct byte_buf buf = {};
	uint64_t random = 1;
	size_t n = make_rows(rows), n_back, n_refused = 0;

	(void)state;
	assert_int_equal(io_encode(rows, n, &buf), 0);
	for (int i = 0; i < 20000; i++) {
		_cleanup_free_ unsigned char *copy = exact_copy(buf.data, buf.len);

		for (uint64_t k = next_random(&random) % 3 + 1; k > 0; k--)
			copy[next_random(&random) % buf.len] = (unsigned char)next_random(&random);
		n_refused += read_all(copy, buf.len, back, 4, &n_back) < 0;
	}
	assert_true(n_refused > 10000);
	byte_buf_done(&buf);
}

static void test_sums(void **state)
{
	struct profile_io sum = {.device = 1, .op = IO_OP_READ, .ios = 3, .bytes = 7, .errors = 1};
	struct profile_io more = {.device = 1, .op = IO_OP_READ, .ios = 2, .bytes = 5};

	(void)state;
	take(&sum.total, 3, 100);
	take(&more.total, 2, 1000);
	assert_true(io_sum_add(&sum, &more));
	assert_int_equal(sum.ios, 5);
	assert_int_equal(sum.bytes, 12);
	assert_int_equal(sum.errors, 1);
	assert_int_equal(sum.total.known, 5);
	assert_int_equal(sum.total.sum_ns, 2300);
	/* 3 of 5 are in the bin of 100 ns, [96, 128), the others in that of 1000, [768, 1024). */
	assert_int_equal(io_time_percentile_ns(&sum.total, 50), 128);
	assert_int_equal(io_time_percentile_ns(&sum.total, 60), 128);
	assert_int_equal(io_time_percentile_ns(&sum.total, 61), 1024);
	assert_int_equal(io_time_percentile_ns(&sum.total, 100), 1024);
	assert_int_equal(io_time_percentile_ns(&sum.queue, 50), 0);
	more.bytes = INT64_MAX;
	assert_false(io_sum_add(&sum, &more));
}

static void test_class(void **state)
{
	const struct io_class class = {
		.bin = 127, .device = 99, .op = IO_OP_OTHER, .weight_log2 = 15};
	const struct io_class beyond = {
		.bin = 200, .device = IO_CLASS_DEVICE_MAX + 1, .op = IO_OP_READ, .weight_log2 = 16};
	struct io_class back;

	(void)state;
	assert_int_equal(io_class_unpack(io_class_pack(&class), &back), 0);
	assert_memory_equal(&back, &class, sizeof(class));
	assert_int_equal(io_class_unpack(io_class_shift(io_class_pack(&class), 5), &back), 0);
	assert_int_equal(back.device, 104);
	assert_int_equal(back.bin, 127);
	assert_int_equal(
		io_class_unpack(io_class_shift(io_class_pack(&class), IO_CLASS_DEVICE_MAX), &back),
		0);
	assert_int_equal(back.device, 0);
	assert_int_equal(io_class_unpack(io_class_pack(&beyond), &back), 0);
	assert_int_equal(back.bin, PROFILE_IO_BINS - 1);
	assert_int_equal(back.weight_log2, 15);
	assert_int_equal(back.device, 0);
	assert_int_equal(io_class_unpack(0, &back), -EBADMSG);
	assert_int_equal(io_class_unpack(7u << 7, &back), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_refused_rows),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
