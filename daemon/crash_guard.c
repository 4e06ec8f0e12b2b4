// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * crash_guard.c - see crash_guard.h.
 *
 * The flag is text: version, boot, mode, and how often in a row the host went down in safe mode.
 */
#include "crash_guard.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define FLAG_MODE     0640
#define FLAG_MAX      256
#define FLAG_NEW      CRASH_GUARD_FILE ".new"
#define WATCH_MINUTES (CRASH_GUARD_WATCH_S / 60)

struct flag {
	char boot_id[CRASH_GUARD_BOOT_ID_MAX];
	char mode[8]; /* "normal" or "safe" */
	uint32_t n_crashes;
};

/* ---- judging ---- */

static bool is_boot_id(const char *boot_id)
{
	size_t len = strspn(boot_id, "0123456789abcdef-");

	return len > 0 && len < CRASH_GUARD_BOOT_ID_MAX && !boot_id[len];
}

static bool is_safe(const struct flag *flag)
{
	return strcmp(flag->mode, "safe") == 0;
}

/* Returns the length; `buf` has room for any flag. */
static size_t format_flag(const struct flag *flag, char buf[FLAG_MAX])
{
	return (size_t)snprintf(buf, FLAG_MAX,
				"profd-attached 1\nboot_id %s\nmode %s\nsafe_mode_crashes %u\n",
				flag->boot_id, flag->mode, flag->n_crashes);
}

static bool parse_flag(const char *text, size_t len, struct flag *ret)
{
	char copy[FLAG_MAX], again[FLAG_MAX];
	struct flag flag;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (sscanf(copy,
		   "profd-attached 1 boot_id %63[0-9a-f-] mode %7[a-z] safe_mode_crashes %9" SCNu32,
		   flag.boot_id, flag.mode, &flag.n_crashes) != 3)
		return false;
	/* Only the spelling that format_flag() gives: not cut short, no tail, no NUL. */
	if (format_flag(&flag, again) != len || memcmp(again, text, len) != 0)
		return false;
	if (!is_safe(&flag) && (strcmp(flag.mode, "normal") != 0 || flag.n_crashes))
		return false;
	*ret = flag;
	return true;
}

/* The state that follows from what is known of the last start. */
static void judge_flag(const struct flag *flag, const char *boot_id,
		       struct crash_guard_verdict *verdict)
{
	bool safe = is_safe(flag);

	verdict->n_crashes = flag->n_crashes;
	verdict->cause = CRASH_GUARD_KILLED;
	if (strcmp(flag->boot_id, boot_id) != 0) {
		verdict->cause = CRASH_GUARD_HOST_CRASH;
		verdict->n_crashes += safe;
		safe = true;
	}
	if (verdict->n_crashes >= CRASH_GUARD_CRASHES_MAX)
		verdict->state = CRASH_GUARD_REFUSE;
	else
		verdict->state = safe ? CRASH_GUARD_SAFE : CRASH_GUARD_NORMAL;
}

static void describe(struct crash_guard_verdict *verdict, const char *dir)
{
	char *text = verdict->text;
	const size_t size = sizeof(verdict->text);

	if (verdict->cause == CRASH_GUARD_BAD_FLAG)
		(void)snprintf(text, size,
			       "%s/" CRASH_GUARD_FILE " is not what profd wrote: whether the host "
			       "went down after profd was last started is not known; the file is "
			       "replaced",
			       dir);
	else if (verdict->state == CRASH_GUARD_REFUSE)
		(void)snprintf(text, size,
			       "nothing is profiled: %" PRIu32 " times in a row the host went down "
			       "(crash, freeze or power cut) within %d minutes of profd's start in "
			       "safe mode; update the kernel, remove %s/" CRASH_GUARD_FILE
			       " and start profd again",
			       verdict->n_crashes, WATCH_MINUTES, dir);
	else if (verdict->state == CRASH_GUARD_SAFE)
		(void)snprintf(
			text, size,
			"safe mode: the host went down (crash, freeze or power cut) within "
			"%d minutes of profd's start, %" PRIu32 " of %d times in safe mode; "
			"when it is up for %d minutes from now, the next start of profd is a "
			"normal one",
			WATCH_MINUTES, verdict->n_crashes, CRASH_GUARD_CRASHES_MAX, WATCH_MINUTES);
	else
		text[0] = '\0';
}

