/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_load.h - what the programs of unwind_load.bpf.c tell the test: a walk each.
 */
#ifndef TEST_UNWIND_LOAD_H
#define TEST_UNWIND_LOAD_H

#include "wire.h"

enum load_program { LOAD_PERF_EVENT, LOAD_SCHED_SWITCH, LOAD_ITERATOR, LOAD_PROGRAMS };

/* From tp_btf no more, because the run queue is locked there. */
#define LOAD_SWITCH_FRAMES 128

struct load_walk {
	__u64 words[WIRE_WORDS_MAX];
	__u32 n;
	__u32 stop; /* enum wire_stop */
	/* Which image it was. */
	__u64 start_boot_ns;
	__u64 start_code;
	__u32 exec_id;
	__u32 done; /* 0: the next one is to be taken */
};

#endif
