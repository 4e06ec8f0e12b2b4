// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_round_trip.c - what is written is read: every kind of location, every field, every sample
 * type, names that come late, losses, empty buckets, and refused input leaves no trace.
 */
#include <errno.h>
#include <string.h>

#include "made_bucket.h"
#include "read_text.h"

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

static void test_every_field(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_free_ char *text = NULL;
	uint32_t elf, kernel, leaf, middle, jit, script, cut, series;

	made_begin(m, MADE_START_S);
	elf = made_file(m, FILE_ELF, "/usr/bin/a b%c#d?e");
	m->files[elf].identity_len = PROFILE_IDENTITY_MAX;
	memset(m->files[elf].identity, 0xab, PROFILE_IDENTITY_MAX);
	m->files[elf].trust_uid = 1000;
	kernel = made_file(m, FILE_KERNEL, "[kernel]");
	leaf = made_location(m, LOCATION_KERNEL, kernel, UINT64_MAX, "schedule");
	middle = made_location(m, LOCATION_FILE, elf, 0x123456789abc, NULL);
	made_frame(m, "inner", "in.h", 7, true);
	made_frame(m, "outer", "out.c", UINT32_MAX, false);
	jit = made_location(m, LOCATION_JIT, 0, 0x7f0000001234, "jitted");
	script = made_location(m, LOCATION_INTERPRETER, 0, 12, NULL);
	made_frame(m, "f", "s.py", 3, false);
	cut = made_location(m, LOCATION_SYNTHETIC, 0, SYNTHETIC_TRUNCATED_LIMIT, NULL);
	series = made_series(m, UINT32_MAX, 7, "a comm \xff");
	m->series[series].start_boot_ns = UINT64_MAX;
	m->series[series].container = "c0ffee";
	made_cpu_row(m, series, made_stack(m, 5, leaf, middle, jit, script, cut), 3);
	made_write(f->writer, m);
	text = read_text(f->dir, &filter, true, NULL);
	assert_string_equal(
		text, "0 4294967295/7 a comm \xff 18446744073709551615 /usr/bin/program "
		      "/system.slice/a.service a.service c0ffee | "
		      "2 1:[kernel]:0:4294967295:01020308+ffffffffffffffff u0 schedule@:0;"
		      "1 4:/usr/bin/a b%c#d?e:1:1000:"
		      "abababababababababababababababababababababababababababababababab"
		      "+123456789abc u0 inner@in.h:7 inlined outer@out.c:4294967295;"
		      "3 +7f0000001234 u0 jitted@:0;4 +c u0 f@s.py:3;5 +1 u0 | 0 3072 60000000\n");
}

static void test_reasons(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	uint32_t series;

	made_begin(m, MADE_START_S);
	series = made_series(m, 1, 1, "c");
	for (int reason = UNKNOWN_PENDING; reason < UNKNOWN_REASON_MAX; reason++) {
		uint32_t location = made_location(m, LOCATION_FILE, 0, (uint64_t)reason, NULL);

		m->locations[location].unknown = (enum unknown_reason)reason;
		made_cpu_row(m, series, made_stack(m, 1, location), (uint64_t)reason);
	}
	made_write(f->writer, m);
	for (int reason = UNKNOWN_PENDING; reason < UNKNOWN_REASON_MAX; reason++) {
		_cleanup_free_ char *expected = NULL,
				    *text = read_text(f->dir, &filter, true, NULL);

		assert_true(asprintf(&expected, "+%x u%d | 0 %d %lld\n", reason, reason,
				     reason * PROFILE_COUNT_ONE,
				     reason * (long long)MADE_PERIOD_NS) > 0);
		assert_non_null(strstr(text, expected));
	}
}

/* Their bins are checked: test_io.c. */
static bool is_block_io(int type)
{
	return type == SAMPLE_BLOCKIO || type == SAMPLE_BLOCKIO_BYTES;
}

static void test_sample_types(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	uint32_t series, stack;

	made_begin(m, MADE_START_S);
	series = made_series(m, 1, 2, "c");
	stack = made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "leaf"));
	for (int type = SAMPLE_CPU; type < SAMPLE_TYPE_MAX; type++)
		for (uint32_t bin = 0; bin < 3 && !is_block_io(type); bin++)
			made_row(m, (struct profile_row){.type = (enum sample_type)type,
							 .series = series,
							 .stack = stack,
							 .bin = bin * 40,
							 .count = (uint64_t)type * bin * 1000,
							 .value = (uint64_t)type * 1000 + bin});
	made_write(f->writer, m);
	for (int type = SAMPLE_CPU; type < SAMPLE_TYPE_MAX; type++) {
		const struct store_filter filter = read_all((enum sample_type)type);
		_cleanup_(store_summary_done) struct store_summary summary = {};
		_cleanup_free_ char *expected = NULL;
		_cleanup_free_ char *text = read_text(f->dir, &filter, false, &summary);

		if (is_block_io(type))
			continue;
		assert_true(asprintf(&expected,
				     "0 1/2 c | leaf | 0 0 %d000\n0 1/2 c | leaf | 40 %d000 %d001\n"
				     "0 1/2 c | leaf | 80 %d000 %d002\n",
				     type, type, type, 2 * type, type) > 0);
		assert_string_equal(text, expected);
		assert_int_equal(summary.count, 3000 * type);
		assert_int_equal(summary.value, 3000 * type + 3);
		assert_int_equal(summary.machine_value, 3000 * type + 3);
	}
}

