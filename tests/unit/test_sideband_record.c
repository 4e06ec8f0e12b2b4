// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_sideband_record.c - side-band records as the kernel writes them (kernel/events/core.c), and
 * what is not whole.
 */
#include "capture/sideband_record.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TIME_NS 0x1122334455667788ull

/* A record being put together. */
struct record {
	unsigned char bytes[8192];
	size_t size;
};

static void put(struct record *record, const void *bytes, size_t size)
{
	assert_true(record->size + size <= sizeof(record->bytes));
	memcpy(record->bytes + record->size, bytes, size);
	record->size += size;
}

static void put_u32(struct record *record, uint32_t value)
{
	put(record, &value, sizeof(value));
}

static void put_u64(struct record *record, uint64_t value)
{
	put(record, &value, sizeof(value));
}

/* Strings are filled up to 8 bytes with zeros, of which there is one at least. */
static void put_text(struct record *record, const char *text)
{
	static const char zeros[8];
	size_t len = strlen(text);

	put(record, text, len);
	put(record, zeros, 8 - len % 8);
}

static void begin(struct record *record, uint32_t type, uint16_t misc)
{
	const struct perf_event_header head = {.type = type, .misc = misc};

	record->size = 0;
	put(record, &head, sizeof(head));
}

static void end(struct record *record)
{
	uint16_t size;

	put_u64(record, TIME_NS);
	size = (uint16_t)record->size;
	memcpy(record->bytes + offsetof(struct perf_event_header, size), &size, sizeof(size));
}

static int decode(const struct record *record, struct sideband_record *ret)
{
	return sideband_record_decode(record->bytes, record->size, ret);
}

static void decode_good(const struct record *record, enum sideband_kind kind,
			struct sideband_record *ret)
{
	assert_int_equal(decode(record, ret), 0);
	assert_int_equal(ret->kind, kind);
	assert_int_equal(ret->mono_ns, TIME_NS);
	assert_non_null(ret->path);
}

static void make_task(struct record *record, uint32_t type, uint32_t pid, uint32_t parent_pid,
		      uint32_t tid)
{
	begin(record, type, 0);
	put_u32(record, pid);
	put_u32(record, parent_pid);
	put_u32(record, tid);
	put_u32(record, parent_pid);
	put_u64(record, TIME_NS - 5); /* its own time; what counts is the one at the end */
	end(record);
}

static void make_comm(struct record *record, uint16_t misc)
{
	begin(record, PERF_RECORD_COMM, misc);
	put_u32(record, 4242);
	put_u32(record, 4243);
	put_text(record, "a name");
	end(record);
}

struct mmap_text {
	uint64_t addr, len, offset;
	const char *path;
};

/* `build_id_size` < 0: with device and inode. */
static void make_mmap2(struct record *record, const struct mmap_text *text, int build_id_size)
{
	begin(record, PERF_RECORD_MMAP2,
	      PERF_RECORD_MISC_USER | (build_id_size < 0 ? 0 : PERF_RECORD_MISC_MMAP_BUILD_ID));
	put_u32(record, 4242);
	put_u32(record, 4243);
	put_u64(record, text->addr);
	put_u64(record, text->len);
	put_u64(record, text->offset);
	if (build_id_size < 0) {
		put_u32(record, 0xfe);
		put_u32(record, 1);
		put_u64(record, 1234567890123);
		put_u64(record, 1);
	} else {
		unsigned char field[24] = {(unsigned char)build_id_size};

		for (unsigned int i = 0; i < MAPPING_BUILD_ID_MAX; i++)
			field[4 + i] = (unsigned char)(0xa0 + i);
		put(record, field, sizeof(field));
	}
	put_u32(record, 5); /* prot */
	put_u32(record, 2); /* flags */
	put_text(record, text->path);
	end(record);
}

static const struct mmap_text typical = {0x7f0000001000, 0x5000, 0x2000, "/usr/lib/libx.so.1"};

