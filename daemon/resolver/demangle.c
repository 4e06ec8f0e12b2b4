// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * demangle.c - a choice of libiberty's demanglers. Parameters are left out, as perf and pprof do:
 * they make names of kilobytes, and overloads that matter differ in file and line as well.
 */
#include "demangle.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stddef.h>
#include <string.h>

/* A plain name being put together. */
struct plain_name {
	char text[DEMANGLE_MAX];
	size_t len;
	jmp_buf too_long;
};

/*
 * Whoever makes a file chooses its names, and each substitution in one may double the output: 265
 * bytes make 285 MB. The callback has no way to say stop but to leave; the demanglers keep what
 * they need on the stack, but for some bytes of a Rust name in punycode that are then lost.
 */
static void append(const char *piece, size_t len, void *ctx)
{
	struct plain_name *plain = ctx;

	if (len >= sizeof(plain->text) - plain->len)
		longjmp(plain->too_long, 1);
	if (len) /* an empty piece may be NULL */
		memcpy(plain->text + plain->len, piece, len);
	plain->len += len;
}

/* Returns whether a demangler knew the name. */
static int ask_demanglers(const char *name, struct plain_name *plain)
{
	/* Legacy Rust names are valid C++ ones; asked first, Rust drops the hash. */
	if ((strncmp(name, "_R", 2) == 0 || strncmp(name, "_ZN", 3) == 0) &&
	    rust_demangle_callback(name, DMGL_NO_OPTS, append, plain))
		return 1;
	plain->len = 0;
	return strncmp(name, "_Z", 2) == 0 &&
	       cplus_demangle_v3_callback(name, DMGL_NO_OPTS, append, plain);
}

static int write_plain(const char *name, struct plain_name *plain)
{
	plain->len = 0;
	return setjmp(plain->too_long) ? 0 : ask_demanglers(name, plain);
}

char *demangle(const char *name)
{
	struct plain_name plain;

	if (strlen(name) >= DEMANGLE_MAX || !write_plain(name, &plain) || !plain.len)
		return NULL;
	return strndup(plain.text, plain.len);
}
