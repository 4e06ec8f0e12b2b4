// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_scene.c - see cfi_scene.h.
 */
#include "cfi_scene.h"

#include <elf.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_OFFSET 0x1000u
#define HDR_OFFSET  0x800u
#define HDR_BYTES   12u
#define CFI_OFFSET  (TEXT_OFFSET + SCENE_TEXT_BYTES)

struct cfi_scene *scene_new(enum scene_sections sections)
{
	struct cfi_scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	scene->sections = sections;
	scene->type = ET_EXEC;
	scene->machine = EM_X86_64;
	return scene;
}

struct cfi_scene *scene_free(struct cfi_scene *scene)
{
	free(scene);
	return NULL;
}

void scene_put(struct cfi_scene *scene, const void *bytes, size_t len)
{
	assert_true(len <= sizeof(scene->cfi) - scene->n_cfi);
	if (len)
		memcpy(scene->cfi + scene->n_cfi, bytes, len);
	scene->n_cfi += (uint32_t)len;
}

void scene_number(struct cfi_scene *scene, uint64_t value, size_t size)
{
	scene_put(scene, &value, size);
}

void scene_distance(struct cfi_scene *scene, uint64_t vaddr)
{
	scene_number(scene, vaddr - SCENE_CFI - scene->n_cfi, 4);
}

uint32_t scene_begin(struct cfi_scene *scene)
{
	uint32_t entry = scene->n_cfi;

	scene_number(scene, 0, 4);
	return entry;
}

void scene_end(struct cfi_scene *scene, uint32_t entry)
{
	uint32_t length;

	while (scene->n_cfi % 4)
		scene_number(scene, 0, 1);
	length = scene->n_cfi - entry - 4;
	memcpy(scene->cfi + entry, &length, 4);
}

uint32_t scene_cie(struct cfi_scene *scene, uint8_t version, const char *augmentation,
		   const uint8_t *data, size_t data_len, const uint8_t *program, size_t len)
{
	uint32_t entry = scene_begin(scene);

	scene_number(scene, scene->sections == SCENE_DEBUG_FRAME ? UINT32_MAX : 0, 4);
	scene_number(scene, version, 1);
	scene_put(scene, augmentation, strlen(augmentation) + 1);
	if (strcmp(augmentation, "eh") == 0)
		scene_number(scene, 0x1234, 8);
	if (version >= 4)
		scene_put(scene, BYTES(8, 0)); /* sizes of an address and of a segment selector */
	scene_put(scene, BYTES(1, 0x78, 16));
	if (*augmentation == 'z')
		scene_number(scene, data_len, 1);
	scene_put(scene, data, data_len);
	scene_put(scene, BYTES(0x0c, 7, 8, 0x90, 1)); /* def_cfa rsp 8, offset ra 1 */
	scene_put(scene, program, len);
	scene_end(scene, entry);
	return entry;
}

uint32_t scene_plain_cie(struct cfi_scene *scene)
{
	return scene_cie(scene, 1, "zR", BYTES(0x1b), NO_BYTES);
}

void scene_cie_pointer(struct cfi_scene *scene, uint32_t cie)
{
	scene_number(scene, scene->sections == SCENE_DEBUG_FRAME ? cie : scene->n_cfi - cie, 4);
}

void scene_fde(struct cfi_scene *scene, uint32_t cie, uint32_t start, uint32_t size,
	       const uint8_t *program, size_t len)
{
	uint32_t entry = scene_begin(scene);

	scene_cie_pointer(scene, cie);
	if (scene->sections == SCENE_DEBUG_FRAME) {
		scene_number(scene, SCENE_TEXT + (uint64_t)start, 8);
		scene_number(scene, size, 8);
	} else {
		scene_distance(scene, SCENE_TEXT + (uint64_t)start);
		scene_number(scene, size, 4);
		scene_number(scene, 0, 1); /* length of augmentation data */
	}
	scene_put(scene, program, len);
	scene_end(scene, entry);
}

static void write_at(int fd, const void *bytes, size_t len, uint64_t offset)
{
	assert_int_equal(pwrite(fd, bytes, len, (off_t)offset), len);
}

static void write_sections(const struct cfi_scene *scene, int fd, Elf64_Ehdr *header)
{
	static const char names[] = "\0.shstrtab\0.text\0.got\0.eh_frame\0.debug_frame";
	const Elf64_Shdr sections[] = {
		{},
		{.sh_name = 1, .sh_type = SHT_STRTAB, .sh_size = sizeof(names)},
		{.sh_name = 11, .sh_type = SHT_PROGBITS, .sh_addr = SCENE_TEXT},
		{.sh_name = 17, .sh_type = SHT_PROGBITS, .sh_addr = SCENE_GOT},
		{.sh_name = scene->sections == SCENE_EH_FRAME ? 22 : 32,
		 .sh_type = SHT_PROGBITS,
		 .sh_flags = scene->section_flags,
		 .sh_addr = scene->sections == SCENE_EH_FRAME ? SCENE_CFI : 0,
		 .sh_offset = CFI_OFFSET,
		 .sh_size = scene->n_cfi,
		 .sh_addralign = 8},
	};
	uint64_t at = CFI_OFFSET + scene->n_cfi;
	Elf64_Shdr copy[5];

	memcpy(copy, sections, sizeof(copy));
	copy[1].sh_offset = at;
	write_at(fd, names, sizeof(names), at);
	header->e_shoff = at + 64;
	header->e_shnum = 5;
	header->e_shstrndx = 1;
	write_at(fd, copy, sizeof(copy), header->e_shoff);
}

