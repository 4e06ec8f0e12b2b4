// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - see files.h.
 */
#include "process/files.h"

#include "hash_index.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>

/* The bucket being filled and the one that waits for its names are the least. The programs of a
 * build come and go, and each time that one is known anew costs its names and unwind rows. */
#define SWEEPS_KEPT   6
#define VDSO_SIZE_MAX (1u << 20)

struct file_key {
	uint64_t inode, size, changed_ns;
	uint32_t dev_major, dev_minor;
};

struct mapped_file {
	struct file_key key;
	uint32_t number; /* 0 = a free slot */
	uint32_t idle;	 /* sweeps since it was kept */
	bool reopening;	 /* the opener's next answer is for the reader */
	int path_fd;	 /* O_PATH, or -1; while it is open nobody else gets the inode's number */
	bool by_inode;	 /* it is in that index */
};

struct files {
	struct symbolize *symbolize;
	struct opener *opener;
	struct mapped_file *entries; /* [0] is unused */
	uint32_t n_slots;
	struct hash_index by_key, by_number;
	struct hash_index by_inode;   /* of (device, inode) as /proc/PID/maps tells them */
	uint32_t vdso, vdso_32, anon; /* their numbers, 0 until used */
	struct files_reader reader;
};

int files_new(struct symbolize *symbolize, struct opener *opener, struct files **ret)
{
	struct files *files = calloc(1, sizeof(*files));

	if (!files)
		return -ENOMEM;
	files->entries = calloc(SYMBOLIZE_FILES_MAX + 1, sizeof(*files->entries));
	if (!files->entries) {
		free(files);
		return -ENOMEM;
	}
	files->symbolize = symbolize;
	files->opener = opener;
	*ret = files;
	return 0;
}

struct files *files_free(struct files *files)
{
	if (!files)
		return NULL;
	for (uint32_t i = 1; i <= files->n_slots; i++)
		if (files->entries[i].number)
			close_p(&files->entries[i].path_fd);
	hash_index_done(&files->by_key);
	hash_index_done(&files->by_number);
	hash_index_done(&files->by_inode);
	free(files->entries);
	free(files);
	return NULL;
}

static bool has_key(const void *ctx, uint32_t id, const void *key)
{
	const struct files *files = ctx;

	return memcmp(&files->entries[id].key, key, sizeof(struct file_key)) == 0;
}

static bool has_number(const void *ctx, uint32_t id, const void *key)
{
	const struct files *files = ctx;

	return files->entries[id].number == *(const uint32_t *)key;
}

static uint64_t hash_key(const struct file_key *key)
{
	return hash_bytes(key, sizeof(*key));
}

/* One's own vDSO is that of every 64-bit process; its image is copied into a file for libelf. */
static int vdso_as_file(void)
{
	const char *vdso = (const char *)getauxval(AT_SYSINFO_EHDR);
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	_cleanup_close_ int fd = memfd_create("vdso", MFD_CLOEXEC);
	size_t size = 0;
	char line[512];

	if (!vdso || !maps || fd < 0)
		return -ENOENT;
	while (!size && fgets(line, sizeof(line), maps)) {
		unsigned long start, end;

		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start == (unsigned long)vdso)
			size = end - start;
	}
	if (!size || size > VDSO_SIZE_MAX || write(fd, vdso, size) != (ssize_t)size)
		return -ENOENT;
	return take_fd(&fd);
}

/* A 32-bit process has another one, of which there is no image at hand. */
static uint32_t vdso_number(struct files *files, bool is_32_bit)
{
	int fd;

	if (is_32_bit && !files->vdso_32 &&
	    symbolize_add_file(files->symbolize, FILE_VDSO, "[vdso]", &files->vdso_32) == 0)
		symbolize_file_failed(files->symbolize, files->vdso_32, UNKNOWN_NO_SYMBOL);
	if (is_32_bit)
		return files->vdso_32;

	if (files->vdso || symbolize_add_file(files->symbolize, FILE_VDSO, "[vdso]", &files->vdso))
		return files->vdso;
	fd = vdso_as_file();
	if (fd < 0)
		symbolize_file_failed(files->symbolize, files->vdso, UNKNOWN_NO_SYMBOL);
	else
		symbolize_file_opened(files->symbolize, files->vdso, fd, PROFILE_TRUST_SYSTEM);
	return files->vdso;
}

