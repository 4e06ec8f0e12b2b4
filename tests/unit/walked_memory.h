/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walked_memory.h - the walker of bpf/unwind.bpf.h, compiled for user space, over recorded
 * registers and memory, or over the memory of the test itself.
 */
#ifndef TEST_WALKED_MEMORY_H
#define TEST_WALKED_MEMORY_H

#include "fake_maps.h"
#include "wire.h"

#define WALKED_REGISTERS 16
#define WALKED_FP	 6 /* DWARF numbers of rbp and rsp */
#define WALKED_SP	 7

struct walked_region {
	uint64_t start;
	const void *bytes;
	size_t n;
};

struct walked_thread {
	uint32_t pid, parent_pid;
	uint32_t exec_id;
	uint64_t start_boot_ns;
	uint64_t start_code;
};

struct walked {
	/* What is walked. A read must lie in one region as a whole; without regions it is the
	 * memory of the test. */
	struct fake_maps *maps;
	const struct walked_region *regions;
	uint32_t n_regions;
	struct walked_thread thread;
	uint64_t registers[WALKED_REGISTERS];
	uint64_t ip;
	uint64_t mono_ns;
	bool is_return; /* ip is behind a call, as in a system call */
	bool of_task;	/* memory is read as programs that may sleep do */
	bool no_bpf_loop;
	uint32_t at, end; /* words */
	/* What came of it. */
	__u64 words[WIRE_WORDS_MAX];
	uint32_t n; /* words that are used, those before `at` included */
	enum wire_stop stop;
	uint64_t sp, fp; /* of the last frame */
};

void walked_walk(struct walked *walked);

/* The row that the walker finds for an offset in the file of the slot, as the word it is. */
uint64_t walked_row(struct fake_maps *maps, uint32_t slot, uint64_t offset);

#endif
