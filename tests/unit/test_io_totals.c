// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_io_totals.c - what the kernel's side counted since its start, per CPU, to what was done in a
 * bucket (io_totals.h); which devices stand on others (io_devices.h), by a sysfs that the test
 * makes; and the bucket that takes it (bucket_device(), bucket_io()).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/io_totals.h"
#include "io_class.h"
#include "record/bucket.h"
#include "wait_class.h"

#define N_CPUS 2

struct scene {
	char *folder;
	struct io_devices *devices;
	struct io_totals *totals;
	struct bucket *bucket;
	struct wire_io_sums sums[N_CPUS];
};

static const struct wire_io_key key = {
	.device = {7, 3, 42}, .op = WIRE_IO_OP_READ, .flags = WIRE_IO_SYNC};

static void put_file(const struct scene *s, const char *path, const char *content)
{
	_cleanup_free_ char *command = NULL;

	assert_true(asprintf(&command, "mkdir -p \"$(dirname '%s/%s')\" && printf '%s' >'%s/%s'",
			     s->folder, path, content, s->folder, path) > 0);
	assert_int_equal(system(command), 0);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->folder = strdup("/tmp/profd-io.XXXXXX");
	assert_non_null(s->folder);
	assert_non_null(mkdtemp(s->folder));
	assert_int_equal(io_devices_new(s->folder, &s->devices), 0);
	assert_int_equal(io_totals_new(s->devices, &s->totals), 0);
	assert_int_equal(bucket_new(&s->bucket), 0);
	*state = s;
	return 0;
}

static void remove_folder(const char *path)
{
	_cleanup_free_ char *command = NULL;

	assert_true(asprintf(&command, "rm -r '%s'", path) > 0);
	assert_int_equal(system(command), 0);
}

static int teardown(void **state)
{
	struct scene *s = *state;

	bucket_free(s->bucket);
	io_totals_free(s->totals);
	io_devices_free(s->devices);
	remove_folder(s->folder);
	free(s->folder);
	free(s);
	return 0;
}

static void count(struct wire_io_sums *sums, uint64_t n, uint64_t ns)
{
	uint32_t bin = latency_bin_of(ns) - WIRE_IO_BIN_FIRST;

	strcpy(sums->name, "loop3");
	sums->ios += n;
	sums->bytes += n * 4096;
	sums->total.known += n;
	sums->total.sum_ns += n * ns;
	sums->total.bins[bin] += (uint32_t)n;
}

static int look(struct scene *s)
{
	int r;

	io_totals_begin(s->totals);
	r = io_totals_add(s->totals, &key, s->sums, N_CPUS, s->bucket);
	io_totals_end(s->totals);
	return r;
}

static const struct profile_file *no_file(void *ctx, uint32_t number)
{
	(void)ctx;
	(void)number;
	return NULL;
}

/* The bucket as it is written, and a new one in its place. */
static struct bucket *finish(struct scene *s)
{
	static const struct bucket_head head = {.duration_ns = 1};
	static const struct bucket_answers answers = {.file = no_file};
	struct bucket *done = s->bucket;

	assert_int_equal(bucket_finish(done, &head, &answers), 0);
	assert_int_equal(bucket_new(&s->bucket), 0);
	return done;
}

