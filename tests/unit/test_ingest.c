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
	assert_int_equal(s.kind, WIRE_CPU);
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

/* ---- kinds with a body ---- */

struct waiting {
	struct sample_event event;
	union {
		struct wire_wait wait;
		struct wire_ledger ledger;
		struct wire_waker waker;
		struct wire_io io;
		uint64_t words[WIRE_WORDS_MAX];
	};
};

static struct waiting make_wait(void)
{
	struct waiting w = {.event = {.kind = WIRE_WAIT_END,
				      .n_kernel = 1,
				      .tid = 11,
				      .value = (70 + 30 - 20) << 4}};

	w.wait = (struct wire_wait){.begin_mono_ns = 900,
				    .blocked_ns = 70,
				    .runq_ns = 30,
				    .charged_ns = 20,
				    .ledger_since_mono_ns = 800,
				    .weight_log2 = 4,
				    .state = WIRE_STATE_DISK,
				    .flags = WIRE_WAIT_DRAWN | WIRE_WAIT_GATE};
	w.words[sizeof(w.wait) / 8] = 0xffffffff81000010;
	return w;
}

static struct waiting make_ledger(void)
{
	struct waiting w = {.event = {.kind = WIRE_LEDGER, .n_kernel = 1, .tid = 11}};

	w.ledger = (struct wire_ledger){.elapsed_ns = 100,
					.oncpu_ns = 60,
					.open_since_mono_ns = 5,
					.open_state = WIRE_STATE_SLEEP,
					.flags = WIRE_LEDGER_STARTED};
	w.words[sizeof(w.ledger) / 8] = 0xffffffff81000010;
	return w;
}

/* Every length of a record of `size` bytes but the right one is refused. */
static void check_sizes(const struct waiting *w, size_t size, struct sample *ret)
{
	for (size_t n = 0; n < size; n++)
		assert_int_equal(ingest_decode(w, n, ret), -EBADMSG);
	assert_int_equal(ingest_decode(w, size, ret), 0);
	assert_int_equal(ret->n_kernel, 1);
	assert_int_equal(ret->kernel[0].addr, 0xffffffff81000010);
	assert_int_equal(ret->tid, 11);
}

static void test_wait(void **state)
{
	struct waiting w = make_wait();
	struct sample s;

	(void)state;
	check_sizes(&w, sizeof(w.event) + sizeof(w.wait) + 8, &s);
	assert_int_equal(s.kind, WIRE_WAIT_END);
	assert_memory_equal(&s.wait, &w.wait, sizeof(w.wait));
	w.event.kind = WIRE_WAIT_BEGIN;
	assert_int_equal(ingest_decode(&w, sizeof(w.event) + 8, &s), 0);
	assert_int_equal(s.kind, WIRE_WAIT_BEGIN);
}

