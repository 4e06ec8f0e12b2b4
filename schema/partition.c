// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * partition.c - names and listing of partition files, and the check of what they are before
 * SQLite is let near them. Making one is partition_create.c's.
 */
#include "partition.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define SQLITE_HEADER_BYTES    100
#define SQLITE_MAGIC	       "SQLite format 3"
#define SQLITE_USER_VERSION_AT 60
#define SQLITE_APPLICATION_AT  68
#define STORE_APPLICATION_ID   0x50524644u
#define STORE_PARTITIONS_MAX   100000u

static void closedir_p(DIR **d)
{
	if (*d)
		(void)closedir(*d);
}

void partition_list_done(struct partition_list *list)
{
	free(list->entries);
	*list = (struct partition_list){};
}

void partition_name(struct partition *partition)
{
	snprintf(partition->name, sizeof(partition->name), "t0-%" PRIu64 "-live-%" PRIu64 ".db",
		 partition->tmin_s, partition->part);
}

bool partition_parse(const char *name, struct partition *ret)
{
	struct partition partition = {};
	uint64_t tmin_s, part;

	if (sscanf(name, "t0-%20" SCNu64 "-live-%20" SCNu64 ".db", &tmin_s, &part) != 2)
		return false;
	partition.tmin_s = tmin_s;
	partition.part = part;
	/* Only the spelling that partition_name() gives: no sign, no zeros in front, no tail. */
	partition_name(&partition);
	if (strcmp(name, partition.name) != 0)
		return false;
	*ret = partition;
	return true;
}

char *partition_path(const char *dir, const char *name)
{
	char *path = NULL;

	return asprintf(&path, "%s/%s", dir, name) < 0 ? NULL : path;
}

static uint32_t read_be32(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int check_header(int dir_fd, const char *dir, const char *name, struct store_error *error)
{
	unsigned char head[SQLITE_HEADER_BYTES];
	_cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	uint32_t version;
	ssize_t n = 0;

	if (fd < 0 && errno == EACCES)
		return store_fail_access(error, dir);
	if (fd < 0)
		return store_fail(error, -errno, "cannot open %s/%s: %m", dir, name);
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		n = pread(fd, head, sizeof(head), 0);
	if (n < 0)
		return store_fail(error, -errno, "cannot read %s/%s: %m", dir, name);
	if ((size_t)n < sizeof(head) || memcmp(head, SQLITE_MAGIC, sizeof(SQLITE_MAGIC)) != 0)
		return store_fail(error, -EBADMSG,
				  "%s/%s is not an SQLite file; move it away to go on", dir, name);
	version = read_be32(head + SQLITE_USER_VERSION_AT);
	if (read_be32(head + SQLITE_APPLICATION_AT) != STORE_APPLICATION_ID || !version)
		return store_fail(error, -EBADMSG,
				  "%s/%s is no profile store of profd; move it away to go on", dir,
				  name);
	if (version > STORE_FORMAT_VERSION)
		return store_fail(error, -EPROTONOSUPPORT,
				  "%s/%s has store format %" PRIu32 ", this profd knows up to %d; "
				  "use the newer profd, or move the file away",
				  dir, name, version, STORE_FORMAT_VERSION);
	return 0;
}

static int append(struct partition_list *list, size_t *capacity, const struct partition *partition)
{
	if (list->n >= STORE_PARTITIONS_MAX)
		return -E2BIG;
	if (list->n == *capacity) {
		size_t grown = *capacity ? *capacity * 2 : 16;
		struct partition *entries = reallocarray(list->entries, grown, sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		list->entries = entries;
		*capacity = grown;
	}
	list->entries[list->n++] = *partition;
	return 0;
}

static int by_part(const void *a, const void *b)
{
	const struct partition *x = a, *y = b;

	return x->part < y->part ? -1 : x->part > y->part;
}

/* One entry of the directory: counts its bytes, checks and lists it if it is a partition. */
static int take_entry(int dir_fd, const char *dir, const char *name, bool check,
		      struct partition_list *list, size_t *capacity, struct store_error *error)
{
	struct partition partition;
	struct stat st;
	int r;

	if (fnmatch("t*-*.db", name, 0) != 0 && fnmatch("t*-*.db-*", name, 0) != 0)
		return 0;
	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		list->bytes += (uint64_t)st.st_size;
	if (fnmatch("t*-*.db", name, 0) != 0)
		return 0;
	if (check) {
		r = check_header(dir_fd, dir, name, error);
		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return r;
	}
	if (!partition_parse(name, &partition))
		return 0;
	r = append(list, capacity, &partition);
	return r < 0 ? store_fail(error, r, "%s: too many partitions", dir) : 0;
}

int partition_list_read(int dir_fd, const char *dir, bool check, struct partition_list *ret,
			struct store_error *error)
{
	_cleanup_(closedir_p) DIR *entries = NULL;
	_cleanup_(partition_list_done) struct partition_list list = {};
	_cleanup_close_ int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct dirent *entry;
	size_t capacity = 0;

	if (fd >= 0)
		entries = fdopendir(fd);
	if (!entries)
		return store_fail(error, -errno, "cannot list %s: %m", dir);
	(void)take_fd(&fd);
	while ((errno = 0, entry = readdir(entries))) {
		int r = take_entry(dir_fd, dir, entry->d_name, check, &list, &capacity, error);

		if (r < 0)
			return r;
	}
	if (errno)
		return store_fail(error, -errno, "cannot list %s: %m", dir);
	if (list.n)
		qsort(list.entries, list.n, sizeof(*list.entries), by_part);
	*ret = list;
	list = (struct partition_list){};
	return 0;
}

int partition_unlink(int dir_fd, const struct partition *partition)
{
	static const char *const tails[] = {"-wal", "-shm"};

	/* The database first: without its -wal it would be an older state of itself. */
	if (unlinkat(dir_fd, partition->name, 0) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(tails); i++) {
		char name[PARTITION_NAME_MAX + 8];

		snprintf(name, sizeof(name), "%s%s", partition->name, tails[i]);
		(void)unlinkat(dir_fd, name, 0);
	}
	return 0;
}
