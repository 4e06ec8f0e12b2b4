// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_codec_ledger.c - rows of the ledger there and back; what a bucket costs; bytes that are cut
 * or garbage are refused or give rows within their limits, and are never read past their end (each
 * input is a heap block of just its size, so that ASan would tell).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "codec_ledger.h"
#include "pack.h"
#include "units.h"

#define N_SERIES  5000u
#define BUCKET_NS (10 * NSEC_PER_SEC)

static uint64_t next_random(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 20;
}

/* A copy of exactly these bytes. */
static unsigned char *exact_copy(const void *data, size_t len)
{
	unsigned char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	if (len)
		memcpy(copy, data, len);
	return copy;
}

static void assert_same(const struct profile_ledger *a, const struct profile_ledger *b)
{
	assert_int_equal(a->series, b->series);
	assert_int_equal(a->flags, b->flags);
	assert_int_equal(a->elapsed_ns, b->elapsed_ns);
	assert_int_equal(a->oncpu_ns, b->oncpu_ns);
	assert_int_equal(a->user_ns, b->user_ns);
	assert_int_equal(a->system_ns, b->system_ns);
	assert_int_equal(a->runq_ns, b->runq_ns);
	assert_int_equal(a->blocked_ns, b->blocked_ns);
	assert_int_equal(a->idle_ns, b->idle_ns);
	assert_int_equal(a->max_runq_ns, b->max_runq_ns);
	assert_int_equal(a->voluntary_switches, b->voluntary_switches);
	assert_int_equal(a->involuntary_switches, b->involuntary_switches);
	assert_int_equal(a->minor_faults, b->minor_faults);
	assert_int_equal(a->major_faults, b->major_faults);
	assert_int_equal(a->read_bytes, b->read_bytes);
	assert_int_equal(a->write_bytes, b->write_bytes);
	assert_int_equal(a->rss_bytes, b->rss_bytes);
	assert_int_equal(a->peak_rss_bytes, b->peak_rss_bytes);
	/* Of a thread that was blocked throughout it is a lower bound, within a 64th. */
	if (a->blocked_ns != a->elapsed_ns) {
		assert_int_equal(a->max_blocked_ns, b->max_blocked_ns);
	} else {
		assert_true(b->max_blocked_ns <= a->max_blocked_ns);
		assert_true(a->max_blocked_ns - b->max_blocked_ns <= a->max_blocked_ns / 64);
	}
}

static void assert_round_trip(const struct profile_ledger *rows, size_t n)
{
	_cleanup_free_ unsigned char *bytes = NULL;
	struct byte_buf buf = {}, again = {};
	_cleanup_free_ struct profile_ledger *read = calloc(n + 1, sizeof(*read));
	struct ledger_reader reader;

	assert_non_null(read);
	assert_int_equal(ledger_encode(rows, n, &buf), 0);
	bytes = exact_copy(buf.data, buf.len);
	assert_int_equal(ledger_reader_init(&reader, bytes, buf.len, N_SERIES), 0);
	for (size_t i = 0; i < n; i++) {
		assert_int_equal(ledger_reader_next(&reader, &read[i]), 1);
		assert_same(&rows[i], &read[i]);
	}
	assert_int_equal(ledger_reader_next(&reader, &read[n]), 0);
	/* What was read is written just so: a bound is rounded once. */
	assert_int_equal(ledger_encode(read, n, &again), 0);
	assert_int_equal(again.len, buf.len);
	assert_memory_equal(again.data, buf.data, buf.len);
	byte_buf_done(&again);
	byte_buf_done(&buf);
}

/* Numbers of all magnitudes, and the greatest. */
static uint64_t any_number(uint64_t *random)
{
	uint64_t r = next_random(random);

	if (r % 5 == 0)
		return 0;
	if (r % 31 == 1)
		return INT64_MAX;
	return ((next_random(random) << 30) ^ next_random(random)) >> (1 + r / 31 % 63);
}

static struct profile_ledger any_row(uint64_t *random, uint32_t series)
{
	const uint64_t usual = next_random(random) % 3 ? BUCKET_NS : any_number(random);
	struct profile_ledger row = {.series = series, .elapsed_ns = usual, .blocked_ns = usual};

