// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_io_rows.c - samples of block I/O as rows of a bucket: two a sample, with which class, on
 * which stack, of whom, and what becomes of those that are not kept.
 */
#include "capture/io_rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "io_class.h"
#include "wait_scene.h"

#define CODE	    WAIT_SCENE_CODE
#define KERNEL_LEAF 0xffffffff81000010
#define NOW_NS	    (100 * S)
#define CGROUP_DB   71u
#define CGROUP_WEB  72u

/* The sleeper of wait_scene.h, which asks block devices for something. */
struct io_scene {
	struct wait_scene *base;
	struct io_devices *devices;
	struct io_rows *rows;
};

static int set_up(void **state)
{
	struct io_scene *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	wait_scene_set_up((void **)&f->base);
	cgroups_add(f->base->cgroups, CGROUP_DB, "/system.slice/db.service", NOW_NS);
	cgroups_add(f->base->cgroups, CGROUP_WEB, "/system.slice/web.service", NOW_NS);
	assert_int_equal(io_devices_new("/dev/null", &f->devices), 0);
	assert_int_equal(io_rows_new(f->base->attribution, f->devices, &f->rows), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct io_scene *f = *state;

	io_rows_free(f->rows);
	io_devices_free(f->devices);
	wait_scene_tear_down((void **)&f->base);
	free(f);
	return 0;
}

#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* A write of thread `tid` to "sda", 4096 bytes in 5 ms, from 0x20 of its code through the kernel;
 * it is the same memory each time. */
static struct sample *make_write(uint32_t tid)
{
	struct sample *sample = wait_scene_make(WIRE_IO, tid, 10 * S);

	sample->cgroup_id = CGROUP_DB;
	sample->io = (struct wire_io){.device = {8, 0, 3},
				      .name = "sda",
				      .total_ns = 5 * MS,
				      .bytes = 4096,
				      .op = WIRE_IO_OP_WRITE};
	sample->n_kernel = 1;
	sample->kernel[0] = (struct sample_frame){.kind = LOCATION_KERNEL, .addr = KERNEL_LEAF};
	sample->user_stop = WIRE_STOP_END;
	sample->n_user = 1;
	sample->user[0] = (struct sample_frame){.kind = LOCATION_FILE, .addr = CODE + 0x20};
	return sample;
}

/* The same by a worker of the kernel. */
static struct sample *make_worker(uint32_t tid, uint64_t cgroup_id)
{
	struct sample *sample = make_write(tid);

	sample->pid = tid;
	sample->start_boot_ns = tid * S;
	sample->start_code = sample->end_code = 0;
	sample->user_stop = WIRE_STOP_NONE;
	sample->n_user = 0;
	sample->cgroup_id = cgroup_id;
	(void)strcpy(sample->comm, "kworker/u8:1");
	return sample;
}

static void add(struct io_scene *f, const struct sample *sample)
{
	struct sample weighted = *sample;

	/* As wire.h has it. */
	weighted.value = sample->io.total_ns == WIRE_IO_UNKNOWN
				 ? 0
				 : sample->io.total_ns << sample->io.weight_log2;
	io_rows_add(f->rows, &weighted, NOW_NS, f->base->bucket);
}

static struct io_class class_of(const struct profile_row *row)
{
	struct io_class class;

	assert_int_equal(io_class_unpack(row->bin, &class), 0);
	return class;
}

/* How many rows of the type there are of series with that name and unit, and their sum. */
static uint32_t sum_of(const struct profile_bucket *p, enum sample_type type, const char *comm,
		       const char *unit, struct profile_row *ret)
{
	uint32_t n = 0;

	*ret = (struct profile_row){.type = type};
	for (uint32_t i = 0; i < p->n_rows; i++) {
		const struct profile_row *row = &p->rows[i];
		const struct profile_series *series = &p->series[row->series];

		if (row->type != type || strcmp(series->comm, comm) != 0 ||
		    strcmp(series->unit, unit) != 0)
			continue;
		n++;
		ret->series = row->series;
		ret->count += row->count;
		ret->value += row->value;
	}
	return n;
}

/* A row of its time and one of its size, which are alike but for their values. */
static void test_two_rows(void **state)
{
	struct io_scene *f = *state;
	const struct profile_row *time, *bytes;
	const struct profile_location *outer;
	const struct profile_bucket *p;
	struct sample *sample = make_write(1);

	sample->io.weight_log2 = 3;
	add(f, sample);
	p = wait_scene_finish(f->base);
	assert_int_equal(p->n_rows, 2);
	time = wait_scene_find(p, SAMPLE_BLOCKIO);
	bytes = wait_scene_find(p, SAMPLE_BLOCKIO_BYTES);
	assert_int_equal(time->value, 8 * 5 * MS);
	assert_int_equal(bytes->value, 8 * 4096);
	assert_int_equal(time->count, 8 * PROFILE_COUNT_ONE);
	assert_int_equal(bytes->count, time->count);
	assert_int_equal(bytes->series, time->series);
	assert_int_equal(bytes->stack, time->stack);
	assert_int_equal(bytes->bin, time->bin);
	assert_int_equal(class_of(time).op, IO_OP_WRITE);
	assert_int_equal(class_of(time).bin, latency_bin_of(5 * MS));
	assert_int_equal(class_of(time).weight_log2, 3);
	assert_int_equal(p->files[class_of(time).device].kind, FILE_DEVICE);
	assert_string_equal(p->files[class_of(time).device].path, "sda");
	assert_int_equal(p->files[class_of(time).device].identity[0], 8);
	assert_int_equal(p->files[class_of(time).device].identity[8], 3);
	assert_int_equal(p->stacks[time->stack].n, 2);
	assert_int_equal(wait_scene_leaf(p, time->stack)->kind, LOCATION_KERNEL);
	outer = &p->locations[p->stack_locations[p->stacks[time->stack].first + 1]];
	assert_int_equal(outer->offset, 0x20);
	assert_string_equal(p->files[outer->file].path, "/bin/sleeper");
	assert_string_equal(p->series[time->series].exe, "/bin/sleeper");
	assert_string_equal(p->series[time->series].comm, "t1");
	assert_string_equal(p->series[time->series].unit, "db.service");
	assert_int_equal(io_rows_counters(f->rows)->n_records, 1);
	assert_int_equal(io_rows_counters(f->rows)->n_unattributed, 0);
}

/* A time that nobody took is none: its size counts all the same. */
static void test_unknown_time(void **state)
{
	struct io_scene *f = *state;
	const struct profile_row *row;
	const struct profile_bucket *p;
	struct sample *sample = make_write(1);

	sample->io.total_ns = WIRE_IO_UNKNOWN;
	sample->io.weight_log2 = 2;
	add(f, sample);
	p = wait_scene_finish(f->base);
	row = wait_scene_find(p, SAMPLE_BLOCKIO);
	assert_int_equal(row->value, 0);
	assert_int_equal(row->count, 4 * PROFILE_COUNT_ONE);
	assert_int_equal(class_of(row).bin, LATENCY_BIN_NONE);
	assert_int_equal(wait_scene_find(p, SAMPLE_BLOCKIO_BYTES)->value, 4 * 4096);
	/* One that took no time is known. */
	wait_scene_next_bucket(f->base);
	sample = make_write(1);
	sample->io.total_ns = 0;
	add(f, sample);
	p = wait_scene_finish(f->base);
	assert_int_equal(class_of(wait_scene_find(p, SAMPLE_BLOCKIO)).bin, latency_bin_of(0));
}

/* The most that ingest.h lets through. */
static void test_most(void **state)
{
	struct io_scene *f = *state;
	const struct profile_row *row;
	const struct profile_bucket *p;
	struct sample *sample = make_write(1);

	sample->io.total_ns = sample->io.bytes = INGEST_IO_MAX;
	sample->io.weight_log2 = INGEST_WEIGHT_MAX;
	add(f, sample);
	add(f, sample);
	p = wait_scene_finish(f->base);
	row = wait_scene_find(p, SAMPLE_BLOCKIO);
	assert_int_equal(row->value, 2 * (INGEST_IO_MAX << INGEST_WEIGHT_MAX));
	assert_int_equal(row->count, 2 * ((uint64_t)PROFILE_COUNT_ONE << INGEST_WEIGHT_MAX));
	assert_int_equal(wait_scene_find(p, SAMPLE_BLOCKIO_BYTES)->value, row->value);
	assert_int_equal(class_of(row).bin, latency_bin_of(INGEST_IO_MAX));
	assert_int_equal(class_of(row).weight_log2, INGEST_WEIGHT_MAX);
}

/* What differs in its class, device or stack is in rows of its own. */
static void test_equal_samples(void **state)
{
	struct io_scene *f = *state;
	const struct profile_bucket *p;
	struct sample *sample = make_write(1);
	uint32_t n_devices = 0;

	add(f, sample);
	add(f, sample);
	sample->io.bytes = 8192; /* no part of the class */
	add(f, sample);
	sample->io.weight_log2 = 1;
	add(f, sample);
	sample->io.op = WIRE_IO_OP_READ;
	add(f, sample);
	sample->io.total_ns = 50 * MS;
	add(f, sample);
	sample->io.device.diskseq++; /* another disk of that name */
	add(f, sample);
	sample->user[0].addr += 0x10;
	add(f, sample);
	p = wait_scene_finish(f->base);
	assert_int_equal(p->n_rows, 2 * 6);
	assert_int_equal(p->rows[0].count, 3 * PROFILE_COUNT_ONE);
	assert_int_equal(p->rows[0].value, 3 * 5 * MS);
	assert_int_equal(p->rows[1].value, 2 * 4096 + 8192);
	for (uint32_t i = 1; i < p->n_files; i++)
		n_devices += p->files[i].kind == FILE_DEVICE;
	assert_int_equal(n_devices, 2);
	assert_int_equal(io_rows_counters(f->rows)->n_records, 8);
}

/* Whichever worker writes: it is told of by the unit whose pages they were, and by nothing else. */
static void test_writeback(void **state)
{
	struct io_scene *f = *state;
	const struct profile_series *series;
	const struct profile_bucket *p;
	struct profile_row sum;

	for (uint32_t tid = 1; tid <= 3; tid++) {
		struct sample *sample = make_worker(tid, tid == 3 ? CGROUP_WEB : CGROUP_DB);

		sample->io.is_writeback = 1;
		add(f, sample);
	}
	p = wait_scene_finish(f->base);
	assert_int_equal(p->n_series, 1 + 2);
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO, IO_ROWS_WRITEBACK, "db.service", &sum), 1);
	assert_int_equal(sum.value, 2 * 5 * MS);
	series = &p->series[sum.series];
	assert_int_equal(series->pid, 0);
	assert_int_equal(series->tid, 0);
	assert_int_equal(series->start_boot_ns, 0);
	assert_string_equal(series->exe, "");
	assert_string_equal(series->cgroup, "/system.slice/db.service");
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO_BYTES, IO_ROWS_WRITEBACK, "web.service", &sum),
			 1);
	assert_int_equal(sum.value, 4096);
	/* From where in the kernel stays. */
	assert_int_equal(wait_scene_leaf(p, p->rows[0].stack)->kind, LOCATION_KERNEL);
	assert_int_equal(p->stacks[p->rows[0].stack].n, 1);
}

