/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wire.h - what the BPF programs send to the daemon: the only header the two share.
 *
 * One record per sample in the ring buffer: a fixed head and then words, first those of the kernel
 * stack, then those of the user stack, each leaf first. The daemon does not trust a byte of it
 * (daemon/capture/ingest.c). Only fixed-width types, so that both sides agree on the layout.
 */
#ifndef PROFD_WIRE_H
#define PROFD_WIRE_H

#include <linux/types.h>

/* Limits. bpf_get_stack() stops at kernel.perf_event_max_stack, 127 by default. */
#define WIRE_KERNEL_FRAMES_MAX 127
#define WIRE_USER_FRAMES_MAX   1023
#define WIRE_WORDS_MAX	       (WIRE_KERNEL_FRAMES_MAX + WIRE_USER_FRAMES_MAX)
#define WIRE_COMM_LEN	       16

enum wire_kind {
	WIRE_NONE = 0,
	WIRE_CPU = 1, /* a cpu-clock tick; value = nanoseconds it stands for */
	/* The stacks of a thread that stops running, when it was drawn for that. Value 0: what it
	 * is worth comes with the end of the wait, of the same thread and mono_ns. */
	WIRE_WAIT_BEGIN = 2,
	/* It runs again: struct wire_wait stands between head and words. The words are its kernel
	 * stack when the wait was long and nothing had been drawn, else there are none. */
	WIRE_WAIT_END = 3,
	/* What a thread did since the ledger's pass before: struct wire_ledger stands between head
	 * and words; the words are the kernel stack of a long wait that goes on and has none yet.
	 * From the pass itself, and in the ring once for each thread that ends. */
	WIRE_LEDGER = 4,
	/* Who ended the wait of a thread that was drawn: the stacks of the waker, who is the head's
	 * thread; struct wire_waker stands between head and words. */
	WIRE_WAKER = 5,
	/* Block I/O that was drawn when it was submitted, at its end. The stacks are those of the
	 * thread that submitted it, the head's; struct wire_io stands between head and words. The
	 * value is what it stands for: its time, if known, times its weight. */
	WIRE_IO = 6,
	WIRE_KIND_MAX
};

/* What a thread that does not run waits for, by its state (include/linux/sched.h). */
enum wire_wait_state {
	WIRE_STATE_NONE = 0,	/* it was preempted: it waits for a CPU only */
	WIRE_STATE_SLEEP = 1,	/* interruptible */
	WIRE_STATE_DISK = 2,	/* uninterruptible, and in_iowait */
	WIRE_STATE_BLOCKED = 3, /* uninterruptible for something else */
	WIRE_STATE_STOPPED = 4, /* by a signal or a tracer */
	WIRE_STATE_IDLE = 5,	/* TASK_NOLOAD: a kernel thread with nothing to do */
	WIRE_STATE_MAX
};

/* Why the user stack ends where it does. */
enum wire_stop {
	WIRE_STOP_NONE = 0,   /* there is no user stack: a kernel thread */
	WIRE_STOP_END = 1,    /* the last frame is the outermost: its row says so */
	WIRE_STOP_LIMIT = 2,  /* no room for more frames */
	WIRE_STOP_FAULT = 3,  /* memory that could not be read, or holds no stack */
	WIRE_STOP_FP_END = 4, /* the chain of frame pointers ended; its names tell where */
	WIRE_STOP_NO_ROW = 5, /* no unwind information for the last frame, nor a frame pointer */
	WIRE_STOP_NO_MAPPING = 6,  /* the last frame is in no known mapping, nor a frame pointer */
	WIRE_STOP_UNSUPPORTED = 7, /* the last frame's rule is none that the walker knows */
	WIRE_STOP_MAX
};

/*
 * A word of a stack is an address; the kind of a user word stands in its top byte, which is 0 in
 * every user address of x86-64 and arm64. A JIT frame is one that the walker knows to lie outside
 * any file; an interpreter frame is followed by one more word, the address of the code object, and
 * has the instruction's index in its low bits. An exact frame is one that was interrupted by a
 * signal: its address is where it ran and not where a call returns to, as with the leaf. Kernel
 * words are plain addresses.
 */
#define WIRE_FRAME_SHIFT       56
#define WIRE_FRAME_USER	       0ull
#define WIRE_FRAME_JIT	       1ull
#define WIRE_FRAME_INTERPRETER 2ull
#define WIRE_FRAME_EXACT       3ull