	if (next_random(random) % 4 == 0) {
		row.max_blocked_ns = any_number(random);
		row.idle_ns = next_random(random) % 2 ? usual : any_number(random);
		return row;
	}
	return (struct profile_ledger){
		.series = series,
		.flags = (uint32_t)next_random(random) % 8,
		.elapsed_ns = usual,
		.oncpu_ns = any_number(random),
		.user_ns = any_number(random),
		.system_ns = any_number(random),
		.runq_ns = any_number(random),
		.blocked_ns = any_number(random),
		.idle_ns = any_number(random),
		.max_blocked_ns = any_number(random),
		.max_runq_ns = any_number(random),
		.voluntary_switches = any_number(random),
		.involuntary_switches = any_number(random),
		.minor_faults = any_number(random),
		.major_faults = any_number(random),
		.read_bytes = any_number(random),
		.write_bytes = any_number(random),
		.rss_bytes = any_number(random),
		.peak_rss_bytes = any_number(random),
	};
}

static void test_round_trip(void **state)
{
	uint64_t random = 1;

	(void)state;
	assert_round_trip(NULL, 0);
	for (unsigned round = 0; round < 300; round++) {
		struct profile_ledger rows[50];
		uint32_t series = 0;
		size_t n = 1 + next_random(&random) % ARRAY_SIZE(rows);
		bool pages = round % 2;

		for (size_t i = 0; i < n; i++) {
			series += 1 + (uint32_t)next_random(&random) % 99;
			rows[i] = any_row(&random, series);
			if (pages) {
				rows[i].rss_bytes &= ~4095ull;
				rows[i].peak_rss_bytes &= ~4095ull;
			}
		}
		assert_round_trip(rows, n);
	}
}

static size_t encoded(const struct profile_ledger *rows, size_t n, size_t *ret_packed)
{
	struct byte_buf buf = {};
	struct packer *packer = NULL;
	enum pack_enc enc;
	const void *data;
	size_t len;

	assert_int_equal(packer_new(&packer), 0);
	assert_int_equal(ledger_encode(rows, n, &buf), 0);
	assert_int_equal(packer_pack(packer, buf.data, buf.len, &enc, &data, ret_packed), 0);
	len = buf.len;
	byte_buf_done(&buf);
	packer_free(packer);
	return len;
}

/* A thread that works now and then: 300 switches, some faults, a main thread's sizes. */
static struct profile_ledger busy_row(uint64_t *random, uint32_t series)
{
	struct profile_ledger row = {
		.series = series,
		.elapsed_ns = BUCKET_NS,
		.user_ns = next_random(random) % (2 * NSEC_PER_SEC),
		.system_ns = next_random(random) % (NSEC_PER_SEC / 2),
		.runq_ns = next_random(random) % (NSEC_PER_SEC / 10),
		.max_runq_ns = next_random(random) % (NSEC_PER_SEC / 100),
		.max_blocked_ns = next_random(random) % NSEC_PER_SEC,
		.voluntary_switches = next_random(random) % 600,
		.involuntary_switches = next_random(random) % 100,
		.minor_faults = next_random(random) % 4 ? 0 : next_random(random) % 1000,
	};

	if (series % 4 == 0) {
		row.rss_bytes = (next_random(random) % 100000) << 12;
		row.peak_rss_bytes = row.rss_bytes + ((next_random(random) % 1000) << 12);
	}
	row.oncpu_ns = row.user_ns + row.system_ns;
	/* Interrupts and steal: elapsed less what is measured. */
	row.blocked_ns = BUCKET_NS - row.oncpu_ns - row.runq_ns - next_random(random) % 1000000;
	return row;
}

/* The figures are those of the format: what a change of it costs is seen here. */
static void test_cost(void **state)
{
	enum { IDLE = 1000, BUSY = 300 };
	static struct profile_ledger rows[IDLE + BUSY];
	uint64_t random = 5;
	size_t len, packed;

	(void)state;
	for (uint32_t i = 0; i < IDLE; i++)
		rows[i] = (struct profile_ledger){
			.series = i + 1, .elapsed_ns = BUCKET_NS, .blocked_ns = BUCKET_NS};
	len = encoded(rows, IDLE, &packed);
	print_message("1000 idle threads: %zu bytes, packed %zu\n", len, packed);
	assert_true(len <= 1 * IDLE + 16);
	for (uint32_t i = 0; i < IDLE; i++)
		rows[i].max_blocked_ns = next_random(&random) % (100000 * NSEC_PER_SEC);
	len = encoded(rows, IDLE, &packed);
	print_message("with their waits so far: %zu bytes, packed %zu\n", len, packed);
	assert_true(len <= 3 * IDLE + 16);
	for (uint32_t i = IDLE; i < IDLE + BUSY; i++)
		rows[i] = busy_row(&random, i + 1);
	len = encoded(rows, IDLE + BUSY, &packed);
	print_message("and 300 busy ones: %zu bytes, packed %zu\n", len, packed);
	assert_true(len <= 3 * IDLE + 40 * BUSY);
	assert_round_trip(rows, IDLE + BUSY);
}

