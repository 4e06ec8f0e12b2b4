/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profile.h - the words of a profile, shared by the daemon, the store and profctl.
 *
 * The vocabulary is pprof's and perf's: a sample is one observation of a stack; a stack is ordered
 * locations, leaf first; a location is an address inside a file (or in the kernel, in JIT code, in
 * an interpreter's code object); frames are the names of a location, innermost inlined call first.
 * Names are a layer on top of locations: they may come later, or never, and then a reason stands in
 * their place. Id and index 0 mean "none" everywhere.
 *
 * Everything here is plain data; nothing here knows SQLite or the kernel.
 */
#ifndef PROFD_PROFILE_H
#define PROFD_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a value counts. The numbers are stored; never renumber. */
enum sample_type {
	SAMPLE_NONE = 0,
	SAMPLE_CPU = 1,		  /* cpu/nanoseconds: on-CPU time */
	SAMPLE_OFFCPU = 2,	  /* offcpu/nanoseconds: blocked time */
	SAMPLE_RUNQ = 3,	  /* runq/nanoseconds: runnable, waiting for a CPU */
	SAMPLE_BLOCKIO = 4,	  /* blockio/nanoseconds: time of block requests */
	SAMPLE_BLOCKIO_BYTES = 5, /* blockio_bytes/bytes: their size */
	SAMPLE_WAKER = 6, /* waker/nanoseconds: blocked time, by who ended it; the series is the
			     one that waited, the stack the waker's */
	SAMPLE_TYPE_MAX
};

/* Stored; never renumber. */
enum location_kind {
	LOCATION_NONE = 0,
	LOCATION_FILE = 1,	  /* offset = offset in the file */
	LOCATION_KERNEL = 2,	  /* offset = address less the base of the kernel or module */
	LOCATION_JIT = 3,	  /* offset = address; the name was bound when sampled */
	LOCATION_INTERPRETER = 4, /* offset = instruction in the code object that the frame names */
	LOCATION_SYNTHETIC = 5,	  /* offset = enum synthetic; not an address */
	LOCATION_KIND_MAX
};

/* Locations that profd puts into a stack itself. Stored; never renumber. */
enum synthetic {
	SYNTHETIC_NONE = 0,
	SYNTHETIC_TRUNCATED_LIMIT = 1,	/* outermost: the frame limit was reached */
	SYNTHETIC_TRUNCATED_FAULT = 2,	/* outermost: the user stack could not be read */
	SYNTHETIC_TRUNCATED_ROOT = 3,	/* outermost: the walk ended before any known thread root,
					   as it does in code without frame pointers */
	SYNTHETIC_PRUNED = 4,		/* leaf: what a roll-up folded away */
	SYNTHETIC_TRUNCATED_NO_ROW = 5, /* outermost: nothing says how its caller is found */
	SYNTHETIC_TRUNCATED_NO_MAPPING = 6, /* outermost: it lies in no known mapping */
	SYNTHETIC_TRUNCATED_UNSUPPORTED =
		7,		   /* outermost: how its caller is found is not supported */
	SYNTHETIC_NOT_SAMPLED = 8, /* all there is of a wait's stack that was not taken */
	SYNTHETIC_INTERRUPT = 9,   /* a waker that is no thread */
	SYNTHETIC_MAX
};

/* Why a location has no name. Stored; never renumber. */
enum unknown_reason {
	UNKNOWN_NONE = 0,	  /* it has one */
	UNKNOWN_PENDING = 1,	  /* not asked, or no answer yet */
	UNKNOWN_NO_SYMBOL = 2,	  /* no symbol of the file covers the address */
	UNKNOWN_FILE_GONE = 3,	  /* the file could not be opened any more */
	UNKNOWN_FILE_DENIED = 4,  /* no permission to open the file */
	UNKNOWN_FILE_BROKEN = 5,  /* not an ELF file, or a broken one */
	UNKNOWN_FILE_SKIPPED = 6, /* not a regular file, too large, or on FUSE or a network */
	UNKNOWN_PROCESS_GONE = 7, /* the process ended before its mappings were read */
	UNKNOWN_NO_MAPPING = 8,	  /* the address lies in no executable mapping */
	UNKNOWN_ANONYMOUS = 9,	  /* anonymous executable memory without a JIT map */
	UNKNOWN_NO_KALLSYMS = 10, /* kernel addresses are hidden from profd */
	UNKNOWN_REASON_MAX
};

/* Stored; never renumber. */
enum file_kind {
	FILE_NONE = 0,
	FILE_KERNEL = 1, /* path "[kernel]" */
	FILE_MODULE = 2, /* a kernel module, path "[name]" */
	FILE_BPF = 3,	 /* JITed BPF programs, path "[bpf]" */
	FILE_ELF = 4,	 /* a mapped file */
	FILE_VDSO = 5,	 /* path "[vdso]" */
	FILE_ANON = 6,	 /* executable memory without a file, path "[anon]" */
	FILE_DEVICE = 7, /* a whole block device, path its name ("sda"); see struct profile_io */
	FILE_KIND_MAX
};

#define PROFILE_IDENTITY_MAX  32 /* bytes: a SHA-256 build ID is the longest in use */
#define PROFILE_TRUST_SYSTEM  UINT32_MAX
#define PROFILE_TRUST_UNKNOWN (UINT32_MAX - 1) /* nobody has seen who owns it */
#define PROFILE_STACK_MAX     1200	       /* locations in a stack, synthetic ones included */
#define PROFILE_FRAMES_MAX    256	       /* frames of one location */
#define PROFILE_STRING_MAX    4095	       /* bytes; the store cuts a longer string */

/*
 * A file's identity is its build ID, or else a hash of size, first and last 4 KiB; plus its trust
 * class: PROFILE_TRUST_SYSTEM when root owns it and nobody else may write it, else the owner's uid,
 * because whoever makes a file chooses its build ID. Names are shared inside one identity only.
 */
struct profile_file {
	enum file_kind kind;
	bool is_build_id; /* identity is a build ID, not a hash */
	uint8_t identity_len;
	uint8_t identity[PROFILE_IDENTITY_MAX];
	uint32_t trust_uid;
	const char *path; /* as the mapping names it; never NULL */
};

struct profile_frame {
	const char *function; /* demangled; never NULL */
	const char *source;   /* source file, or "" */
	uint32_t line;	      /* 0 = unknown */
	bool inlined;	      /* inlined into the next frame of the same location */
};

struct profile_location {
	enum location_kind kind;
	uint32_t file; /* index into profile_bucket.files; 0 = none */
	uint64_t offset;
	enum unknown_reason unknown;	    /* UNKNOWN_NONE when frames are given */
	const struct profile_frame *frames; /* innermost first */
	uint32_t n_frames;
};

/* One thread of one life of a process. Strings are never NULL; "" = unknown. */
struct profile_series {
	uint32_t pid;		/* the process: the kernel's tgid */
	uint32_t tid;		/* the thread: the kernel's pid */
	uint64_t start_boot_ns; /* the process's start on CLOCK_BOOTTIME: tells reuse of a pid */
	const char *comm;	/* the thread's name */
	const char *exe;
	const char *cgroup;
	const char *unit;
	const char *container;
};

/* Locations `first`..`first + n - 1` of profile_bucket.stack_locations, leaf first. */
struct profile_stack {
	uint32_t first, n;
};

#define PROFILE_COUNT_ONE 1024 /* counts are fixed point: a sampled one has a weight */

struct profile_row {
	enum sample_type type;
	uint32_t series; /* index into profile_bucket.series */
	uint32_t stack;	 /* index into profile_bucket.stacks */
	uint32_t bin;	 /* of waits: wait_class.h; of block I/O: io_class.h; 0 = none */
	uint64_t count;	 /* in 1/PROFILE_COUNT_ONE */
	uint64_t value;	 /* nanoseconds or bytes */
};

/*
 * A wait that goes on and lasted over the whole bucket, on a stack that did not change: worth
 * covered_ns of the bucket, count 0. The store keeps such runs as one entry with a beginning and an
 * end, however many buckets they last.
 */
struct profile_held {
	enum sample_type type;
	uint32_t series, stack;
	uint32_t bin; /* wait_class.h, LATENCY_BIN_OPEN */
};

/*
 * The ledger: what one thread did between two passes over all threads, by the scheduler's own
 * counters, about a bucket. elapsed less oncpu, runq and blocked is shown as `other`.
 */
#define PROFILE_LEDGER_STARTED 1 /* the thread began in it */
#define PROFILE_LEDGER_ENDED   2 /* it ended in it */
#define PROFILE_LEDGER_GATE    4 /* blocked_ns was not measured: it is what was left */

struct profile_ledger {
	uint32_t series;
	uint32_t flags; /* PROFILE_LEDGER_* */
	uint64_t elapsed_ns;
	uint64_t oncpu_ns, user_ns, system_ns; /* user and system add up to oncpu */
	uint64_t runq_ns;
	uint64_t blocked_ns;
	uint64_t idle_ns; /* of blocked_ns: a kernel thread with nothing to do */
	uint64_t max_blocked_ns, max_runq_ns; /* the longest wait that ended in it or goes on */
	uint64_t voluntary_switches, involuntary_switches;
	uint64_t minor_faults, major_faults;
	uint64_t read_bytes, write_bytes;
	uint64_t rss_bytes, peak_rss_bytes; /* of the process at its end, with its main thread */
};

/*
 * Block I/O. What a device was asked for. Stored; never renumber.
 */
enum io_op {
	IO_OP_NONE = 0,
	IO_OP_READ = 1,
	IO_OP_WRITE = 2,
	IO_OP_FLUSH = 3,
	IO_OP_DISCARD = 4, /* secure erase too */
	IO_OP_WRITE_ZEROES = 5,
	IO_OP_OTHER = 6, /* zone operations */
	IO_OP_MAX
};

/* How it was asked for it. Stored; never renumber. */
#define PROFILE_IO_SYNC	     1
#define PROFILE_IO_META	     2
#define PROFILE_IO_READAHEAD 4
#define PROFILE_IO_FUA	     8
#define PROFILE_IO_FLAGS     15 /* all of them */

#define PROFILE_IO_BINS 128 /* latency bins (wait_class.h), of which 0 is unused */

/* One of the three times of I/O: of `known` of them it is known, and `bins` say how long these
 * took. Unknown is not 0. */
struct profile_io_time {
	uint64_t known;
	uint64_t sum_ns;
	uint64_t
		bins[PROFILE_IO_BINS]; /* counts, by latency bin; the last one has what is longer */
};

/*
 * What one device did of one operation in a bucket, all of it, by the kernel's own times. A device
 * that stands on another one, as dm on a disk, and the other have a row each for the same I/O: rows
 * of different devices are never added up. A device's file has as identity its major, minor and
 * disk sequence number, as little endian numbers of 4, 4 and 8 bytes: the last tells one that was
 * removed from another of its name, and is 0 where the kernel does not know it. One more byte is 1
 * when it stands on another block device, whose I/O is then the same once more.
 */
#define PROFILE_DEVICE_IDENTITY_LEN 17
#define PROFILE_DEVICE_STACKED	    16 /* which byte of it */

struct profile_io {
	uint32_t device; /* index into profile_bucket.files: FILE_DEVICE */
	enum io_op op;
	uint32_t flags; /* PROFILE_IO_* */
	uint64_t ios, bytes;
	uint64_t errors; /* of ios */
	/* From its submission to the driver, from there to its end, and both. */
	struct profile_io_time queue, service, total;
};

/* Something that was not kept, or not known. `weight_ns` is the time it stood for, 0 where that is
 * unknown. */
struct profile_loss {
	const char *name; /* a word of lower case and underscores, e.g. "ringbuf_full" */
	uint64_t count;
	uint64_t weight_ns;
};

/*
 * One bucket, complete in itself: every index points into its own arrays, and entry 0 of each array
 * that is pointed to (files, locations, stacks, series) is unused. A location may be there without
 * a stack: then it brings names for a location of an earlier bucket.
 */
struct profile_bucket {
	uint64_t start_real_ns; /* a multiple of duration_ns since the epoch */
	uint64_t duration_ns;	/* nominal width */
	uint64_t covered_ns;	/* how much of it was sampled */
	uint64_t start_boot_ns; /* start_real_ns on CLOCK_BOOTTIME: dates starts of processes */
	uint32_t n_cpus;	/* CPUs sampled */
	uint64_t period_ns;	/* of a CPU sample, as configured when the bucket closed */

	const struct profile_file *files;
	const struct profile_location *locations;
	const uint32_t *stack_locations; /* indices into locations */
	const struct profile_stack *stacks;
	const struct profile_series *series;
	const struct profile_row *rows;
	const struct profile_held *held;
	const struct profile_ledger *ledger; /* at most one a series */
	const struct profile_io *io;	     /* at most one a device, operation and flags */
	const struct profile_loss *losses;
	uint32_t n_files, n_locations, n_stacks, n_series; /* with the unused entry 0; or 0 */
	uint32_t n_rows, n_held, n_ledger, n_io, n_losses;
};

/* The loss of writeback that is charged to no cgroup: its weight is that of rows that are kept. */
#define PROFILE_LOSS_WRITEBACK "unattributed_writeback"

/* Whether the weight of the loss of that name is time that no row has. */
bool profile_loss_is_missing(const char *name);

/* Name and unit of a sample type ("cpu", "nanoseconds"), "" for a number out of range. */
const char *sample_type_name(enum sample_type type);
const char *sample_type_unit(enum sample_type type);

/* "read", "write zeroes", ..., "" out of range. */
const char *io_op_name(enum io_op op);

/* A reason in words ("no symbol", "process gone"), "" for UNKNOWN_NONE or out of range. */
const char *unknown_reason_text(enum unknown_reason reason);

/* The name shown for a synthetic location ("[truncated: no frame pointers]"), "" out of range. */
const char *synthetic_name(enum synthetic synthetic);
/* Whether it says that the stack was cut at its outer end. */
bool synthetic_is_truncation(enum synthetic synthetic);

#endif
