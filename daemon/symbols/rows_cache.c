// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rows_cache.c - see rows_cache.h.
 */
#include "symbols/rows_cache.h"

#include "profile.h"

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
#define ENTRY_SHARE  4		  /* of the cache, of which one file has one at most */
#define OTHERS_WRITE (S_IWGRP | S_IWOTH)

struct rows_cache {
	int dir_fd;
	uint64_t max_bytes;
	uint64_t bytes; /* of the files, as far as this profd knows */
	struct rows_cache_counters counters;
};

struct entry {
	char name[NAME_BYTES];
	bool is_system;
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

#define HEX	"0123456789abcdef"
#define DECIMAL "0123456789"

/* Takes `name` forward over `min` to `max` of these characters. */
static bool skip(const char **name, const char *characters, size_t min, size_t max)
{
	size_t n = strspn(*name, characters);

	*name += n;
	return n >= min && n <= max;
}

/* What name_of() writes of some version, and nothing else: version 1 had no hash of the ends. */
static bool parse_name(const char *name, uint32_t *ret_trust_uid, unsigned long *ret_version)
{
	bool has_ends;

	if (strlen(name) >= NAME_BYTES || (*name != 'b' && *name != 'h'))
		return false;
	name++;
	if (!skip(&name, HEX, 2, 2 * (size_t)UNWIND_IDENTITY_MAX) || *name++ != '-')
		return false;
	*ret_trust_uid = (uint32_t)strtoul(name, NULL, 10);
	if (!skip(&name, DECIMAL, 1, 10))
		return false;
	has_ends = *name == '-';
	if (has_ends) {
		name++;
		if (!skip(&name, HEX, 16, 16))
			return false;
	}
	if (strncmp(name, SUFFIX, strlen(SUFFIX)) != 0)
		return false;
	name += strlen(SUFFIX);
	*ret_version = strtoul(name, NULL, 10);
	return skip(&name, DECIMAL, 1, 3) && !*name && has_ends == (*ret_version > 1);
}

/* Those of users first: however many files a user has, the system's stay. */
static int first_to_go(const void *a, const void *b)
{
	const struct entry *left = a, *right = b;

	if (left->is_system != right->is_system)
		return left->is_system ? 1 : -1;
	if (left->used.tv_sec != right->used.tv_sec)
		return left->used.tv_sec < right->used.tv_sec ? -1 : 1;
	if (left->used.tv_nsec != right->used.tv_nsec)
		return left->used.tv_nsec < right->used.tv_nsec ? -1 : 1;
	return strcmp(left->name, right->name);
}

static int add_entry(struct entry **entries, size_t *n, const char *name, bool is_system,
		     const struct stat *st)
{
	if (!(*n & (*n - 1))) { /* 0, 1, 2, 4, ...: the array is full */
		struct entry *larger = reallocarray(*entries, *n ? *n * 2 : 1, sizeof(**entries));

		if (!larger)
			return -ENOMEM;
		*entries = larger;
	}
	(*entries)[*n] = (struct entry){.is_system = is_system,
					.used = st->st_mtim,
					.bytes = bytes_on_disk((uint64_t)st->st_size)};
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
		bool is_temporary = strcmp(found->d_name, TEMPORARY) == 0;
		unsigned long version = 0;
		uint32_t trust_uid = 0;
		struct stat st;

		if ((!is_temporary && !parse_name(found->d_name, &trust_uid, &version)) ||
		    fstatat(cache->dir_fd, found->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    S_ISDIR(st.st_mode))
			continue;
		if (version != UNWIND_BLOB_VERSION || *ret_n == ENTRIES_MAX) {
			remove_file(cache, found->d_name, 0);
			continue;
		}
		r = add_entry(ret, ret_n, found->d_name, trust_uid == PROFILE_TRUST_SYSTEM, &st);
		cache->bytes += bytes_on_disk((uint64_t)st.st_size);
	}
	(void)closedir(dir);
	return r;
}

/* Removes the least recently used, users' before the system's, until `more` bytes fit. */
static void make_room(struct rows_cache *cache, uint64_t more)
{
	_cleanup_free_ struct entry *entries = NULL;
	size_t n = 0;

	if (list(cache, &entries, &n) < 0 || n == 0)
		return;
	qsort(entries, n, sizeof(*entries), first_to_go);
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
	if (r == -EBADMSG || r == -ELOOP) {
		cache->counters.n_damaged++;
		(void)unlinkat(cache->dir_fd, name, 0);
	} else if (r != -ENOENT) {
		cache->counters.n_failed++; /* that may pass */
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

	if (bytes > cache->max_bytes / ENTRY_SHARE)
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
