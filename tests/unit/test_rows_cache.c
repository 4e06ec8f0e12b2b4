// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rows_cache.c - tables come back from disk, and damage, strangers and full disks are
 * harmless.
 */
#include "symbols/rows_cache.h"

#include "profile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#define ROWS	  1000 /* 8512 bytes, 12288 on disk */
#define FILE_DISK 12288

struct scene {
	char dir[PATH_MAX / 4];
	struct rows_cache *cache;
	struct unwind_row rows[ROWS];
	struct unwind_table table;
};

static struct unwind_key key_of(uint32_t n, uint32_t trust_uid)
{
	struct unwind_key key = {.trust_uid = trust_uid, .is_build_id = 1, .identity_len = 4};

	memcpy(key.identity, &n, sizeof(n));
	return key;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void open_cache(struct scene *scene, uint64_t max_bytes)
{
	rows_cache_free(scene->cache);
	scene->cache = NULL;
	assert_int_equal(rows_cache_new(scene->dir, max_bytes, &scene->cache), 0);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	(void)snprintf(scene->dir, sizeof(scene->dir), "/tmp/profd-test-rows-XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	for (uint32_t i = 0; i < ROWS; i++)
		scene->rows[i] = (struct unwind_row){.pc = i, .kind = UNWIND_CFA_SP};
	scene->table = (struct unwind_table){.source = UNWIND_SOURCE_EH_FRAME,
					     .n_rows = ROWS,
					     .rows = scene->rows,
					     .n_segments = 1,
					     .segments = {{.size = ROWS}}};
	open_cache(scene, ROWS_CACHE_MAX_BYTES);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	rows_cache_free(scene->cache);
	(void)nftw(scene->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(scene);
	return 0;
}

static int put(struct scene *scene, uint32_t n, uint32_t trust_uid)
{
	const struct unwind_key key = key_of(n, trust_uid);

	return rows_cache_put(scene->cache, &key, &scene->table);
}

static int find(struct scene *scene, uint32_t n, uint32_t trust_uid)
{
	const struct unwind_key key = key_of(n, trust_uid);
	struct unwind_table table = {};
	int r = rows_cache_find(scene->cache, &key, &table);

	if (r == 0) {
		assert_int_equal(table.n_rows, ROWS);
		assert_memory_equal(table.rows, scene->rows, sizeof(scene->rows));
	}
	unwind_table_done(&table);
	return r;
}

/* The path of the only file. */
static void only_file(const struct scene *scene, char path[PATH_MAX])
{
	DIR *dir = opendir(scene->dir);
	struct dirent *entry;
	int n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			(void)snprintf(path, PATH_MAX, "%s/%s", scene->dir, entry->d_name);
			n++;
		}
	(void)closedir(dir);
	assert_int_equal(n, 1);
}

static uint64_t bytes_in(const struct scene *scene)
{
	DIR *dir = opendir(scene->dir);
	struct dirent *entry;
	uint64_t sum = 0;
	struct stat st;

	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.' && fstatat(dirfd(dir), entry->d_name, &st, 0) == 0)
			sum += ((uint64_t)st.st_size + 4095) / 4096 * 4096;
	(void)closedir(dir);
	return sum;
}

static void test_kept(void **state)
{
	struct scene *scene = *state;
	char path[PATH_MAX];
	struct stat st;

	assert_int_equal(find(scene, 1, 0), -ENOENT);
	assert_int_equal(put(scene, 1, 0), 0);
	assert_int_equal(find(scene, 1, 0), 0);
	open_cache(scene, ROWS_CACHE_MAX_BYTES);
	assert_int_equal(find(scene, 1, 0), 0);
	assert_int_equal(find(scene, 1, 1000), -ENOENT); /* the same identity, another writer */
	assert_int_equal(find(scene, 2, 0), -ENOENT);
	only_file(scene, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(rows_cache_counters(scene->cache)->n_damaged, 0);
}

/* Removed and counted, and kept again afterwards. */
static void assert_rebuilt(struct scene *scene, uint32_t n)
{
	uint64_t before = rows_cache_counters(scene->cache)->n_damaged;

	assert_int_equal(find(scene, n, 0), -ENOENT);
	assert_int_equal(rows_cache_counters(scene->cache)->n_damaged, before + 1);
	assert_int_equal(bytes_in(scene), 0);
	assert_int_equal(put(scene, n, 0), 0);
	assert_int_equal(find(scene, n, 0), 0);
}

static void test_damage(void **state)
{
	struct scene *scene = *state;
	char path[PATH_MAX], other[PATH_MAX + 8];
	int fd;

	assert_int_equal(put(scene, 1, 0), 0);
	only_file(scene, path);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "x", 1, 5000), 1);
	assert_int_equal(close(fd), 0);
	assert_rebuilt(scene, 1);

	assert_int_equal(truncate(path, 5000), 0);
	assert_rebuilt(scene, 1);
	assert_int_equal(truncate(path, 0), 0);
	assert_rebuilt(scene, 1);
	assert_int_equal(chmod(path, 0622), 0);
	assert_rebuilt(scene, 1);

	/* A link to what may be anywhere. */
	(void)snprintf(other, sizeof(other), "%s.aside", path);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0);
	assert_int_equal(find(scene, 1, 0), -ENOENT);
	assert_int_equal(unlink(other), 0);
	assert_int_equal(bytes_in(scene), 0);
}