static int read_key(int path_fd, struct file_key *ret)
{
	struct statx st;

	if (statx(path_fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
		  STATX_INO | STATX_SIZE | STATX_CTIME, &st) < 0)
		return -errno;
	*ret = (struct file_key){.inode = st.stx_ino,
				 .size = st.stx_size,
				 .changed_ns = (uint64_t)st.stx_ctime.tv_sec * 1000000000ull +
					       st.stx_ctime.tv_nsec,
				 .dev_major = st.stx_dev_major,
				 .dev_minor = st.stx_dev_minor};
	return 0;
}

/*
 * The way for a profd that may not follow map_files: the path as the process sees it, without any
 * way out of its root, and only what the kernel has at hand, so that nobody's server is waited for
 * (RESOLVE_CACHED, since 5.12). What is there by now is the mapped file if it has its inode.
 */
static int open_below_root(pid_t pid, const struct mapping *mapping, const char *path,
			   struct file_key *ret)
{
	_cleanup_close_ int root_fd = -1, fd = -1;
	struct file_key key;
	char root[64];
	int r;

	if (!mapping->inode)
		return -EACCES;
	(void)snprintf(root, sizeof(root), "/proc/%d/root", pid);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root_fd < 0 ? -1 : opener_path_below(root_fd, path);
	if (fd < 0)
		return -EACCES;
	r = read_key(fd, &key);
	if (r < 0 || key.inode != mapping->inode)
		return -EACCES;
	*ret = key;
	return take_fd(&fd);
}

/*
 * Says which file is mapped, and opens it O_PATH, which keeps it reachable without asking its
 * filesystem. Returns the descriptor, or -errno and then the key holds what the mapping says.
 */
static int open_path(pid_t pid, const struct mapping *mapping, const char *path,
		     struct file_key *ret)
{
	_cleanup_close_ int fd = -1;
	char link[128];
	int r;

	*ret = (struct file_key){.inode = mapping->inode,
				 .dev_major = mapping->dev_major,
				 .dev_minor = mapping->dev_minor};
	(void)snprintf(link, sizeof(link), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, pid,
		       mapping->start, mapping->end);
	fd = open(link, O_PATH | O_CLOEXEC);
	r = fd < 0 ? -errno : read_key(fd, ret);
	if (r == -EPERM || r == -EACCES)
		return open_below_root(pid, mapping, path, ret);
	return r < 0 ? r : take_fd(&fd);
}

/* ---- by (device, inode): the way that needs no look-up below /proc ---- */

static bool has_inode(const void *ctx, uint32_t id, const void *key)
{
	const struct file_key *have = &((const struct files *)ctx)->entries[id].key;
	const struct mapping *mapping = key;

	return have->inode == mapping->inode && have->dev_major == mapping->dev_major &&
	       have->dev_minor == mapping->dev_minor;
}

static uint64_t hash_inode(uint64_t inode, uint32_t dev_major, uint32_t dev_minor)
{
	return hash_u64(inode, (uint64_t)dev_major << 32 | dev_minor);
}

static void forget_inode(struct files *files, uint32_t slot)
{
	const struct file_key *key = &files->entries[slot].key;

	if (files->entries[slot].by_inode)
		(void)hash_index_remove(&files->by_inode,
					hash_inode(key->inode, key->dev_major, key->dev_minor),
					slot);
	files->entries[slot].by_inode = false;
}

/*
 * Remembers the file by what /proc/PID/maps says, where that is unique: on btrfs and overlayfs the
 * device there is another than stat's, and inode numbers repeat below it.
 */
static void remember_inode(struct files *files, uint32_t slot, const struct mapping *mapping)
{
	const struct file_key *key = &files->entries[slot].key;
	uint64_t hash = hash_inode(key->inode, key->dev_major, key->dev_minor);
	uint32_t before;

	if (files->entries[slot].path_fd < 0 || !has_inode(files, slot, mapping))
		return;
	before = hash_index_find(&files->by_inode, hash, has_inode, files, mapping);
	if (before)
		forget_inode(files, before);
	files->entries[slot].by_inode = hash_index_insert(&files->by_inode, hash, slot) == 0;
}

