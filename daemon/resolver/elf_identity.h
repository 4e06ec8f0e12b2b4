/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_identity.h - what file this is, whatever its path: the build ID, or else a hash.
 */
#ifndef PROFD_ELF_IDENTITY_H
#define PROFD_ELF_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#define ELF_IDENTITY_MAX 32

struct elf_identity {
	bool is_build_id;
	uint8_t len;
	uint8_t bytes[ELF_IDENTITY_MAX];
};

/*
 * Reads the GNU build ID note (gABI "Note Section", type NT_GNU_BUILD_ID) through the program
 * headers, which stripping leaves alone. A file without one, or that is no ELF file, is identified
 * by a hash of its size and its first and last 4 KiB. Returns 0; -EIO or another errno of read.
 * The descriptor's offset is not used.
 */
int elf_identity_read(int fd, struct elf_identity *ret);

/* The build ID among ELF notes in memory (/sys/kernel/notes). Returns 0 or -ENOENT. */
int elf_identity_from_notes(const void *notes, uint64_t len, struct elf_identity *ret);

#endif