static void test_equal_rows_are_added(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	uint32_t a, b;

	made_begin(m, MADE_START_S);
	/* Two entries each that turn out to be the same thing. */
	a = made_series(m, 1, 2, "c");
	b = made_series(m, 1, 2, "c");
	made_cpu_row(m, a, made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "leaf")), 2);
	made_cpu_row(m, b, made_stack(m, 1, made_location(m, LOCATION_KERNEL, 0, 1, "leaf")), 3);
	/* A stack without a location is one; no stack at all is refused. */
	made_cpu_row(m, a, made_stack(m, 0), 1);
	made_write(f->writer, m);
	assert_store_reads(f->dir, "0 1/2 c | leaf | 0 5120 100000000\n"
				   "0 1/2 c | | 0 1024 20000000\n");
}

static void test_late_names(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	uint32_t file;

	made_begin(m, MADE_START_S);
	file = made_file(m, FILE_ELF, "/bin/x");
	made_cpu_row(m, made_series(m, 1, 1, "c"),
		     made_stack(m, 2, made_location(m, LOCATION_FILE, file, 16, NULL),
				made_location(m, LOCATION_JIT, 0, 16, "first")),
		     1);
	made_write(f->writer, m);
	assert_store_reads(f->dir, "0 1/1 c | ?;first | 0 1024 20000000\n");

	/* A bucket with locations and no stack brings names; an unnamed one takes none away. */
	made_begin(m, MADE_START_S + 10);
	file = made_file(m, FILE_ELF, "/bin/x");
	made_location(m, LOCATION_FILE, file, 16, NULL);
	made_frame(m, "inner", "", 0, true);
	made_frame(m, "late", "l.c", 5, false);
	made_write(f->writer, m);
	assert_store_reads(f->dir, "0 1/1 c | inner,late;first | 0 1024 20000000\n");

	made_begin(m, MADE_START_S + 20);
	file = made_file(m, FILE_ELF, "/bin/x");
	made_location(m, LOCATION_FILE, file, 16, NULL);
	m->locations[1].unknown = UNKNOWN_FILE_GONE;
	/* At the same address, but other JIT code by now. */
	made_cpu_row(m, made_series(m, 1, 1, "c"),
		     made_stack(m, 1, made_location(m, LOCATION_JIT, 0, 16, "second")), 1);
	made_write(f->writer, m);
	assert_store_reads(f->dir, "0 1/1 c | inner,late;first | 0 1024 20000000\n"
				   "20 1/1 c | second | 0 1024 20000000\n");
}

static void test_losses(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	const struct store_filter filter = read_all(SAMPLE_CPU);
	_cleanup_(store_summary_done) struct store_summary summary = {};
	_cleanup_free_ char *text = NULL;

	for (uint64_t i = 0; i < 3; i++) {
		made_begin(m, MADE_START_S + 10 * i);
		made_loss(m, "ringbuf_full", i + 1, 100);
		made_loss(m, "ringbuf_full", 10, 0);
		made_loss(m, "map_full", 0, i == 1 ? 5 : 0);
		/* Of rows that are there: none of it is missing. */
		made_loss(m, "unattributed_writeback", 1, 1000);
		made_write(f->writer, m);
	}
	text = read_text(f->dir, &filter, false, &summary);
	assert_string_equal(text, "");
	assert_int_equal(summary.n_buckets, 3);
	assert_int_equal(summary.since_ns, MADE_START_S * NSEC_PER_SEC);
	assert_int_equal(summary.until_ns, (MADE_START_S + 30) * NSEC_PER_SEC);
	assert_int_equal(summary.covered_ns, 3 * MADE_BUCKET_NS);
	assert_int_equal(summary.n_cpus, 2);
	assert_int_equal(summary.period_ns, MADE_PERIOD_NS);
	assert_int_equal(summary.lost_ns, 305);
	assert_int_equal(summary.n_losses, 3);
	assert_string_equal(summary.losses[0].name, "map_full");
	assert_int_equal(summary.losses[0].weight_ns, 5);
	assert_string_equal(summary.losses[1].name, "ringbuf_full");
	assert_int_equal(summary.losses[1].count, 36);
	assert_int_equal(summary.losses[1].weight_ns, 300);
	assert_string_equal(summary.losses[2].name, "unattributed_writeback");
	assert_int_equal(summary.losses[2].weight_ns, 3000);
}

