// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_files.c - tables of real files, whole and damaged, and of files that are made to take
 * long.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "cfi_scene.h"
#include "elf_header.h"
#include "elf_identity.h"
#include "elf_symbols.h"
#include "unwind_rows.h"

static int copy_to_memfd(int from)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);
	char block[65536];
	ssize_t n;

	assert_true(fd >= 0 && from >= 0);
	assert_int_equal(lseek(from, 0, SEEK_SET), 0);
	while ((n = read(from, block, sizeof(block))) > 0)
		assert_int_equal(write(fd, block, (size_t)n), n);
	return fd;
}

static int open_copy(const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC), fd = copy_to_memfd(file);

	close(file);
	return fd;
}

/* The vDSO of this process: its own headers say how large it is. */
static int copy_vdso(void)
{
	const uint8_t *image = (const uint8_t *)getauxval(AT_SYSINFO_EHDR);
	int fd = memfd_create("vdso", MFD_CLOEXEC);
	Elf64_Ehdr header;
	size_t size;

	assert_non_null(image);
	memcpy(&header, image, sizeof(header));
	size = header.e_shoff + (size_t)header.e_shnum * header.e_shentsize;
	assert_true(fd >= 0 && size > sizeof(header));
	assert_int_equal(write(fd, image, size), size);
	return fd;
}

static void cut_sections(int fd)
{
	Elf64_Ehdr header;

	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	header.e_shoff = 0;
	header.e_shnum = 0;
	header.e_shstrndx = 0;
	assert_int_equal(pwrite(fd, &header, sizeof(header), 0), sizeof(header));
}

/* With and without section headers the rows are the same. Closes `fd`. */
static void expect_same_without_sections(const char *what, int fd, uint32_t n_rows_min)
{
	struct unwind_table whole, cut;

	assert_int_equal(checked_read(fd, &whole), 0);
	assert_int_equal(whole.source, UNWIND_SOURCE_EH_FRAME);
	assert_int_equal(whole.n_fdes_broken, 0);
	assert_true(whole.n_rows >= n_rows_min);
	cut_sections(fd);
	assert_int_equal(checked_read(fd, &cut), 0);
	assert_int_equal(cut.source, UNWIND_SOURCE_EH_FRAME_HDR);
	assert_int_equal(cut.n_fdes, whole.n_fdes);
	assert_int_equal(cut.base, whole.base);
	assert_int_equal(cut.n_segments, whole.n_segments);
	unwind_table_done(&cut);
	assert_int_equal(checked_read(fd, &cut), 0);
	expect_rows(what, &cut, whole.rows, whole.n_rows);
	unwind_table_done(&whole);
	close(fd);
}

static void test_section_headers(void **state)
{
	(void)state;
	expect_same_without_sections("libc", open_copy("/lib/x86_64-linux-gnu/libc.so.6"), 10000);
	expect_same_without_sections("this test", open_copy("/proc/self/exe"), 100);
	expect_same_without_sections("a static program", open_copy("/sbin/ldconfig"), 5000);
	expect_same_without_sections("vDSO", copy_vdso(), 10);
}

static uint32_t count_rows(const struct unwind_table *table, enum unwind_cfa kind)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < table->n_rows; i++)
		n += (table->rows[i].kind & 15) == kind;
	return n;
}

/* Stripped and static: it holds what in other programs libc and ld.so do. */
static void test_static_program(void **state)
{
	int fd = open("/bin/busybox", O_RDONLY | O_CLOEXEC);
	struct unwind_table table;

	(void)state;
	assert_int_equal(checked_read(fd, &table), 0);
	assert_int_equal(table.source, UNWIND_SOURCE_EH_FRAME);
	assert_true(count_rows(&table, UNWIND_CFA_SP) > 5000);
	assert_true(count_rows(&table, UNWIND_CFA_STOP) >= 2); /* _start, clone3 */
	assert_true(count_rows(&table, UNWIND_CFA_SIGNAL) >= 1);
	assert_true(count_rows(&table, UNWIND_CFA_UNSUPPORTED) < 10);
	unwind_table_done(&table);
	close(fd);
}