struct sample_event {
	__u16 kind;	/* enum wire_kind */
	__u8 user_stop; /* enum wire_stop */
	__u8 user_mode; /* 1: the CPU was in user mode, the user leaf is exact */
	__u16 n_kernel; /* words */
	__u16 n_user;	/* words */
	__u32 pid;	/* the process: the kernel's tgid */
	__u32 tid;	/* the thread: the kernel's pid */
	__u32 cpu;
	__u32 exec_id;	     /* counts the execs of the process: a new one, new mappings */
	__u64 mono_ns;	     /* CLOCK_MONOTONIC */
	__u64 value;	     /* nanoseconds or bytes, by kind */
	__u64 start_boot_ns; /* start of the process, CLOCK_BOOTTIME */
	__u64 cgroup_id;     /* of cgroup v2 */
	__u64 start_code;    /* bounds of the program's text: which image was running */
	__u64 end_code;
	char comm[WIRE_COMM_LEN];
	/* followed by n_kernel + n_user words of 8 bytes */
};

_Static_assert(sizeof(struct sample_event) == 88, "layout of the wire record");

/* A wait is exact from this length on, below it a sampled one stands for others: 2^23 ns, 8.4 ms.
 */
#define WIRE_LONG_WAIT_NS (1ull << 23)

#define WIRE_WAIT_EXACT 1 /* as long as WIRE_LONG_WAIT_NS or longer: weight 1 */
#define WIRE_WAIT_GATE	2 /* found while switches were too many for more than a coin each */
#define WIRE_WAIT_DRAWN 4 /* a WIRE_WAIT_BEGIN was sent for it */
#define WIRE_WAIT_VOID                                                                             \
	8 /* that was in vain: it was not drawn, and is not long; it counts nothing */

/* The end of a wait. A wait has a part in which the thread is blocked, unless it was preempted, and
 * a part in which it waits for a CPU. */
struct wire_wait {
	__u64 begin_mono_ns; /* mono_ns of its WIRE_WAIT_BEGIN, if one was sent */
	__u64 blocked_ns;    /* until it was woken */
	__u64 runq_ns;	     /* from then on */
	__u64 charged_ns;    /* of blocked_ns: what passes of the ledger gave to earlier buckets */
	__u64 ledger_since_mono_ns; /* the thread's record of the ledger that has it begins there */
	__u8 weight_log2;	    /* it stands for 2^weight_log2 waits like it; 0 when exact */
	__u8 state;		    /* enum wire_wait_state */
	__u8 flags;		    /* WIRE_WAIT_* */
	__u8 unused[5];
};

_Static_assert(sizeof(struct wire_wait) == 48, "layout of the wire record");

struct wire_waker {
	__u64 begin_mono_ns; /* of the wait it ended */
	__u32 tid;	     /* who waited */
	__u32 in_interrupt;  /* 1: nobody but an interrupt, and there is no stack */
};

_Static_assert(sizeof(struct wire_waker) == 16, "layout of the wire record");

enum wire_io_op {
	WIRE_IO_OP_NONE = 0,
	WIRE_IO_OP_READ = 1,
	WIRE_IO_OP_WRITE = 2,
	WIRE_IO_OP_FLUSH = 3,
	WIRE_IO_OP_DISCARD = 4,
	WIRE_IO_OP_WRITE_ZEROES = 5,
	WIRE_IO_OP_OTHER = 6,
	WIRE_IO_OP_MAX
};

#define WIRE_IO_SYNC	  1
#define WIRE_IO_META	  2
#define WIRE_IO_READAHEAD 4
#define WIRE_IO_FUA	  8
#define WIRE_IO_FLAGS	  15 /* all of them */

#define WIRE_IO_UNKNOWN	   (~0ull) /* a time that the kernel did not take */
#define WIRE_IO_WEIGHT_MAX 15
#define WIRE_DEVICE_LEN	   32

/* Which whole device, of which life (kernel: struct gendisk). */
struct wire_io_device {
	__u32 major, minor;
	__u64 diskseq; /* 0 before 5.15 */
};

