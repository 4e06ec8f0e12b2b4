// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cgroup.c - see cgroup.h. The id of a cgroup is that of its directory's kernfs node, and such a
 * node can be opened by a file handle that is the id (fs/kernfs/mount.c, kernfs_fh_to_dentry(),
 * since 5.5): one system call, where walking the tree would be one per cgroup.
 */
#include "process/cgroup.h"

#include "cgroup_path.h"
#include "hash_index.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define HANDLE_KERNFS 0xfe	     /* FILEID_KERNFS, include/linux/exportfs.h */
#define UNKNOWN_NS    10000000000ull /* not looked up again before */

struct cgroups {
	int mount_fd;		/* root of the hierarchy, -1 when it is not mounted */
	char *mount;		/* its path, without a slash at the end */
	bool records_of_v1;	/* the side-band's records are of another hierarchy */
	struct cgroup *entries; /* [0] is unused; a free slot has id 0 */
	uint32_t n, n_slots, first_free;
	struct hash_index by_id;
	struct cgroup nameless; /* what is given for an id beyond the limit */
	struct cgroup_counters counters;
};

/*
 * mountinfo(5): "36 35 0:25 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw". A path with blanks, which
 * the kernel escapes, is nowhere in use for it. Where perf_event is mounted as a hierarchy of
 * version 1, the records are of that one (kernel/events/core.c, perf_cgroup_css_online()), and its
 * ids are others' in version 2.
 */
static void read_mounts(struct cgroups *cgroups, const char *mountinfo)
{
	_cleanup_fclose_ FILE *f = fopen(mountinfo, "re");
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (f && getline(&line, &size, f) > 0) {
		char path[PATH_MAX], type[64], options[1024];
		const char *fields = strstr(line, " - ");

		if (!fields || sscanf(fields, " - %63s %*s %1023s", type, options) != 2)
			continue;
		if (strcmp(type, "cgroup") == 0 && strstr(options, "perf_event"))
			cgroups->records_of_v1 = true;
		if (strcmp(type, "cgroup2") == 0 && !cgroups->mount &&
		    sscanf(line, "%*s %*s %*s %*s %4095s", path) == 1)
			cgroups->mount = strdup(path);
	}
}

int cgroups_new(const char *mountinfo, struct cgroups **ret)
{
	struct cgroups *cgroups = calloc(1, sizeof(*cgroups));

	if (!cgroups)
		return -ENOMEM;
	cgroups->entries = calloc(CGROUPS_MAX + 1, sizeof(*cgroups->entries));
	if (!cgroups->entries) {
		free(cgroups);
		return -ENOMEM;
	}
	read_mounts(cgroups, mountinfo);
	cgroups->mount_fd =
		cgroups->mount ? open(cgroups->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	*ret = cgroups;
	return 0;
}

static void forget_names(struct cgroup *cgroup)
{
	const char *const texts[] = {cgroup->path, cgroup->unit, cgroup->container};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i] && *texts[i])
			free((char *)(uintptr_t)texts[i]);
	cgroup->path = cgroup->unit = cgroup->container = "";
}

struct cgroups *cgroups_free(struct cgroups *cgroups)
{
	if (!cgroups)
		return NULL;
	for (uint32_t i = 1; i <= cgroups->n_slots; i++)
		forget_names(&cgroups->entries[i]);
	hash_index_done(&cgroups->by_id);
	close_p(&cgroups->mount_fd);
	free(cgroups->mount);
	free(cgroups->entries);
	free(cgroups);
	return NULL;
}

static bool has_id(const void *ctx, uint32_t slot, const void *key)
{
	return ((const struct cgroups *)ctx)->entries[slot].id == *(const uint64_t *)key;
}

static struct cgroup *find(const struct cgroups *cgroups, uint64_t id)
{
	uint32_t slot = hash_index_find(&cgroups->by_id, hash_u64(id, 0), has_id, cgroups, &id);

	return slot ? &cgroups->entries[slot] : NULL;
}

static void drop(struct cgroups *cgroups, struct cgroup *cgroup)
{
	(void)hash_index_remove(&cgroups->by_id, hash_u64(cgroup->id, 0),
				(uint32_t)(cgroup - cgroups->entries));
	forget_names(cgroup);
	*cgroup = (struct cgroup){.next_free = cgroups->first_free};
	cgroups->first_free = (uint32_t)(cgroup - cgroups->entries);
	cgroups->n--;
}