/* Whatever is done to a file: an error or a table, no crash (run under ASan and UBSan too). */
static void test_damaged(void **state)
{
	int whole = open_copy("/lib64/ld-linux-x86-64.so.2");
	struct unwind_table table;
	struct stat st;

	(void)state;
	srandom(1);
	assert_int_equal(fstat(whole, &st), 0);
	for (int round = 0; round < 200; round++) {
		int fd = copy_to_memfd(whole);

		for (int i = 0; i < 40; i++) {
			unsigned char byte = (unsigned char)random();
			off_t at = random() % (round % 2 ? 1024 : st.st_size);

			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		if (checked_read(fd, &table) == 0)
			unwind_table_done(&table);
		if (round % 4 == 3)
			assert_int_equal(ftruncate(fd, random() % st.st_size), 0);
		if (checked_read(fd, &table) == 0)
			unwind_table_done(&table);
		close(fd);
	}
	close(whole);
}

static void test_no_file_for_us(void **state)
{
	struct unwind_table table;
	int fd = memfd_create("text", MFD_CLOEXEC);

	(void)state;
	assert_int_equal(checked_read(fd, &table), -EBADMSG); /* empty */
	assert_int_equal(write(fd, "not an ELF file", 15), 15);
	assert_int_equal(checked_read(fd, &table), -EBADMSG);
	close(fd);
	fd = open_copy("/proc/self/exe");
	assert_int_equal(pwrite(fd, "\1", 1, EI_CLASS), 1); /* of 32 bits */
	assert_int_equal(checked_read(fd, &table), -EBADMSG);
	close(fd);
	assert_int_equal(checked_read(-1, &table), -EIO);
}

/* Program headers of text at those addresses, and nothing else. */
static int read_segments(const uint64_t *vaddrs, uint16_t n, uint64_t size,
			 struct unwind_table *ret)
{
	const Elf64_Ehdr header = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB,
			    EV_CURRENT},
		.e_type = ET_DYN,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = sizeof(header),
		.e_ehsize = sizeof(header),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = n,
	};
	int fd = memfd_create("segments", MFD_CLOEXEC), r;

	assert_int_equal(write(fd, &header, sizeof(header)), sizeof(header));
	for (uint16_t i = 0; i < n; i++) {
		const Elf64_Phdr program = {.p_type = PT_LOAD,
					    .p_flags = PF_R | PF_X,
					    .p_offset = i * size,
					    .p_vaddr = vaddrs[i],
					    .p_filesz = size,
					    .p_memsz = size};

		assert_int_equal(write(fd, &program, sizeof(program)), sizeof(program));
	}
	r = checked_read(fd, ret);
	close(fd);
	return r;
}

static void test_segments(void **state)
{
	uint64_t many[UNWIND_SEGMENTS_MAX + 1], far[2] = {0x1234, 0x100000000};
	struct unwind_table table;

	(void)state;
	for (uint16_t i = 0; i <= UNWIND_SEGMENTS_MAX; i++)
		many[i] = 0x1080 + i * 0x1000u;
	assert_int_equal(read_segments(many, UNWIND_SEGMENTS_MAX, 16, &table), 0);
	assert_int_equal(table.base, 0x1000);
	assert_int_equal(table.n_segments, UNWIND_SEGMENTS_MAX);
	assert_int_equal(table.source, UNWIND_SOURCE_NONE);
	unwind_table_done(&table);
	assert_int_equal(read_segments(many, UNWIND_SEGMENTS_MAX + 1, 16, &table), -EFBIG);
	assert_int_equal(read_segments(far, 2, 0x11ff, &table), 0);
	assert_int_equal(table.base, 0x1200);
	unwind_table_done(&table);
	assert_int_equal(read_segments(far, 2, 0x1200, &table), -EFBIG);
	assert_int_equal(read_segments(far, 1, UINT64_MAX - 16, &table), -EBADMSG);
	assert_int_equal(read_segments(&(uint64_t){UNWIND_VADDR_END - 16}, 1, 16, &table), 0);
	unwind_table_done(&table);
	assert_int_equal(read_segments(&(uint64_t){UNWIND_VADDR_END - 16}, 1, 17, &table),
			 -EBADMSG);
	assert_int_equal(read_segments(&(uint64_t){0xffffffff00000000}, 1, UINT32_MAX, &table),
			 -EBADMSG);
}

/* As sparse as it gets: `count` sections or program headers by what section 0 says. */
static int numbered_file(uint8_t class, bool of_programs, uint32_t count)
{
	const Elf64_Ehdr wide = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					     ELFDATA2LSB, EV_CURRENT},
				 .e_type = ET_DYN,
				 .e_machine = EM_X86_64,
				 .e_version = EV_CURRENT,
				 .e_phoff = 0x200,
				 .e_shoff = 0x100,
				 .e_phentsize = sizeof(Elf64_Phdr),
				 .e_shentsize = sizeof(Elf64_Shdr),
				 .e_phnum = of_programs ? PN_XNUM : 1};
	const Elf32_Ehdr narrow = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
					       ELFDATA2LSB, EV_CURRENT},
				   .e_shoff = 0x100,
				   .e_phnum = of_programs ? PN_XNUM : 1};
	const Elf64_Shdr wide_section = {.sh_size = of_programs ? 1 : count,
					 .sh_info = of_programs ? count : 0};
	const Elf32_Shdr narrow_section = {.sh_size = of_programs ? 1 : count,
					   .sh_info = of_programs ? count : 0};
	const Elf64_Phdr program = {
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_filesz = 0x1000, .p_memsz = 0x1000};
	int fd = memfd_create("numbered", MFD_CLOEXEC);

	assert_int_equal(ftruncate(fd, 0x1000 + (off_t)count * (off_t)sizeof(Elf64_Shdr)), 0);
	if (class == ELFCLASS64) {
		assert_int_equal(pwrite(fd, &wide, sizeof(wide), 0), sizeof(wide));
		assert_int_equal(pwrite(fd, &wide_section, sizeof(wide_section), 0x100),
				 sizeof(wide_section));
		assert_int_equal(pwrite(fd, &program, sizeof(program), 0x200), sizeof(program));
	} else {
		assert_int_equal(pwrite(fd, &narrow, sizeof(narrow), 0), sizeof(narrow));
		assert_int_equal(pwrite(fd, &narrow_section, sizeof(narrow_section), 0x100),
				 sizeof(narrow_section));
	}
	return fd;
}

