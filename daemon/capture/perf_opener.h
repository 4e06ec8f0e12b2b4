/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf_opener.h - perf events and BPF run-time statistics for a profd that has given CAP_SYS_ADMIN
 * up: asks the child that kept it (perf_server.h).
 *
 * Where profd had no such capability to begin with there is no child, and the calls are made here.
 */
#ifndef PROFD_PERF_OPENER_H
#define PROFD_PERF_OPENER_H

#include "capture/perf_events.h"
#include "cleanup.h"

#include <sys/types.h>

struct perf_opener;

/*
 * Forks the child if this process has CAP_SYS_ADMIN: to be called before anything that the child
 * must not have is opened, and before the first thread is started. Returns 0 or negative errno of
 * socketpair(2), fork(2) and of reading the number of CPUs.
 */
int perf_opener_new(struct perf_opener **ret);

/* Closes the socket, which ends the child, and waits for it for a second at most; a child that
 * hangs is killed. Accepts NULL; returns NULL. */
struct perf_opener *perf_opener_free(struct perf_opener *opener);
DEFINE_CLEANUP(struct perf_opener *, perf_opener_free);

/*
 * A perf event as perf_event_open_on() opens it. Returns a descriptor (close on exec) or its
 * errors, and: -EINVAL a CPU that is not possible or a period that the configuration does not
 * allow; -ETIMEDOUT the child did not answer within a second; -EPIPE it is gone, or did not answer
 * before.
 */
int perf_opener_event(struct perf_opener *opener, enum perf_event_kind kind, int cpu,
		      uint64_t period_ns);

/* A descriptor; while it is open, the kernel counts the run time of all BPF programs. Errors:
 * -EPERM without CAP_SYS_ADMIN, -EINVAL before Linux 5.8, and those of the child. */
int perf_opener_stats(struct perf_opener *opener);

/* The child, or 0 when there is none. */
pid_t perf_opener_pid(const struct perf_opener *opener);

#endif
