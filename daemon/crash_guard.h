/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * crash_guard.h - notices that the host went down soon after profd attached its BPF programs, so
 * that a profiler which brings a machine down does not do it at every boot.
 *
 * A small file in the store's directory, the flag, says that programs are attached, in which mode
 * and since which boot. It is there from before they are attached until the watch time is over or
 * profd stops; one of another boot means that the host went down in between. It owns that file;
 * what safe mode switches off, and the timer, are the caller's.
 */
#ifndef PROFD_CRASH_GUARD_H
#define PROFD_CRASH_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CRASH_GUARD_FILE	"attached" /* schema/store_open.c knows the name, too */
#define CRASH_GUARD_WATCH_S	300
#define CRASH_GUARD_CRASHES_MAX 2 /* in safe mode, in a row */
#define CRASH_GUARD_TEXT_MAX	512
#define CRASH_GUARD_BOOT_ID_MAX 64

enum crash_guard_state {
	CRASH_GUARD_NORMAL,
	CRASH_GUARD_SAFE,
	CRASH_GUARD_REFUSE, /* nothing may be attached */
};

enum crash_guard_cause {
	CRASH_GUARD_NO_FLAG,
	CRASH_GUARD_BAD_FLAG,	/* not what profd writes: taken as none */
	CRASH_GUARD_KILLED,	/* profd ended in this boot and did not stop */
	CRASH_GUARD_HOST_CRASH, /* the host did */
};

struct crash_guard_verdict {
	enum crash_guard_state state;
	enum crash_guard_cause cause;
	uint32_t n_crashes; /* in safe mode, in a row */
	/* For the log, one line without a newline; "" = nothing to say. */
	char text[CRASH_GUARD_TEXT_MAX];
};

/* All 0 is a guard that does nothing. */
struct crash_guard {
	int dir_fd;
	bool watching; /* dir_fd is open */
};

/*
 * What a flag says about this start: `text` is its content, NULL without one; `boot_id` that of
 * this boot; `dir` is for the text. Pure; any bytes will do.
 */
void crash_guard_judge(const char *text, size_t len, const char *boot_id, const char *dir,
		       struct crash_guard_verdict *ret);

/*
 * Judges the flag in the directory and, unless that says CRASH_GUARD_REFUSE, writes one for this
 * start and syncs it (file and directory). To be called with the store's lock held, before anything
 * is attached; it may wait for the disk. `dir_fd` stays the caller's and may be closed; `dir` is
 * its path for messages; `boot_id` is that of /proc/sys/kernel/random/boot_id, without a newline. A
 * refusal leaves the flag, so that the next start is refused, too.
 * Returns 0; -EINVAL `boot_id` is none (*ret is a normal start then); -errno of openat, write,
 * fsync or renameat when no flag could be written: *ret holds then, too, but if the host goes down,
 * the next start does not know of it. `guard` is for crash_guard_done() in each case.
 */
int crash_guard_start(struct crash_guard *guard, int dir_fd, const char *dir, const char *boot_id,
		      struct crash_guard_verdict *ret);

/*
 * The watch time is over: removes the flag and syncs the directory, which may wait for the disk.
 * The next start is a normal one; this one stays what it is. Returns 0, also when there is none, or
 * -errno of unlinkat or fsync: then the flag may still be there at the next boot.
 */
int crash_guard_survived(struct crash_guard *guard);

/* The same when profd stops, after everything is detached. May be called more than once. */
int crash_guard_done(struct crash_guard *guard);

#endif
