/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * log.h - lines on stderr, with the journal's level in front when stderr is the journal.
 *
 * The level is the only global state of profd. Losses are counters, not lines: a line is for what a
 * person must do or know once.
 */
#ifndef PROFD_LOG_H
#define PROFD_LOG_H

#include <syslog.h>

/* Sets the least urgent level that is printed (LOG_ERR..LOG_DEBUG), and finds out whether stderr
 * goes to the journal (sd-daemon(3), JOURNAL_STREAM). */
void log_init(int level);

/* One line, without a newline at its end; keeps errno. Control characters in it are replaced, and
 * what goes beyond about 1000 bytes is cut. */
void log_line(int level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_DEBUG, __VA_ARGS__)

#endif
