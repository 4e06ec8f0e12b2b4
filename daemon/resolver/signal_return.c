// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * signal_return.c - see signal_return.h.
 */
#include "signal_return.h"

#include <stdbool.h>
#include <string.h>

#include "elf_frames.h"

#define SEGMENT_READ_MAX (256u << 20)
#define BLOCK_BYTES	 65536u

/* rt_sigreturn is system call 15; both ways to say so end in the same bytes. */
static const uint8_t tail[] = {0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
static const uint8_t mov_rax[] = {0x48, 0xc7, 0xc0}; /* mov $15, %rax; syscall */
static const uint8_t mov_eax[] = {0xb8};	     /* mov $15, %eax; syscall */

#define HEAD_MAX sizeof(mov_rax)

static bool ends_with(const uint8_t *from, const uint8_t *to, const uint8_t *head, size_t len)
{
	return (size_t)(to - from) >= len && memcmp(to - len, head, len) == 0;
}

/* Looks through a block at `vaddr`; returns the number of places with those of before. */
static int search_block(const uint8_t *block, size_t len, uint64_t vaddr, int n,
			struct signal_return ret[static SIGNAL_RETURNS_MAX])
{
	const uint8_t *end = block + len, *from = block, *found;

	while (n < SIGNAL_RETURNS_MAX &&
	       (found = memmem(from, (size_t)(end - from), tail, sizeof(tail)))) {
		size_t head = 0;

		if (ends_with(block, found, mov_rax, sizeof(mov_rax)))
			head = sizeof(mov_rax);
		else if (ends_with(block, found, mov_eax, sizeof(mov_eax)))
			head = sizeof(mov_eax);
		if (head)
			ret[n++] = (struct signal_return){
				.vaddr = vaddr + (uint64_t)(found - block) - head,
				.len = (uint32_t)(head + sizeof(tail)),
			};
		from = found + sizeof(tail);
	}
	return n;
}

int signal_return_find(int fd, const struct unwind_segment *segment,
		       struct signal_return ret[static SIGNAL_RETURNS_MAX])
{
	uint64_t left = segment->size < SEGMENT_READ_MAX ? segment->size : SEGMENT_READ_MAX;
	uint64_t offset = segment->offset, vaddr = segment->vaddr;
	uint8_t block[BLOCK_BYTES];
	size_t kept = 0; /* of the block before: what a place may begin in */
	int n = 0;

	while (left && n < SIGNAL_RETURNS_MAX) {
		size_t want = sizeof(block) - kept < left ? sizeof(block) - kept : left, len, keep;
		ssize_t got = elf_frames_pread(fd, block + kept, want, offset);

		if (got <= 0)
			return got < 0 ? (int)got : n;
		len = kept + (size_t)got;
		n = search_block(block, len, vaddr, n, ret);
		/* One byte less than the longest place, which then was not seen whole. */
		keep = HEAD_MAX + sizeof(tail) - 1;
		kept = len < keep ? len : keep;
		memmove(block, block + len - kept, kept);
		vaddr += len - kept;
		offset += (uint64_t)got;
		left -= (uint64_t)got;
	}
	return n;
}
