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
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 1024

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

/* A message is one line: the journal would take a second one without its level, and names in it are
 * foreign, with escape sequences perhaps. */
static void make_one_line(char *text)
{
	for (; *text; text++) {
		if (*text == '\n' || *text == '\t')
			*text = ' ';
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = '?';
	}
}

void log_line(int level, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_MAX_BYTES];
	int used, len;
	va_list args;

	if (level > log_level)
		return;
	used = log_to_journal ? snprintf(line, sizeof(line), "<%d>", level)
			      : snprintf(line, sizeof(line), "profd: ");
	va_start(args, format);
	len = vsnprintf(line + used, sizeof(line) - (size_t)used - 1, format, args);
	va_end(args);
	if (len < 0) /* a format that does not fit its arguments */
		line[used] = '\0';
	make_one_line(line + used);
	used += (int)strlen(line + used);
	line[used++] = '\n';
	/* In one piece, so that lines of two threads do not mix. A log that nobody takes is no
	 * reason to stop. */
	(void)!write(STDERR_FILENO, line, (size_t)used);
	errno = saved_errno;
}
