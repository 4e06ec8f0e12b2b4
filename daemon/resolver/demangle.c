// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * demangle.c - a choice of libiberty's demanglers. Parameters are left out, as perf and pprof do:
 * they make names of kilobytes, and overloads that matter differ in file and line as well.
 */
#include "demangle.h"

#include <libiberty/demangle.h>
#include <stddef.h>
#include <string.h>

char *demangle(const char *name)
{
	char *plain = NULL;

	/* Legacy Rust names are valid C++ ones; asked first, Rust drops the hash. */
	if (strncmp(name, "_R", 2) == 0 || strncmp(name, "_ZN", 3) == 0)
		plain = rust_demangle(name, DMGL_NO_OPTS);
	if (!plain && strncmp(name, "_Z", 2) == 0)
		plain = cplus_demangle_v3(name, DMGL_NO_OPTS);
	return plain;
}
