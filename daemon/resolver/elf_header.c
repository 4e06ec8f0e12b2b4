// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * elf_header.c - see elf_header.h.
 */
#include "elf_header.h"

#include "elf_frames.h"

#include <elf.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

/* What is asked of either class. */
struct numbers {
	uint64_t sections_offset;
	uint16_t n_sections, n_programs;
};

static int read_all(int fd, void *ret, size_t len, uint64_t offset)
{
	ssize_t n;

	if (offset > INT64_MAX - len)
		return -EBADMSG;
	n = elf_frames_pread(fd, ret, len, offset);
	if (n < 0)
		return (int)n;
	return (size_t)n == len ? 0 : -EBADMSG;
}

static int read_numbers(int fd, uint8_t class, struct numbers *ret)
{
	Elf64_Ehdr wide = {};
	Elf32_Ehdr narrow = {};
	int r;

	if (class == ELFCLASS64) {
		r = read_all(fd, &wide, sizeof(wide), 0);
		if (r == 0)
			*ret = (struct numbers){wide.e_shoff, wide.e_shnum, wide.e_phnum};
		return r;
	}
	r = read_all(fd, &narrow, sizeof(narrow), 0);
	if (r == 0)
		*ret = (struct numbers){narrow.e_shoff, narrow.e_shnum, narrow.e_phnum};
	return r;
}

/* Section 0 has the numbers that the header has no room for. */
static int check_extended(int fd, uint8_t class, const struct numbers *numbers)
{
	uint64_t n_sections, n_programs;
	Elf64_Shdr wide = {};
	Elf32_Shdr narrow = {};
	int r;

	if (class == ELFCLASS64) {
		r = read_all(fd, &wide, sizeof(wide), numbers->sections_offset);
		n_sections = wide.sh_size;
		n_programs = wide.sh_info;
	} else {
		r = read_all(fd, &narrow, sizeof(narrow), numbers->sections_offset);
		n_sections = narrow.sh_size;
		n_programs = narrow.sh_info;
	}
	if (r < 0)
		return r;
	if ((numbers->n_sections == 0 && n_sections > ELF_HEADER_COUNT_MAX) ||
	    (numbers->n_programs == PN_XNUM && n_programs > ELF_HEADER_COUNT_MAX))
		return -EFBIG;
	return 0;
}

int elf_header_check(int fd)
{
	uint8_t ident[EI_NIDENT];
	struct numbers numbers = {};
	int r = read_all(fd, ident, sizeof(ident), 0);

	if (r < 0)
		return r;
	if (memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != ELFDATA2LSB ||
	    (ident[EI_CLASS] != ELFCLASS64 && ident[EI_CLASS] != ELFCLASS32))
		return -EBADMSG;
	r = read_numbers(fd, ident[EI_CLASS], &numbers);
	if (r < 0)
		return r;
	if (!numbers.sections_offset || (numbers.n_sections && numbers.n_programs != PN_XNUM))
		return 0;
	return check_extended(fd, ident[EI_CLASS], &numbers);
}