static void test_span(void **state)
{
	struct fixture *f = *state;
	_cleanup_(store_freep) struct store *store = NULL;
	struct store_error error;
	struct store_span span;

	assert_int_equal(store_open(f->dir, &store, &error), 0);
	assert_int_equal(store_span(store, &span, &error), 0);
	assert_int_equal(span.n_buckets, 0);
	assert_int_equal(span.first_ns, 0);
	assert_int_equal(span.period_ns, 0);
	assert_int_equal(span.created_ns, MADE_START_S * NSEC_PER_SEC);
	assert_int_equal(span.bucket_ns, MADE_BUCKET_NS);
	for (uint32_t i = 0; i < 3; i++) {
		made_fill(&f->made, MADE_START_S + 10 * i, 1, 5);
		f->made.bucket.n_cpus = i + 1;
		made_write(f->writer, &f->made);
	}
	assert_int_equal(store_span(store, &span, &error), 0);
	assert_int_equal(span.n_buckets, 3);
	assert_int_equal(span.n_partitions, 1);
	assert_int_equal(span.first_ns, MADE_START_S * NSEC_PER_SEC);
	assert_int_equal(span.until_ns, (MADE_START_S + 30) * NSEC_PER_SEC);
	assert_int_equal(span.period_ns, MADE_PERIOD_NS);
	assert_int_equal(span.n_cpus, 3);
	assert_in_range(span.n_nodes, 4, 20);
	assert_true(span.bytes >= 4096);
	/* One bucket from a clock that was ahead: the latest, and then not the newest. */
	made_fill(&f->made, MADE_START_S + 500, 1, 5);
	made_write(f->writer, &f->made);
	made_fill(&f->made, MADE_START_S + 30, 1, 5);
	made_write(f->writer, &f->made);
	assert_int_equal(store_span(store, &span, &error), 0);
	assert_int_equal(span.n_buckets, 5);
	assert_int_equal(span.until_ns, (MADE_START_S + 510) * NSEC_PER_SEC);
	assert_int_equal(span.newest_until_ns, (MADE_START_S + 40) * NSEC_PER_SEC);
}

/* Gives `bucket`, which must be refused, and then the same store a good one. */
static void assert_refused(struct fixture *f, const char *what)
{
	struct store_error error = {};

	if (store_write_bucket(f->writer, &f->made.bucket, &error) != -EINVAL)
		fail_msg("%s: not refused", what);
	assert_string_not_equal(error.text, "");
}

static void test_refused_input(void **state)
{
	struct fixture *f = *state;
	struct made_bucket *m = &f->made;
	const char *const good = "10 101/101 program | ";
	_cleanup_free_ char *text = NULL;
	const struct store_filter filter = read_all(SAMPLE_CPU);

	made_fill(m, MADE_START_S, 1, 3);
	m->rows[1].series = m->bucket.n_series;
	assert_refused(f, "series of a row");
	made_fill(m, MADE_START_S, 1, 3);
	m->rows[1].stack = m->bucket.n_stacks;
	assert_refused(f, "stack of a row");
	made_fill(m, MADE_START_S, 1, 3);
	m->rows[1].series = 0;
	assert_refused(f, "a row without series");
	made_fill(m, MADE_START_S, 1, 3);
	m->rows[1].stack = 0;
	assert_refused(f, "a row without stack");
	made_fill(m, MADE_START_S, 1, 3);
	m->bucket.duration_ns = 100000 * NSEC_PER_SEC;
	assert_refused(f, "width");
	made_fill(m, MADE_START_S, 1, 3);
	m->rows[1].type = SAMPLE_TYPE_MAX;
	assert_refused(f, "type of a row");
	made_fill(m, MADE_START_S, 1, 3);
	m->stack_locations[2] = m->bucket.n_locations;
	assert_refused(f, "location of a stack");
	made_fill(m, MADE_START_S, 1, 3);
	m->locations[2].file = m->bucket.n_files;
	assert_refused(f, "file of a location");
	made_fill(m, MADE_START_S, 1, 3);
	m->locations[2].kind = LOCATION_KIND_MAX;
	assert_refused(f, "kind of a location");
	made_fill(m, MADE_START_S, 1, 3);
	m->stacks[1].n = PROFILE_STACK_MAX + 1;
	assert_refused(f, "length of a stack");
	made_fill(m, MADE_START_S, 1, 3);
	m->rows[0].value = m->rows[1].value = INT64_MAX;
	assert_refused(f, "sum of the rows");
	made_fill(m, UINT64_MAX / NSEC_PER_SEC, 1, 3);
	assert_refused(f, "start");
	/* Nothing of all that is left, and its ids are free again. */
	made_fill(m, MADE_START_S + 10, 1, 1);
	made_write(f->writer, m);
	text = read_text(f->dir, &filter, false, NULL);
	assert_memory_equal(text, good, strlen(good));
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_field, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reasons, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sample_types, setup, teardown),
		cmocka_unit_test_setup_teardown(test_equal_rows_are_added, setup, teardown),
		cmocka_unit_test_setup_teardown(test_late_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_losses, setup, teardown),
		cmocka_unit_test_setup_teardown(test_span, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_input, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