static void evict_those(struct cgroups *cgroups, bool sampled, uint64_t until_mono_ns)
{
	for (uint32_t i = 1; i <= cgroups->n_slots; i++) {
		struct cgroup *cgroup = &cgroups->entries[i];

		if (!cgroup->id || cgroup->sampled != sampled ||
		    cgroup->alive_mono_ns > until_mono_ns)
			continue;
		drop(cgroups, cgroup);
		cgroups->counters.n_evicted++;
	}
}

/* Room for new ones, many at once: whoever has a subtree makes cgroups as fast as he likes, and
 * must not keep others from having a name. */
static void make_room(struct cgroups *cgroups)
{
	uint64_t oldest_ns = UINT64_MAX, newest_ns = 0;

	evict_those(cgroups, false, UINT64_MAX);
	if (cgroups->n < CGROUPS_MAX)
		return;
	for (uint32_t i = 1; i <= cgroups->n_slots; i++) {
		uint64_t alive_ns = cgroups->entries[i].alive_mono_ns;

		oldest_ns = alive_ns < oldest_ns ? alive_ns : oldest_ns;
		newest_ns = alive_ns > newest_ns ? alive_ns : newest_ns;
	}
	evict_those(cgroups, true, oldest_ns + (newest_ns - oldest_ns) / 2);
}

static uint32_t take_slot(struct cgroups *cgroups)
{
	uint32_t slot;

	if (cgroups->n >= CGROUPS_MAX)
		make_room(cgroups);
	slot = cgroups->first_free;
	if (!slot)
		return ++cgroups->n_slots;
	cgroups->first_free = cgroups->entries[slot].next_free;
	return slot;
}

static struct cgroup *add(struct cgroups *cgroups, uint64_t id)
{
	uint32_t slot = take_slot(cgroups);

	if (hash_index_insert(&cgroups->by_id, hash_u64(id, 0), slot) < 0) {
		cgroups->entries[slot] = (struct cgroup){.next_free = cgroups->first_free};
		cgroups->first_free = slot;
		cgroups->counters.n_refused++;
		return NULL;
	}
	cgroups->entries[slot] = (struct cgroup){.id = id, .path = "", .unit = "", .container = ""};
	cgroups->n++;
	return &cgroups->entries[slot];
}

static const char *copy(const char *text)
{
	const char *kept = *text ? strdup(text) : "";

	return kept ? kept : ""; /* without memory it is unknown */
}

static void set_path(struct cgroup *cgroup, const char *path)
{
	char kept[CGROUP_PATH_MAX];
	struct cgroup_names names;

	forget_names(cgroup);
	cgroup_path_parse(path, &names);
	(void)snprintf(kept, sizeof(kept), "%s", path);
	cgroup->path = copy(kept);
	cgroup->unit = copy(names.unit);
	cgroup->container = copy(names.container);
}

void cgroups_add(struct cgroups *cgroups, uint64_t id, const char *path, uint64_t now_mono_ns)
{
	struct cgroup *cgroup = find(cgroups, id);

	if (!id || cgroups->records_of_v1)
		return;
	if (!cgroup)
		cgroup = add(cgroups, id);
	if (!cgroup)
		return;
	set_path(cgroup, path);
	cgroup->alive_mono_ns = now_mono_ns;
}

/* Writes the path of a cgroup that is there, relative to the hierarchy's root; false when it is
 * not, or may not be looked up (CAP_DAC_READ_SEARCH). */
static bool look_up(const struct cgroups *cgroups, uint64_t id, char path[static PATH_MAX])
{
	union {
		struct file_handle handle;
		unsigned char bytes[sizeof(struct file_handle) + sizeof(id)];
	} h = {.handle = {.handle_bytes = sizeof(id), .handle_type = HANDLE_KERNFS}};
	size_t mount_len = cgroups->mount ? strlen(cgroups->mount) : 0;
	_cleanup_close_ int fd = -1;
	char link[64];
	ssize_t n;

	if (cgroups->mount_fd < 0)
		return false;
	memcpy(h.bytes + offsetof(struct file_handle, f_handle), &id, sizeof(id));
	fd = open_by_handle_at(cgroups->mount_fd, &h.handle, O_PATH | O_CLOEXEC);
	if (fd < 0)
		return false;
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0 || (size_t)n < mount_len)
		return false;
	path[n] = '\0';
	if (strncmp(path, cgroups->mount, mount_len) != 0)
		return false;
	memmove(path, path + mount_len, (size_t)n - mount_len + 1);
	if (!*path)
		(void)strcpy(path, "/");
	return true;
}

