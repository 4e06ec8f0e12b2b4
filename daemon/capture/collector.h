/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * collector.h - the collectors: BPF programs with what drives them, and the ring they all fill.
 *
 * A collector is probed before anything is loaded, so that what is missing is said in words. The
 * first one, CPU, is what profd cannot do without; the ones to come may fail alone.
 */
#ifndef PROFD_COLLECTOR_H
#define PROFD_COLLECTOR_H

#include "capture/blockio_programs.h"
#include "capture/offcpu_programs.h"
#include "capture/online_cpus.h"
#include "capture/perf_opener.h"
#include "cleanup.h"
#include "wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COLLECTOR_ERROR_MAX 512

struct collectors;

struct collector_options {
	uint32_t frequency_hz;
	uint32_t user_frames_max;   /* of a sample */
	uint32_t unwind_budget_mb;  /* of the walker's tables */
	bool safe_mode;		    /* user memory is not read: the leaf is all of a user stack */
	bool offcpu;		    /* also waits and the ledger, as far as the kernel can */
	bool wakers;		    /* who ended a wait */
	uint32_t wait_stacks_per_s; /* of waits, per CPU, about */
	bool blockio;		    /* also block I/O, as far as the kernel can */
	uint32_t io_stacks_per_s;   /* likewise */
	struct perf_opener *perf_opener; /* has to outlive the collectors */
	const struct cpu_list *online;	 /* CPUs at the start; used by collectors_new() alone */
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

/* The sentence for an error of perf_opener_event(), which it returns. */
int collectors_perf_error(int r, struct collector_error *error);

/* The maps of bpf/unwind.bpf.h, the collectors' own. */
struct collector_unwind_fds {
	int slabs, files, processes;
};
struct collector_unwind_fds collectors_unwind_fds(const struct collectors *collectors);

/* The programs for waits and the ledger; NULL when they are off or not to be had here. */
struct offcpu_programs *collectors_offcpu(const struct collectors *collectors);
/* Why they are not to be had, "" otherwise. */
const char *collectors_offcpu_refusal(const struct collectors *collectors);

/* The same for block I/O. */
struct blockio_programs *collectors_blockio(const struct collectors *collectors);
const char *collectors_blockio_refusal(const struct collectors *collectors);

/* Loads the programs with the smallest ring and unloads them again; needs no perf event. Returns 0
 * or negative errno with a text. */
int collectors_try_load(struct collector_error *error);

/* From now on samples come. */
int collectors_attach(struct collectors *collectors, struct collector_error *error);

/* Samples the CPUs that came online, forgets those that went; to be called once a second
 * (cpu_ticks_follow()). */
void collectors_follow_cpus(struct collectors *collectors, const struct cpu_list *online);
/* Seconds, of all CPUs together, that one was online and could not be sampled. */
uint64_t collectors_cpu_seconds_missed(const struct collectors *collectors);
/* CPUs that went offline and came back between two calls, ever. */
uint64_t collectors_cpus_revived(const struct collectors *collectors);

/* Another rate from now on. Each sample carries what it stands for, so no window is biased by it.
 * Returns 0, or an error of perf_opener_event(), and then the rate is what it was. */
int collectors_set_frequency(struct collectors *collectors, uint32_t frequency_hz);

/* No sample comes any more; those in the ring are still to be consumed. */
void collectors_detach(struct collectors *collectors);

/* Readable when a sample must be taken now; others wait for the next collectors_consume(). */
int collectors_fd(const struct collectors *collectors);
/* Hands over the records in the ring. Returns 0, 1 when it was cancelled, or negative errno. */
int collectors_consume(struct collectors *collectors);

/* Drops since the start, summed over the CPUs. */
int collectors_drops(const struct collectors *collectors, struct wire_drops *ret);

/* CPUs that are sampled at the moment. */
uint32_t collectors_n_cpus(const struct collectors *collectors);
uint64_t collectors_period_ns(const struct collectors *collectors);

#endif
