/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest.h - untrusted bytes of the ring buffer to struct sample. Pure, and fuzzed.
 */
#ifndef PROFD_INGEST_H
#define PROFD_INGEST_H

#include "profile.h"
#include "wire.h"

struct sample_frame {
	enum location_kind kind; /* KERNEL; FILE for a user address that may be JIT code as well;
				    JIT; INTERPRETER */
	uint64_t addr;		 /* of an interpreter frame: the instruction's index */
	uint64_t code;		 /* of an interpreter frame: the code object */
	bool exact; /* a signal came there: it is not the address that a call returns to */
};

struct sample {
	enum sample_type type;
	enum wire_stop user_stop;
	bool user_mode;
	uint32_t pid, tid, cpu, exec_id;
	uint64_t mono_ns, value, start_boot_ns, cgroup_id, start_code, end_code;
	char comm[WIRE_COMM_LEN + 1];
	uint32_t n_kernel, n_user; /* frames, leaf first */
	struct sample_frame kernel[WIRE_KERNEL_FRAMES_MAX];
	struct sample_frame user[WIRE_USER_FRAMES_MAX];
};

/* The fixed part alone, checked against the record's size, for what must not wait for its turn.
 * Returns 0 or -EBADMSG. */
int ingest_head(const void *record, size_t size, struct sample_event *ret);

/* Decodes one record. Returns 0, or -EBADMSG for one that is not as wire.h says; `*ret` is
 * undefined then. */
int ingest_decode(const void *record, size_t size, struct sample *ret);

#endif