void crash_guard_judge(const char *text, size_t len, const char *boot_id, const char *dir,
		       struct crash_guard_verdict *ret)
{
	struct flag flag;

	*ret = (struct crash_guard_verdict){.state = CRASH_GUARD_NORMAL};
	if (text && parse_flag(text, len, &flag))
		judge_flag(&flag, boot_id, ret);
	else if (text)
		ret->cause = CRASH_GUARD_BAD_FLAG;
	describe(ret, dir);
}

/* ---- the file ---- */

/* Returns the length, 0 for what is no readable file of that size, or -ENOENT. */
static ssize_t read_flag(int dir_fd, char buf[FLAG_MAX])
{
	_cleanup_close_ int fd =
		openat(dir_fd, CRASH_GUARD_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : 0;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	/* A longer one fills the buffer, and no flag does. */
	n = read(fd, buf, FLAG_MAX);
	return n < 0 ? 0 : n;
}

static int sync_directory(int dir_fd)
{
	/* Some file systems cannot, and say so. */
	return fsync(dir_fd) < 0 && errno != EINVAL ? -errno : 0;
}

static int write_new(int dir_fd, const char *text, size_t len)
{
	_cleanup_close_ int fd = openat(
		dir_fd, FLAG_NEW, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, FLAG_MODE);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		return -errno;
	if ((size_t)n != len)
		return -ENOSPC;
	/* The umask shall not keep readers out. */
	if (fchmod(fd, FLAG_MODE) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}

static int arm(int dir_fd, const char *boot_id, const struct crash_guard_verdict *verdict)
{
	struct flag flag = {.n_crashes = verdict->n_crashes};
	char text[FLAG_MAX];
	int r;

	(void)snprintf(flag.boot_id, sizeof(flag.boot_id), "%s", boot_id);
	(void)snprintf(flag.mode, sizeof(flag.mode), "%s",
		       verdict->state == CRASH_GUARD_SAFE ? "safe" : "normal");
	/* Left over when the host went down right here. */
	(void)unlinkat(dir_fd, FLAG_NEW, 0);
	r = write_new(dir_fd, text, format_flag(&flag, text));
	if (r == 0 && renameat(dir_fd, FLAG_NEW, dir_fd, CRASH_GUARD_FILE) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir_fd, FLAG_NEW, 0);
		return r;
	}
	return sync_directory(dir_fd);
}

int crash_guard_start(struct crash_guard *guard, int dir_fd, const char *dir, const char *boot_id,
		      struct crash_guard_verdict *ret)
{
	char text[FLAG_MAX];
	ssize_t n;

	*guard = (struct crash_guard){};
	crash_guard_judge(NULL, 0, boot_id, dir, ret);
	if (!is_boot_id(boot_id))
		return -EINVAL;
	guard->dir_fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (guard->dir_fd < 0)
		return -errno;
	guard->watching = true;
	n = read_flag(guard->dir_fd, text);
	if (n >= 0)
		crash_guard_judge(text, (size_t)n, boot_id, dir, ret);
	if (ret->state != CRASH_GUARD_REFUSE)
		return arm(guard->dir_fd, boot_id, ret);
	/* The flag stays. */
	guard->watching = false;
	close_p(&guard->dir_fd);
	return 0;
}

int crash_guard_survived(struct crash_guard *guard)
{
	int r = 0;

	if (!guard->watching)
		return 0;
	if (unlinkat(guard->dir_fd, CRASH_GUARD_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (r == 0)
		r = sync_directory(guard->dir_fd);
	guard->watching = false;
	close_p(&guard->dir_fd);
	return r;
}

int crash_guard_done(struct crash_guard *guard)
{
	return crash_guard_survived(guard);
}
