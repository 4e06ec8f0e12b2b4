// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rows_cache.c - see rows_cache.h.
 */
#include "symbols/rows_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#define NAME_BYTES   128
#define SUFFIX	     ".rows"	  /* and the version */
#define TEMPORARY    "new" SUFFIX /* one thread writes one at a time */
#define BLOCK_BYTES  4096ull	  /* the least that a file takes */
#define ENTRIES_MAX  65536	  /* of which the oldest are found at a time */
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

struct rows_cache {
	int dir_fd;
	uint64_t max_bytes;
	uint64_t bytes; /* of the files, as far as this profd knows */
	struct rows_cache_counters counters;
};

struct entry {
	char name[NAME_BYTES];
	struct timespec used;
	uint64_t bytes;
};

/* "b" build ID or "h" hash, hexadecimal, "-", trust class, "-", hash of the ends, ".rows2". */
static void name_of(const struct unwind_key *key, char name[static NAME_BYTES])
{
	size_t len = key->identity_len;
	int at = 1;

	name[0] = key->is_build_id ? 'b' : 'h';
	if (len > sizeof(key->identity))
		len = sizeof(key->identity);
	for (size_t i = 0; i < len; i++)
		at += snprintf(name + at, NAME_BYTES - (size_t)at, "%02x", key->identity[i]);
	(void)snprintf(name + at, NAME_BYTES - (size_t)at, "-%u-%016" PRIx64 SUFFIX "%d",
		       key->trust_uid, key->ends, UNWIND_BLOB_VERSION);
}