/* The number of a file that is known and was not written since, or 0. */
static uint32_t find_by_inode(struct files *files, const struct mapping *mapping)
{
	uint32_t slot =
		hash_index_find(&files->by_inode,
				hash_inode(mapping->inode, mapping->dev_major, mapping->dev_minor),
				has_inode, files, mapping);
	struct file_key now;

	if (!slot || read_key(files->entries[slot].path_fd, &now) < 0 ||
	    !has_key(files, slot, &now))
		return 0;
	return files->entries[slot].number;
}

/* ---- by (build ID, path): all that is left of a file when its process is gone ---- */

struct file_name {
	const struct mapping *mapping;
	const char *path;
};

static bool has_name(const void *ctx, uint32_t id, const void *key)
{
	const struct files *files = ctx;
	const struct file_name *name = key;
	const struct profile_file *file =
		symbolize_file(files->symbolize, files->entries[id].number);

	return file && file->is_build_id && file->identity_len == name->mapping->build_id_len &&
	       memcmp(file->identity, name->mapping->build_id, file->identity_len) == 0 &&
	       strcmp(file->path, name->path) == 0;
}

static uint64_t hash_name(const struct file_name *name)
{
	uint64_t hash = hash_u64(hash_bytes(name->path, strlen(name->path)),
				 hash_bytes(name->mapping->build_id, name->mapping->build_id_len));

	return hash ? hash : 1;
}

static uint32_t free_slot(const struct files *files)
{
	for (uint32_t i = 1; i <= files->n_slots; i++)
		if (!files->entries[i].number)
			return i;
	return files->n_slots < SYMBOLIZE_FILES_MAX ? files->n_slots + 1 : 0;
}

static uint32_t add_file(struct files *files, const struct file_key *key, const char *path,
			 int path_fd)
{
	uint32_t slot = free_slot(files), number;

	if (!slot || symbolize_add_file(files->symbolize, FILE_ELF, path, &number) < 0)
		return 0;
	if (hash_index_insert(&files->by_key, hash_key(key), slot) < 0) {
		symbolize_remove_file(files->symbolize, number);
		return 0;
	}
	if (hash_index_insert(&files->by_number, hash_u64(number, 0), slot) < 0) {
		(void)hash_index_remove(&files->by_key, hash_key(key), slot);
		symbolize_remove_file(files->symbolize, number);
		return 0;
	}
	files->entries[slot] = (struct mapped_file){
		.key = *key,
		.number = number,
		.path_fd = path_fd < 0 ? -1 : fcntl(path_fd, F_DUPFD_CLOEXEC, 3)};
	if (slot > files->n_slots)
		files->n_slots = slot;
	return slot;
}

static enum unknown_reason reason_of(int error)
{
	return error == -EACCES || error == -EPERM ? UNKNOWN_FILE_DENIED : UNKNOWN_FILE_GONE;
}

static uint32_t anon_number(struct files *files)
{
	if (!files->anon)
		(void)symbolize_add_file(files->symbolize, FILE_ANON, "[anon]", &files->anon);
	return files->anon;
}

/*
 * A file of a process that is gone: it is known by build ID and path, and may still be there. Its
 * entry is one of its own, opened by the path from profd's root, and answers for nobody who lives:
 * whoever makes a file chooses its build ID, and whoever has a mount namespace its path, root of a
 * container among them. Nor does a file of somebody who lives answer for the gone.
 */
static uint32_t gone_number(struct files *files, const struct file_name *name)
{
	const struct mapping *mapping = name->mapping;
	struct file_key key = {.inode = hash_name(name), .dev_major = UINT32_MAX};
	uint32_t slot = hash_index_find(&files->by_key, hash_key(&key), has_key, files, &key);
	uint32_t number;

	if (slot) {
		files->entries[slot].idle = 0; /* no mapping says that it is in use */
		return has_name(files, slot, name) ? files->entries[slot].number : 0;
	}
	slot = add_file(files, &key, name->path, -1);
	if (!slot)
		return 0;
	number = files->entries[slot].number;
	symbolize_file_expect(files->symbolize, number, mapping->build_id, mapping->build_id_len);
	if (opener_ask_path(files->opener, number, name->path) < 0)
		symbolize_file_failed(files->symbolize, number, UNKNOWN_FILE_SKIPPED);
	return number;
}

