/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * child.h - a program that a test runs: what it prints is kept in memory, and it never outlives
 * the test.
 *
 * A failure that is not the program's own (fork, memfd) fails the cmocka test at once.
 */
#ifndef TEST_CHILD_H
#define TEST_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define CHILD_TIMEOUT_S 120 /* for programs that end by themselves */

struct child {
	pid_t pid;  /* 0 = none */
	int out_fd; /* what it prints on stdout and stderr; memory, so that it never blocks */
	int err_fd;
};

struct child_options {
	int cpu;	      /* run on this CPU only; -1 = any */
	uid_t uid;	      /* run as this user, without any capability; 0 = as the test itself */
	int in_fd;	      /* its stdin; -1 = /dev/null */
	int (*prepare)(void); /* called before the program is executed; < 0: it is not */
	uint64_t lost_caps;   /* 1 << CAP_*: capabilities that it does not get */
};

/* A NULL-terminated list of words. */
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

#define CHILD_DEFAULTS ((struct child_options){.cpu = -1, .in_fd = -1})

/* Starts argv[0] (a path, or a name looked up in PATH). It dies with the test program. */
void child_start(struct child *child, const struct child_options *options,
		 const char *const argv[]);

/* Waits for its end. Returns the exit code, 128 + N after signal N, or -1 when it still runs after
 * `timeout_s`; then it goes on running. */
int child_wait(struct child *child, unsigned int timeout_s);

void child_signal(const struct child *child, int signal);

/* All it has printed so far. The caller frees it. */
char *child_stdout(const struct child *child);
char *child_stderr(const struct child *child);

/* Kills it if it still runs, and forgets what it printed. */
void child_done(struct child *child);

/* Waits until `condition` holds, looking again every 20 ms; false after `timeout_s`. */
bool wait_until(bool (*condition)(void *ctx), void *ctx, unsigned int timeout_s);

#endif
