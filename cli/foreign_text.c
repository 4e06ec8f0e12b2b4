// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * foreign_text.c - names that other programs gave themselves, made safe to print.
 *
 * UTF-8 is decoded here, not by mbrtowc(), because the answer must not depend on the locale.
 */
#include "foreign_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const char replacement[] = "\357\277\275"; /* U+FFFD */

#define INVALID UINT32_MAX

/* One character at *p, which moves on; INVALID, and one byte, for what is no UTF-8. */
static uint32_t decode(const char **p)
{
	static const uint32_t least[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *s = (const unsigned char *)*p;
	unsigned int more;
	uint32_t c;

	if (s[0] < 0x80)
		more = 0;
	else if ((s[0] & 0xe0) == 0xc0)
		more = 1;
	else if ((s[0] & 0xf0) == 0xe0)
		more = 2;
	else if ((s[0] & 0xf8) == 0xf0)
		more = 3;
	else
		goto invalid;
	c = more == 0 ? s[0] : s[0] & (0x3fu >> more);
	for (unsigned int i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			goto invalid;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least[more] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		goto invalid;
	*p += more + 1;
	return c;

invalid:
	*p += 1;
	return INVALID;
}

static bool is_printable(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	/* Line and paragraph separators, marks and embeddings of direction. */
	return !(c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
		 (c >= 0x2066 && c <= 0x2069));
}

static const char *clean(const char *text, bool printable, char **ret_copy)
{
	const char *p = text;
	size_t bad = 0;
	char *copy, *out;

	*ret_copy = NULL;
	while (*p) {
		uint32_t c = decode(&p);

		bad += c == INVALID || (printable && !is_printable(c));
	}
	if (bad == 0)
		return text;
	copy = out = malloc((size_t)(p - text) + bad * (sizeof(replacement) - 1) + 1);
	if (!copy)
		return NULL;
	for (p = text; *p;) {
		const char *start = p;
		uint32_t c = decode(&p);

		if (c == INVALID || (printable && !is_printable(c)))
			out = stpcpy(out, replacement);
		else
			out = mempcpy(out, start, (size_t)(p - start));
	}
	*out = '\0';
	*ret_copy = copy;
	return copy;
}

const char *foreign_text_utf8(const char *text, char **ret_copy)
{
	return clean(text, false, ret_copy);
}

const char *foreign_text_printable(const char *text, char **ret_copy)
{
	return clean(text, true, ret_copy);
}

/* wcwidth() knows only the characters of the locale: one column for the others. */
static size_t columns_of(uint32_t c)
{
	int width = c == INVALID ? 1 : wcwidth((wchar_t)c);

	return width < 0 ? 1 : (size_t)width;
}

size_t foreign_text_width(const char *text)
{
	size_t width = 0;

	while (*text)
		width += columns_of(decode(&text));
	return width;
}

size_t foreign_text_fit(const char *text, size_t columns)
{
	const char *p = text, *fits = text;
	size_t width = 0;

	while (*p) {
		width += columns_of(decode(&p));
		if (width > columns)
			break;
		fits = p;
	}
	return (size_t)(fits - text);
}