/* None of the readers lets libelf allocate for them. */
static void test_extended_numbering(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		uint8_t class = i & 1 ? ELFCLASS32 : ELFCLASS64;
		int few = numbered_file(class, i & 2, ELF_HEADER_COUNT_MAX);
		int many = numbered_file(class, i & 2, ELF_HEADER_COUNT_MAX + 1);
		struct elf_symbols *symbols;
		struct elf_identity identity;
		struct unwind_table table;

		assert_int_equal(elf_header_check(few), 0);
		assert_int_equal(elf_header_check(many), -EFBIG);
		assert_int_equal(checked_read(many, &table), -EFBIG);
		assert_int_equal(elf_symbols_new(many, &symbols), -EFBIG);
		assert_int_equal(elf_identity_read(many, &identity), 0);
		assert_false(identity.is_build_id);
		close(few);
		close(many);
	}
}

static void test_nothing_to_lay(void **state)
{
	struct unwind_rows rows = {};

	(void)state;
	for (uint32_t pc = 0; pc < 100; pc++)
		assert_int_equal(
			unwind_rows_add(&rows, (struct unwind_row){.pc = pc, .cfa = (uint16_t)pc}),
			0);
	assert_int_equal(unwind_rows_lay(&rows, 50, 50, UNWIND_CFA_STOP), -EBADMSG);
	assert_int_equal(unwind_rows_lay(&rows, 90, 10, UNWIND_CFA_STOP), -EBADMSG);
	assert_int_equal(rows.n, 100);
	free(rows.rows);
}

/*
 * Each CIE has a program that takes 10 ms, and the FDEs take turns: run once for each FDE, this
 * would be minutes. No CPU time is asserted: this machine may be slow, but not that slow.
 */
static void test_long_cies(void **state)
{
	static uint8_t program[100000];
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cies[2], n = 0;
	struct unwind_table table;

	(void)state;
	memset(program, 0x0a, sizeof(program));
	for (size_t i = 1; i < sizeof(program); i += 2)
		program[i] = 0x0b; /* remember, restore */
	for (int i = 0; i < 2; i++)
		cies[i] = scene_cie(scene, 1, "zR", BYTES(0x1b), program, sizeof(program));
	while (scene->n_cfi < SCENE_CFI_BYTES - 32) {
		scene_fde(scene, cies[n % 2], n * 4, 4, NO_BYTES);
		n++;
	}
	assert_int_equal(scene_read(scene, &table), 0);
	assert_int_equal(table.n_fdes, n);
	assert_int_equal(table.n_rows, 2);
	unwind_table_done(&table);
	scene_free(scene);
}

/* Functions that hold for all of the text, one in the other: rows do not outgrow the programs. */
static void test_nested_functions(void **state)
{
	static uint8_t program[200];
	struct cfi_scene *scene = scene_new(SCENE_EH_FRAME);
	uint32_t cie = scene_plain_cie(scene), n = 0;
	struct unwind_table table;

	(void)state;
	for (size_t i = 0; i + 2 < sizeof(program); i += 3)
		memcpy(program + i, i % 2 ? "\x41\x0e\x08" : "\x41\x0e\x10", 3);
	while (scene->n_cfi < SCENE_CFI_BYTES - 256)
		scene_fde(scene, cie, n++ * 2, SCENE_TEXT_BYTES, program, sizeof(program));
	assert_int_equal(scene_read(scene, &table), 0);
	assert_int_equal(table.n_fdes, n);
	assert_true(table.n_rows <= 2 * n + 70);
	unwind_table_done(&table);
	scene_free(scene);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_section_headers),	 cmocka_unit_test(test_static_program),
		cmocka_unit_test(test_damaged),		 cmocka_unit_test(test_no_file_for_us),
		cmocka_unit_test(test_segments),	 cmocka_unit_test(test_extended_numbering),
		cmocka_unit_test(test_nothing_to_lay),	 cmocka_unit_test(test_long_cies),
		cmocka_unit_test(test_nested_functions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