static void test_mmap2_with_build_id(void **state)
{
	static const uint8_t build_id[MAPPING_BUILD_ID_MAX] = {
		0xa0, 0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9,
		0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf, 0xb0, 0xb1, 0xb2, 0xb3};
	struct sideband_record got;
	struct record record;

	(void)state;
	make_mmap2(&record, &typical, 20);
	decode_good(&record, SIDEBAND_MMAP, &got);
	assert_int_equal(got.pid, 4242);
	assert_int_equal(got.mapping.start, 0x7f0000001000);
	assert_int_equal(got.mapping.end, 0x7f0000006000);
	assert_int_equal(got.mapping.file_offset, 0x2000);
	assert_int_equal(got.mapping.inode, 0);
	assert_int_equal(got.mapping.build_id_len, 20);
	assert_memory_equal(got.mapping.build_id, build_id, 20);
	assert_string_equal(got.path, "/usr/lib/libx.so.1");
	/* A shorter one, as of 8 bytes by lld, keeps its length. */
	make_mmap2(&record, &typical, 8);
	decode_good(&record, SIDEBAND_MMAP, &got);
	assert_int_equal(got.mapping.build_id_len, 8);
	assert_memory_equal(got.mapping.build_id, build_id, 8);
}

static void test_mmap2_with_inode(void **state)
{
	struct sideband_record got;
	struct record record;

	(void)state;
	make_mmap2(&record, &typical, -1);
	decode_good(&record, SIDEBAND_MMAP, &got);
	assert_int_equal(got.mapping.dev_major, 0xfe);
	assert_int_equal(got.mapping.dev_minor, 1);
	assert_int_equal(got.mapping.inode, 1234567890123);
	assert_int_equal(got.mapping.build_id_len, 0);
	assert_string_equal(got.path, "/usr/lib/libx.so.1");
}

static void test_hostile_mmap2(void **state)
{
	const struct mmap_text overflowing = {UINT64_MAX - 0xfff, 0x1001, 0, "/x"};
	const struct mmap_text at_the_end = {UINT64_MAX - 0xfff, 0xfff, 0, "/x"};
	struct sideband_record got;
	struct record record;

	(void)state;
	make_mmap2(&record, &overflowing, 20);
	assert_int_equal(decode(&record, &got), -EBADMSG);
	make_mmap2(&record, &at_the_end, 20);
	decode_good(&record, SIDEBAND_MMAP, &got);
	assert_int_equal(got.mapping.end, UINT64_MAX);
	for (int size = MAPPING_BUILD_ID_MAX + 1; size < 256; size++) {
		make_mmap2(&record, &typical, size);
		assert_int_equal(decode(&record, &got), -EBADMSG);
	}
}

static void test_longest_path(void **state)
{
	struct mmap_text text = {0x1000, 0x1000, 0, NULL};
	struct sideband_record got;
	struct record record;
	char path[4096];

	(void)state;
	memset(path, 'p', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	text.path = path;
	make_mmap2(&record, &text, 20);
	decode_good(&record, SIDEBAND_MMAP, &got);
	assert_string_equal(got.path, path);
}

/* Without a NUL before the time at the end, which must not be taken for the path's. */
static void test_unterminated_path(void **state)
{
	struct sideband_record got;
	struct record record;

	(void)state;
	begin(&record, PERF_RECORD_CGROUP, 0);
	put_u64(&record, 77);
	put(&record, "/12345678901234", 15);
	put(&record, "5", 1);
	put_u64(&record, 0);
	assert_int_equal(decode(&record, &got), -EBADMSG);
	begin(&record, PERF_RECORD_CGROUP, 0);
	put_u64(&record, 77);
	put_u64(&record, 0); /* the time; no path at all */
	assert_int_equal(decode(&record, &got), -EBADMSG);
}

static void test_comm(void **state)
{
	struct sideband_record got;
	struct record record;

	(void)state;
	make_comm(&record, PERF_RECORD_MISC_COMM_EXEC);
	decode_good(&record, SIDEBAND_EXEC, &got);
	assert_int_equal(got.pid, 4242);
	make_comm(&record, 0); /* a thread gave itself a name */
	decode_good(&record, SIDEBAND_OTHER, &got);
}

static void test_fork_and_exit(void **state)
{
	struct sideband_record got;
	struct record record;

	(void)state;
	make_task(&record, PERF_RECORD_FORK, 200, 100, 200);
	decode_good(&record, SIDEBAND_FORK, &got);
	assert_int_equal(got.pid, 200);
	assert_int_equal(got.parent_pid, 100);
	make_task(&record, PERF_RECORD_FORK, 100, 100, 101); /* a new thread */
	decode_good(&record, SIDEBAND_OTHER, &got);
	make_task(&record, PERF_RECORD_EXIT, 200, 100, 200);
	decode_good(&record, SIDEBAND_EXIT, &got);
	assert_int_equal(got.pid, 200);
	make_task(&record, PERF_RECORD_EXIT, 200, 100, 201); /* another thread than the first */
	decode_good(&record, SIDEBAND_OTHER, &got);
}

static void make_cgroup(struct record *record)
{
	begin(record, PERF_RECORD_CGROUP, 0);
	put_u64(record, 0x100000002);
	put_text(record, "/system.slice/cron.service");
	end(record);
}

static void make_lost(struct record *record)
{
	begin(record, PERF_RECORD_LOST, 0);
	put_u64(record, 99); /* the event's id */
	put_u64(record, 12345);
	end(record);
}

static void test_cgroup_and_lost(void **state)
{
	struct sideband_record got;
	struct record record;

	(void)state;
	make_cgroup(&record);
	decode_good(&record, SIDEBAND_CGROUP, &got);
	assert_int_equal(got.cgroup_id, 0x100000002);
	assert_string_equal(got.path, "/system.slice/cron.service");
	make_lost(&record);
	decode_good(&record, SIDEBAND_LOST, &got);
	assert_int_equal(got.n_lost, 12345);
}

static void test_unknown_types(void **state)
{
	static const uint32_t types[] = {0,
					 PERF_RECORD_MMAP,
					 PERF_RECORD_THROTTLE,
					 PERF_RECORD_UNTHROTTLE,
					 PERF_RECORD_READ,
					 PERF_RECORD_SAMPLE,
					 PERF_RECORD_ITRACE_START,
					 PERF_RECORD_LOST_SAMPLES,
					 PERF_RECORD_SWITCH,
					 PERF_RECORD_KSYMBOL,
					 1000,
					 UINT32_MAX};
	struct sideband_record got;
	struct record record;

	(void)state;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		begin(&record, types[i], UINT16_MAX);
		end(&record);
		decode_good(&record, SIDEBAND_OTHER, &got);
	}
}

