// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_elf_symbols.c - identity and symbols of real ELF files: this test, libc, and damaged copies.
 */
#include "demangle.h"
#include "elf_identity.h"
#include "elf_symbols.h"
#include "symbol_files.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Named so that nothing else is. */
__attribute__((noinline, used)) int marker_function_of_this_test(int x);
int marker_function_of_this_test(int x)
{
	return x * 3 + 1;
}

static int find_base(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	*(uintptr_t *)ctx = info->dlpi_addr;
	return 1; /* the program itself is the first */
}

/* The offset in the file of an address of this program. */
static uint64_t offset_of(const void *addr)
{
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");
	uint64_t offset = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, file_offset;

		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &file_offset) == 3 &&
		    (uintptr_t)addr >= start && (uintptr_t)addr < end)
			offset = (uintptr_t)addr - start + file_offset;
	}
	fclose(f);
	return offset;
}

static int open_self(void)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void test_own_symbols(void **state)
{
	int fd = open_self();
	struct elf_symbols *symbols;
	char name[ELF_SYMBOL_NAME_MAX];
	uint64_t offset = offset_of((const void *)(uintptr_t)&marker_function_of_this_test);
	uintptr_t base = 0;

	(void)state;
	dl_iterate_phdr(find_base, &base);
	assert_int_equal(elf_symbols_new(fd, &symbols), 0);
	assert_int_equal(elf_symbols_find(symbols, offset, name), 0);
	assert_string_equal(name, "marker_function_of_this_test");
	assert_int_equal(elf_symbols_find(symbols, offset + 1, name), 0);
	assert_string_equal(name, "marker_function_of_this_test");
	assert_int_equal(elf_symbols_find(symbols, UINT64_MAX, name), -ENOENT);
	assert_true(elf_symbols_bytes(symbols) > 16);
	elf_symbols_free(symbols);
	close(fd);
}

static void test_dynamic_symbols(void **state)
{
	const char *(*version)(void);
	int fd = open("/lib/x86_64-linux-gnu/libc.so.6", O_RDONLY | O_CLOEXEC);
	struct elf_symbols *symbols;
	char name[ELF_SYMBOL_NAME_MAX];

	(void)state;
	*(void **)&version = dlsym(RTLD_DEFAULT, "gnu_get_libc_version");
	assert_non_null(version);
	assert_true(fd >= 0);
	assert_int_equal(elf_symbols_new(fd, &symbols), 0);
	assert_int_equal(
		elf_symbols_find(symbols, offset_of((const void *)(uintptr_t)version), name), 0);
	assert_string_equal(name, "gnu_get_libc_version");
	elf_symbols_free(symbols);
	close(fd);
}

static int copy_to_memfd(int from, off_t len)
{
	int fd = memfd_create("copy", MFD_CLOEXEC);
	char block[65536];
	off_t done = 0;
	ssize_t n;

	assert_true(fd >= 0);
	while (done < len && (n = pread(from, block, sizeof(block), done)) > 0) {
		if (n > len - done)
			n = len - done;
		assert_int_equal(write(fd, block, (size_t)n), n);
		done += n;
	}
	return fd;
}

/* Whatever is done to a file: an error or an answer, no crash (run under ASan and UBSan too). */
static void read_all(int fd)
{
	struct elf_identity identity;
	struct elf_symbols *symbols;
	char name[ELF_SYMBOL_NAME_MAX];

	assert_int_equal(elf_identity_read(fd, &identity), 0);
	assert_in_range(identity.len, 1, ELF_IDENTITY_MAX);
	if (elf_symbols_new(fd, &symbols) < 0)
		return;
	for (uint64_t offset = 0; offset < 65536; offset += 64)
		(void)elf_symbols_find(symbols, offset, name);
	elf_symbols_free(symbols);
}

static void test_cut_short(void **state)
{
	int self = open_self();
	struct stat st;

	(void)state;
	assert_int_equal(fstat(self, &st), 0);
	for (off_t len = 0; len < st.st_size; len += len < 1024 ? 7 : 4099) {
		int fd = copy_to_memfd(self, len);

		read_all(fd);
		close(fd);
	}
	close(self);
}

