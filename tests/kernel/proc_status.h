/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc_status.h - what /proc says of a process under test: its capabilities, descriptors, children.
 *
 * What cannot be read fails the cmocka test.
 */
#ifndef TEST_PROC_STATUS_H
#define TEST_PROC_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* A hexadecimal set ("CapEff") or a number ("NoNewPrivs") of a thread's status. */
uint64_t proc_status_set(pid_t pid, pid_t tid, const char *key);
uint64_t proc_status_number(pid_t pid, pid_t tid, const char *key);

/* The threads of a process; at most `max`, and returns how many. */
unsigned int proc_threads(pid_t pid, pid_t *ret, unsigned int max);

/* Its only child, or 0 when it has none; more than one fail the test. */
pid_t proc_only_child(pid_t pid);

/* A child of any of its threads that bears this name and is no zombie, or 0. */
pid_t proc_child_named(pid_t pid, const char *name);

/* Whether it is there and no zombie. */
bool proc_lives(pid_t pid);

/* What its descriptors are links to, one a line; to be freed. */
char *proc_descriptors(pid_t pid);

/* Reads and writes a number below /proc/sys or /sys. */
int sysctl_read(const char *path);
void sysctl_write(const char *path, int value);

#endif
