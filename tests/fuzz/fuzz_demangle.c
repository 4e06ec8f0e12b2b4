// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_demangle.c - any string as a symbol's name: bounded in time and memory.
 */
#include "demangle.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *name = malloc(size + 1), *plain;

	if (!name)
		return 0;
	memcpy(name, data, size);
	name[size] = '\0';
	plain = demangle(name);
	if (plain && (!*plain || strlen(plain) >= DEMANGLE_MAX))
		abort();
	free(plain);
	free(name);
	return 0;
}
