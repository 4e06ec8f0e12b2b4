/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * demangle.h - the name a person wrote, from the name the linker saw (C++, Rust legacy and v0).
 */
#ifndef PROFD_DEMANGLE_H
#define PROFD_DEMANGLE_H

#define DEMANGLE_MAX 4096 /* bytes; a longer name is shown as it is */

/*
 * Returns the demangled name without parameters and without Rust's hash, on the heap, or NULL when
 * `name` is not mangled, would be too long, or there is no memory: then it is shown as it is.
 */
char *demangle(const char *name);

#endif
