// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * elf_identity.c - see elf_identity.h. Reads untrusted files: every size is checked against a limit
 * and nothing is mapped, because a mapped file that is cut short kills its reader with SIGBUS.
 */
#include "elf_identity.h"

#include "elf_header.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES_MAX      (64 * 1024)
#define PROGRAMS_MAX   256
#define HASHED_BYTES   4096
#define FNV_OFFSET     0xcbf29ce484222325ull
#define FNV_PRIME      0x100000001b3ull
#define HASH_SEED_HIGH 0x9e3779b97f4a7c15ull

static uint64_t align4(uint64_t n)
{
	return (n + 3) & ~3ull;
}

int elf_identity_from_notes(const void *notes, uint64_t len, struct elf_identity *ret)
{
	const uint8_t *p = notes;

	while (len >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		uint64_t name_at = sizeof(note), desc_at, end;

		memcpy(&note, p, sizeof(note));
		desc_at = name_at + align4(note.n_namesz);
		end = desc_at + align4(note.n_descsz);
		if (desc_at + note.n_descsz > len)
			return -ENOENT;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    memcmp(p + name_at, "GNU", 4) == 0 && note.n_descsz > 0 &&
		    note.n_descsz <= ELF_IDENTITY_MAX) {
			*ret = (struct elf_identity){.is_build_id = true,
						     .len = (uint8_t)note.n_descsz};
			memcpy(ret->bytes, p + desc_at, note.n_descsz);
			return 0;
		}
		if (end > len)
			return -ENOENT;
		p += end;
		len -= end;
	}
	return -ENOENT;
}

static int read_build_id(int fd, struct elf_identity *ret)
{
	Elf *elf;
	size_t n_programs = 0;
	int r = -ENOENT;

	if (elf_header_check(fd) < 0)
		return -ENOENT;
	(void)elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf)
		return -ENOENT;
	if (elf_kind(elf) != ELF_K_ELF || elf_getphdrnum(elf, &n_programs) < 0)
		n_programs = 0;
	for (size_t i = 0; i < n_programs && i < PROGRAMS_MAX && r < 0; i++) {
		GElf_Phdr program;
		uint8_t *notes;
		ssize_t n;

		if (!gelf_getphdr(elf, (int)i, &program) || program.p_type != PT_NOTE ||
		    program.p_filesz > NOTES_MAX || (off_t)program.p_offset < 0)
			continue;
		notes = malloc(program.p_filesz + 1);
		if (!notes)
			break;
		n = pread(fd, notes, program.p_filesz, (off_t)program.p_offset);
		if (n > 0)
			r = elf_identity_from_notes(notes, (uint64_t)n, ret);
		free(notes);
	}
	elf_end(elf);
	return r;
}

static void hash_more(uint64_t hash[2], const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		hash[0] = (hash[0] ^ bytes[i]) * FNV_PRIME;
		hash[1] = (hash[1] ^ bytes[i] ^ (hash[0] >> 57)) * FNV_PRIME;
	}
}

static int hash_file(int fd, struct elf_identity *ret)
{
	uint8_t block[HASHED_BYTES];
	uint64_t hash[2] = {FNV_OFFSET, FNV_OFFSET ^ HASH_SEED_HIGH};
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	hash_more(hash, (const uint8_t *)&st.st_size, sizeof(st.st_size));
	n = pread(fd, block, sizeof(block), 0);
	if (n < 0)
		return -errno;
	hash_more(hash, block, (size_t)n);
	n = pread(fd, block, sizeof(block),
		  st.st_size > HASHED_BYTES ? st.st_size - HASHED_BYTES : 0);
	if (n < 0)
		return -errno;
	hash_more(hash, block, (size_t)n);
	*ret = (struct elf_identity){.is_build_id = false, .len = sizeof(hash)};
	memcpy(ret->bytes, hash, sizeof(hash));
	return 0;
}

int elf_identity_read(int fd, struct elf_identity *ret)
{
	if (read_build_id(fd, ret) == 0)
		return 0;
	return hash_file(fd, ret);
}
