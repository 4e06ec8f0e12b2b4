/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exit_code.h - profctl's exit codes, which scripts rely on, and the one way an error is said.
 */
#ifndef PROFD_EXIT_CODE_H
#define PROFD_EXIT_CODE_H

/* Fixed for good: see EXIT STATUS in profctl(1). 5 is kept for thresholds. */
enum exit_code {
	EXIT_ANSWERED = 0,  /* also when the answer is empty */
	EXIT_FAILED = 1,    /* it could not be done, and the message says why */
	EXIT_USAGE = 2,	    /* the command line is wrong */
	EXIT_NO_STORE = 3,  /* no store, or no bucket in it yet */
	EXIT_NOT_FOUND = 4, /* the pid, tid, unit or container occurs nowhere in the store */
};

/* Prints "profctl: ..." and a newline on stderr, and returns `code`. The text ends with what to do
 * next. */
enum exit_code fail(enum exit_code code, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* The same for something worth knowing that does not end the command. */
void note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
