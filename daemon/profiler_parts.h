/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profiler_parts.h - the parts of the pipeline, for the files that put them together (profiler.c),
 * drive them (profiler_run.c, profiler_offcpu.c, profiler_blockio.c) and answer for them
 * (profiler_control.c). Private to these.
 */
#ifndef PROFD_PROFILER_PARTS_H
#define PROFD_PROFILER_PARTS_H

#include "bucket_cycle.h"
#include "capture/collector.h"
#include "capture/intake.h"
#include "capture/io_rows.h"
#include "capture/io_totals.h"
#include "capture/ledger_pass.h"
#include "capture/long_waits.h"
#include "capture/online_cpus.h"
#include "capture/wait_rows.h"
#include "control.h"
#include "crash_guard.h"
#include "flush_queue.h"
#include "process/unwind_feed.h"
#include "profiler.h"
#include "service.h"
#include "symbols/rows_client.h"

#define BOOT_ID_MAX 64

/* What waits and the ledger need beside the ring; profiler_offcpu.c's own. */
struct profiler_passes {
	struct ledger_pass *pass;
	struct long_waits *stacks;
	struct event_source timer_source; /* at the end of the open bucket */
	struct event_source stacks_source;
	bool on;
	uint64_t armed_ns;	  /* the timer, CLOCK_MONOTONIC; 0 = not */
	uint64_t done_ns;	  /* boundary of the last pass, also of one that failed */
	uint64_t before_ns;	  /* of the one before */
	struct wait_pass last;	  /* the last one that came to its end */
	struct clock_reading cut; /* for a bucket that is to be cut: the boundary of its pass; who
				     cuts it sets it to 0 again */
	size_t read_bytes;	  /* of the pass, since something was given on */
	uint64_t n_rows_lost;	  /* records for which there was no memory */
	uint64_t n_stacks_lost;	  /* of long waits, likewise */
	bool swept;		  /* waits that the last pass did not see are forgotten */
};

struct profiler {
	struct config config;
	char boot_id[BOOT_ID_MAX];
	struct event_loop loop;
	struct event_source ring_source, sideband_source, timer_source, resolver_source,
		rows_source, feed_source, opener_source, control_source;
	struct perf_opener *perf_opener; /* borrowed */
	struct online_cpus *online;
	struct collectors *collectors;
	struct resolver_program resolver_program;
	struct resolver_client *resolver;
	struct rows_client *rows;
	struct opener *opener;
	struct symbolize *symbolize;
	struct files *files;
	struct process_table *processes;
	struct unwind_feed *unwind;
	struct cgroups *cgroups;
	struct attribution *attribution;
	struct wait_rows *wait_rows;
	struct io_devices *io_devices;
	struct io_rows *io_rows;
	struct io_totals *io_totals;
	uint64_t n_io_rows_lost; /* entries of it that the bucket refused */
	struct intake *intake;
	struct profiler_passes passes;
	struct writer *writer;
	struct bucket_cycle *cycle;
	struct control *control; /* NULL: none could be made */
	struct flush_queue flushes;
	struct service service;
	uint64_t since_real_ns; /* when sampling began */
	struct crash_guard guard;
	bool safe_mode;
	uint64_t guarded_until_ns; /* CLOCK_MONOTONIC: the host is up for long enough; 0 = it is */
	uint64_t n_ticks;
	bool follows_processes; /* by the side-band */
	uint64_t n_revived;	/* CPUs that went and came unseen, as far as the side-band knows */
};

/* Callbacks of the event loop and of the parts. */
int profiler_on_ring(struct event_source *source);
int profiler_on_sideband(struct event_source *source);
int profiler_on_tick(struct event_source *source);
int profiler_on_resolver(struct event_source *source);
int profiler_on_feed(struct event_source *source);
int profiler_on_rows(struct event_source *source);
int profiler_on_opener(struct event_source *source);
int profiler_on_control(struct event_source *source);
int profiler_on_sample(void *ctx, const struct sample *sample);
void profiler_describe(void *ctx, struct bucket_head *head);
void profiler_complete(void *ctx, struct bucket *bucket);
void profiler_count(void *ctx, struct losses *losses);

/* Takes in what was sampled until that time; 1 when that takes longer than a moment. */
int profiler_take_in(struct profiler *p, uint64_t until_mono_ns);

/* Makes the parts that passes need, and adds their sources to the loop. */
int profiler_passes_init(struct profiler *p);
void profiler_passes_done(struct profiler *p);
/* From now on there is a pass at each bucket's end; a first one was read when the programs were
 * attached, and the ones to come count from it. */
void profiler_passes_begin(struct profiler *p);
/* Until when samples may be given on: not beyond a bucket's end before its pass is read. */
uint64_t profiler_passes_limit(const struct profiler *p, uint64_t until_mono_ns);
/* What is to be done now and then; samples were given on until that time. */
void profiler_passes_keep(struct profiler *p, uint64_t until_mono_ns);
/* A pass for a bucket that ends now, before its time: 1 while it is being read, then 0. -EAGAIN:
 * another pass or bucket ends first, ask again later; other errors are those of what is given on.
 */
int profiler_passes_cut(struct profiler *p);
/* The last pass, read to its end. */
void profiler_passes_end(struct profiler *p);
void profiler_passes_count(const struct profiler *p, struct losses *losses);

/* Of block I/O (profiler_blockio.c). */
void profiler_io_count(const struct profiler *p, struct losses *losses);

/* Listens on the control socket; without one profd goes on. */
void profiler_listen(struct profiler *p);
/* Cuts the open bucket when that is asked for, and answers who asked; to be called by the tick.
 * Returns 0, 1 as profiler_take_in() does, or negative errno. */
int profiler_flush(struct profiler *p);

uint64_t profiler_clock_ns(clockid_t clock);
__attribute__((format(printf, 3, 4))) int profiler_fail(struct profiler_error *error, int r,
							const char *format, ...);

#endif