static void test_differences(void **state)
{
	struct scene *s = *state;
	_cleanup_(bucket_freep) struct bucket *first = NULL, *second = NULL;
	const struct profile_bucket *p;

	/* The name is that of the CPU that has one. */
	count(&s->sums[1], 5, 1000);
	assert_int_equal(look(s), 0);
	first = finish(s);
	p = bucket_profile(first);
	assert_int_equal(p->n_io, 1);
	assert_int_equal(p->io[0].ios, 5);
	assert_int_equal(p->io[0].bytes, 20480);
	assert_int_equal(p->io[0].op, IO_OP_READ);
	assert_int_equal(p->io[0].flags, PROFILE_IO_SYNC);
	assert_int_equal(p->io[0].total.known, 5);
	assert_int_equal(p->io[0].total.sum_ns, 5000);
	assert_int_equal(p->io[0].total.bins[latency_bin_of(1000)], 5);
	assert_int_equal(p->io[0].queue.known, 0);
	assert_int_equal(p->files[p->io[0].device].kind, FILE_DEVICE);
	assert_string_equal(p->files[p->io[0].device].path, "loop3");
	assert_int_equal(p->files[p->io[0].device].identity[0], 7);
	assert_int_equal(p->files[p->io[0].device].identity[4], 3);
	assert_int_equal(p->files[p->io[0].device].identity[8], 42);
	count(&s->sums[0], 2, 1000);
	count(&s->sums[1], 1, 4000);
	assert_int_equal(look(s), 0);
	assert_int_equal(look(s), 0); /* nothing more */
	second = finish(s);
	p = bucket_profile(second);
	assert_int_equal(p->n_io, 1);
	assert_int_equal(p->io[0].ios, 3);
	assert_int_equal(p->io[0].total.sum_ns, 6000);
}

/* Bins are of 32 bits. */
static void test_wrap(void **state)
{
	struct scene *s = *state;
	uint32_t bin = latency_bin_of(1000) - WIRE_IO_BIN_FIRST;

	_cleanup_(bucket_freep) struct bucket *first = NULL, *second = NULL;

	count(&s->sums[0], UINT32_MAX, 1000);
	assert_int_equal(look(s), 0);
	first = finish(s);
	count(&s->sums[0], 10, 1000);
	assert_int_equal(s->sums[0].total.bins[bin], 9);
	assert_int_equal(look(s), 0);
	second = finish(s);
	assert_int_equal(bucket_profile(second)->io[0].total.bins[latency_bin_of(1000)], 10);
}

/* What is told of in two steps may be looked at between them: none is lost, none is too many. */
static void test_between(void **state)
{
	struct scene *s = *state;
	_cleanup_(bucket_freep) struct bucket *first = NULL, *second = NULL;
	const struct profile_bucket *p;

	count(&s->sums[0], 1, 1000);
	s->sums[0].errors = 3;
	s->sums[0].total.bins[latency_bin_of(2000) - WIRE_IO_BIN_FIRST]++;
	assert_int_equal(look(s), 0);
	first = finish(s);
	p = bucket_profile(first);
	assert_int_equal(p->io[0].errors, 1);
	assert_int_equal(p->io[0].total.known, 1);
	s->sums[0].ios += 2;
	s->sums[0].total.known++;
	s->sums[0].total.sum_ns += 2000;
	assert_int_equal(look(s), 0);
	second = finish(s);
	p = bucket_profile(second);
	assert_int_equal(p->io[0].errors, 2);
	assert_int_equal(p->io[0].total.bins[latency_bin_of(2000)], 1);
}

static void test_gone(void **state)
{
	struct scene *s = *state;
	_cleanup_(bucket_freep) struct bucket *first = NULL, *second = NULL;

	count(&s->sums[0], 100, 1000);
	assert_int_equal(look(s), 0);
	assert_false(io_totals_is_idle(s->totals, &key, 1));
	assert_int_equal(look(s), 0);
	assert_true(io_totals_is_idle(s->totals, &key, 1));
	assert_false(io_totals_is_idle(s->totals, &key, 2));
	first = finish(s);
	/* A look without it: it was removed. One of its key begins anew. */
	io_totals_begin(s->totals);
	io_totals_end(s->totals);
	memset(s->sums, 0, sizeof(s->sums));
	count(&s->sums[0], 7, 1000);
	assert_int_equal(look(s), 0);
	second = finish(s);
	assert_int_equal(bucket_profile(second)->io[0].ios, 7);
}

