// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * log.c - the whole logging system of profd.
 */
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static int log_level = LOG_INFO;
static bool log_to_journal;

/* sd-daemon(3): JOURNAL_STREAM is the device and inode of a stream, which may be redirected. */
static bool stderr_is_the_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &dev, &inode) == 2 &&
	       fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == inode;
}

void log_init(int level)
{
	log_level = level;
	log_to_journal = stderr_is_the_journal();
}

void log_line(int level, const char *format, ...)
{
	int saved_errno = errno;
	char text[1024];
	va_list args;

	if (level > log_level)
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (log_to_journal)
		fprintf(stderr, "<%d>%s\n", level, text);
	else
		fprintf(stderr, "profd: %s\n", text);
	errno = saved_errno;
}
