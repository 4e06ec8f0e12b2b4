// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_elf_symbols.c - any bytes as an ELF file: identity, index, names, demangling.
 */
#include "elf_identity.h"
#include "symbol_files.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct symbol_files *files = NULL;
	struct elf_identity identity;
	int fd = memfd_create("fuzz", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, size) != (ssize_t)size ||
	    symbol_files_new(1 << 20, 1, &files) < 0) {
		close(fd);
		return 0;
	}
	if (symbol_files_add(files, 1, fd, &identity) == 0) {
		for (uint64_t offset = 0; offset < 8192; offset += 97) {
			char *name = NULL;

			if (symbol_files_name(files, 1, offset, &name) == 0 && !*name)
				abort();
			free(name);
		}
	}
	symbol_files_free(files);
	return 0;
}
