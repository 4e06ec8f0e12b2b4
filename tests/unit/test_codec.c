// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_codec.c - what is encoded is decoded; bytes that are cut or garbage are refused or give
 * entries within their limits, and are never read past their end (each input is a heap block of
 * just its size, so that ASan would tell).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "codec_blob.h"
#include "codec_dictionary.h"
#include "profile.h"

#define N_SERIES 40u
#define N_NODES	 5000u
#define PERIOD	 10101010u

static uint64_t state_of_random;

static uint64_t next_random(void)
{
	state_of_random = state_of_random * 6364136223846793005ull + 1442695040888963407ull;
	return state_of_random >> 20;
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

static void test_varint(void **state)
{
	static const uint64_t values[] = {0,	 1,	     127,	128,	   16383,
					  16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
	struct byte_buf buf = {};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		struct byte_cursor cursor;

		byte_buf_clear(&buf);
		byte_buf_put_varint(&buf, values[i]);
		cursor = byte_cursor(buf.data, buf.len);
		assert_true(byte_cursor_varint(&cursor) == values[i]);
		assert_false(cursor.bad);
		assert_int_equal(byte_cursor_left(&cursor), 0);
		assert_true((uint64_t)unzigzag(zigzag((int64_t)values[i])) == values[i]);
		for (size_t len = 0; len < buf.len; len++) {
			_cleanup_free_ unsigned char *cut = exact_copy(buf.data, len);

			cursor = byte_cursor(cut, len);
			assert_int_equal(byte_cursor_varint(&cursor), 0);
			assert_true(cursor.bad);
		}
	}
	byte_buf_done(&buf);
}

static void test_varint_too_large(void **state)
{
	static const unsigned char big[][11] = {
		{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0},
		{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(big); i++) {
		struct byte_cursor cursor = byte_cursor(big[i], sizeof(big[i]));

		byte_cursor_varint(&cursor);
		assert_true(cursor.bad);
	}
}

/* Rows in the order blob_encode() wants. `style` varies what they have. */
static size_t make_rows(struct blob_row *rows, size_t max, unsigned style)
{
	size_t n = 0;

	for (uint32_t series = 0; series < N_SERIES && n < max; series++) {
		uint32_t node = (uint32_t)(next_random() % 50), bin = 0;

		for (uint64_t left = next_random() % 20; left && n < max; left--) {
			struct blob_row row = {series, node, bin, PROFILE_COUNT_ONE, PERIOD};

			if (style & 1 && next_random() % 3 == 0)
				row.count = next_random() % 9 * PROFILE_COUNT_ONE;
			if (style & 2 && next_random() % 3 == 0)
				row.count = next_random() % 100000;
			row.value = row.count * PERIOD / PROFILE_COUNT_ONE;
			if (style & 4 && next_random() % 4 == 0)
				row.value = next_random() << (next_random() % 20);
			rows[n++] = row;
			if (style & 8 && next_random() % 2) {
				bin += 1 + (uint32_t)(next_random() % 60);
				continue;
			}
			bin = 0;
			node += 1 + (uint32_t)(next_random() % (next_random() % 2 ? 3 : 250));
			if (node >= N_NODES)
				break;
		}
	}
	return n;
}

static void assert_blob_is(const struct byte_buf *blob, const struct blob_row *rows, size_t n,
			   const uint8_t *wanted)
{
	_cleanup_free_ unsigned char *data = exact_copy(blob->data, blob->len);
	struct blob_reader reader;
	struct blob_row row;

	assert_int_equal(blob_reader_init(&reader, data, blob->len, N_SERIES, N_NODES, wanted), 0);
	for (size_t i = 0; i < n; i++) {
		if (wanted && !wanted[rows[i].series])
			continue;
		assert_int_equal(blob_reader_next(&reader, &row), 1);
		assert_int_equal(row.series, rows[i].series);
		assert_int_equal(row.node, rows[i].node);
		assert_int_equal(row.bin, rows[i].bin);
		assert_true(row.count == rows[i].count);
		assert_true(row.value == rows[i].value);
	}
	assert_int_equal(blob_reader_next(&reader, &row), 0);
	assert_int_equal(blob_reader_next(&reader, &row), 0);
}

/* Reads whatever it gives; asserts only the limits. Returns the number of rows, or -EBADMSG. */
static int read_any(const void *bytes, size_t len)
{
	_cleanup_free_ unsigned char *data = exact_copy(bytes, len);
	struct blob_reader reader;
	struct blob_row row;
	int n = 0, r = blob_reader_init(&reader, data, len, N_SERIES, N_NODES, NULL);

	while (r == 0 && (r = blob_reader_next(&reader, &row)) > 0) {
		assert_true(row.series < N_SERIES && row.node < N_NODES);
		n++;
		r = 0;
	}
	assert_true((size_t)n <= len);
	assert_true(r == 0 || r == -EBADMSG);
	return r < 0 ? r : n;
}

static void test_blob(void **state)
{
	static struct blob_row rows[800];
	struct byte_buf blob = {};

	(void)state;
	for (unsigned seed = 0; seed < 64; seed++) {
		uint8_t wanted[N_SERIES];
		size_t n;

		state_of_random = seed;
		n = make_rows(rows, seed < 2 ? seed : ARRAY_SIZE(rows), seed % 16);
		for (size_t i = 0; i < N_SERIES; i++)
			wanted[i] = next_random() % 2;
		byte_buf_clear(&blob);
		assert_int_equal(blob_encode(rows, n, seed % 3 ? PERIOD : 0, &blob), 0);
		assert_blob_is(&blob, rows, n, NULL);
		assert_blob_is(&blob, rows, n, wanted);
		assert_int_equal(read_any(blob.data, blob.len), n);
		/* Any prefix misses something. */
		for (size_t len = 0; len < blob.len; len++)
			assert_int_equal(read_any(blob.data, len), -EBADMSG);
	}
	byte_buf_done(&blob);
}

/* The promise that bytes a sample rest on. */
static void test_blob_bytes(void **state)
{
	struct blob_row rows[100];
	struct byte_buf blob = {};

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		rows[i] = (struct blob_row){1, i * 60, 0, PROFILE_COUNT_ONE, PERIOD};
	assert_int_equal(blob_encode(rows, 100, PERIOD, &blob), 0);
	assert_in_range(blob.len, 100, 110);
	byte_buf_done(&blob);
}

static void test_blob_limits(void **state)
{
	const struct blob_row rows[] = {{1, 10, 0, PROFILE_COUNT_ONE, 1},
					{5, 20, 0, PROFILE_COUNT_ONE, 1}};
	struct byte_buf blob = {};
	struct blob_reader reader;
	struct blob_row row;

	(void)state;
	assert_int_equal(blob_encode(rows, 2, 0, &blob), 0);
	assert_int_equal(blob_reader_init(&reader, blob.data, blob.len, 6, 20, NULL), 0);
	assert_int_equal(blob_reader_next(&reader, &row), 1);
	assert_int_equal(blob_reader_next(&reader, &row), -EBADMSG);
	assert_int_equal(blob_reader_init(&reader, blob.data, blob.len, 5, 21, NULL), 0);
	assert_int_equal(blob_reader_next(&reader, &row), 1);
	assert_int_equal(blob_reader_next(&reader, &row), -EBADMSG);
	assert_int_equal(blob_reader_init(&reader, blob.data, blob.len, 6, 21, NULL), 0);
	assert_int_equal(blob_reader_next(&reader, &row), 1);
	assert_int_equal(blob_reader_next(&reader, &row), 1);
	byte_buf_done(&blob);
}

static void test_garbage(void **state)
{
	static struct blob_row rows[200];
	struct byte_buf blob = {};

	(void)state;
	state_of_random = 99;
	assert_int_equal(blob_encode(rows, make_rows(rows, 200, 15), PERIOD, &blob), 0);
	for (unsigned i = 0; i < 20000; i++) {
		_cleanup_free_ unsigned char *data = exact_copy(blob.data, blob.len);

		for (uint64_t n = 1 + next_random() % 4; n; n--)
			data[next_random() % blob.len] = (unsigned char)next_random();
		read_any(data, blob.len);
	}
	byte_buf_done(&blob);
}

#define N_ENTRIES 300u

/* One chunk of each kind, of random entries, and what they were. */
struct chunks {
	struct byte_buf bytes[CHUNK_KIND_MAX];
	struct chunk_function functions[N_ENTRIES];
	struct chunk_location locations[N_ENTRIES];
	struct chunk_name names[N_ENTRIES];
	struct dictionary_frame frames[N_ENTRIES][3];
	struct dictionary_node nodes[N_ENTRIES + 1];
	struct chunk_series series[N_ENTRIES];
};

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(next_random() % limit);
}

static void make_names(struct chunks *c)
{
	for (uint32_t i = 0; i < N_ENTRIES; i++) {
		c->names[i] = (struct chunk_name){1 + below(N_ENTRIES), UNKNOWN_NONE, below(4)};
		if (!c->names[i].n_frames)
			c->names[i].unknown = below(UNKNOWN_REASON_MAX);
		for (uint32_t f = 0; f < c->names[i].n_frames; f++)
			c->frames[i][f] = (struct dictionary_frame){
				below(N_ENTRIES), (uint32_t)next_random(), next_random() % 2};
		chunk_put_name(&c->bytes[CHUNK_NAMES], i ? c->names[i - 1].location : 0,
			       &c->names[i], c->frames[i]);
	}
}

static struct chunks *make_chunks(unsigned seed)
{
	struct chunks *c = calloc(1, sizeof(*c));

	assert_non_null(c);
	state_of_random = seed;
	for (uint32_t i = 0; i < N_ENTRIES; i++) {
		const struct chunk_function no_function = {};
		const struct chunk_location no_location = {};

		for (uint32_t n = below(20); n; n--)
			byte_buf_put(&c->bytes[CHUNK_STRINGS], "x", 1);
		byte_buf_put(&c->bytes[CHUNK_STRINGS], "", 1);
		c->functions[i] = (struct chunk_function){below(N_ENTRIES), below(N_ENTRIES)};
		chunk_put_function(&c->bytes[CHUNK_FUNCTIONS],
				   i ? &c->functions[i - 1] : &no_function, &c->functions[i]);
		c->locations[i] = (struct chunk_location){1 + below(LOCATION_KIND_MAX - 1),
							  below(8) ? 3 : below(50),
							  next_random() << below(21)};
		chunk_put_location(&c->bytes[CHUNK_LOCATIONS],
				   i ? &c->locations[i - 1] : &no_location, &c->locations[i]);
		c->nodes[i + 1] = (struct dictionary_node){below(i + 1), below(N_ENTRIES)};
		c->series[i] = (struct chunk_series){.pid = (uint32_t)next_random(),
						     .tid = (uint32_t)next_random(),
						     .start_boot_ns = next_random() << below(21),
						     .comm = below(N_ENTRIES),
						     .exe = below(N_ENTRIES),
						     .cgroup = below(N_ENTRIES),
						     .unit = below(N_ENTRIES),
						     .container = below(N_ENTRIES)};
		chunk_put_series(&c->bytes[CHUNK_SERIES], &c->series[i]);
	}
	make_names(c);
	chunk_put_nodes(&c->bytes[CHUNK_NODES], c->nodes, 1, N_ENTRIES);
	for (int kind = 1; kind < CHUNK_KIND_MAX; kind++)
		assert_false(c->bytes[kind].failed);
	return c;
}

static void chunks_done(struct chunks *c)
{
	for (int kind = 1; kind < CHUNK_KIND_MAX; kind++)
		byte_buf_done(&c->bytes[kind]);
	free(c);
}

/* What a decoder gives, into zeroed arrays. */
struct decoded {
	const char *strings[N_ENTRIES];
	struct chunk_function functions[N_ENTRIES];
	struct dictionary_location locations[N_ENTRIES];
	struct chunk_name names[N_ENTRIES];
	struct dictionary_frame frames[N_ENTRIES][PROFILE_FRAMES_MAX];
	struct dictionary_node nodes[N_ENTRIES];
	struct chunk_series series[N_ENTRIES];
};

static int decode_names(const void *data, size_t len, struct decoded *d)
{
	struct byte_cursor cursor = byte_cursor(data, len);
	uint32_t before = 0;

	for (uint32_t i = 0; i < N_ENTRIES; i++) {
		int r = chunk_get_name(&cursor, before, N_ENTRIES + 1, &d->names[i]);

		for (uint32_t f = 0; r == 0 && f < d->names[i].n_frames; f++)
			r = chunk_get_frame(&cursor, N_ENTRIES, &d->frames[i][f]);
		if (r < 0)
			return r;
		before = d->names[i].location;
	}
	return byte_cursor_left(&cursor) ? -EBADMSG : 0;
}

static int decode(int kind, const void *data, size_t len, struct decoded *d)
{
	if (!chunk_fits((enum chunk_kind)kind, N_ENTRIES, len))
		return -EBADMSG;
	switch (kind) {
	case CHUNK_STRINGS:
		return chunk_get_strings(data, len, N_ENTRIES, d->strings);
	case CHUNK_FUNCTIONS:
		return chunk_get_functions(data, len, N_ENTRIES, N_ENTRIES, d->functions);
	case CHUNK_LOCATIONS:
		return chunk_get_locations(data, len, N_ENTRIES, 50, d->locations);
	case CHUNK_NAMES:
		return decode_names(data, len, d);
	case CHUNK_NODES:
		return chunk_get_nodes(data, len, 1, N_ENTRIES, N_ENTRIES, d->nodes);
	default:
		return chunk_get_series(data, len, N_ENTRIES, N_ENTRIES, d->series);
	}
}

static void test_chunks(void **state)
{
	struct decoded *d = calloc(1, sizeof(*d));

	(void)state;
	assert_non_null(d);
	for (unsigned seed = 1; seed < 20; seed++) {
		struct chunks *c = make_chunks(seed);
		const char *string = (const char *)c->bytes[CHUNK_STRINGS].data;

		for (int kind = 1; kind < CHUNK_KIND_MAX; kind++)
			assert_int_equal(decode(kind, c->bytes[kind].data, c->bytes[kind].len, d),
					 0);
		assert_memory_equal(d->functions, c->functions, sizeof(c->functions));
		assert_memory_equal(d->series, c->series, sizeof(c->series));
		assert_memory_equal(d->nodes, c->nodes + 1, sizeof(d->nodes));
		assert_memory_equal(d->names, c->names, sizeof(c->names));
		for (uint32_t i = 0; i < N_ENTRIES; i++) {
			assert_ptr_equal(d->strings[i], string);
			string += strlen(string) + 1;
			assert_int_equal(d->locations[i].kind, c->locations[i].kind);
			assert_int_equal(d->locations[i].file, c->locations[i].file);
			assert_true(d->locations[i].offset == c->locations[i].offset);
			for (uint32_t f = 0; f < c->names[i].n_frames; f++) {
				assert_int_equal(d->frames[i][f].function,
						 c->frames[i][f].function);
				assert_int_equal(d->frames[i][f].line, c->frames[i][f].line);
				assert_int_equal(d->frames[i][f].inlined, c->frames[i][f].inlined);
			}
		}
		chunks_done(c);
	}
	free(d);
}

static void test_damaged_chunks(void **state)
{
	struct decoded *d = calloc(1, sizeof(*d));
	struct chunks *c = make_chunks(1);

	(void)state;
	assert_non_null(d);
	for (int kind = 1; kind < CHUNK_KIND_MAX; kind++) {
		const struct byte_buf *bytes = &c->bytes[kind];

		for (size_t len = 0; len < bytes->len; len++) {
			_cleanup_free_ unsigned char *data = exact_copy(bytes->data, len);

			assert_int_equal(decode(kind, data, len, d), -EBADMSG);
		}
		for (unsigned i = 0; i < 5000; i++) {
			_cleanup_free_ unsigned char *data = exact_copy(bytes->data, bytes->len);
			int r;

			for (uint64_t n = 1 + next_random() % 3; n; n--)
				data[next_random() % bytes->len] = (unsigned char)next_random();
			r = decode(kind, data, bytes->len, d);
			assert_true(r == 0 || r == -EBADMSG);
			for (uint32_t k = 0; r == 0 && kind == CHUNK_NODES && k < N_ENTRIES; k++)
				assert_true(d->nodes[k].parent < k + 1 &&
					    d->nodes[k].location < N_ENTRIES);
			for (uint32_t k = 0; r == 0 && kind == CHUNK_FUNCTIONS && k < N_ENTRIES;
			     k++)
				assert_true(d->functions[k].name < N_ENTRIES &&
					    d->functions[k].source < N_ENTRIES);
		}
	}
	chunks_done(c);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_varint),	    cmocka_unit_test(test_varint_too_large),
		cmocka_unit_test(test_blob),	    cmocka_unit_test(test_blob_bytes),
		cmocka_unit_test(test_blob_limits), cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_chunks),	    cmocka_unit_test(test_damaged_chunks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