/* A worker that does it for a device above is who it is, in the cgroup that is charged. */
static void test_worker(void **state)
{
	struct io_scene *f = *state;
	const struct profile_bucket *p;
	struct profile_row sum;

	add(f, make_worker(7, CGROUP_DB));
	add(f, make_worker(7, 0));
	p = wait_scene_finish(f->base);
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO, "kworker/u8:1", "db.service", &sum), 1);
	assert_int_equal(p->series[sum.series].pid, 7);
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO, "kworker/u8:1", "", &sum), 1);
	assert_int_equal(io_rows_counters(f->rows)->n_unattributed, 0);
}

/* Writeback of nobody that the kernel names is kept, and counted. */
static void test_unattributed(void **state)
{
	struct io_scene *f = *state;
	const struct profile_bucket *p;
	struct profile_row sum;
	struct sample *sample = make_worker(7, 0);

	sample->io.is_writeback = 1;
	sample->io.weight_log2 = 4;
	add(f, sample);
	sample->io.total_ns = WIRE_IO_UNKNOWN;
	add(f, sample);
	assert_int_equal(io_rows_counters(f->rows)->n_unattributed, 2 * 16);
	assert_int_equal(io_rows_counters(f->rows)->unattributed_ns, 16 * 5 * MS);
	p = wait_scene_finish(f->base);
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO, IO_ROWS_WRITEBACK, "", &sum), 2);
	assert_int_equal(sum.value, 16 * 5 * MS);
	assert_int_equal(sum.count, 2 * 16 * PROFILE_COUNT_ONE);
}