static void test_wrong_waits(void **state)
{
	const struct {
		struct wire_wait wait;
		int r;
	} cases[] = {
		{{.state = WIRE_STATE_MAX}, -EBADMSG},
		{{.flags = 16}, -EBADMSG},
		{{.flags = WIRE_WAIT_VOID}, 0},
		{{.flags = WIRE_WAIT_VOID | WIRE_WAIT_EXACT}, -EBADMSG},
		{{.weight_log2 = INGEST_WEIGHT_MAX}, 0},
		{{.weight_log2 = INGEST_WEIGHT_MAX + 1}, -EBADMSG},
		{{.weight_log2 = 1, .flags = WIRE_WAIT_EXACT}, -EBADMSG},
		{{.blocked_ns = INGEST_SAMPLED_NS_MAX}, 0},
		{{.blocked_ns = INGEST_SAMPLED_NS_MAX + 1}, -EBADMSG},
		{{.runq_ns = INGEST_SAMPLED_NS_MAX + 1}, -EBADMSG},
		{{.blocked_ns = INGEST_VALUE_MAX, .flags = WIRE_WAIT_EXACT}, 0},
		{{.blocked_ns = INGEST_VALUE_MAX + 1, .flags = WIRE_WAIT_EXACT}, -EBADMSG},
		{{.runq_ns = INGEST_VALUE_MAX + 1, .flags = WIRE_WAIT_EXACT}, -EBADMSG},
		{{.charged_ns = INGEST_VALUE_MAX + 1}, -EBADMSG},
		{{.blocked_ns = 5, .charged_ns = 6, .flags = WIRE_WAIT_EXACT}, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct waiting w = make_wait();
		struct sample s;

		w.wait = cases[i].wait;
		w.event.value = w.wait.flags & WIRE_WAIT_VOID
					? 0
					: (w.wait.blocked_ns + w.wait.runq_ns - w.wait.charged_ns)
						  << (w.wait.weight_log2 & 31);
		assert_int_equal(ingest_decode(&w, sizeof(w), &s), cases[i].r);
		w.event.value++; /* not what it stands for */
		assert_int_equal(ingest_decode(&w, sizeof(w), &s), -EBADMSG);
	}
}

static void test_ledger(void **state)
{
	struct waiting w = make_ledger();
	struct sample s;

	(void)state;
	check_sizes(&w, sizeof(w.event) + sizeof(w.ledger) + 8, &s);
	assert_memory_equal(&s.ledger, &w.ledger, sizeof(w.ledger));
	/* All but open_since_mono_ns, which is compared alone, state and flags. */
	for (size_t i = 0; i < offsetof(struct wire_ledger, open_state) / 8; i++) {
		bool is_since = i == offsetof(struct wire_ledger, open_since_mono_ns) / 8;

		w = make_ledger();
		w.words[i] = INGEST_VALUE_MAX + 1;
		assert_int_equal(ingest_decode(&w, sizeof(w), &s), is_since ? 0 : -EBADMSG);
	}
	w = make_ledger();
	w.ledger.open_state = WIRE_STATE_MAX;
	assert_int_equal(ingest_decode(&w, sizeof(w), &s), -EBADMSG);
	w = make_ledger();
	w.ledger.flags = 16;
	assert_int_equal(ingest_decode(&w, sizeof(w), &s), -EBADMSG);
	w = make_ledger();
	w.ledger.unsent_count = UINT32_MAX + 1ull;
	assert_int_equal(ingest_decode(&w, sizeof(w), &s), -EBADMSG);
}

static void test_waker(void **state)
{
	struct waiting w = {.event = {.kind = WIRE_WAKER, .n_kernel = 1, .tid = 11}};
	struct sample s;

	(void)state;
	w.waker = (struct wire_waker){.begin_mono_ns = 900, .tid = 12};
	w.words[sizeof(w.waker) / 8] = 0xffffffff81000010;
	check_sizes(&w, sizeof(w.event) + sizeof(w.waker) + 8, &s);
	assert_int_equal(s.waker.tid, 12);
	assert_int_equal(s.waker.begin_mono_ns, 900);
	w.waker.in_interrupt = 2;
	assert_int_equal(ingest_decode(&w, sizeof(w), &s), -EBADMSG);
}

/* Records one after the other, cut anywhere. */
static void test_io(void **state)
{
	const uint64_t most = INGEST_IO_MAX, weighted = most << INGEST_WEIGHT_MAX;
	const struct {
		struct wire_io io;
		uint64_t value;
		int r;
	} cases[] = {
		{{.op = WIRE_IO_OP_READ, .total_ns = 70, .weight_log2 = 3}, 560, 0},
		{{.op = WIRE_IO_OP_READ, .total_ns = 70, .weight_log2 = 3}, 70, -EBADMSG},
		{{.op = WIRE_IO_OP_READ, .total_ns = WIRE_IO_UNKNOWN, .weight_log2 = 3}, 0, 0},
		{{.op = WIRE_IO_OP_READ, .total_ns = WIRE_IO_UNKNOWN}, 1, -EBADMSG},
		{{.op = WIRE_IO_OP_NONE}, 0, -EBADMSG},
		{{.op = WIRE_IO_OP_MAX}, 0, -EBADMSG},
		{{.op = 1, .total_ns = most, .weight_log2 = INGEST_WEIGHT_MAX}, weighted, 0},
		{{.op = 1, .weight_log2 = INGEST_WEIGHT_MAX + 1}, 0, -EBADMSG},
		{{.op = 1, .total_ns = most + 1}, most + 1, -EBADMSG},
		{{.op = 1, .bytes = INGEST_IO_MAX}, 0, 0},
		{{.op = 1, .bytes = INGEST_IO_MAX + 1}, 0, -EBADMSG},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct waiting w = {.event = {.kind = WIRE_IO, .value = cases[i].value}};
		struct sample s;

		w.io = cases[i].io;
		memset(w.io.name, 'x', sizeof(w.io.name));
		assert_int_equal(ingest_decode(&w, sizeof(w.event) + sizeof(w.io), &s), cases[i].r);
		assert_int_equal(ingest_decode(&w, sizeof(w.event) + sizeof(w.io) - 1, &s),
				 -EBADMSG);
		if (cases[i].r == 0)
			assert_int_equal(strlen(s.io.name), sizeof(s.io.name) - 1);
	}
}

static void test_stream(void **state)
{
	struct waiting w = make_ledger();
	size_t whole = sizeof(w.event) + sizeof(w.ledger) + 8, length;

	(void)state;
	for (size_t size = 0; size < whole; size++) {
		assert_int_equal(ingest_length(&w, size, &length), 0);
		assert_int_equal(length, 0);
	}
	assert_int_equal(ingest_length(&w, whole + 100, &length), 0);
	assert_int_equal(length, whole);
	w.event.n_kernel = WIRE_KERNEL_FRAMES_MAX + 1;
	assert_int_equal(ingest_length(&w, whole, &length), -EBADMSG);
	w.event.kind = WIRE_KIND_MAX;
	assert_int_equal(ingest_length(&w, whole, &length), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_fields),   cmocka_unit_test(test_wrong_sizes),
		cmocka_unit_test(test_wrong_fields), cmocka_unit_test(test_deepest),
		cmocka_unit_test(test_wait),	     cmocka_unit_test(test_wrong_waits),
		cmocka_unit_test(test_ledger),	     cmocka_unit_test(test_waker),
		cmocka_unit_test(test_stream),	     cmocka_unit_test(test_io),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