/* A file under the name of another identity or trust class is not believed. */
static void test_renamed(void **state)
{
	static const struct {
		uint32_t n, trust_uid;
	} others[] = {{2, 0}, {1, 1000}};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		char from[PATH_MAX], to[PATH_MAX];

		assert_int_equal(put(scene, 1, 0), 0);
		only_file(scene, from);
		assert_int_equal(unlink(from), 0);
		assert_int_equal(put(scene, others[i].n, others[i].trust_uid), 0);
		only_file(scene, to);
		assert_int_equal(rename(to, from), 0);
		assert_rebuilt(scene, 1);
		assert_int_equal(unlink(from), 0);
	}
}

static void write_file(const struct scene *scene, const char *name)
{
	char path[PATH_MAX];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", scene->dir, name);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "old", 3), 3);
	assert_int_equal(close(fd), 0);
}

/* Of another version, or half written: not kept for ever. What is not the cache's is left alone. */
static void test_leftovers(void **state)
{
	struct scene *scene = *state;
	char path[PATH_MAX];

	write_file(scene, "b01000000-0.rows1");
	write_file(scene, "new.rows");
	write_file(scene, "README");
	open_cache(scene, ROWS_CACHE_MAX_BYTES);
	assert_int_equal(rows_cache_counters(scene->cache)->n_removed, 2);
	only_file(scene, path);
	assert_non_null(strstr(path, "README"));
}