/* What [filter] excludes is counted there, with the time it stands for, and nowhere else. */
static void test_filter(void **state)
{
	struct io_scene *f = *state;
	const struct attribution_counters *counters = attribution_counters(f->base->attribution);
	const struct filter threads = {.comms = {.n = 2, .used = 13, .text = "t1\0kworker/*"}};
	const struct filter units = {.units = {.n = 1, .used = 11, .text = "db.service"}};
	const struct filter writeback = {.comms = {.n = 1, .used = 13, .text = "?writeback?"}};
	const struct profile_bucket *p;
	struct sample *sample;
	struct profile_row sum;

	attribution_set_filter(f->base->attribution, &threads);
	sample = make_write(1);
	sample->io.weight_log2 = 2;
	add(f, sample);
	add(f, make_write(2));
	assert_int_equal(counters->n_filtered, 1);
	assert_int_equal(counters->filtered_ns, 4 * 5 * MS);
	/* Not by the name of the worker that happened to write. */
	sample = make_worker(7, CGROUP_DB);
	sample->io.is_writeback = 1;
	add(f, sample);
	assert_int_equal(counters->n_filtered, 1);
	attribution_set_filter(f->base->attribution, &units);
	add(f, sample);
	assert_int_equal(counters->n_filtered, 2);
	attribution_set_filter(f->base->attribution, &writeback);
	sample = make_worker(7, 0);
	sample->io.is_writeback = 1;
	add(f, sample);
	assert_int_equal(counters->n_filtered, 3);
	assert_int_equal(counters->filtered_ns, (4 + 1 + 1) * 5 * MS);
	assert_int_equal(io_rows_counters(f->rows)->n_unattributed, 0);
	p = wait_scene_finish(f->base);
	assert_int_equal(p->n_series, 1 + 2);
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO, "t2", "db.service", &sum), 1);
	assert_int_equal(sum_of(p, SAMPLE_BLOCKIO, IO_ROWS_WRITEBACK, "db.service", &sum), 1);
	assert_int_equal(sum.value, 5 * MS);
}

