/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ingest.h - untrusted bytes of the ring buffer and of the passes over all threads to struct
 * sample. Pure, and fuzzed.
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

/* Durations and amounts of a record are at most this (two years in ns), so that a few of them can
 * be added, and a sampled wait be weighted, without a thought of overflow. */
#define INGEST_VALUE_MAX      (1ull << 56)
/* A wait that stands for others is shorter than WIRE_LONG_WAIT_NS; the clocks differ a little. */
#define INGEST_SAMPLED_NS_MAX (2 * WIRE_LONG_WAIT_NS)
#define INGEST_WEIGHT_MAX     15
/* Of one block I/O: times its weight it is still far from overflow (two hours in ns). */
#define INGEST_IO_MAX	      (1ull << 43)

struct sample {
	enum wire_kind kind;
	/* A stack that was taken while the wait went on: mono_ns is the wait's beginning, not the
	 * time that it is given on at. */
	bool late;
	enum wire_stop user_stop;
	bool user_mode;
	uint32_t pid, tid, cpu, exec_id;
	uint64_t mono_ns, value, start_boot_ns, cgroup_id, start_code, end_code;
	char comm[WIRE_COMM_LEN + 1];
	uint32_t n_kernel, n_user; /* frames, leaf first */
	union {			   /* by kind */
		struct wire_wait wait;
		struct wire_ledger ledger;
		struct wire_waker waker;
		struct wire_io io;
	};
	struct sample_frame kernel[WIRE_KERNEL_FRAMES_MAX];
	struct sample_frame user[WIRE_USER_FRAMES_MAX];
};

/* The fixed part alone, checked against the record's size, for what must not wait for its turn.
 * Returns 0 or -EBADMSG. */
int ingest_head(const void *record, size_t size, struct sample_event *ret);

/* The length of the record that a stream of records begins with; 0 when the stream ends before its
 * end. Returns 0 or -EBADMSG. */
int ingest_length(const void *stream, size_t size, size_t *ret);

/* Decodes one record. Returns 0, or -EBADMSG for one that is not as wire.h says; `*ret` is
 * undefined then. */
int ingest_decode(const void *record, size_t size, struct sample *ret);

#endif
