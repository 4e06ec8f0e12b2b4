/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_reason.h - what a thread waited for, from its state and the kernel functions of its stack:
 * one table of functions, searched from the leaf outwards, that is easy to extend.
 */
#ifndef PROFD_WAIT_REASON_H
#define PROFD_WAIT_REASON_H

#include "wait_class.h"

enum wait_reason {
	WAIT_REASON_NONE = 0, /* the stack does not say */
	WAIT_REASON_DISK,
	WAIT_REASON_LOCK,  /* futex, mutex, semaphore */
	WAIT_REASON_SLEEP, /* a timer */
	WAIT_REASON_POLL,  /* poll, select, epoll */
	WAIT_REASON_PIPE_READ,
	WAIT_REASON_PIPE_WRITE,
	WAIT_REASON_SOCKET_READ, /* accept and connect too */
	WAIT_REASON_SOCKET_WRITE,
	WAIT_REASON_PAGE_FAULT,
	WAIT_REASON_CHILD,   /* wait for a process to end */
	WAIT_REASON_STOPPED, /* by a signal or a tracer */
	WAIT_REASON_CPU,     /* runnable, and no CPU was free */
	WAIT_REASON_OTHER_D, /* uninterruptible, for something else */
	WAIT_REASON_OTHER,   /* interruptible, for something else */
	WAIT_REASON_MAX
};

/* "disk", "lock", "pipe read"..., "" for NONE and out of range. */
const char *wait_reason_name(enum wait_reason reason);
/* The reason with that name, WAIT_REASON_NONE when there is none. */
enum wait_reason wait_reason_parse(const char *name);

/* What a frame of the kernel says, WAIT_REASON_NONE for most. A suffix of the compiler's
 * (.isra.0, .constprop.0, .cold) does not matter. */
enum wait_reason wait_reason_of_function(const char *function);

/*
 * What a stack says, frame by frame from the leaf outwards, beginning with WAIT_REASON_NONE: the
 * leaf-most frame that says something decides, but a wait for the disk inside a page fault is a
 * page fault: the program touched memory, and asked for no file. A lock inside one (mmap_lock)
 * stays a lock.
 */
enum wait_reason wait_reason_add(enum wait_reason so_far, enum wait_reason next);

/* The reason of a wait in that state whose stack said `of_stack` (WAIT_REASON_NONE: nothing). */
enum wait_reason wait_reason_of(enum wait_state state, enum wait_reason of_stack);

#endif