uint32_t files_number(struct files *files, pid_t pid, const struct mapping *mapping,
		      const char *path)
{
	const struct file_name name = {mapping, path};
	_cleanup_close_ int fd = -1;
	uint32_t slot, number;
	struct file_key key;
	int error;

	if (mapping->kind == MAPPING_VDSO)
		return vdso_number(files, mapping->end <= UINT32_MAX);
	if (mapping->kind == MAPPING_ANON)
		return anon_number(files);
	number = mapping->inode ? find_by_inode(files, mapping) : 0;
	if (number)
		return number;
	fd = open_path(pid, mapping, path, &key);
	error = fd;
	if (fd < 0 && mapping->build_id_len && reason_of(error) == UNKNOWN_FILE_GONE)
		return gone_number(files, &name);
	slot = hash_index_find(&files->by_key, hash_key(&key), has_key, files, &key);
	if (slot)
		return files->entries[slot].number;
	slot = add_file(files, &key, path, fd);
	if (!slot)
		return 0;
	remember_inode(files, slot, mapping);
	number = files->entries[slot].number;
	if (fd < 0)
		symbolize_file_failed(files->symbolize, number, reason_of(error));
	else if (opener_ask(files->opener, number, take_fd(&fd)) < 0)
		symbolize_file_failed(files->symbolize, number, UNKNOWN_FILE_SKIPPED);
	return number;
}

void files_set_reader(struct files *files, const struct files_reader *reader)
{
	files->reader = reader ? *reader : (struct files_reader){};
}

static struct mapped_file *find_number(struct files *files, uint32_t number)
{
	uint32_t slot =
		hash_index_find(&files->by_number, hash_u64(number, 0), has_number, files, &number);

	return slot ? &files->entries[slot] : NULL;
}

bool files_is_of_gone(const struct files *files, uint32_t number)
{
	uint32_t slot =
		hash_index_find(&files->by_number, hash_u64(number, 0), has_number, files, &number);

	return slot && files->entries[slot].key.dev_major == UINT32_MAX;
}

int files_reopen(struct files *files, uint32_t number)
{
	struct mapped_file *file = find_number(files, number);
	int fd;

	if (!files->reader.reopened)
		return -ENOENT;
	if (number == files->vdso) {
		files->reader.reopened(files->reader.ctx, number, vdso_as_file());
		return 0;
	}
	if (!file || file->path_fd < 0 || file->reopening)
		return -ENOENT;
	fd = fcntl(file->path_fd, F_DUPFD_CLOEXEC, 3);
	if (fd < 0 || opener_ask(files->opener, number, fd) < 0)
		return -EAGAIN;
	file->reopening = true;
	return 0;
}

void files_dispatch(struct files *files)
{
	struct opener_answer answer;

	while (opener_take(files->opener, &answer) > 0) {
		struct mapped_file *file = find_number(files, answer.number);

		if (file && file->reopening && files->reader.reopened) {
			file->reopening = false;
			files->reader.reopened(files->reader.ctx, answer.number, answer.fd);
		} else if (file && file->reopening) {
			file->reopening = false;
			close_p(&answer.fd);
		} else if (answer.fd < 0)
			symbolize_file_failed(files->symbolize, answer.number, answer.reason);
		else
			symbolize_file_opened(files->symbolize, answer.number, answer.fd,
					      answer.trust_uid);
	}
}

void files_keep(struct files *files, uint32_t number)
{
	struct mapped_file *file = find_number(files, number);

	if (file)
		file->idle = 0;
}

void files_sweep(struct files *files)
{
	for (uint32_t i = 1; i <= files->n_slots; i++) {
		struct mapped_file *file = &files->entries[i];

		if (!file->number || ++file->idle <= SWEEPS_KEPT)
			continue;
		symbolize_remove_file(files->symbolize, file->number);
		if (file->reopening && files->reader.reopened)
			files->reader.reopened(files->reader.ctx, file->number, -1);
		if (files->reader.removed)
			files->reader.removed(files->reader.ctx, file->number);
		forget_inode(files, i);
		close_p(&file->path_fd);
		(void)hash_index_remove(&files->by_key, hash_key(&file->key), i);
		(void)hash_index_remove(&files->by_number, hash_u64(file->number, 0), i);
		*file = (struct mapped_file){};
	}
}
