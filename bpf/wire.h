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
	WIRE_KIND_MAX
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

/* What the BPF side could not send: counts and the value they stood for, per CPU. */
enum wire_drop {
	WIRE_DROP_RINGBUF_FULL = 0,
	WIRE_DROP_NO_SCRATCH = 1, /* cannot happen, and is counted to be sure */
	WIRE_DROP_MAX
};

struct wire_drops {
	__u64 count[WIRE_DROP_MAX];
	__u64 value[WIRE_DROP_MAX];
};

#endif
