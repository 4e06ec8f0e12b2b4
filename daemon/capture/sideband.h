/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sideband.h - what the kernel tells of processes: a ring per CPU of mmap, comm, fork, exit and
 * cgroup records, from a perf event that counts nothing.
 *
 * The kernel writes a record before the process goes on, so that what is read after a moment holds
 * all that happened before it. Owns the descriptors and their memory; whoever opens them
 * (perf_opener.h) gives them away.
 */
#ifndef PROFD_SIDEBAND_H
#define PROFD_SIDEBAND_H

#include "capture/online_cpus.h"
#include "capture/perf_opener.h"
#include "capture/sideband_record.h"
#include "cleanup.h"

struct sideband;

/* Called for each record; `bytes` is valid during the call. */
typedef void (*sideband_handler)(void *ctx, const struct sideband_record *record, const void *bytes,
				 size_t size);

int sideband_new(sideband_handler handler, void *ctx, struct sideband **ret);
struct sideband *sideband_free(struct sideband *sideband);
DEFINE_CLEANUP(struct sideband *, sideband_free);

/* Maps and enables the event of one CPU. The descriptor is closed on failure: -EBUSY when that CPU
 * has one, -ENOMEM, -errno of mmap(2) (-EPERM: kernel.perf_event_mlock_kb) and epoll_ctl(2). */
int sideband_add_cpu(struct sideband *sideband, int cpu, int take_fd);
/* Reads what is there and closes, when the CPU is gone; nothing when it has none. */
void sideband_remove_cpu(struct sideband *sideband, int cpu);
bool sideband_has_cpu(const struct sideband *sideband, int cpu);

/*
 * Opens the rings of CPUs that came online and closes those of CPUs that went; to be called once a
 * second. Returns how many were opened. One that cannot be is counted, said once, and tried again
 * with the next call.
 */
uint32_t sideband_follow_cpus(struct sideband *sideband, struct perf_opener *opener,
			      const struct cpu_list *online);

/* Readable when one of the rings is half full; others wait for the next sideband_read(). */
int sideband_fd(const struct sideband *sideband);
/* Hands over everything that was written before the call. */
void sideband_read(struct sideband *sideband);

struct sideband_counters {
	uint64_t n_malformed;	/* records that could not be decoded */
	uint64_t n_cpus_missed; /* times that a CPU that is online could not be followed */
};

const struct sideband_counters *sideband_counters(const struct sideband *sideband);

#endif
