/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * foreign_text.h - names that other people's programs and files gave themselves, made safe to
 * print. A thread's name, a path or a symbol may be any bytes: escape sequences that would drive a
 * terminal, text that reverses its direction, bytes that are no UTF-8 and so no JSON.
 */
#ifndef PROFD_FOREIGN_TEXT_H
#define PROFD_FOREIGN_TEXT_H

#include <stddef.h>

/*
 * Returns `text` itself when it is valid UTF-8, else a copy in *ret_copy (the caller frees it; NULL
 * when there is none) with U+FFFD for each byte that is not. NULL when memory is short.
 */
const char *foreign_text_utf8(const char *text, char **ret_copy);

/* The same, with U+FFFD also for control characters, line ends and changes of direction. */
const char *foreign_text_printable(const char *text, char **ret_copy);

/* Terminal columns of a printable text. */
size_t foreign_text_width(const char *text);

/* How many bytes of a printable text fit into so many columns. */
size_t foreign_text_fit(const char *text, size_t columns);

#endif