struct wire_io {
	struct wire_io_device device;
	char name[WIRE_DEVICE_LEN]; /* of the device */
	__u64 total_ns;		    /* or WIRE_IO_UNKNOWN */
	__u64 bytes;
	__u8 op;	   /* enum wire_io_op */
	__u8 weight_log2;  /* it stands for 2^weight_log2 like it */
	__u8 is_writeback; /* head's thread wrote for others: those of its cgroup, 0 = unknown */
	__u8 n_own;	   /* frames of profd's own and the tracepoint's above the kernel stack */
	__u8 unused[4];
};

_Static_assert(sizeof(struct wire_io) == 72, "layout of the wire record");

/* What a CPU saw of a device since the start, in a map that the daemon reads. */
struct wire_io_key {
	struct wire_io_device device;
	__u8 op;    /* enum wire_io_op */
	__u8 flags; /* WIRE_IO_* */
	__u8 unused[6];
};

/* Latency bins of the store (schema/wait_class.h), from WIRE_IO_BIN_FIRST on: two an octave; what
 * is shorter is in the first one, what is longer (four minutes) in the last. */
#define WIRE_IO_BINS	  64
#define WIRE_IO_BIN_FIRST 15 /* 128 ns */

struct wire_io_time {
	__u64 known, sum_ns;
	__u32 bins[WIRE_IO_BINS]; /* modulo 2^32 */
};

struct wire_io_sums {
	char name[WIRE_DEVICE_LEN];
	__u64 ios, bytes, errors;
	struct wire_io_time queue, service, total;
};

#define WIRE_LEDGER_STARTED    1 /* the thread began since the pass before */
#define WIRE_LEDGER_ENDED      2 /* it ended: this is its last record */
#define WIRE_LEDGER_GATE       4 /* blocked_ns is what is left of elapsed_ns, not measured */
#define WIRE_LEDGER_OPEN_DRAWN 8 /* a WIRE_WAIT_BEGIN was sent for the wait that goes on */

/* All but the last five are of the time since the pass before, or since the thread began. */
struct wire_ledger {
	__u64 elapsed_ns;
	__u64 oncpu_ns; /* by the scheduler's clock */
	__u64 utime_ns; /* as the tick or the context tracking sees it: to divide oncpu_ns by */
	__u64 stime_ns;
	__u64 runq_ns;
	__u64 blocked_ns;     /* of all states, WIRE_STATE_IDLE too */
	__u64 idle_ns;	      /* of blocked_ns: in WIRE_STATE_IDLE */
	__u64 max_blocked_ns; /* the longest wait that ended, or goes on */
	__u64 max_runq_ns;
	__u64 voluntary_switches, involuntary_switches;
	__u64 minor_faults, major_faults;
	__u64 read_bytes, write_bytes; /* of block devices (struct task_io_accounting) */
	__u64 unsent_ns;	       /* blocked, of exact waits beyond the budget of records */
	__u64 unsent_count;
	__u64 unsent_runq_ns; /* likewise, in the run queue */
	__u64 unsent_runq_count;
	__u64 rss_bytes, peak_rss_bytes; /* of the process, in its main thread's record; else 0 */
	__u64 open_since_mono_ns;	 /* a long blocked wait goes on since then; 0: none */
	__u64 open_charge_ns; /* of it: what belongs to the time before this pass and was not
				 charged yet; elapsed_ns when the thread was blocked throughout */
	__u8 open_state;      /* enum wire_wait_state */
	__u8 flags;	      /* WIRE_LEDGER_* */
	__u8 unused[6];
};

_Static_assert(sizeof(struct wire_ledger) == 192, "layout of the wire record");

/* What the BPF side could not send: counts and the value they stood for, per CPU. */
enum wire_drop {
	WIRE_DROP_RINGBUF_FULL = 0,
	WIRE_DROP_NO_SCRATCH = 1, /* cannot happen, and is counted to be sure */
	WIRE_DROP_NO_STORAGE = 2, /* switches of a thread that profd has no memory for */
	WIRE_DROP_IO_SLOT = 3,	  /* block I/O that was drawn, and no place for its stack is free */
	WIRE_DROP_IO_SUMS = 4,	  /* block I/O beyond the table of exact sums */
	WIRE_DROP_IO_BEGIN = 5,	  /* bios beyond the table of those that are on their way */
	WIRE_DROP_MAX
};

struct wire_drops {
	__u64 count[WIRE_DROP_MAX];
	__u64 value[WIRE_DROP_MAX];
};

#endif
