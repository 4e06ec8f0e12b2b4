/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger_pass.h - one pass over all threads of the machine: the records of a BPF iterator, read in
 * pieces so that the event loop turns meanwhile.
 *
 * A pass is about the time until its boundary, at which a bucket ends. It knows neither buckets nor
 * what is in a record; whoever takes them gives them their time.
 */
#ifndef PROFD_LEDGER_PASS_H
#define PROFD_LEDGER_PASS_H

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A record is smaller, and so is what the kernel gives at a time (kernel/bpf/bpf_iter.c,
 * bpf_seq_read(): eight pages). */
#define LEDGER_PASS_BYTES 65536

struct ledger_pass;

struct ledger_pass_parts {
	/* A new iterator's descriptor, which the pass closes, or negative errno. */
	int (*open)(void *ctx);
	/* Each record; `boundary_mono_ns` is its pass's. Returns whether to go on: false when no
	 * more can be taken than is on its way already (LEDGER_PASS_BYTES). */
	bool (*record)(void *ctx, void *record, size_t size, uint64_t boundary_mono_ns);
	void *ctx;
};

struct ledger_pass_counters {
	uint64_t n_passes, n_failed; /* begun and come to their end; begun and not */
	uint64_t n_records;
	uint64_t last_ns, max_ns; /* time of the loop that a pass took */
};

int ledger_pass_new(const struct ledger_pass_parts *parts, struct ledger_pass **ret);
struct ledger_pass *ledger_pass_free(struct ledger_pass *pass);
DEFINE_CLEANUP(struct ledger_pass *, ledger_pass_free);

/* Begins a pass; one that is under way is given up and has failed. Returns 0 or negative errno,
 * counted. */
int ledger_pass_begin(struct ledger_pass *pass, uint64_t boundary_mono_ns);

/* Gives up the pass that is under way, if there is one: it has failed. */
void ledger_pass_cancel(struct ledger_pass *pass);

/* The boundary of the pass that is under way; 0: there is none. */
uint64_t ledger_pass_boundary(const struct ledger_pass *pass);

/* Reads on for about that time, or until no more can be taken. Returns 1 when there is more, 0 at
 * the end (or without a pass), or negative errno, counted: the pass is over then as well. */
int ledger_pass_read(struct ledger_pass *pass, uint64_t at_most_ns);

const struct ledger_pass_counters *ledger_pass_counters(const struct ledger_pass *pass);

#endif
