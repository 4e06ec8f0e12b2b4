// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_io.c - block I/O through the store: exact rows, which device each is of, samples whose bins
 * name a device, windows, partitions, what is refused and what is damaged, and stores of formats 1
 * and 2, which have none.
 */
#include <errno.h>
#include <inttypes.h>
#include <sqlite3.h>
#include <string.h>

#include "io_class.h"
#include "made_bucket.h"
#include "read_text.h"
#include "wait_class.h"

struct fixture {
	char *dir;
	struct store_writer *writer;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	f->writer = made_writer(f->dir, NULL);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_writer_free(f->writer);
	made_directory_remove(f->dir);
	free(f);
	return 0;
}

static uint32_t device(struct made_bucket *m, const char *name, uint8_t diskseq)
{
	uint32_t i = made_file(m, FILE_DEVICE, name);

	m->files[i].identity_len = PROFILE_DEVICE_IDENTITY_LEN;
	memset(m->files[i].identity, 0, sizeof(m->files[i].identity));
	m->files[i].identity[8] = diskseq;
	m->files[i].trust_uid = PROFILE_TRUST_SYSTEM;
	return i;
}

static struct profile_io io(uint32_t device, enum io_op op, uint64_t ios)
{
	struct profile_io row = {.device = device, .op = op, .ios = ios, .bytes = ios * 512};

	row.total.known = ios;
	row.total.sum_ns = ios * 1000;
	row.total.bins[latency_bin_of(1000)] = ios;
	return row;
}

struct reading {
	FILE *out;
	const struct dictionary *dictionary;
};

static int begin(void *ctx, const struct dictionary *dictionary)
{
	((struct reading *)ctx)->dictionary = dictionary;
	return 0;
}

/* "10 sda.1 read 5 2560 1/5" : start, device and sequence, operation, ios, bytes, errors/known */
static int row(void *ctx, const struct store_bucket *bucket, const struct profile_io *r)
{
	struct reading *reading = ctx;
	const struct profile_file *file = &reading->dictionary->files[r->device];

	fprintf(reading->out,
		"%" PRIu64 " %s.%u %s %" PRIu64 " %" PRIu64 " %" PRIu64 "/%" PRIu64 "\n",
		(uint64_t)(bucket->start_ns / NSEC_PER_SEC - MADE_START_S), file->path,
		file->identity[8], io_op_name(r->op), r->ios, r->bytes, r->errors, r->total.known);
	return 0;
}

static const struct store_io_visitor visitor = {.begin = begin, .row = row};

static void assert_io(const struct fixture *f, uint64_t since_s, uint64_t until_s,
		      const char *expected)
{
	const struct store_filter filter = {
		.since_real_ns = (MADE_START_S + since_s) * NSEC_PER_SEC,
		.until_real_ns = (MADE_START_S + until_s) * NSEC_PER_SEC,
		/* Neither matters. */
		.type = SAMPLE_CPU,
		.pids = (const uint32_t[]){4711},
		.n_pids = 1,
	};
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_(store_freep) struct store *store = NULL;
	_cleanup_free_ char *text = NULL;
	struct store_error error = {};
	struct reading reading = {};
	size_t len;

	reading.out = open_memstream(&text, &len);
	assert_non_null(reading.out);
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	if (store_read_io(store, &filter, &visitor, &reading, &summary, &error) < 0)
		fail_msg("%s", error.text);
	fclose(reading.out);
	assert_string_equal(text, expected);
}

/* The ids of a bucket are not those of the partition. */
static void test_rows(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	struct profile_io errors;
	uint32_t sda, sdb;

	made_begin(m, MADE_START_S);
	sda = device(m, "sda", 1);
	made_io(m, io(sda, IO_OP_WRITE, 3));
	made_io(m, io(sda, IO_OP_READ, 5));
	made_write(f->writer, m);
	made_begin(m, MADE_START_S + 10);
	(void)made_file(m, FILE_ELF, "/bin/x");
	sdb = device(m, "sdb", 2);
	sda = device(m, "sda", 1);
	errors = io(sdb, IO_OP_FLUSH, 2);
	errors.errors = 2;
	made_io(m, errors);
	made_io(m, io(sda, IO_OP_READ, 1));
	made_io(m, io(sda, IO_OP_READ, 6));		    /* and once more: one row */
	made_io(m, io(device(m, "sda", 9), IO_OP_READ, 8)); /* of the name, another one */
	made_write(f->writer, m);
	assert_io(f, 0, 100,
		  "0 sda.1 read 5 2560 0/5\n0 sda.1 write 3 1536 0/3\n"
		  "10 sda.1 read 7 3584 0/7\n10 sdb.2 flush 2 1024 2/2\n"
		  "10 sda.9 read 8 4096 0/8\n");
	assert_io(f, 0, 10, "0 sda.1 read 5 2560 0/5\n0 sda.1 write 3 1536 0/3\n");
	assert_io(f, 20, 100, "");
}

/* One partition each. */
static void test_partitions(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;

	for (uint32_t i = 0; i < 2; i++) {
		made_begin(m, MADE_START_S + 10 * i);
		made_io(m, io(device(m, i ? "sdb" : "sda", 1), IO_OP_DISCARD, i + 1));
		made_write(f->writer, m);
		f->writer = store_writer_free(f->writer);
		f->writer = made_writer(f->dir, NULL);
	}
	assert_io(f, 0, 100, "0 sda.1 discard 1 512 0/1\n10 sdb.1 discard 2 1024 0/2\n");
}

