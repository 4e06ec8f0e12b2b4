// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_kallsyms.c - any text as /proc/kallsyms, the part behind a NUL as /proc/modules.
 */
#include "symbols/kernel_symbols.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	const struct bpf_program_range programs[] = {{0xffffffff81002000, 0xffffffff81002800}};
	struct kernel_symbols *symbols;
	struct kernel_place place;
	size_t len;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	len = strlen(text);
	if (kernel_symbols_parse(text, len, len < size ? text + len + 1 : "", programs, 1,
				 &symbols) == 0) {
		for (uint64_t addr = 0xffffffff81000000; addr < 0xffffffff81004000; addr += 0x155)
			if (kernel_symbols_find(symbols, addr, &place) == 0 && !place.module)
				abort();
		kernel_symbols_free(symbols);
	}
	free(text);
	return 0;
}