/* The line of the version 2 hierarchy in /proc/PID/cgroup (cgroups(7)), "0::/system.slice/x". */
static bool read_process_path(uint32_t pid, char path[static PATH_MAX])
{
	_cleanup_fclose_ FILE *f = NULL;
	_cleanup_free_ char *line = NULL;
	char name[64];
	size_t size = 0;
	ssize_t n;

	(void)snprintf(name, sizeof(name), "/proc/%u/cgroup", pid);
	f = fopen(name, "re");
	while (f && (n = getline(&line, &size, f)) > 0) {
		if (strncmp(line, "0::/", 4) != 0 || n - 3 >= PATH_MAX)
			continue;
		memcpy(path, line + 3, (size_t)n - 3 + 1);
		path[strcspn(path, "\n")] = '\0';
		return true;
	}
	return false;
}

/* The same as look_up() by a process in it, where handles are not allowed: without that capability,
 * or in a container. It may have moved on meanwhile. */
static bool look_up_process(const struct cgroups *cgroups, uint64_t id, uint32_t pid,
			    char path[static PATH_MAX])
{
	struct stat st;

	if (cgroups->mount_fd < 0 || !read_process_path(pid, path))
		return false;
	return fstatat(cgroups->mount_fd, path[1] ? path + 1 : ".", &st, AT_SYMLINK_NOFOLLOW) ==
		       0 &&
	       st.st_ino == id;
}

/* `pid`: a process in it that lives, or 0. */
static const struct cgroup *get(struct cgroups *cgroups, uint64_t id, uint32_t pid,
				uint64_t now_mono_ns)
{
	struct cgroup *cgroup = find(cgroups, id);
	char path[PATH_MAX];

	if (cgroup && *cgroup->path) {
		cgroup->alive_mono_ns = now_mono_ns;
		cgroup->sampled = true;
		return cgroup;
	}
	if (cgroup && now_mono_ns - cgroup->alive_mono_ns < UNKNOWN_NS)
		return cgroup;
	if (!cgroup && id)
		cgroup = add(cgroups, id);
	if (!cgroup) {
		cgroups->nameless = (struct cgroup){.path = "", .unit = "", .container = ""};
		return &cgroups->nameless;
	}
	cgroup->alive_mono_ns = now_mono_ns;
	cgroup->sampled = true;
	if (look_up(cgroups, id, path) || (pid && look_up_process(cgroups, id, pid, path)))
		set_path(cgroup, path);
	else
		cgroups->counters.n_unknown++;
	return cgroup;
}

void cgroups_see(struct cgroups *cgroups, uint64_t id, uint32_t pid, uint64_t now_mono_ns)
{
	(void)get(cgroups, id, pid, now_mono_ns);
}

const struct cgroup *cgroups_get(struct cgroups *cgroups, uint64_t id, uint64_t now_mono_ns)
{
	return get(cgroups, id, 0, now_mono_ns);
}

void cgroups_sweep(struct cgroups *cgroups, uint64_t now_mono_ns)
{
	char path[PATH_MAX];

	for (uint32_t i = 1; i <= cgroups->n_slots; i++) {
		struct cgroup *cgroup = &cgroups->entries[i];

		if (!cgroup->id || now_mono_ns - cgroup->alive_mono_ns < CGROUP_KEPT_NS)
			continue;
		if (look_up(cgroups, cgroup->id, path))
			cgroup->alive_mono_ns = now_mono_ns;
		else
			drop(cgroups, cgroup);
	}
}

uint32_t cgroups_size(const struct cgroups *cgroups)
{
	return cgroups->n;
}

const struct cgroup_counters *cgroups_counters(const struct cgroups *cgroups)
{
	return &cgroups->counters;
}
