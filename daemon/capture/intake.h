/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * intake.h - what the kernel sends, in the order in which it happened: samples and side-band
 * records are taken out of their rings, held for a moment, and given on by time.
 *
 * Records of the side-band go to the process and cgroup tables, samples to whoever fills the
 * bucket. What must not wait is done when a sample comes in: reading a process that may be gone
 * when it is the sample's turn.
 */
#ifndef PROFD_INTAKE_H
#define PROFD_INTAKE_H

#include "capture/attribution.h"
#include "capture/sideband.h"
#include "process/cgroup.h"

/* How long a record is held for older ones of other rings. The side-band is read whole before the
 * samples, so it bounds only how far a record's time may lie before its writing. */
#define INTAKE_HOLD_NS 100000000ull

struct intake;

struct intake_parts {
	struct attribution *attribution;
	struct process_table *processes;
	struct cgroups *cgroups;
	/* Called for each sample, by time; < 0 ends the delivery with that error. */
	int (*sample)(void *ctx, const struct sample *sample);
	void *ctx;
};

struct intake_counters {
	uint64_t n_malformed; /* records of either ring that cannot be decoded */
	uint64_t n_refused;   /* samples for which there was no memory */
	uint64_t refused_ns;
	uint64_t n_cpus_missed;	  /* times that a CPU's side-band could not be opened */
	uint64_t n_sideband_lost; /* records that the kernel had no room for */
	uint64_t n_early;	  /* given on before their time for want of memory */
};

int intake_new(const struct intake_parts *parts, struct intake **ret);
struct intake *intake_free(struct intake *intake);
DEFINE_CLEANUP(struct intake *, intake_free);

/* Rings of CPUs are added to it and removed from it. Lives as long as the intake. */
struct sideband *intake_sideband(struct intake *intake);

/* Until when records may be taken out of the collectors' ring; 0 = as long as there are any. */
void intake_set_deadline(struct intake *intake, uint64_t deadline_mono_ns);
/* A record of the collectors' ring; the `record` of struct collector_options, `ctx` the intake.
 * Returns 0, or -ECANCELED behind this record when the deadline has passed or no more is to be
 * held: what finds no room in the ring then is counted there. */
int intake_record(void *ctx, void *record, size_t size);

/*
 * A record that came by another way than the ring, to be given on at a time that is not its own:
 * those of a pass, with the bucket that ends there; a stack of a wait that goes on, before what
 * the pass says of it (`late` of struct sample then). Returns 0; -EBADMSG, counted; or
 * -ENOMEM when too much is held, which the caller counts. That does not happen to who puts less
 * than INTAKE_PUT_BYTES at a time, and gives on what can be given on when intake_is_half_full().
 */
#define INTAKE_PUT_BYTES (2u << 20)
int intake_put(struct intake *intake, uint64_t mono_ns, const void *record, size_t size);
bool intake_is_half_full(const struct intake *intake);

/* Time of the sample that was taken out last: what is still in the ring is not much older. */
uint64_t intake_newest_mono_ns(const struct intake *intake);

/* Gives nothing on any more: what is held, and samples that come, are counted as refused. For the
 * end, when there is no time left. */
void intake_discard(struct intake *intake);

/* Takes the side-band's rings out, unless too much is held. */
void intake_read_sideband(struct intake *intake);

/*
 * Gives on what happened until `until_mono_ns`; both kinds of rings were read after that time, or
 * order is lost. Returns 0; 1 when `deadline_mono_ns` passed before the end (0 = none); < 0 from
 * the sample handler.
 */
int intake_deliver(struct intake *intake, uint64_t until_mono_ns, uint64_t deadline_mono_ns);

struct intake_counters intake_counters(const struct intake *intake);

#endif
