/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sideband_record.h - the bytes of a side-band record of perf_event_open(2) to what happened. Pure,
 * and fuzzed.
 */
#ifndef PROFD_SIDEBAND_RECORD_H
#define PROFD_SIDEBAND_RECORD_H

#include "process/mappings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sideband_kind {
	SIDEBAND_OTHER, /* nothing that is followed: a thread's name, start or end */
	SIDEBAND_FORK,	/* a new process */
	SIDEBAND_EXEC,	/* another program in the process */
	SIDEBAND_EXIT,	/* the end of a process's first thread */
	SIDEBAND_MMAP,	/* an executable mapping */
	SIDEBAND_CGROUP,
	SIDEBAND_LOST,
};

struct sideband_record {
	enum sideband_kind kind;
	uint64_t mono_ns;
	uint32_t pid;		/* of FORK the child's */
	uint32_t parent_pid;	/* of FORK */
	struct mapping mapping; /* of MMAP; its path is below */
	uint64_t cgroup_id;	/* of CGROUP */
	uint64_t n_lost;	/* of LOST */
	const char *path;	/* of MMAP and CGROUP, in the record's bytes; never NULL */
};

/*
 * Decodes one record as PERF_SAMPLE_TIME with sample_id_all writes it
 * (include/uapi/linux/perf_event.h, enum perf_event_type). Returns 0, or -EBADMSG for one that is
 * too short or whose strings do not end; `*ret` is undefined then.
 */
int sideband_record_decode(const void *bytes, size_t size, struct sideband_record *ret);

#endif