/* A bucket with no room for one more device: both of its rows are missing, and it is counted. */
static void test_no_room(void **state)
{
	struct io_scene *f = *state;
	const struct attribution_counters *counters = attribution_counters(f->base->attribution);
	struct io_device other = {.major = 259, .name = "x"};
	struct sample *sample = make_write(1);
	const struct profile_bucket *p;
	uint32_t index;

	add(f, sample);
	for (; other.minor < IO_TABLE_DEVICES_MAX - 2; other.minor++)
		assert_int_equal(bucket_device(f->base->bucket, &other, &index), 0);
	sample->io.device.minor = 16;
	sample->io.weight_log2 = 1;
	add(f, sample);
	assert_int_equal(counters->n_refused, 1);
	assert_int_equal(counters->refused_ns, 2 * 5 * MS);
	add(f, make_write(1));
	assert_int_equal(counters->n_refused, 1);
	p = wait_scene_finish(f->base);
	assert_int_equal(p->n_rows, 2);
	assert_int_equal(p->rows[0].count, 2 * PROFILE_COUNT_ONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IO_TEST(test_two_rows),	     IO_TEST(test_unknown_time), IO_TEST(test_most),
		IO_TEST(test_equal_samples), IO_TEST(test_writeback),	 IO_TEST(test_worker),
		IO_TEST(test_unattributed),  IO_TEST(test_filter),	 IO_TEST(test_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
