// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * store_open.c - the directory of a store and its one writer: made if missing, looked through
 * before anything is changed, locked, tidied. What happens to buckets is store_write.c's, readers
 * are store_read.c's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <grp.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "store_writer.h"

#define DIRECTORY_MODE 02750
#define LOCK_MODE      0640

#define DEFAULT_MAX_NODES 1000000u
#define DEFAULT_MAX_BYTES (1ull << 30)

static int fail_dir(struct store_error *error, const char *what, const char *dir)
{
	return store_fail(error, -errno, "cannot %s %s: %m", what, dir);
}

/* The group of readers, when the system has it. */
static bool find_readers(const char *name, gid_t *ret)
{
	char buf[4096];
	struct group group, *found = NULL;

	if (getgrnam_r(name ? name : STORE_READER_GROUP, &group, buf, sizeof(buf), &found) != 0 ||
	    !found)
		return false;
	*ret = found->gr_gid;
	return true;
}

/* What a store's directory has: partitions, the lock, and profd's flag that it is attached
 * (daemon/crash_guard.h). */
static bool is_of_a_store(const char *name)
{
	static const char *const names[] = {"lock", "attached", "attached.new"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return fnmatch("t*-*.db*", name, 0) == 0;
}

/* Whether nothing is in the directory but what a store has: "--store /tmp" must not change /tmp. */
static bool holds_only_a_store(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	bool only = entries != NULL;
	struct dirent *entry;

	if (!entries) {
		close_p(&fd);
		return false;
	}
	while (only && (entry = readdir(entries))) {
		const char *name = entry->d_name;

		only = strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || is_of_a_store(name);
	}
	(void)closedir(entries);
	return only;
}

/* Whether what is there is this user's, in a group that nobody chose. */
static bool is_unclaimed(const struct stat *st)
{
	return st->st_uid == geteuid() && (st->st_gid == 0 || st->st_gid == getegid());
}

/* Gives the files of a store to `gid`. One that is gone by now is a partition that was sealed. */
static void give_files(int dir_fd, gid_t gid)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;

	if (!entries) {
		close_p(&fd);
		return;
	}
	while ((entry = readdir(entries)))
		if (is_of_a_store(entry->d_name) &&
		    fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISREG(st.st_mode) && is_unclaimed(&st) &&
		    fchownat(dir_fd, entry->d_name, (uid_t)-1, gid, AT_SYMLINK_NOFOLLOW) < 0)
			continue; /* its readers are told so */
	(void)closedir(entries);
}

/*
 * A directory that somebody else made for us, as systemd does for a service, in a group that nobody
 * chose. Its other mode bits stay. At each start systemd takes a directory of another group than
 * the unit's back, with all that is in it (path_chown_recursive() in src/core/chown-recursive.c),
 * and a group may have been made after the store: so the files are given as well, before the
 * directory, which says that it is done.
 */
static void adopt_directory(int dir_fd, const char *group)
{
	struct stat st;
	gid_t gid;

	if (fstat(dir_fd, &st) < 0 || !is_unclaimed(&st) || !find_readers(group, &gid) ||
	    st.st_gid == gid || !holds_only_a_store(dir_fd))
		return;
	give_files(dir_fd, gid);
	/* A directory keeps its setgid bit; a service may be forbidden to set one. */
	if (fchown(dir_fd, (uid_t)-1, gid) == 0 && !(st.st_mode & S_ISGID))
		(void)fchmod(dir_fd, (st.st_mode & 07777) | S_ISGID);
}

static int open_directory(const char *dir, const char *group, int *ret_fd,
			  struct store_error *error)
{
	bool made = mkdir(dir, 0700) == 0;
	_cleanup_close_ int fd = -1;
	gid_t gid;

	if (!made && errno != EEXIST)
		return fail_dir(error, "create", dir);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_dir(error, "open", dir);
	if (!made)
		adopt_directory(fd, group);
	/* Not root: readable by this user and its group, as without the group of readers. */
	if (made && find_readers(group, &gid) && fchown(fd, (uid_t)-1, gid) < 0 && errno != EPERM)
		return fail_dir(error, "set the group of", dir);
	if (made && fchmod(fd, DIRECTORY_MODE) < 0)
		return fail_dir(error, "set the mode of", dir);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Whether the bits of this user's own files do not suffice to write the store. */
static bool is_foreign(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct stat st;
	bool foreign;

	if (!entries) {
		close_p(&fd);
		return true;
	}
	foreign = fstat(dir_fd, &st) < 0 || st.st_uid != geteuid() ||
		  (st.st_mode & S_IRWXU) != S_IRWXU;
	while (!foreign && (entry = readdir(entries)))
		foreign = is_of_a_store(entry->d_name) &&
			  fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			  st.st_uid != geteuid();
	(void)closedir(entries);
	return foreign;
}

int store_prepare_dir(const char *dir, const char *group, bool *ret_foreign,
		      struct store_error *error)
{
	_cleanup_close_ int fd = -1;
	int r;

