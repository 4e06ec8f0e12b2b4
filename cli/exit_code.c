// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * exit_code.c - the one way an error is said: on stderr, as "profctl: ...".
 */
#include "exit_code.h"

#include <stdarg.h>
#include <stdio.h>

static void say(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
	(void)fputs("profctl: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
}

enum exit_code fail(enum exit_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	return code;
}

void note(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}