/* Whatever is cut off, nothing is read behind the record (the sanitizers watch the copy), and a
 * path ends inside of it. */
static void check_prefixes(const struct record *record)
{
	for (size_t size = 0; size < record->size; size++) {
		unsigned char *copy = malloc(size ? size : 1);
		struct sideband_record got;

		assert_non_null(copy);
		memcpy(copy, record->bytes, size);
		if (sideband_record_decode(copy, size, &got) == 0) {
			assert_non_null(got.path);
			if (*got.path)
				assert_true((const unsigned char *)got.path + strlen(got.path) <
					    copy + size);
		}
		if (size < sizeof(struct perf_event_header) + sizeof(uint64_t))
			assert_int_equal(sideband_record_decode(copy, size, &got), -EBADMSG);
		free(copy);
	}
}

static void test_every_prefix(void **state)
{
	struct record record;

	(void)state;
	make_mmap2(&record, &typical, 20);
	check_prefixes(&record);
	make_mmap2(&record, &typical, -1);
	check_prefixes(&record);
	make_comm(&record, PERF_RECORD_MISC_COMM_EXEC);
	check_prefixes(&record);
	make_task(&record, PERF_RECORD_FORK, 200, 100, 200);
	check_prefixes(&record);
	make_task(&record, PERF_RECORD_EXIT, 200, 100, 200);
	check_prefixes(&record);
	make_cgroup(&record);
	check_prefixes(&record);
	make_lost(&record);
	check_prefixes(&record);
}

/* What the kernel writes for a process that has no pid here, or none any more. */
static void test_no_pid(void **state)
{
	static const uint32_t none[] = {0, UINT32_MAX};
	struct sideband_record decoded;
	struct record record;

	(void)state;
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		make_task(&record, PERF_RECORD_FORK, none[i], 4242, 4243);
		decode_good(&record, SIDEBAND_OTHER, &decoded);
		make_task(&record, PERF_RECORD_EXIT, none[i], 4242, none[i]);
		decode_good(&record, SIDEBAND_OTHER, &decoded);
	}
	make_task(&record, PERF_RECORD_FORK, 4243, 4242, 4243);
	decode_good(&record, SIDEBAND_FORK, &decoded);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mmap2_with_build_id),
		cmocka_unit_test(test_mmap2_with_inode),
		cmocka_unit_test(test_hostile_mmap2),
		cmocka_unit_test(test_longest_path),
		cmocka_unit_test(test_unterminated_path),
		cmocka_unit_test(test_comm),
		cmocka_unit_test(test_fork_and_exit),
		cmocka_unit_test(test_cgroup_and_lost),
		cmocka_unit_test(test_unknown_types),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_no_pid),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
