// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_ledger_pass.c - a pass read in pieces, from a pipe in place of the kernel's iterator.
 */
#include "capture/ledger_pass.h"

#include "capture/ingest.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LONG_NS 10000000000ull

struct record {
	struct sample_event event;
	struct wire_ledger ledger;
	uint64_t words[3];
};

struct kernel {
	struct ledger_pass *pass;
	int pipe[2]; /* [0] is the pass's once it is begun */
	int open_error;
	uint32_t n;
	uint64_t boundary_ns;
	size_t last_size;
};

static int open_pipe(void *ctx)
{
	struct kernel *k = ctx;

	return k->open_error ? k->open_error : take_fd(&k->pipe[0]);
}

static bool take(void *ctx, void *record, size_t size, uint64_t boundary_ns)
{
	struct kernel *k = ctx;
	struct sample_event event;

	assert_int_equal(ingest_head(record, size, &event), 0);
	assert_int_equal(event.tid, ++k->n);
	k->boundary_ns = boundary_ns;
	k->last_size = size;
	return true;
}

static int setup(void **state)
{
	struct kernel *k = calloc(1, sizeof(*k));

	*state = k;
	if (!k || pipe2(k->pipe, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	return ledger_pass_new(
		&(struct ledger_pass_parts){.open = open_pipe, .record = take, .ctx = k}, &k->pass);
}

static int teardown(void **state)
{
	struct kernel *k = *state;

	ledger_pass_free(k->pass);
	close_p(&k->pipe[0]);
	close_p(&k->pipe[1]);
	free(k);
	return 0;
}

static struct record make_record(uint32_t tid)
{
	return (struct record){
		.event = {.kind = WIRE_LEDGER, .n_kernel = (uint16_t)(tid % 4), .tid = tid},
		.ledger.elapsed_ns = 1};
}

static size_t size_of(const struct record *record)
{
	return offsetof(struct record, words) + record->event.n_kernel * sizeof(uint64_t);
}

static void send(const struct kernel *k, const void *bytes, size_t size)
{
	assert_int_equal(write(k->pipe[1], bytes, size), size);
}

static void test_whole_pass(void **state)
{
	struct kernel *k = *state;

	assert_int_equal(ledger_pass_boundary(k->pass), 0);
	assert_int_equal(ledger_pass_read(k->pass, LONG_NS), 0);
	assert_int_equal(ledger_pass_begin(k->pass, 77), 0);
	assert_int_equal(ledger_pass_boundary(k->pass), 77);
	for (uint32_t tid = 1; tid <= 100; tid++) {
		struct record record = make_record(tid);

		send(k, &record, size_of(&record));
	}
	assert_int_equal(ledger_pass_read(k->pass, 0), 1); /* one reading */
	assert_int_equal(k->n, 100);
	assert_int_equal(k->boundary_ns, 77);
	close_p(&k->pipe[1]);
	k->pipe[1] = -1;
	assert_int_equal(ledger_pass_read(k->pass, LONG_NS), 0);
	assert_int_equal(ledger_pass_boundary(k->pass), 0);
	assert_int_equal(ledger_pass_counters(k->pass)->n_passes, 1);
	assert_int_equal(ledger_pass_counters(k->pass)->n_records, 100);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 0);
}

/* What is given up is counted, once. */
static void test_given_up(void **state)
{
	struct kernel *k = *state;

	ledger_pass_cancel(k->pass);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 0);
	assert_int_equal(ledger_pass_begin(k->pass, 77), 0);
	ledger_pass_cancel(k->pass);
	assert_int_equal(ledger_pass_boundary(k->pass), 0);
	assert_int_equal(ledger_pass_read(k->pass, LONG_NS), 0);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 1);
	assert_int_equal(ledger_pass_counters(k->pass)->n_passes, 0);
}

/* Cut at every byte, a record comes once and whole. */
static void test_cut_records(void **state)
{
	struct kernel *k = *state;
	struct record record = make_record(3);
	size_t size = size_of(&record);

	assert_int_equal(ledger_pass_begin(k->pass, 1), 0);
	k->n = 2;
	for (size_t at = 0; at < size; at++) {
		assert_int_equal(k->n, 2);
		send(k, (const char *)&record + at, 1);
		assert_int_equal(ledger_pass_read(k->pass, 0), 1);
	}
	assert_int_equal(k->n, 3);
	assert_int_equal(k->last_size, size);
}

/* One that ends in the middle of a record, or has garbage, fails, and the next one may come. */
static void test_failures(void **state)
{
	struct kernel *k = *state;
	struct record record = make_record(1);

	assert_int_equal(ledger_pass_begin(k->pass, 1), 0);
	send(k, &record, size_of(&record) - 1);
	close_p(&k->pipe[1]);
	assert_int_equal(ledger_pass_read(k->pass, LONG_NS), -EBADMSG);
	assert_int_equal(ledger_pass_boundary(k->pass), 0);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 1);

	assert_int_equal(pipe2(k->pipe, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ledger_pass_begin(k->pass, 2), 0);
	record.event.kind = WIRE_KIND_MAX;
	send(k, &record, size_of(&record));
	assert_int_equal(ledger_pass_read(k->pass, LONG_NS), -EBADMSG);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 2);

	k->open_error = -EMFILE;
	assert_int_equal(ledger_pass_begin(k->pass, 3), -EMFILE);
	assert_int_equal(ledger_pass_boundary(k->pass), 0);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 3);
	assert_int_equal(k->n, 0);
}

/* What was left of a pass that is given up is not taken for the next one's. */
static void test_begun_anew(void **state)
{
	struct kernel *k = *state;
	struct record record = make_record(1);
	int second[2];

	assert_int_equal(pipe2(second, O_CLOEXEC | O_NONBLOCK), 0);
	assert_int_equal(ledger_pass_begin(k->pass, 1), 0);
	send(k, &record, size_of(&record) - 1);
	assert_int_equal(ledger_pass_read(k->pass, 0), 1);
	close_p(&k->pipe[1]);
	k->pipe[0] = second[0];
	k->pipe[1] = second[1];
	assert_int_equal(ledger_pass_begin(k->pass, 2), 0);
	assert_int_equal(ledger_pass_counters(k->pass)->n_failed, 1);
	send(k, &record, size_of(&record));
	assert_int_equal(ledger_pass_read(k->pass, 0), 1);
	assert_int_equal(k->n, 1);
	assert_int_equal(k->boundary_ns, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_whole_pass, setup, teardown),
		cmocka_unit_test_setup_teardown(test_given_up, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failures, setup, teardown),
		cmocka_unit_test_setup_teardown(test_begun_anew, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
