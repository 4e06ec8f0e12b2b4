/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_frames.h - where an ELF file keeps its call frame information, and the bytes of it.
 */
#ifndef PROFD_ELF_FRAMES_H
#define PROFD_ELF_FRAMES_H

#include <libelf.h>

#include "cfi_section.h"
#include "unwind_row.h"

struct elf_frames {
	struct cfi_section section;
	uint8_t *bytes; /* of the section; owned */
};

/*
 * Reads `len` bytes at `offset`, however many calls of pread() it takes. Returns the number of
 * bytes, fewer at the end of the file; -EIO.
 */
ssize_t elf_frames_pread(int fd, void *ret, size_t len, uint64_t offset);

/*
 * Reads the information of that source. UNWIND_SOURCE_EH_FRAME_HDR goes by PT_GNU_EH_FRAME, and is
 * for files whose section headers do not name .eh_frame at all. Returns 0; -ENOENT the file has
 * none of that source; -EBADMSG; -EFBIG; -EIO; -ENOMEM. Release with elf_frames_done().
 */
int elf_frames_read(Elf *elf, int fd, enum unwind_source source, struct elf_frames *ret);
void elf_frames_done(struct elf_frames *frames);

#endif
