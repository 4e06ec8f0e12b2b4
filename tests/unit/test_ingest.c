// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ingest.c - records of the ring buffer: the right ones, and every wrong length.
 */
#include "capture/ingest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct record {
	struct sample_event event;
	uint64_t words[WIRE_KERNEL_FRAMES_MAX + WIRE_USER_FRAMES_MAX + 1];
};

static struct record make_record(void)
{
	struct record r = {.event = {.kind = WIRE_CPU,
				     .user_stop = WIRE_STOP_END,
				     .n_kernel = 2,
				     .n_user = 6,
				     .pid = 10,
				     .tid = 11,
				     .cpu = 1,
				     .exec_id = 3,
				     .mono_ns = 1000,
				     .value = 20408163,
				     .start_boot_ns = 77,
				     .cgroup_id = 5,
				     .comm = {'a', '\n', 'b'}}};

	r.words[0] = 0xffffffff81000010;
	r.words[1] = 0xffffffff81000020;
	r.words[2] = 0x401000;
	r.words[3] = WIRE_FRAME_JIT << WIRE_FRAME_SHIFT | 0x7f0000;
	r.words[4] = WIRE_FRAME_INTERPRETER << WIRE_FRAME_SHIFT | 42;
	r.words[5] = 0x55550000;
	r.words[6] = 0xffffffffff600000; /* vsyscall */
	r.words[7] = WIRE_FRAME_EXACT << WIRE_FRAME_SHIFT | 0x402000;
	return r;
}

static void test_all_fields(void **state)
{
	struct record r = make_record();
	struct sample s;

	(void)state;
	assert_int_equal(ingest_decode(&r, sizeof(r.event) + 8 * 8, &s), 0);
	assert_int_equal(s.type, SAMPLE_CPU);
	assert_int_equal(s.pid, 10);
	assert_int_equal(s.tid, 11);
	assert_int_equal(s.exec_id, 3);
	assert_int_equal(s.mono_ns, 1000);
	assert_int_equal(s.value, 20408163);
	assert_int_equal(s.start_boot_ns, 77);
	assert_int_equal(s.cgroup_id, 5);
	assert_string_equal(s.comm, "a?b");
	assert_int_equal(s.n_kernel, 2);
	assert_int_equal(s.kernel[1].addr, 0xffffffff81000020);
	assert_int_equal(s.kernel[1].kind, LOCATION_KERNEL);
	assert_int_equal(s.n_user, 5);
	assert_int_equal(s.user[0].kind, LOCATION_FILE);
	assert_int_equal(s.user[0].addr, 0x401000);
	assert_int_equal(s.user[1].kind, LOCATION_JIT);
	assert_int_equal(s.user[1].addr, 0x7f0000);
	assert_int_equal(s.user[2].kind, LOCATION_INTERPRETER);
	assert_int_equal(s.user[2].addr, 42);
	assert_int_equal(s.user[2].code, 0x55550000);
	assert_int_equal(s.user[3].addr, 0xffffffffff600000);
	assert_false(s.user[3].exact);
	assert_int_equal(s.user[4].kind, LOCATION_FILE);
	assert_int_equal(s.user[4].addr, 0x402000);
	assert_true(s.user[4].exact);
}

static void test_wrong_sizes(void **state)
{
	struct record r = make_record();
	struct sample s;

	(void)state;
	for (size_t size = 0; size < sizeof(r.event) + 8 * 8; size++)
		assert_int_equal(ingest_decode(&r, size, &s), -EBADMSG);
	/* The ring rounds records up. */
	assert_int_equal(ingest_decode(&r, sizeof(r.event) + 9 * 8, &s), 0);
}

static void test_wrong_fields(void **state)
{
	struct sample s;
	struct record r;

	(void)state;
	r = make_record();
	r.event.kind = WIRE_NONE;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), -EBADMSG);
	r = make_record();
	r.event.kind = WIRE_KIND_MAX;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), -EBADMSG);
	r = make_record();
	r.event.user_stop = WIRE_STOP_MAX;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), -EBADMSG);
	r = make_record();
	r.event.n_kernel = WIRE_KERNEL_FRAMES_MAX + 1;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), -EBADMSG);
	r = make_record();
	r.event.n_user = WIRE_USER_FRAMES_MAX + 1;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), -EBADMSG);
	/* An interpreter frame whose second word is missing is an address like any other. */
	r = make_record();
	r.event.n_user = 3;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), 0);
	assert_int_equal(s.n_user, 3);
	assert_int_equal(s.user[2].kind, LOCATION_FILE);
}

static void test_deepest(void **state)
{
	struct record r = make_record();
	struct sample s;

	(void)state;
	r.event.n_kernel = WIRE_KERNEL_FRAMES_MAX;
	r.event.n_user = WIRE_USER_FRAMES_MAX;
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), 0);
	assert_int_equal(s.n_kernel, WIRE_KERNEL_FRAMES_MAX);
	memset(r.event.comm, 'x', sizeof(r.event.comm));
	assert_int_equal(ingest_decode(&r, sizeof(r), &s), 0);
	assert_int_equal(strlen(s.comm), WIRE_COMM_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),
		cmocka_unit_test(test_wrong_sizes),
		cmocka_unit_test(test_wrong_fields),
		cmocka_unit_test(test_deepest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
