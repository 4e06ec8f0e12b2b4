/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attribution.h - whose sample it is and where its stack lies: struct sample into the bucket.
 *
 * Here the ways of a sample meet: process and mappings turn addresses into locations, symbolize is
 * asked for their names, and the bucket takes the row.
 */
#ifndef PROFD_ATTRIBUTION_H
#define PROFD_ATTRIBUTION_H

#include "capture/stack_places.h"
#include "filter.h"
#include "process/cgroup.h"

struct attribution;

struct attribution_counters {
	uint64_t n_samples;
	uint64_t n_filtered, filtered_ns; /* not wanted, by the filter */
	uint64_t n_refused, refused_ns;	  /* no room in the bucket, or no memory */
	uint64_t n_process_gone;  /* samples of processes that ended before they were read */
	uint64_t n_late_names;	  /* locations whose name came after their bucket */
	uint64_t n_pending_names; /* locations without an answer when their bucket closed */
};

/* All are borrowed. */
int attribution_new(struct symbolize *symbolize, struct process_table *processes,
		    struct cgroups *cgroups, struct attribution **ret);
struct attribution *attribution_free(struct attribution *attribution);
DEFINE_CLEANUP(struct attribution *, attribution_free);

/* Which samples are not to be kept, from now on; copied. */
void attribution_set_filter(struct attribution *attribution, const struct filter *filter);

/* A sample has come whose turn it is not yet: process and cgroup are looked at while they live. */
void attribution_look_ahead(struct attribution *attribution, const struct sample_event *event,
			    uint64_t now_mono_ns);

/* Adds the sample of a CPU to the bucket, or counts why not. */
void attribution_add(struct attribution *attribution, const struct sample *sample,
		     uint64_t now_mono_ns, struct bucket *bucket);

/* ---- the pieces of that, for samples that are more than one row (wait_rows.h) ---- */

/* Whether the filter keeps what that thread does; the caller counts. */
bool attribution_passes(struct attribution *attribution, const struct sample *sample,
			uint64_t now_mono_ns);
/* Count what the filter did not want, and what found no room. */
void attribution_filtered(struct attribution *attribution, uint64_t value_ns);
void attribution_refused(struct attribution *attribution, uint64_t value_ns);

struct attribution_thread {
	uint32_t series;
	const char *exe; /* "" unknown; valid until the next call */
	bool has_memory; /* or had it, until it ended: it is no kernel thread */
	bool is_folded;	 /* the series is not the thread's own */
};

/*
 * The series of the sample's thread. Errors: of bucket_series(); -ENOSPC, no room for the process.
 *
 * Threads that came and went must not take the room of those that live. Beyond ATTRIBUTION_CROWDED
 * series what a thread did until its end (WIRE_LEDGER with WIRE_LEDGER_ENDED) has no new one of its
 * own, but shares one with others of its process: thread 0, ATTRIBUTION_ENDED_THREADS. A main
 * thread shares one with others of its cgroup: process 0, ATTRIBUTION_ENDED_PROCESSES; and so does,
 * beyond ATTRIBUTION_FULL, what would be the first of its process. So sums stay what they are, for
 * processes (but those that ended) and units.
 */
#define ATTRIBUTION_CROWDED	    (BUCKET_SERIES_MAX / 4 * 3)
#define ATTRIBUTION_FULL	    (BUCKET_SERIES_MAX / 8 * 7)
#define ATTRIBUTION_ENDED_THREADS   "[ended threads]"
#define ATTRIBUTION_ENDED_PROCESSES "[ended processes]"
int attribution_series(struct attribution *attribution, const struct sample *sample,
		       uint64_t now_mono_ns, struct bucket *bucket, struct attribution_thread *ret);
/* Where the sample's stack lies, and the path of its program; both valid until the next call.
 * -ENOSPC as above. */
int attribution_places(struct attribution *attribution, const struct sample *sample,
		       uint64_t now_mono_ns, const struct stack_places **ret, const char **ret_exe);
/* The stack of these places in the bucket, with location `label` (0 = none) outermost. */
int attribution_stack(struct attribution *attribution, const struct stack_place *places, uint32_t n,
		      uint32_t label, struct bucket *bucket, uint32_t *ret);

/*
 * Finishes the bucket: names what has a name by now, and adds names that came too late for the
 * bucket before. Returns 0 or -ENOMEM.
 */
int attribution_finish(struct attribution *attribution, struct bucket *bucket,
		       const struct bucket_head *head);

const struct attribution_counters *attribution_counters(const struct attribution *attribution);

#endif
