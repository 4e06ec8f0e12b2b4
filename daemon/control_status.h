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
};

/*
 * Answers {"ok":true,"version":…,"pid":…,"since_ns":…,"frequency_hz":…,"cpus":…,"bucket_ns":…,
 * "store":…,"buckets_written":…,"buckets_waiting":…,"losses":{NAME:{"count":…,"weight_ns":…},…},
 * "last_error":…,"safe_mode":…}.
 */
void control_status_reply(struct control_call call, const struct control_status *status);

#endif