/* Version, a distance, a count, no table. */
static void write_hdr(const struct cfi_scene *scene, int fd)
{
	uint8_t hdr[HDR_BYTES] = {1, 0x1b, 0x03, 0xff};
	uint32_t distance = SCENE_CFI - (SCENE_HDR + 4);

	memcpy(hdr + 4, &distance, 4);
	memcpy(hdr + 8, &scene->hdr_count, 4);
	write_at(fd, hdr, sizeof(hdr), HDR_OFFSET);
}

int scene_file(const struct cfi_scene *scene)
{
	Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = scene->type,
		.e_machine = scene->machine,
		.e_version = EV_CURRENT,
		.e_entry = scene->entry,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 3,
		.e_shentsize = sizeof(Elf64_Shdr),
	};
	const Elf64_Phdr programs[] = {
		{PT_LOAD, PF_R | PF_X, TEXT_OFFSET, SCENE_TEXT, SCENE_TEXT, SCENE_TEXT_BYTES,
		 SCENE_TEXT_BYTES, 1},
		{PT_LOAD, PF_R, CFI_OFFSET, SCENE_CFI, SCENE_CFI, scene->n_cfi, scene->n_cfi, 1},
		{PT_GNU_EH_FRAME, PF_R, HDR_OFFSET, SCENE_HDR, SCENE_HDR, HDR_BYTES, HDR_BYTES, 1},
	};
	int fd = memfd_create("scene", MFD_CLOEXEC);

	assert_true(fd >= 0);
	write_at(fd, scene->text, sizeof(scene->text), TEXT_OFFSET);
	write_at(fd, scene->cfi, scene->n_cfi, CFI_OFFSET);
	if (scene->sections == SCENE_STRIPPED)
		write_hdr(scene, fd);
	else
		write_sections(scene, fd, &header);
	header.e_phnum = scene->sections == SCENE_STRIPPED ? 3 : 2;
	write_at(fd, programs, sizeof(programs), sizeof(header));
	write_at(fd, &header, sizeof(header), 0);
	return fd;
}

int checked_read(int fd, struct unwind_table *ret)
{
	uint32_t n_unsupported = 0;
	int r = unwind_table_read(fd, ret);

	if (r < 0) {
		assert_null(ret->rows);
		assert_int_equal(ret->n_rows, 0);
		return r;
	}
	assert_int_equal(ret->base % 256, 0);
	for (uint32_t i = 0; i < ret->n_rows; i++) {
		const struct unwind_row *row = &ret->rows[i], *before = row - 1;

		assert_in_range(row->kind & 15, 0, UNWIND_CFA_MAX - 1);
		assert_in_range(row->kind >> 4, 0, UNWIND_FP_MAX - 1);
		n_unsupported += (row->kind & 15) == UNWIND_CFA_UNSUPPORTED;
		if (i) {
			assert_true(before->pc < row->pc);
			assert_true(before->cfa != row->cfa || before->kind != row->kind ||
				    before->fp != row->fp);
		}
	}
	assert_int_equal(ret->n_unsupported, n_unsupported);
	return 0;
}

int scene_read(const struct cfi_scene *scene, struct unwind_table *ret)
{
	int fd = scene_file(scene), r = checked_read(fd, ret);

	close(fd);
	return r;
}

static void print_row(const char *whose, const struct unwind_row *row)
{
	print_error("  %s: pc %x cfa kind %d %04x fp kind %d %d\n", whose, row->pc, row->kind & 15,
		    row->cfa, row->kind >> 4, row->fp);
}

void expect_rows(const char *what, struct unwind_table *table, const struct unwind_row *rows,
		 size_t n)
{
	bool same = table->n_rows == n;

	for (size_t i = 0; same && i < n; i++)
		same = memcmp(&table->rows[i], &rows[i], sizeof(*rows)) == 0;
	if (!same) {
		print_error("%s:\n", what);
		for (size_t i = 0; i < table->n_rows; i++)
			print_row("is", &table->rows[i]);
		for (size_t i = 0; i < n; i++)
			print_row("should be", &rows[i]);
	}
	assert_true(same);
	unwind_table_done(table);
}

void expect_scene(const char *what, struct cfi_scene *scene, uint32_t n_broken,
		  const struct unwind_row *rows, size_t n)
{
	struct unwind_table table;
	int r = scene_read(scene, &table);

	if (r < 0 || table.n_fdes_broken != n_broken)
		fail_msg("%s: %s, %u broken", what, strerror(-r), table.n_fdes_broken);
	expect_rows(what, &table, rows, n);
	scene_free(scene);
}
