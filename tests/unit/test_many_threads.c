// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_many_threads.c - a pass over so many threads that its records do not fit into what may be
 * held: they are given on between its pieces, each once and in order, however many there are, also
 * while samples of the time behind the boundary are held and cannot be given on.
 */
#include "capture/ingest.h"
#include "capture/intake.h"
#include "capture/ledger_pass.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LONG_NS	    1000000000000ull
#define BOUNDARY_NS 5000000000ull
#define N_THREADS   200000u
#define HELD_BYTES  (8u << 20) /* what intake.c holds at most */
#define STACK_WORDS 9

struct record {
	struct sample_event event;
	struct wire_ledger ledger;
	uint64_t words[STACK_WORDS];
};

struct machine {
	struct intake *intake;
	struct ledger_pass *pass;
	int fd; /* with all the records; the pass's once it is begun */
	uint32_t n_put, n_taken, n_refused, n_most;
	uint32_t n_behind; /* samples behind the boundary that came out */
};

static int open_records(void *ctx)
{
	struct machine *m = ctx;

	return take_fd(&m->fd);
}

static bool put(void *ctx, void *record, size_t size, uint64_t boundary_mono_ns)
{
	struct machine *m = ctx;

	m->n_put++;
	m->n_refused += intake_put(m->intake, boundary_mono_ns - 1, record, size) < 0;
	if (m->n_put - m->n_taken > m->n_most)
		m->n_most = m->n_put - m->n_taken;
	return !intake_is_half_full(m->intake);
}

static int take(void *ctx, const struct sample *sample)
{
	struct machine *m = ctx;

	if (sample->kind != WIRE_LEDGER) {
		m->n_behind++;
		return 0;
	}
	assert_int_equal(sample->tid, ++m->n_taken);
	assert_int_equal(sample->mono_ns, BOUNDARY_NS - 1);
	return 0;
}

static struct record make_record(uint32_t tid)
{
	return (struct record){.event = {.kind = WIRE_LEDGER, .n_kernel = STACK_WORDS, .tid = tid},
			       .ledger.elapsed_ns = 1};
}

static int setup(void **state)
{
	struct machine *m = calloc(1, sizeof(*m));
	const struct intake_parts parts = {.sample = take, .ctx = m};

	*state = m;
	if (!m || intake_new(&parts, &m->intake) < 0 ||
	    ledger_pass_new(
		    &(struct ledger_pass_parts){.open = open_records, .record = put, .ctx = m},
		    &m->pass) < 0)
		return -1;
	m->fd = memfd_create("records", MFD_CLOEXEC);
	for (uint32_t tid = 1; tid <= N_THREADS;) {
		struct record records[500];
		uint32_t n = 0;

		while (n < ARRAY_SIZE(records) && tid <= N_THREADS)
			records[n++] = make_record(tid++);
		if (write(m->fd, records, n * sizeof(*records)) != (ssize_t)(n * sizeof(*records)))
			return -1;
	}
	return lseek(m->fd, 0, SEEK_SET) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	struct machine *m = *state;

	ledger_pass_free(m->pass);
	intake_free(m->intake);
	close_p(&m->fd);
	free(m);
	return 0;
}

/* As profiler_offcpu.c does. */
static void read_all(struct machine *m)
{
	uint32_t n_readings = 0;
	int r;

	assert_int_equal(ledger_pass_begin(m->pass, BOUNDARY_NS), 0);
	do {
		uint32_t n_before = m->n_put;

		if (intake_is_half_full(m->intake))
			assert_int_equal(intake_deliver(m->intake, BOUNDARY_NS - 1, 0), 0);
		r = ledger_pass_read(m->pass, LONG_NS);
		assert_true(r >= 0);
		/* It goes on, whatever is held. */
		assert_true(r == 0 || m->n_put > n_before);
		n_readings++;
	} while (r > 0);
	assert_int_equal(intake_deliver(m->intake, BOUNDARY_NS - 1, 0), 0);
	assert_int_equal(m->n_put, N_THREADS);
	assert_int_equal(m->n_refused, 0);
	assert_int_equal(m->n_taken, N_THREADS);
	assert_int_equal(ledger_pass_counters(m->pass)->n_records, N_THREADS);
	assert_int_equal(ledger_pass_counters(m->pass)->n_passes, 1);
	/* Several times what may be held, and at no time more than that. */
	assert_true(N_THREADS * sizeof(struct record) > 6ull * HELD_BYTES);
	assert_true(m->n_most * sizeof(struct record) < HELD_BYTES);
	assert_true(n_readings > 6);
	assert_int_equal(intake_counters(m->intake).n_early, 0);
}

static void test_all_are_given_on(void **state)
{
	struct machine *m = *state;

	read_all(m);
	assert_int_equal(m->n_behind, 0);
}

/* More than half of what may be held is of the time behind the boundary. */
static void test_samples_behind_the_boundary(void **state)
{
	struct machine *m = *state;
	struct {
		struct sample_event event;
		uint64_t words[100];
	} sample = {.event = {.kind = WIRE_CPU, .n_user = 100, .value = 1}};
	uint32_t n = 0;

	while (!intake_is_half_full(m->intake)) {
		assert_int_equal(intake_put(m->intake, BOUNDARY_NS + n, &sample, sizeof(sample)),
				 0);
		n++;
	}
	read_all(m);
	assert_int_equal(m->n_behind, 0);
	assert_int_equal(intake_deliver(m->intake, UINT64_MAX, 0), 0);
	assert_int_equal(m->n_behind, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_are_given_on, setup, teardown),
		cmocka_unit_test_setup_teardown(test_samples_behind_the_boundary, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