	*ret_foreign = false;
	if (error)
		error->text[0] = '\0';
	r = open_directory(dir, group, &fd, error);
	if (r == 0)
		*ret_foreign = is_foreign(fd);
	return r;
}

static int take_lock(int dir_fd, const char *dir, int *ret_fd, struct store_error *error)
{
	_cleanup_close_ int fd = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC, LOCK_MODE);

	if (fd < 0)
		return fail_dir(error, "write to", dir);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			return store_fail(error, -EBUSY,
					  "%s is being written by another profd; stop it, or give "
					  "another directory with --store",
					  dir);
		return fail_dir(error, "lock", dir);
	}
	if (fchmod(fd, LOCK_MODE) < 0)
		return fail_dir(error, "set the mode of the lock in", dir);
	*ret_fd = take_fd(&fd);
	return 0;
}

/* Removes what an interrupted creation left. Failures do not matter: nobody reads such files. */
static void remove_unfinished(int dir_fd)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (!entries) {
		close_p(&fd);
		return;
	}
	while ((entry = readdir(entries)))
		if (fnmatch("t*-*.db.new", entry->d_name, 0) == 0 ||
		    fnmatch("t*-*.db.new-journal", entry->d_name, 0) == 0)
			(void)unlinkat(dir_fd, entry->d_name, 0);
	(void)closedir(entries);
}

/*
 * A writer that was killed left its last buckets in the -wal: readers find them there, but read it
 * all each time. Failures do not matter for the same reason.
 */
static void settle(int dir_fd, const char *dir, const struct partition_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		_cleanup_(sqlite3_close_p) sqlite3 *db = NULL;
		char wal[PARTITION_NAME_MAX + 8];
		struct stat st;

		snprintf(wal, sizeof(wal), "%s-wal", list->entries[i].name);
		if (fstatat(dir_fd, wal, &st, AT_SYMLINK_NOFOLLOW) < 0 || !st.st_size)
			continue;
		if (partition_open_write(dir, &list->entries[i], &db, NULL) == 0)
			(void)sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL,
							NULL);
	}
}

static int copy_string(const char *from, char **to)
{
	if (!from)
		return 0;
	*to = strdup(from);
	return *to ? 0 : -ENOMEM;
}

void store_set_limits(struct store_writer *writer, uint32_t max_nodes, uint64_t max_bytes)
{
	writer->options.max_nodes = max_nodes ? max_nodes : DEFAULT_MAX_NODES;
	writer->options.max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES;
}

static int take_options(struct store_writer *writer, const struct store_options *options)
{
	writer->options = *options;
	store_set_limits(writer, options->max_nodes, options->max_bytes);
	if (copy_string(options->boot_id, &writer->boot_id) < 0 ||
	    copy_string(options->host, &writer->host) < 0 ||
	    copy_string(options->version, &writer->version) < 0)
		return -ENOMEM;
	writer->options.boot_id = writer->boot_id;
	writer->options.host = writer->host;
	writer->options.version = writer->version;
	return 0;
}

static int begin_writing(struct store_writer *writer, struct store_error *error)
{
	_cleanup_(partition_list_done) struct partition_list list = {};
	uint64_t now_ns = writer->options.now_real_ns, bucket_ns = writer->options.bucket_ns;
	int r;

	/* A newer or foreign file is refused before so much as the lock is made. */
	r = partition_list_read(writer->dir_fd, writer->dir, true, &list, error);
	if (r < 0)
		return r;
	r = take_lock(writer->dir_fd, writer->dir, &writer->lock_fd, error);
	if (r < 0)
		return r;
	partition_list_done(&list);
	r = partition_list_read(writer->dir_fd, writer->dir, true, &list, error);
	if (r < 0)
		return r;
	remove_unfinished(writer->dir_fd);
	settle(writer->dir_fd, writer->dir, &list);
	writer->next_part = list.n ? list.entries[list.n - 1].part + 1 : 1;
	/* The bucket being filled began before now. */
	return live_new(writer, bucket_ns ? now_ns - now_ns % bucket_ns : now_ns, now_ns,
			&writer->live, error);
}

int store_writer_open(const char *dir, const struct store_options *options,
		      struct store_writer **ret, struct store_error *error)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (error)
		error->text[0] = '\0';
	if (!writer)
		return store_fail(error, -ENOMEM, "out of memory");
	writer->dir_fd = writer->lock_fd = -1;
	writer->dir = strdup(dir);
	if (!writer->dir || take_options(writer, options) < 0 || packer_new(&writer->packer) < 0)
		return store_fail(error, -ENOMEM, "out of memory");
	r = open_directory(dir, options->reader_group, &writer->dir_fd, error);
	if (r == 0)
		r = begin_writing(writer, error);
	if (r < 0)
		return r;
	*ret = take_ptr(writer);
	return 0;
}

struct store_writer *store_writer_free(struct store_writer *writer)
{
	if (!writer)
		return NULL;
	live_free(writer->live);
	packer_free(writer->packer);
	byte_buf_done(&writer->chunk);
	close_p(&writer->dir_fd);
	/* The lock last: the next writer must find everything closed. */
	close_p(&writer->lock_fd);
	free(writer->boot_id);
	free(writer->host);
	free(writer->version);
	free(writer->dir);
	free(writer);
	return NULL;
}
