/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * opener.h - opens the files behind mappings, in a thread of its own, because open() of a file on
 * FUSE or a dead server blocks for as long as that likes.
 *
 * What comes in is an O_PATH descriptor of /proc/PID/map_files/START-END: that link leads to the
 * very file that is mapped, deleted, replaced or in another mount namespace, and the descriptor
 * keeps it reachable when the process ends. Regular files of bounded size on local filesystems are
 * opened, others are not.
 */
#ifndef PROFD_OPENER_H
#define PROFD_OPENER_H

#include "profile.h"

#define OPENER_FILE_MAX_BYTES (8ull << 30)

struct opener;

struct opener_answer {
	uint32_t number;
	int fd; /* the receiver's, or -1 and then `reason` says why */
	uint32_t trust_uid;
	enum unknown_reason reason;
};

int opener_new(struct opener **ret);
/* An open() that is under way is abandoned: its thread ends when it returns. */
struct opener *opener_free(struct opener *opener);

/* The same with what is called instead of opener_open() and opener_open_path() (when `path` is not
 * NULL), for tests. */
typedef void (*opener_open_fn)(uint32_t number, int path_fd, const char *path,
			       struct opener_answer *ret);
int opener_new_with(opener_open_fn open_fn, struct opener **ret);

/*
 * Abandons an open() that takes longer than five seconds: the file is answered as skipped, and a
 * new thread goes on with the others. After eight of them nothing is opened any more, because
 * threads that hang cannot be ended. Once a second; the clock is CLOCK_MONOTONIC.
 */
void opener_watch(struct opener *opener, uint64_t now_ns);
uint32_t opener_n_abandoned(const struct opener *opener);

/* Readable when there may be an answer. */
int opener_fd(const struct opener *opener);
/* Asks for the file `number` behind the O_PATH descriptor. -EAGAIN when too many requests wait, or
 * too many threads hang; the descriptor is closed then. */
int opener_ask(struct opener *opener, uint32_t number, int take_path_fd);
/* The same for a file by its path from profd's own root: one whose process is gone. It may be
 * another one by now, or another one's namespace may be meant: the receiver knows its build ID. */
int opener_ask_path(struct opener *opener, uint32_t number, const char *path);
/* 1 and an answer, or 0 when there is none. */
int opener_take(struct opener *opener, struct opener_answer *ret);
/* Whether every request was answered and every answer taken. */
bool opener_idle(const struct opener *opener);

/* The O_PATH descriptor of `path` below a root: no way out of it, no link of /proc is followed, and
 * only what the kernel has at hand is looked at, so that no automount is triggered and no server
 * asked (openat2(2), RESOLVE_CACHED since 5.12). Or -errno; -ENOSYS and -EINVAL on older kernels.
 */
int opener_path_below(int root_fd, const char *path);

/* Open now, in this thread: what the thread does for each request. `path_fd` is borrowed. */
void opener_open(uint32_t number, int path_fd, struct opener_answer *ret);
void opener_open_path(uint32_t number, const char *path, struct opener_answer *ret);

#endif