static void test_damaged(void **state)
{
	int self = open_self();
	struct stat st;

	(void)state;
	srandom(1);
	assert_int_equal(fstat(self, &st), 0);
	for (int round = 0; round < 60; round++) {
		int fd = copy_to_memfd(self, st.st_size);

		/* The headers, and the section table at the end, are what is worth damaging. */
		for (int i = 0; i < 8; i++) {
			off_t at = round % 2 ? random() % 1024 : st.st_size - 1 - random() % 4096;
			unsigned char byte = (unsigned char)random();

			assert_int_equal(pwrite(fd, &byte, 1, at), 1);
		}
		read_all(fd);
		close(fd);
	}
	close(self);
}

static void test_cut_while_in_use(void **state)
{
	int self = open_self(), fd;
	struct elf_symbols *symbols;
	char name[ELF_SYMBOL_NAME_MAX];
	struct stat st;
	uint64_t offset = offset_of((const void *)(uintptr_t)&marker_function_of_this_test);

	(void)state;
	assert_int_equal(fstat(self, &st), 0);
	fd = copy_to_memfd(self, st.st_size);
	assert_int_equal(elf_symbols_new(fd, &symbols), 0);
	assert_int_equal(ftruncate(fd, 100), 0);
	assert_int_equal(elf_symbols_find(symbols, offset, name), -EBADMSG);
	elf_symbols_free(symbols);
	close(fd);
	close(self);
}

static void test_identity(void **state)
{
	int self = open_self(), other = memfd_create("x", MFD_CLOEXEC);
	struct elf_identity a, b;

	(void)state;
	assert_int_equal(elf_identity_read(self, &a), 0);
	assert_true(a.is_build_id);
	assert_int_equal(a.len, 20);
	assert_int_equal(write(other, "not an ELF file", 15), 15);
	assert_int_equal(elf_identity_read(other, &b), 0);
	assert_false(b.is_build_id);
	assert_int_equal(b.len, 16);
	assert_int_equal(pwrite(other, "N", 1, 0), 1);
	assert_int_equal(elf_identity_read(other, &a), 0);
	assert_memory_not_equal(a.bytes, b.bytes, 16);
	close(self);
	close(other);
}

static void test_notes(void **state)
{
	struct {
		Elf64_Nhdr other;
		char other_name[4];
		uint8_t other_desc[8];
		Elf64_Nhdr id;
		char name[4];
		uint8_t desc[8];
	} notes = {
		.other = {4, 5, 1},
		.other_name = "GNU",
		.id = {4, 8, NT_GNU_BUILD_ID},
		.name = "GNU",
		.desc = {1, 2, 3, 4, 5, 6, 7, 8},
	};
	struct elf_identity identity;

	(void)state;
	assert_int_equal(elf_identity_from_notes(&notes, sizeof(notes), &identity), 0);
	assert_int_equal(identity.len, 8);
	assert_memory_equal(identity.bytes, notes.desc, 8);
	for (size_t len = 0; len < sizeof(notes); len++)
		assert_int_equal(elf_identity_from_notes(&notes, len, &identity), -ENOENT);
	notes.id.n_descsz = ELF_IDENTITY_MAX + 1;
	assert_int_equal(elf_identity_from_notes(&notes, sizeof(notes), &identity), -ENOENT);
	notes.other.n_namesz = UINT32_MAX;
	assert_int_equal(elf_identity_from_notes(&notes, sizeof(notes), &identity), -ENOENT);
}

