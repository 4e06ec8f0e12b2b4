/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * collector.h - the collectors: BPF programs with what drives them, and the ring they all fill.
 *
 * A collector is probed before anything is loaded, so that what is missing is said in words. The
 * first one, CPU, is what profd cannot do without; the ones to come may fail alone.
 */
#ifndef PROFD_COLLECTOR_H
#define PROFD_COLLECTOR_H

#include "cleanup.h"
#include "wire.h"

#include <stddef.h>
#include <stdint.h>

#define COLLECTOR_ERROR_MAX 512

struct collectors;

struct collector_options {
	uint32_t frequency_hz;
	/* Called for each record by collectors_consume(). -ECANCELED ends the consuming behind this
	 * record, the rest stays for the next time; another error ends it as well. */
	int (*record)(void *ctx, void *record, size_t size);
	void *ctx;
};

struct collector_error {
	char text[COLLECTOR_ERROR_MAX]; /* what is missing, and what to do */
};

/* Probes and loads, but does not sample yet. Returns 0 or negative errno with a text. */
int collectors_new(const struct collector_options *options, struct collectors **ret,
		   struct collector_error *error);
struct collectors *collectors_free(struct collectors *collectors);
DEFINE_CLEANUP(struct collectors *, collectors_free);

/* From now on samples come. */
int collectors_attach(struct collectors *collectors, struct collector_error *error);

/* Readable when a sample must be taken now; others wait for the next collectors_consume(). */
int collectors_fd(const struct collectors *collectors);
/* Hands over the records in the ring. Returns 0, 1 when it was cancelled, or negative errno. */
int collectors_consume(struct collectors *collectors);

/* Drops since the start, summed over the CPUs. */
int collectors_drops(const struct collectors *collectors, struct wire_drops *ret);

uint32_t collectors_n_cpus(const struct collectors *collectors);
uint64_t collectors_period_ns(const struct collectors *collectors);

#endif