static void test_refused_rows(void **state)
{
	struct profile_ledger rows[2] = {{.series = 1}, {.series = 2}};
	struct byte_buf buf = {};

	(void)state;
	rows[1].series = 1;
	assert_int_equal(ledger_encode(rows, 2, &buf), -EINVAL);
	rows[0].series = 0;
	assert_int_equal(ledger_encode(rows, 1, &buf), -EINVAL);
	rows[0].series = 1;
	rows[0].write_bytes = 1ull << 63;
	assert_int_equal(ledger_encode(rows, 1, &buf), -EINVAL);
	byte_buf_done(&buf);
}

/* Reads all there is; 0 or -EBADMSG. What comes out keeps to its limits. */
static int read_all(const void *data, size_t len)
{
	_cleanup_free_ unsigned char *bytes = exact_copy(data, len);
	struct ledger_reader reader;
	struct profile_ledger row;
	uint32_t before = 0;
	size_t n = 0;
	int r = ledger_reader_init(&reader, bytes, len, N_SERIES);

	if (r < 0)
		return r;
	while ((r = ledger_reader_next(&reader, &row)) > 0) {
		assert_true(row.series > before && row.series < N_SERIES);
		assert_true(row.elapsed_ns <= INT64_MAX && row.blocked_ns <= INT64_MAX &&
			    row.oncpu_ns <= INT64_MAX && row.peak_rss_bytes <= INT64_MAX &&
			    row.max_blocked_ns <= INT64_MAX);
		assert_true(++n <= len);
		before = row.series;
	}
	return r;
}

static void test_hostile(void **state)
{
	static const struct {
		const char *what;
		size_t len;
		unsigned char bytes[24];
	} cases[] = {
		{"nothing", 0, {0}},
		{"an unknown flag", 4, {2, 10, 1, 0}},
		{"more rows than bytes", 4, {0, 10, 2, 0}},
		{"bytes after the last row", 5, {0, 10, 1, 0, 0}},
		{"fewer rows than there are", 5, {0, 10, 1, 0, 8}},
		{"an elapsed time of 2^63",
		 13,
		 {0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 1, 0}},
		/* 5000 << 3 */
		{"a series too large", 6, {0, 10, 1, 0xc0, 0xb8, 0x02}},
		{"a mask in an inactive row's bits", 5, {0, 10, 1, 5, 0}},
		{"an unknown field", 7, {0, 10, 1, 4, 0x80, 0x80, 0x10}},
		{"a field that is cut", 6, {0, 10, 1, 4, 1, 0x80}},
		{"a wait of more than 63 bits", 6, {0, 10, 1, 1, 0x80, 0x1d}},
		/* blocked = 10 - 11 */
		{"a negative blocked time", 6, {0, 10, 1, 4, 1, 11}},
		/* peak = 0 - 1 page */
		{"a negative peak", 7, {1, 10, 1, 4, 0x80, 0x10, 1}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (read_all(cases[i].bytes, cases[i].len) != -EBADMSG)
			fail_msg("%s is accepted", cases[i].what);
	/* The limits themselves are none too much. */
	assert_int_equal(read_all((const unsigned char[]){0, 10, 1, 0}, 4), 0);
	assert_int_equal(read_all((const unsigned char[]){0, 10, 1, 0xb0, 0xb8, 0x02}, 6), 0);
	assert_int_equal(read_all((const unsigned char[]){0, 10, 1, 1, 0xff, 0x1c}, 6), 0);
	assert_int_equal(read_all((const unsigned char[]){0, 10, 1, 4, 1, 10}, 6), 0);
}

static void test_damaged(void **state)
{
	struct profile_ledger rows[40];
	struct byte_buf buf = {};
	uint64_t random = 9;
	unsigned refused = 0;

	(void)state;
	for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
		rows[i] = any_row(&random, 3 * i + 1);
	assert_int_equal(ledger_encode(rows, ARRAY_SIZE(rows), &buf), 0);
	for (size_t len = 0; len < buf.len; len++)
		assert_int_equal(read_all(buf.data, len), -EBADMSG);
	for (unsigned i = 0; i < 5000; i++) {
		size_t at = next_random(&random) % buf.len;
		unsigned char kept = buf.data[at];

		buf.data[at] = (unsigned char)next_random(&random);
		refused += read_all(buf.data, buf.len) < 0;
		buf.data[at] = kept;
	}
	assert_in_range(refused, 500, 4999);
	byte_buf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_cost),
		cmocka_unit_test(test_refused_rows), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
