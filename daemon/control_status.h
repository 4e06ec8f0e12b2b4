/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control_status.h - the answer to the request `status`.
 */
#ifndef PROFD_CONTROL_STATUS_H
#define PROFD_CONTROL_STATUS_H

#include "control.h"
#include "profile.h"

/* Everything is borrowed. A text that is NULL is null in the answer: there is none. */
struct control_status {
	const char *version, *store;
	pid_t pid;
	uint64_t since_real_ns; /* start of sampling */
	uint32_t frequency_hz, n_cpus;
	uint64_t bucket_ns;
	uint64_t n_buckets_written, n_buckets_waiting;
	const struct profile_loss *losses; /* since the start */
	uint32_t n_losses;
	const char *last_error, *safe_mode;
	bool follows_by_sideband; /* else by /proc alone */
	uint32_t n_processes;	  /* known at the moment */
	/* Of the unwind tables: the budget, what of it is in use, and what the kernel holds for
	 * them. */
	uint64_t unwind_budget_bytes, unwind_used_bytes, unwind_memory_bytes;
	uint64_t n_unwind_installed, n_unwind_evicted; /* files, since the start */
	const char *offcpu_refusal;  /* why there are no waits and no ledger; NULL: there are */
	uint64_t n_open_waits;	     /* whose stack is held at the moment */
	uint64_t n_wait_stacks;	     /* taken, since the start */
	uint64_t pass_ns;	     /* time of the last pass over all threads */
	const char *blockio_refusal; /* why there is no block I/O; NULL: there is */
	uint64_t n_io_samples;	     /* since the start */
};

/*
 * Answers {"ok":true,"version":…,"pid":…,"since_ns":…,"frequency_hz":…,"cpus":…,"bucket_ns":…,
 * "store":…,"buckets_written":…,"buckets_waiting":…,"losses":{NAME:{"count":…,"weight_ns":…},…},
 * "last_error":…,"safe_mode":…,"processes":…,"follows_processes":"sideband"|"proc","unwind":{
 * "budget_bytes":…,"used_bytes":…,"memory_bytes":…,"files_installed":…,"files_evicted":…},
 * "offcpu":{"refusal":…,"open_waits":…,"captures":…,"pass_ns":…},"blockio":{"refusal":…,
 * "samples":…}}.
 */
void control_status_reply(struct control_call call, const struct control_status *status);

#endif
