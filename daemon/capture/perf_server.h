/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perf_server.h - the child that keeps CAP_SYS_ADMIN, and what it can be asked for: a perf event of
 * one of profd's kinds on one CPU, and the descriptor that turns BPF run-time statistics on.
 *
 * Debian's kernels let nobody open a perf event without CAP_SYS_ADMIN (perf_event_paranoid = 3),
 * and profd reads foreign bytes with many lines of code: so the two calls are made here, by few
 * lines that read 24 bytes each time. The side that asks is perf_opener.h.
 */
#ifndef PROFD_PERF_SERVER_H
#define PROFD_PERF_SERVER_H

#include <stddef.h>
#include <stdint.h>

#define PERF_SERVER_NAME "profd-perf" /* its thread name */

enum perf_request_kind { PERF_REQUEST_EVENT = 1, PERF_REQUEST_STATS = 2 };

/* One packet. Fields that a request does not need are 0. */
struct perf_request {
	uint32_t kind;
	uint32_t event; /* enum perf_event_kind */
	uint32_t cpu;
	uint32_t zero;
	uint64_t period_ns; /* of PERF_EVENT_CPU_CLOCK: within what profd.conf may say */
};

/* One packet; a descriptor comes with it (SCM_RIGHTS) when `error` is 0. */
struct perf_answer {
	int32_t error; /* 0 or negative errno */
};

/* Whether a packet is a request as it must be, for a machine of `n_cpus` possible CPUs. Returns 0
 * or -EINVAL. Pure. */
int perf_server_check(const void *packet, size_t size, uint32_t n_cpus);

/* In the child: closes everything but the socket `fd`, gives every other privilege up for good,
 * and answers until the other end is closed. `parent` is the pid of the process that forked it. */
__attribute__((noreturn)) void perf_server_run(int fd, uint32_t n_cpus, int parent);

#endif