static void test_symbol_files(void **state)
{
	struct symbol_files *files;
	struct elf_identity identity;
	uint64_t offset = offset_of((const void *)(uintptr_t)&marker_function_of_this_test);
	int broken = memfd_create("broken", MFD_CLOEXEC);
	char *name;

	(void)state;
	assert_int_equal(symbol_files_new(1, 3, &files), 0); /* a budget below any index */
	assert_int_equal(symbol_files_name(files, 7, 0, &name), -ESTALE);
	assert_int_equal(symbol_files_add(files, 7, open_self(), &identity), 0);
	assert_int_equal(symbol_files_add(files, 3, open_self(), &identity), 0);
	assert_int_equal(symbol_files_add(files, 3, open_self(), &identity), -EEXIST);
	for (int i = 0; i < 4; i++) { /* each use drops the other's index */
		assert_int_equal(symbol_files_name(files, i % 2 ? 3 : 7, offset, &name), 0);
		assert_string_equal(name, "marker_function_of_this_test");
		free(name);
	}
	assert_int_equal(write(broken, ELFMAG "garbage", 11), 11);
	assert_int_equal(symbol_files_add(files, 9, broken, &identity), 0);
	assert_int_equal(symbol_files_name(files, 9, 0, &name), -EBADMSG);
	assert_int_equal(symbol_files_name(files, 9, 0, &name), -EBADMSG);
	assert_int_equal(symbol_files_add(files, 10, open_self(), &identity), -EMFILE);
	symbol_files_remove(files, 7);
	symbol_files_remove(files, 7);
	assert_int_equal(symbol_files_name(files, 7, offset, &name), -ESTALE);
	symbol_files_free(files);
}

/* A sparse file whose header speaks of a table of 900 MB, with entries of 1.5 MB. */
static void test_absurd_table(void **state)
{
	int self = open_self(), fd;
	struct elf_symbols *symbols = NULL;
	struct stat st;
	Elf64_Ehdr header;
	Elf64_Shdr section;

	(void)state;
	assert_int_equal(fstat(self, &st), 0);
	fd = copy_to_memfd(self, st.st_size);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	for (int i = 0; i < header.e_shnum; i++) {
		off_t at = (off_t)(header.e_shoff + (uint64_t)i * header.e_shentsize);

		assert_int_equal(pread(fd, &section, sizeof(section), at), sizeof(section));
		if (section.sh_type != SHT_SYMTAB && section.sh_type != SHT_DYNSYM)
			continue;
		section.sh_size = 900u << 20;
		section.sh_entsize = 24 * 65536;
		assert_int_equal(pwrite(fd, &section, sizeof(section), at), sizeof(section));
	}
	assert_int_equal(ftruncate(fd, 1 << 30), 0);
	assert_int_equal(elf_symbols_new(fd, &symbols), -EBADMSG);
	assert_null(symbols);
	close(fd);
	close(self);
}

static void expect_demangled(const char *mangled, const char *wanted)
{
	char *plain = demangle(mangled);

	if (!wanted)
		assert_null(plain);
	else
		assert_string_equal(plain ? plain : "(null)", wanted);
	free(plain);
}

static void test_demangle(void **state)
{
	(void)state;
	expect_demangled("main", NULL);
	expect_demangled("_ZN5clang6Parser10ParseClassEib", "clang::Parser::ParseClass");
	expect_demangled("_ZNSt6vectorIiSaIiEE9push_backERKi",
			 "std::vector<int, std::allocator<int> >::push_back");
	expect_demangled("_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE",
			 "core::fmt::Write::write_fmt");
	expect_demangled("_RNvCs1234_7mycrate3foo", "mycrate::foo");
	/* Each level doubles the name: it is never written out. */
	expect_demangled(
		"_Z1fI1AIiiES0_IS1_S1_ES0_IS2_S2_ES0_IS3_S3_ES0_IS4_S4_ES0_IS5_S5_ES0_IS6_S6_"
		"ES0_IS7_S7_ES0_IS8_S8_ES0_IS9_S9_ES0_ISA_SA_ES0_ISB_SB_ES0_ISC_SC_ES0_ISD_SD_"
		"ES0_ISE_SE_ES0_ISF_SF_ES0_ISG_SG_ES0_ISH_SH_ES0_ISI_SI_ES0_ISJ_SJ_ES0_ISK_SK_"
		"ES0_ISL_SL_ES0_ISM_SM_ES0_ISN_SN_ES0_ISO_SO_ES0_ISP_SP_ES0_ISQ_SQ_ES0_ISR_SR_"
		"ES0_ISS_SS_EEvv",
		NULL);
	expect_demangled("_Zgarbage", NULL);
	expect_demangled("_Rgarbage", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_own_symbols),
		cmocka_unit_test(test_dynamic_symbols),
		cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_cut_while_in_use),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_symbol_files),
		cmocka_unit_test(test_demangle),
		cmocka_unit_test(test_absurd_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