/* Removed, and there again with the next look: told of or not, nothing is lost of what it has. */
static void test_removed(void **state)
{
	struct scene *s = *state;
	_cleanup_(bucket_freep) struct bucket *first = NULL, *second = NULL, *third = NULL;

	count(&s->sums[0], 100, 1000);
	assert_int_equal(look(s), 0);
	first = finish(s);
	io_totals_forget(s->totals, &key);
	memset(s->sums, 0, sizeof(s->sums));
	count(&s->sums[0], 120, 1000);
	assert_int_equal(look(s), 0);
	second = finish(s);
	assert_int_equal(bucket_profile(second)->io[0].ios, 120);
	memset(s->sums, 0, sizeof(s->sums));
	count(&s->sums[0], 7, 1000);
	assert_int_equal(look(s), 0);
	third = finish(s);
	assert_int_equal(bucket_profile(third)->io[0].ios, 7);
	assert_int_equal(bucket_profile(third)->io[0].total.known, 7);
}

static void test_refused(void **state)
{
	struct scene *s = *state;
	struct wire_io_key bad = key;

	bad.op = WIRE_IO_OP_NONE;
	assert_int_equal(io_totals_add(s->totals, &bad, s->sums, N_CPUS, s->bucket), -EBADMSG);
	bad.op = WIRE_IO_OP_MAX;
	assert_int_equal(io_totals_add(s->totals, &bad, s->sums, N_CPUS, s->bucket), -EBADMSG);
	bad = key;
	bad.flags = WIRE_IO_FLAGS + 1;
	assert_int_equal(io_totals_add(s->totals, &bad, s->sums, N_CPUS, s->bucket), -EBADMSG);
	count(&s->sums[0], 1, 1000);
	s->sums[0].bytes = UINT64_MAX;
	assert_int_equal(look(s), -ERANGE);
}

static bool is_stacked(const struct scene *s, uint32_t minor)
{
	const struct wire_io_device device = {7, minor, 1};

	return io_devices_get(s->devices, &device, "x").is_stacked;
}

static void test_stacked(void **state)
{
	struct scene *s = *state;
	struct stat st;

	put_file(s, "7:1/slaves/sda1", "");
	put_file(s, "7:2/slaves/.keep", "");
	assert_true(is_stacked(s, 1));
	assert_false(is_stacked(s, 2));
	assert_false(is_stacked(s, 9)); /* is not there */
	/* A device's own file, and one that is nowhere. */
	put_file(s, "7:4/loop/backing_file", "/not/there\\n");
	assert_false(is_stacked(s, 4));
	put_file(s, "7:5/loop/backing_file", "/proc/version\\n");
	assert_int_equal(stat("/proc/version", &st), 0);
	assert_false(is_stacked(s, 5)); /* of a filesystem without a device */
	/* What was seen is known: it is asked for each sample. */
	put_file(s, "7:2/slaves/sdb1", "");
	assert_false(is_stacked(s, 2));
}

/* A device of the same number that came later is another one, and lies behind the bucket's files.
 */
static void test_devices_of_a_bucket(void **state)
{
	struct scene *s = *state;
	const struct io_device first = {7, 0, 1, "loop0", false}, second = {7, 0, 2, "loop0", true};
	struct io_class class = {.op = IO_OP_WRITE, .bin = 20};
	_cleanup_(bucket_freep) struct bucket *done = NULL;
	struct profile_row row = {.type = SAMPLE_BLOCKIO, .series = 1, .stack = 1, .count = 1024};
	const struct profile_bucket *p;
	uint32_t index, again;

	assert_int_equal(bucket_device(s->bucket, &first, &index), 0);
	assert_int_equal(bucket_device(s->bucket, &first, &again), 0);
	assert_int_equal(index, again);
	assert_int_equal(bucket_device(s->bucket, &second, &class.device), 0);
	assert_int_not_equal(index, class.device);
	row.bin = io_class_pack(&class);
	assert_int_equal(bucket_add(s->bucket, &row), 0);
	done = finish(s);
	p = bucket_profile(done);
	assert_int_equal(io_class_unpack(p->rows[0].bin, &class), 0);
	assert_int_equal(p->files[class.device].identity[8], 2);
	assert_int_equal(p->files[class.device].identity[PROFILE_DEVICE_STACKED], 1);
	assert_int_equal(class.bin, 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_differences, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_between, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stacked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_of_a_bucket, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
