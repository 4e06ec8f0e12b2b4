/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * losses.h - everything that profd did not keep or did not know, by name, bucket by bucket.
 *
 * The parts count since their start; a bucket is given the difference to the bucket before.
 */
#ifndef PROFD_LOSSES_H
#define PROFD_LOSSES_H

#include "profile.h"

/* Stored by name: a new one is added, an old one is not renamed. */
enum loss {
	LOSS_RINGBUF_FULL,    /* samples that found no room in the ring buffer */
	LOSS_NO_SCRATCH,      /* samples without per-CPU memory: cannot happen */
	LOSS_MALFORMED,	      /* records that are not as wire.h says */
	LOSS_NO_ROOM,	      /* samples beyond a table's limit, or without memory */
	LOSS_BUCKET_DROPPED,  /* buckets that could not be written in time */
	LOSS_PROCESS_GONE,    /* samples of processes that ended before they were read */
	LOSS_MAPPING_DROPPED, /* mappings beyond the limit of a process, or not understood */
	LOSS_FILE_BROKEN,     /* files that no symbols can be read from */
	LOSS_FILE_SKIPPED,    /* files that are not regular, too large, remote or too many */
	LOSS_FILE_REFUSED,    /* files beyond the limit of the table */
	LOSS_NAME_DROPPED,    /* questions for names that found no room */
	LOSS_NAME_LATE,	      /* names that came after their bucket was written */
	LOSS_NAME_PENDING, /* locations written without the answer to the question for their name */
	LOSS_KERNEL_UNKNOWN, /* kernel addresses in no known module */
	LOSS_WRITE_FAILED,   /* attempts to write a bucket that failed; tried again */
	LOSS_LOOP_STALL,     /* callbacks of the event loop longer than 10 ms */
	LOSS_CLOCK_STEP,     /* times the wall clock was set */
	LOSS_SIDEBAND,	     /* records of processes that were lost, and healed from /proc */
	LOSS_SIDEBAND_EARLY, /* records given on before their time, for want of memory */
	LOSS_CGROUP_UNKNOWN, /* cgroups whose path could not be found */
	LOSS_CGROUP_EVICTED, /* cgroups forgotten before their time, at the limit of the table */
	LOSS_FILTERED,	     /* samples that [filter] of profd.conf excludes */
	LOSS_SIDEBAND_CPU,   /* seconds that processes of an online CPU could not be followed */
	LOSS_PROCESS_FULL,   /* processes that found no room in the table */
	LOSS_PROCESS_HEALED, /* processes read again because records were lost */
	LOSS_FILE_HUNG,	     /* files that their filesystem did not open in five seconds */
	LOSS_UNWIND_EVICTED, /* files whose unwind rows made room for others */
	LOSS_UNWIND_REFUSED, /* files and processes that found no room in the unwind tables */
	LOSS_UNWIND_LOST,   /* words of the unwind tables that are used by nobody for want of memory
			     */
	LOSS_UNWIND_FAILED, /* files whose unwind information is broken */
	LOSS_UNWIND_UNREAD, /* files that could not be read for their rows, and are tried again */
	LOSS_UNWIND_CACHE,  /* cached unwind tables: damaged, not read or not written */
	LOSS_CPU_MISSED,    /* seconds that an online CPU could not be sampled */
	LOSS_RESOLVER, /* times that what reads foreign files failed, each by a file or by force */
	LOSS_WAIT,     /* waits whose end never came: their time is in the ledger alone */
	LOSS_WAIT_BEGIN,	/* sampled waits whose stack never came: "[stack not sampled]" */
	LOSS_WAITS_FULL,	/* stacks of waits beyond the table's limits */
	LOSS_WAIT_UNSENT,	/* exact waits beyond the budget of records: without their stack */
	LOSS_WAKER,		/* wakers of waits that had ended */
	LOSS_LEDGER,		/* passes over all threads that failed */
	LOSS_LEDGER_ROW,	/* threads' rows of the ledger that found no room */
	LOSS_LEDGER_FOLDED,	/* threads that ended and share a row of the ledger with others */
	LOSS_STACK_LATE,	/* stacks of long waits that had ended, or found no memory */
	LOSS_STACK_ABANDONED,	/* passes for such stacks that hung, or could not begin for that */
	LOSS_SWITCH_NO_STORAGE, /* switches of threads that there is no memory for in the kernel */
	LOSS_IO_SLOT,		/* sampled block I/O for whose stack there was no room */
	LOSS_IO_SUMS,		/* block I/O beyond the table of exact sums: in none of them */
	LOSS_IO_BEGIN,		/* likewise, of devices without requests: too many on their way */
	LOSS_IO_MISSED,		/* block I/O that the kernel did not tell profd's programs of */
	LOSS_IO_ROW,		/* rows of exact block I/O that found no room in their bucket */
	LOSS_WRITEBACK,		/* writeback that is charged to no cgroup, estimated */
	LOSS_MAX
};

struct losses {
	uint64_t count[LOSS_MAX];
	uint64_t weight_ns[LOSS_MAX]; /* of samples that were lost */
};

/* Writes what grew from `before` to `now` to `ret`, returns how many entries that are. */
uint32_t losses_since(const struct losses *before, const struct losses *now,
		      struct profile_loss ret[static LOSS_MAX]);

#endif