static uint64_t bytes_on_disk(uint64_t size)
{
	return (size + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
}

/* ---- all of them ---- */

static bool is_of_this_version(const char *name)
{
	char suffix[NAME_BYTES];
	size_t len = strlen(name), n;

	n = (size_t)snprintf(suffix, sizeof(suffix), SUFFIX "%d", UNWIND_BLOB_VERSION);
	return len > n && len < NAME_BYTES && strcmp(name + len - n, suffix) == 0;
}

static int oldest_first(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	if (left->used.tv_sec != right->used.tv_sec)
		return left->used.tv_sec < right->used.tv_sec ? -1 : 1;
	if (left->used.tv_nsec != right->used.tv_nsec)
		return left->used.tv_nsec < right->used.tv_nsec ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int add_entry(struct entry **entries, size_t *n, const char *name, const struct stat *st)
{
	if (!(*n & (*n - 1))) { /* 0, 1, 2, 4, ...: the array is full */
		struct entry *larger = reallocarray(*entries, *n ? *n * 2 : 1, sizeof(**entries));

		if (!larger)
			return -ENOMEM;
		*entries = larger;
	}
	(*entries)[*n] =
		(struct entry){.used = st->st_mtim, .bytes = bytes_on_disk((uint64_t)st->st_size)};
	(void)snprintf((*entries)[*n].name, NAME_BYTES, "%s", name);
	(*n)++;
	return 0;
}

static void remove_file(struct rows_cache *cache, const char *name, uint64_t bytes)
{
	if (unlinkat(cache->dir_fd, name, 0) < 0)
		return;
	cache->bytes -= bytes < cache->bytes ? bytes : cache->bytes;
	cache->counters.n_removed++;
}

/* Reads the directory: what is there of this version, and its size in all. Files of the cache that
 * are of another version or were not finished are removed; what is not the cache's stays. */
static int list(struct rows_cache *cache, struct entry **ret, size_t *ret_n)
{
	int fd = openat(cache->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *found;

	*ret = NULL;
	*ret_n = 0;
	if (!dir) {
		close_p(&fd);
		return -errno;
	}
	cache->bytes = 0;
	while (r == 0 && (found = readdir(dir))) {
		struct stat st;

		if (!strstr(found->d_name, SUFFIX) ||
		    fstatat(cache->dir_fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    S_ISDIR(st.st_mode))
			continue;
		if (!is_of_this_version(found->d_name) || *ret_n == ENTRIES_MAX) {
			remove_file(cache, found->d_name, 0);
			continue;
		}
		r = add_entry(ret, ret_n, found->d_name, &st);
		cache->bytes += bytes_on_disk((uint64_t)st.st_size);
	}
	(void)closedir(dir);
	return r;
}

/* Removes the least recently used until `more` bytes fit. */
static void make_room(struct rows_cache *cache, uint64_t more)
{
	_cleanup_free_ struct entry *entries = NULL;
	size_t n = 0;

	if (list(cache, &entries, &n) < 0 || n == 0)
		return;
	qsort(entries, n, sizeof(*entries), oldest_first);
	for (size_t i = 0; i < n && cache->bytes + more > cache->max_bytes; i++)
		remove_file(cache, entries[i].name, entries[i].bytes);
}

/* ---- the directory ---- */

int rows_cache_new(const char *dir, uint64_t max_bytes, struct rows_cache **ret)
{
	_cleanup_(rows_cache_freep) struct rows_cache *cache = calloc(1, sizeof(*cache));
	struct stat st;

	if (!cache)
		return -ENOMEM;
	cache->max_bytes = max_bytes;
	cache->dir_fd = -1;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	cache->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (cache->dir_fd < 0 || fstat(cache->dir_fd, &st) < 0)
		return errno == ELOOP ? -ENOTDIR : -errno;
	if (st.st_uid != geteuid() || st.st_mode & OTHERS_WRITE)
		return -EPERM;
	make_room(cache, 0);
	*ret = take_ptr(cache);
	return 0;
}

struct rows_cache *rows_cache_free(struct rows_cache *cache)
{
	if (!cache)
		return NULL;
	close_p(&cache->dir_fd);
	free(cache);
	return NULL;
}

/* ---- one of them ---- */

/* A link, a fifo or somebody else's file is damage. */
static int read_file(int fd, const struct unwind_key *key, struct unwind_table *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || st.st_mode & OTHERS_WRITE)
		return -EBADMSG;
	return unwind_blob_read(fd, key, ret);
}

int rows_cache_find(struct rows_cache *cache, const struct unwind_key *key,
		    struct unwind_table *ret)
{
	_cleanup_close_ int fd = -1;
	char name[NAME_BYTES];
	int r;

	name_of(key, name);
	fd = openat(cache->dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	r = fd < 0 ? -errno : read_file(fd, key, ret);
	if (r == 0) {
		cache->counters.n_found++;
		(void)futimens(fd, NULL); /* it was used */
		return 0;
	}
	cache->counters.n_missed++;
	if (r == -ENOMEM)
		return r;
	if (r != -ENOENT) {
		/* What cannot be read does not get better either. */
		cache->counters.n_damaged++;
		(void)unlinkat(cache->dir_fd, name, 0);
	}
	return -ENOENT;
}

static int write_file(struct rows_cache *cache, const char *name, const struct unwind_key *key,
		      const struct unwind_table *table)
{
	_cleanup_close_ int fd = -1;
	int r;

	(void)unlinkat(cache->dir_fd, TEMPORARY, 0);
	fd = openat(cache->dir_fd, TEMPORARY, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		    0600);
	if (fd < 0)
		return -errno;
	r = unwind_blob_write(fd, table, key);
	if (r == 0 && renameat(cache->dir_fd, TEMPORARY, cache->dir_fd, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(cache->dir_fd, TEMPORARY, 0);
	return r;
}

int rows_cache_put(struct rows_cache *cache, const struct unwind_key *key,
		   const struct unwind_table *table)
{
	uint64_t bytes = bytes_on_disk(UNWIND_BLOB_HEAD_SIZE +
				       (uint64_t)table->n_rows * sizeof(*table->rows));
	char name[NAME_BYTES];
	int r;

	if (bytes > cache->max_bytes)
		return -EFBIG;
	name_of(key, name);
	if (cache->bytes + bytes > cache->max_bytes)
		make_room(cache, bytes);
	r = write_file(cache, name, key, table);
	if (r < 0)
		cache->counters.n_failed++;
	else
		cache->bytes += bytes;
	return r;
}

const struct rows_cache_counters *rows_cache_counters(const struct rows_cache *cache)
{
	return &cache->counters;
}
