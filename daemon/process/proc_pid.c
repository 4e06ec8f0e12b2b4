// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * proc_pid.c - see proc_pid.h. The directory's descriptor stays with the process whatever becomes
 * of its pid.
 */
#include "process/proc_pid.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAPS_BYTES_MAX (16u << 20)
#define STAT_BYTES_MAX 16384
#define STAT_NAME      2 /* fields of /proc/PID/stat, proc(5) */
#define STAT_STARTTIME 22

struct proc_pid {
	char *proc;
	size_t *total_bytes;
	char *text; /* what a file is read into */
	size_t text_capacity;
	uint64_t ns_per_tick;
};

int proc_pid_new(const char *proc, size_t *total_bytes, struct proc_pid **ret)
{
	struct proc_pid *p = calloc(1, sizeof(*p));
	long ticks = sysconf(_SC_CLK_TCK);

	if (!p)
		return -ENOMEM;
	p->proc = strdup(proc);
	if (!p->proc) {
		free(p);
		return -ENOMEM;
	}
	p->total_bytes = total_bytes;
	p->ns_per_tick = 1000000000ull / (uint64_t)(ticks > 0 ? ticks : 100);
	*ret = p;
	return 0;
}

struct proc_pid *proc_pid_free(struct proc_pid *p)
{
	if (!p)
		return NULL;
	free(p->text);
	free(p->proc);
	free(p);
	return NULL;
}

/* Reads all of `fd` into p->text, with a NUL. Returns its length. */
static ssize_t read_text(struct proc_pid *p, int fd, size_t max)
{
	size_t len = 0;
	ssize_t n;

	do {
		if (p->text_capacity - len < 4096) {
			size_t capacity = p->text_capacity ? p->text_capacity * 2 : 16384;
			char *larger = capacity > max * 2 ? NULL : realloc(p->text, capacity);

			if (!larger)
				return -ENOMEM;
			p->text = larger;
			p->text_capacity = capacity;
		}
		n = read(fd, p->text + len, p->text_capacity - len - 1);
		if (n < 0)
			return -errno;
		len += (size_t)n;
	} while (n > 0);
	p->text[len] = '\0';
	return (ssize_t)len;
}

/* The fields of /proc/PID/stat from the one behind the name on; the name may hold anything. */
static int parse_stat(const char *text, uint64_t *ret_ticks, uint64_t *ret_start_code,
		      uint64_t *ret_end_code)
{
	const char *field = strrchr(text, ')');

	for (int i = STAT_NAME; field && i < STAT_STARTTIME; i++) {
		field = strchr(field, ' ');
		field = field ? field + 1 : NULL;
	}
	if (!field || sscanf(field, "%" SCNu64 " %*u %*d %*u %" SCNu64 " %" SCNu64, ret_ticks,
			     ret_start_code, ret_end_code) != 3)
		return -ESRCH;
	return 0;
}

/*
 * Whether /proc/PID, opened as `dir_fd`, is the process that was sampled and not a later one (or
 * may be its parent), with the image that was sampled and not the next: between a sample and its
 * reading lie milliseconds, and that is when a shell's child becomes its program.
 */
static int check_identity(struct proc_pid *p, int dir_fd, const struct process_key *key,
			  bool is_parent)
{
	_cleanup_close_ int fd = openat(dir_fd, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -ESRCH : read_text(p, fd, STAT_BYTES_MAX);
	uint64_t ticks, start_code, end_code, wanted = key->start_boot_ns / p->ns_per_tick;
	int r;

	if (n < 0)
		return (int)n;
	r = parse_stat(p->text, &ticks, &start_code, &end_code);
	if (r < 0 || (is_parent ? ticks > wanted || !key->start_code : ticks != wanted))
		return -ESRCH;
	/* Without permission the kernel shows 1 and 1 (fs/proc/array.c, do_task_stat()). */
	if (start_code > 1 && key->start_code &&
	    (start_code != key->start_code || end_code != key->end_code))
		return -ESRCH;
	return 0;
}

static void take_exe(struct address_space *space, int dir_fd)
{
	char path[PATH_MAX];
	ssize_t n = readlinkat(dir_fd, "exe", path, sizeof(path) - 1);

	if (n <= 0)
		return;
	path[n] = '\0';
	address_space_set_exe(space, path);
}

static int read_maps(struct proc_pid *p, int dir_fd, const char *name, struct mappings *ret)
{
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int r;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = mappings_query(fd, ret);
	if (r != -ENOTTY && r != -EINVAL)
		return r;
	n = read_text(p, fd, MAPS_BYTES_MAX);
	if (n <= 0) /* a zombie has no memory left; neither has a kernel thread, which needs none */
		return n < 0 ? (int)n : -ESRCH;
	return mappings_parse(p->text, (size_t)n, ret);
}

/* A first thread that has ended has no memory left, but the others still have it all. */
static int read_mappings(struct proc_pid *p, int dir_fd, const struct process_key *key,
			 struct mappings *ret)
{
	char name[64];
	int r = read_maps(p, dir_fd, "maps", ret);

	if (r != -ESRCH || !key->tid || key->tid == key->pid)
		return r;
	(void)snprintf(name, sizeof(name), "task/%u/maps", key->tid);
	return read_maps(p, dir_fd, name, ret);
}

static int read_pid(struct proc_pid *p, uint32_t pid, const struct process_key *key,
		    struct address_space **ret)
{
	_cleanup_(address_space_unrefp) struct address_space *space = NULL;
	_cleanup_close_ int dir_fd = -1;
	char path[PATH_MAX];
	int r;

	(void)snprintf(path, sizeof(path), "%s/%u", p->proc, pid);
	dir_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = check_identity(p, dir_fd, key, pid != key->pid);
	if (r < 0)
		return r;
	space = address_space_new(p->total_bytes);
	if (!space)
		return -ENOMEM;
	r = read_mappings(p, dir_fd, key, &space->mappings);
	if (r < 0)
		return r;
	take_exe(space, dir_fd);
	address_space_account(space);
	*ret = take_ptr(space);
	return 0;
}

int proc_pid_read(struct proc_pid *p, const struct process_key *key, struct address_space **ret)
{
	return read_pid(p, key->pid, key, ret);
}

int proc_pid_read_parent(struct proc_pid *p, uint32_t parent_pid, const struct process_key *child,
			 struct address_space **ret)
{
	return read_pid(p, parent_pid, child, ret);
}