static int sampled(void *ctx, const struct store_row *r)
{
	struct reading *reading = ctx;
	struct io_class class;

	assert_int_equal(io_class_unpack(r->bin, &class), 0);
	fprintf(reading->out, "%s %s %u %u %" PRIu64 "\n",
		reading->dictionary->files[class.device].path, io_op_name(class.op), class.bin,
		class.weight_log2, r->value);
	return 0;
}

/* Their bins name devices: also with the dictionary of series alone. */
static void test_samples(void **state)
{
	static const struct store_visitor samples = {
		.begin = begin, .row = sampled, .series_only = true};
	const struct store_filter filter = read_all(SAMPLE_BLOCKIO_BYTES);
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	struct io_class class = {.bin = 20, .op = IO_OP_WRITE, .weight_log2 = 3};
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_(store_freep) struct store *store = NULL;
	_cleanup_free_ char *text = NULL;
	struct reading reading = {};
	uint32_t series, stack;
	size_t len;

	for (uint32_t i = 0; i < 2; i++) {
		made_begin(m, MADE_START_S + 10 * i);
		series = made_series(m, 1, 1, "t");
		stack = made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "f"));
		if (i)
			(void)device(m, "sdb", 1);
		class.device = device(m, i ? "sdc" : "sda", 1);
		made_row(m, (struct profile_row){SAMPLE_BLOCKIO_BYTES, series, stack,
						 io_class_pack(&class), 8192, 100 + i});
		made_write(f->writer, m);
	}
	assert_int_equal(store_open(f->dir, &store, NULL), 0);
	reading.out = open_memstream(&text, &len);
	assert_non_null(reading.out);
	assert_int_equal(store_read(store, &filter, &samples, &reading, &summary, NULL), 0);
	fclose(reading.out);
	assert_string_equal(text, "sda write 20 3 100\nsdc write 20 3 101\n");
}

static void assert_refused(struct fixture *f, const struct profile_io *bad)
{
	struct store_error error;

	made_begin(&f->made, MADE_START_S);
	(void)device(&f->made, "sda", 1);
	(void)made_file(&f->made, FILE_ELF, "/bin/x");
	made_io(&f->made, *bad);
	assert_int_equal(store_write_bucket(f->writer, &f->made.bucket, &error), -EINVAL);
	assert_non_null(strstr(error.text, "block I/O"));
}

static void test_refused(void **state)
{
	struct profile_io bad = io(1, IO_OP_READ, 1);
	struct fixture *f = *state;
	struct io_class class = {.op = IO_OP_READ, .device = 7};
	struct made_bucket *m = &f->made;

	bad.device = 0;
	assert_refused(f, &bad);
	bad.device = 3;
	assert_refused(f, &bad);
	bad.device = 2; /* a file, but no device */
	assert_refused(f, &bad);
	bad = io(1, IO_OP_READ, 1);
	bad.errors = 2;
	assert_refused(f, &bad);
	bad = io(1, IO_OP_READ, 1);
	bad.bytes = UINT64_MAX;
	assert_refused(f, &bad);
	/* A sample of a device that is none, and of no operation. */
	for (int i = 0; i < 2; i++) {
		made_begin(m, MADE_START_S);
		made_row(m, (struct profile_row){
				    SAMPLE_BLOCKIO, made_series(m, 1, 1, "t"),
				    made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "f")),
				    i ? 0 : io_class_pack(&class), 1024, 1});
		assert_int_equal(store_write_bucket(f->writer, &m->bucket, NULL), -EINVAL);
	}
}

static void change(const struct fixture *f, const char *sql)
{
	_cleanup_free_ char *path = made_partition(f->dir);
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		fail_msg("%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

/* No answer is better than a wrong one. */
static void test_damaged(void **state)
{
	static const char *const changes[] = {
		"UPDATE io SET n_rows = n_rows + 1",
		"UPDATE io SET ios = ios + 1",
		"UPDATE io SET bytes = 0",
		"UPDATE io SET data = zeroblob(20), enc = 0",
		"UPDATE io SET data = x''",
		"UPDATE file SET kind = 4",
		"DELETE FROM file",
	};
	const struct store_filter filter = read_all(SAMPLE_NONE);

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct fixture *f = *state;
		_cleanup_(store_freep) struct store *store = NULL;
		struct reading reading = {.out = stderr};
		struct store_summary summary;
		struct store_error error = {};

		made_begin(&f->made, MADE_START_S);
		made_io(&f->made, io(device(&f->made, "sda", 1), IO_OP_READ, 5));
		made_write(f->writer, &f->made);
		f->writer = store_writer_free(f->writer);
		change(f, changes[i]);
		assert_int_equal(store_open(f->dir, &store, NULL), 0);
		reading.out = fopen("/dev/null", "w");
		assert_non_null(reading.out);
		if (store_read_io(store, &filter, &visitor, &reading, &summary, &error) != -EBADMSG)
			fail_msg("%s: %s", changes[i], error.text);
		fclose(reading.out);
		(void)teardown(state);
		(void)setup(state);
	}
}

static void test_older_formats(void **state)
{
	struct fixture *f = *state;

	made_fill(&f->made, MADE_START_S, 1, 10);
	made_write(f->writer, &f->made);
	f->writer = store_writer_free(f->writer);
	change(f, "DROP TABLE io; PRAGMA user_version = 2");
	assert_io(f, 0, 100, "");
	/* Beside one of today's. */
	f->writer = made_writer(f->dir, NULL);
	made_begin(&f->made, MADE_START_S + 30);
	made_io(&f->made, io(device(&f->made, "sda", 1), IO_OP_READ, 5));
	made_write(f->writer, &f->made);
	assert_io(f, 0, 100, "30 sda.1 read 5 2560 0/5\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_partitions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_samples, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_older_formats, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
