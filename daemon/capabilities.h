/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * capabilities.h - which capabilities profd wants, what for, and what it costs to lack one; and
 * giving all others up.
 *
 * The table is the one place: main.c drops by it, profd --probe prints it, tests/kernel takes one
 * capability after the other away and looks for the cost that is stated. By system calls, for one
 * thread: before the first other one is started, which inherits what is left.
 */
#ifndef PROFD_CAPABILITIES_H
#define PROFD_CAPABILITIES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CAPABILITY_BIT(number) (UINT64_C(1) << (number))

enum capability_use {
	CAPABILITY_RUNNING,    /* kept as long as profd runs */
	CAPABILITY_PERF_CHILD, /* given up by profd, kept by the child (capture/perf_server.h) */
	CAPABILITY_START,      /* used at the start, then given up */
	/* The same, but kept where the store's directory belongs to another user
	 * (store_prepare_dir()). */
	CAPABILITY_FOREIGN_STORE,
};

struct capability {
	int number;	  /* CAP_* */
	const char *name; /* "CAP_BPF" */
	enum capability_use use;
	const char *purpose;
	const char *cost; /* of lacking it: a sentence */
};

const struct capability *capability_table(size_t *ret_n);

/* The capabilities of these two kinds as a set; the second one's are in it only if `foreign_store`.
 */
uint64_t capability_kept_set(bool foreign_store);

/* The calling thread's effective set. Returns 0 or -errno of capget(2). */
int capabilities_read(uint64_t *ret);

/*
 * Leaves the calling thread at most the capabilities in `set`, of those it has: permitted and
 * effective; inheritable and ambient become empty; the bounding set as far as CAP_SETPCAP allows.
 * Sets no_new_privs, so that no program that is executed later gets anything back. Returns 0 or
 * -errno of capget(2), capset(2), prctl(2).
 */
int capabilities_keep(uint64_t set);

#endif
