// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_unwind_table.c - any bytes as call frame information. What begins like an ELF file is one;
 * of all else the first byte says what section the rest is, and a file is made around it: 'e'
 * .eh_frame, 'd' .debug_frame, 'h' .eh_frame that the program header alone leads to, with its
 * number of FDEs in the next byte.
 */
#include "unwind_row.h"

#include <elf.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define TEXT	   0x1000
#define TEXT_BYTES 0x10000
#define CFI	   0x20000
#define HDR	   0x1f000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* All that stands before the section in the file. */
struct head {
	Elf64_Ehdr elf;
	Elf64_Phdr programs[3];
	Elf64_Shdr sections[3];
	char names[32];
	uint8_t hdr[12];
};

static const char names[] = "\0.eh_frame\0.debug_frame\0.strings";

static void make_head(uint8_t kind, uint32_t n_fdes, size_t size, struct head *ret)
{
	const uint32_t distance = CFI - (HDR + 4);

	*ret = (struct head){
		.elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
				    EV_CURRENT},
			.e_type = ET_DYN,
			.e_machine = EM_X86_64,
			.e_version = EV_CURRENT,
			.e_entry = TEXT + 0x80,
			.e_phoff = offsetof(struct head, programs),
			.e_ehsize = sizeof(Elf64_Ehdr),
			.e_phentsize = sizeof(Elf64_Phdr),
			.e_phnum = kind == 'h' ? 3 : 2,
			.e_shentsize = sizeof(Elf64_Shdr)},
		.programs = {{PT_LOAD, PF_R | PF_X, 0, TEXT, TEXT, TEXT_BYTES, TEXT_BYTES, 1},
			     {PT_LOAD, PF_R, sizeof(*ret), CFI, CFI, size, size, 1},
			     {PT_GNU_EH_FRAME, PF_R, offsetof(struct head, hdr), HDR, HDR,
			      sizeof(ret->hdr), sizeof(ret->hdr), 1}},
		.sections = {{},
			     {.sh_name = kind == 'd' ? 11 : 1,
			      .sh_type = SHT_PROGBITS,
			      .sh_addr = kind == 'd' ? 0 : CFI,
			      .sh_offset = sizeof(*ret),
			      .sh_size = size},
			     {.sh_name = 24,
			      .sh_type = SHT_STRTAB,
			      .sh_offset = offsetof(struct head, names),
			      .sh_size = sizeof(ret->names)}},
		.hdr = {1, 0x1b, 0x03, 0xff},
	};
	memcpy(ret->names, names, sizeof(ret->names));
	memcpy(ret->hdr + 4, &distance, 4);
	memcpy(ret->hdr + 8, &n_fdes, 4);
	if (kind != 'h') {
		ret->elf.e_shoff = offsetof(struct head, sections);
		ret->elf.e_shnum = 3;
		ret->elf.e_shstrndx = 2;
	}
}

static void check(const struct unwind_table *table, size_t size)
{
	if (table->n_rows > 2 * size + 100)
		abort();
	for (uint32_t i = 0; i < table->n_rows; i++) {
		const struct unwind_row *row = &table->rows[i], *before = row - 1;

		if ((row->kind & 15) >= UNWIND_CFA_MAX || row->kind >> 4 >= UNWIND_FP_MAX)
			abort();
		if (i &&
		    (before->pc >= row->pc || (before->kind == row->kind &&
					       before->cfa == row->cfa && before->fp == row->fp)))
			abort();
	}
}

static void read_table(int fd, size_t size)
{
	struct unwind_table table;

	if (unwind_table_read(fd, &table) < 0) {
		if (table.rows || table.n_rows)
			abort();
		return;
	}
	check(&table, size);
	unwind_table_done(&table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	size_t skip = 0;

	if (fd < 0)
		return 0;
	if (size > 2 && data[0] != ELFMAG0) {
		struct head head;

		skip = data[0] == 'h' ? 2 : 1;
		make_head(data[0], data[1], size - skip, &head);
		if (write(fd, &head, sizeof(head)) != (ssize_t)sizeof(head))
			abort();
	}
	if (write(fd, data + skip, size - skip) == (ssize_t)(size - skip))
		read_table(fd, size);
	close(fd);
	return 0;
}
