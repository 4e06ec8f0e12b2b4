/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_rows.h - what waits and the ledger are worth: their records, by time, into the bucket.
 *
 * Stands beside attribution.h, which does the same with samples of the CPUs and lends its pieces.
 */
#ifndef PROFD_WAIT_ROWS_H
#define PROFD_WAIT_ROWS_H

#include "capture/attribution.h"
#include "capture/waits.h"

struct wait_rows;

struct wait_rows_counters {
	uint64_t n_records;
	uint64_t n_stacks;	      /* WIRE_WAIT_BEGIN among them */
	uint64_t n_begin_lost;	      /* drawn waits without the stack that was taken for them */
	uint64_t n_waker_lost;	      /* wakers of waits that had ended */
	uint64_t n_ledger_refused;    /* records of the ledger that found no room in the bucket */
	uint64_t n_ledger_folded;     /* threads that ended and share a row with others */
	uint64_t n_unsent, unsent_ns; /* exact waits that are counted without their stack */
};

/* `attribution` is borrowed. */
int wait_rows_new(struct attribution *attribution, struct wait_rows **ret);
struct wait_rows *wait_rows_free(struct wait_rows *rows);
DEFINE_CLEANUP(struct wait_rows *, wait_rows_free);

/* A pass over all threads: it is about the time until its boundary, at which a bucket ended, and
 * was read a little later, up to `until_mono_ns`. All 0: there was none, or it failed. */
struct wait_pass {
	uint64_t boundary_mono_ns, until_mono_ns;
};

/*
 * Whether what a record of the ring says belongs before the pass's boundary, although it comes
 * after it: of a thread the pass says what it did until the pass came to it, and so the ledger of
 * the bucket that ended there has waits that ended meanwhile, too; or it had a last record of the
 * ring's instead, when the thread was no more. Rows and ledger of a bucket agree by this. (They do
 * but for what happens in the very moment that the pass reads a thread in.)
 */
bool wait_rows_is_before(const struct sample *sample, const struct wait_pass *pass);

/* The bucket being filled, and since when it is: what is charged of a wait is not older. */
struct wait_bucket {
	struct bucket *bucket;
	uint64_t begin_mono_ns;
};

/*
 * Adds a record of any kind but WIRE_CPU to the bucket of its time, or counts why not:
 *
 * WIRE_WAIT_BEGIN is kept until the wait ends; nothing is added. WIRE_WAIT_END is a row
 * SAMPLE_OFFCPU of what was not charged yet and a row SAMPLE_RUNQ, each weighted and with the class
 * of wait_class.h; and SAMPLE_WAKER when WIRE_WAKER had come. WIRE_LEDGER is a row of the ledger;
 * what a wait that goes on has of the bucket is a row, or held when it is all of it and the stack
 * is the one of the charge before. A pass comes a little after the bucket's end and charges until
 * then: the difference is carried to the next bucket, so that each has its part and the sum is the
 * wait.
 */
void wait_rows_add(struct wait_rows *rows, const struct sample *sample, uint64_t now_mono_ns,
		   const struct wait_bucket *bucket);

/* All threads were passed over, and what was said of them was added: waits that began before that
 * time and are not among those that go on are forgotten. */
void wait_rows_passed(struct wait_rows *rows, uint64_t before_mono_ns);

uint32_t wait_rows_n_open(const struct wait_rows *rows);
const struct waits_counters *wait_rows_waits(const struct wait_rows *rows);
const struct wait_rows_counters *wait_rows_counters(const struct wait_rows *rows);

#endif