/* Names that only look like the cache's. */
static void test_strangers(void **state)
{
	static const char *const names[] = {
		"notes.rows",
		"my.rows.txt",
		"xnew.rows",
		"b01-0.rows1.bak",
		"b01-0-0000000000000000.rows",
		"b01-0-000000000000000.rows2",
		"b01-x-0000000000000000.rows3",
		"c01-0-0000000000000000.rows3",
		"b01-0.rows3",
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		write_file(scene, names[i]);
	open_cache(scene, FILE_DISK);
	open_cache(scene, 0);
	assert_int_equal(bytes_in(scene), ARRAY_SIZE(names) * 4096);
	assert_int_equal(rows_cache_counters(scene->cache)->n_removed, 0);
}

/* Want of descriptors is no damage. */
static void test_passing_error(void **state)
{
	struct scene *scene = *state;
	struct rlimit before, limit;

	assert_int_equal(put(scene, 1, 0), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	limit.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(find(scene, 1, 0), -ENOENT);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(rows_cache_counters(scene->cache)->n_damaged, 0);
	assert_int_equal(rows_cache_counters(scene->cache)->n_failed, 1);
	assert_int_equal(find(scene, 1, 0), 0);
}

/* A user with many programs does not drive the system's out. */
static void test_system_stays(void **state)
{
	struct scene *scene = *state;

	open_cache(scene, 4 * FILE_DISK);
	assert_int_equal(put(scene, 1, PROFILE_TRUST_SYSTEM), 0);
	for (uint32_t n = 2; n < 20; n++)
		assert_int_equal(put(scene, n, 1000), 0);
	assert_int_equal(find(scene, 1, PROFILE_TRUST_SYSTEM), 0);
	assert_int_equal(find(scene, 2, 1000), -ENOENT);
	open_cache(scene, 4 * FILE_DISK - 1);
	assert_int_equal(put(scene, 20, 1000), -EFBIG);
}

static void set_used(const struct scene *scene, const char *path, time_t when)
{
	const struct timespec times[2] = {{.tv_sec = when}, {.tv_sec = when}};

	(void)scene;
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* The least recently used goes, and using one is what keeps it. */
static void test_bound(void **state)
{
	struct scene *scene = *state;
	char path[PATH_MAX];

	open_cache(scene, 4 * FILE_DISK);
	for (uint32_t n = 1; n <= 4; n++) {
		assert_int_equal(put(scene, n, 0), 0);
		(void)snprintf(path, sizeof(path), "%s/b%02x000000-0-0000000000000000.rows%d",
			       scene->dir, n, UNWIND_BLOB_VERSION);
		set_used(scene, path, 1000 + (time_t)n);
	}
	assert_int_equal(find(scene, 1, 0), 0); /* used now */
	assert_int_equal(put(scene, 5, 0), 0);
	assert_int_equal(find(scene, 2, 0), -ENOENT);
	assert_int_equal(find(scene, 1, 0), 0);
	assert_int_equal(find(scene, 3, 0), 0);
	assert_int_equal(find(scene, 5, 0), 0);
	for (uint32_t n = 6; n < 100; n++) {
		assert_int_equal(put(scene, n, 0), 0);
		assert_in_range(bytes_in(scene), FILE_DISK, 4 * FILE_DISK);
	}
	open_cache(scene, FILE_DISK);
	assert_int_equal(bytes_in(scene), FILE_DISK);
	open_cache(scene, FILE_DISK - 4096);
	assert_int_equal(bytes_in(scene), 0);
	assert_int_equal(put(scene, 1, 0), -EFBIG);
	assert_int_equal(bytes_in(scene), 0);
}

/* A disk that takes only a part of a file: as a limit on the size of files, for anybody. */
static void test_full_disk(void **state)
{
	struct scene *scene = *state;
	struct rlimit before, limit;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 4096;
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(put(scene, 1, 0), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(rows_cache_counters(scene->cache)->n_failed, 1);
	assert_int_equal(bytes_in(scene), 0);
	assert_int_equal(find(scene, 1, 0), -ENOENT);
	assert_int_equal(put(scene, 1, 0), 0);
	assert_int_equal(find(scene, 1, 0), 0);
}

/* The directory went away under it: nothing can be written, also by root. */
static void test_unwritable(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(rmdir(scene->dir), 0);
	assert_true(put(scene, 1, 0) < 0);
	assert_int_equal(rows_cache_counters(scene->cache)->n_failed, 1);
	assert_int_equal(find(scene, 1, 0), -ENOENT);
	assert_int_equal(mkdir(scene->dir, 0700), 0);
}

static void test_directories(void **state)
{
	struct scene *scene = *state;
	struct rows_cache *cache = NULL;
	char path[PATH_MAX], link[PATH_MAX];
	struct stat st;

	assert_int_equal(chmod(scene->dir, 0770), 0);
	assert_int_equal(rows_cache_new(scene->dir, 1, &cache), -EPERM);
	assert_int_equal(chmod(scene->dir, 0702), 0);
	assert_int_equal(rows_cache_new(scene->dir, 1, &cache), -EPERM);
	assert_int_equal(chmod(scene->dir, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/made", scene->dir);
	assert_int_equal(rows_cache_new(path, ROWS_CACHE_MAX_BYTES, &cache), 0);
	rows_cache_free(cache);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	(void)snprintf(link, sizeof(link), "%s/link", scene->dir);
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(rows_cache_new(link, 1, &cache), -ENOTDIR);
	assert_true(rows_cache_new("/proc/self", 1, &cache) < 0);
	assert_int_equal(rows_cache_new("/nowhere/at/all", 1, &cache), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_renamed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_leftovers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_strangers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_passing_error, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_system_stays, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unwritable, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_directories, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
