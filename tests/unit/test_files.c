// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_files.c - files of processes that are gone, by build ID and path: which file answers for
 * whom, and what is not believed.
 *
 * The system's file is the C library of the test itself, the user's one a copy of the test; as
 * root it is given to another user. Only root may follow the links below /proc/PID/map_files.
 */
#include "elf_identity.h"
#include "process_scene.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GONE	  ((pid_t)0x7ffffff0) /* beyond any pid */
#define OTHER_UID 12345

__attribute__((noinline, used)) int function_of_the_test(int x);
int function_of_the_test(int x)
{
	return x * 7;
}

/* An executable mapping of the test itself, as the side-band would tell it. */
struct mapped {
	struct mapping mapping;
	char path[256];
};

static void tell_build_id(struct mapped *mapped)
{
	_cleanup_close_ int fd = open(mapped->path, O_RDONLY | O_CLOEXEC);
	struct elf_identity identity;

	assert_true(fd >= 0);
	assert_int_equal(elf_identity_read(fd, &identity), 0);
	assert_true(identity.is_build_id && identity.len <= MAPPING_BUILD_ID_MAX);
	mapped->mapping.build_id_len = (uint8_t)identity.len;
	memcpy(mapped->mapping.build_id, identity.bytes, identity.len);
	mapped->mapping.inode = 0;
}

static void find_mapped(const char *word, struct mapped *ret)
{
	_cleanup_fclose_ FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];

	*ret = (struct mapped){};
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end, offset;
		char perms[8], path[256];

		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &start, &end, perms, &offset,
			   path) != 5 ||
		    perms[2] != 'x' || !strstr(path, word))
			continue;
		ret->mapping = (struct mapping){.start = start, .end = end, .file_offset = offset};
		(void)snprintf(ret->path, sizeof(ret->path), "%s", path);
		tell_build_id(ret);
		return;
	}
	fail_msg("nothing of %s is mapped", word);
}

/* A copy of the test's program, of another user, mapped by the test. */
static void map_users_file(const struct scene *scene, struct mapped *ret)
{
	_cleanup_close_ int in = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int out = -1;
	char path[128];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/users", scene->proc);
	out = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0755);
	assert_true(in >= 0 && out >= 0 && fstat(in, &st) == 0);
	assert_int_equal(sendfile(out, in, NULL, (size_t)st.st_size), st.st_size);
	if (geteuid() == 0)
		assert_int_equal(fchown(out, OTHER_UID, OTHER_UID), 0);
	assert_ptr_not_equal(
		mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_EXEC, MAP_PRIVATE, out, 0),
		MAP_FAILED);
	find_mapped(path, ret);
}

static uint32_t users_uid(void)
{
	return geteuid() == 0 ? OTHER_UID : geteuid();
}

static uint32_t number_of(struct scene *scene, pid_t pid, const struct mapped *mapped)
{
	uint32_t number = files_number(scene->files, pid, &mapped->mapping, mapped->path);

	assert_int_not_equal(number, 0);
	return number;
}

static const struct profile_file *file_of(struct scene *scene, uint32_t number)
{
	const struct profile_file *file = symbolize_file(scene->symbolize, number);

	assert_non_null(file);
	return file;
}

static void expect_identity(struct scene *scene, uint32_t number, const struct mapped *mapped)
{
	const struct profile_file *file = file_of(scene, number);

	assert_true(file->is_build_id);
	assert_int_equal(file->identity_len, mapped->mapping.build_id_len);
	assert_memory_equal(file->identity, mapped->mapping.build_id, file->identity_len);
	assert_string_equal(file->path, mapped->path);
}

/* Asks for the name of an address of the file, and waits for the answer. */
static enum unknown_reason name_at(struct scene *scene, uint32_t number, uint64_t offset,
				   const char **ret_name)
{
	symbolize_want(scene->symbolize, number, offset);
	scene_settle(scene);
	return symbolize_find(scene->symbolize, number, offset, ret_name);
}

static void test_known_system_file(void **state)
{
	struct scene *scene = *state;
	struct mapped libc;
	uint32_t live, gone;

	find_mapped("libc", &libc);
	live = number_of(scene, getpid(), &libc);
	scene_settle(scene);
	gone = number_of(scene, GONE, &libc);
	scene_settle(scene);
	expect_identity(scene, gone, &libc);
	assert_int_equal(file_of(scene, gone)->trust_uid, PROFILE_TRUST_SYSTEM);
	/* Root of a container has a libc.so.6 of root's with any build ID: neither answers for the
	 * other, though both are the same file here. */
	assert_int_not_equal(gone, live);
	if (geteuid() == 0)
		assert_int_equal(number_of(scene, getpid(), &libc), live);
	assert_int_equal(number_of(scene, GONE, &libc), gone);
}

static void test_unknown_file_that_is_still_there(void **state)
{
	struct scene *scene = *state;
	struct mapped self, users;
	const char *name = NULL;
	uint64_t offset;
	uint32_t number;

	find_mapped("test_files", &self);
	map_users_file(scene, &users);
	offset = (uint64_t)(uintptr_t)&function_of_the_test - self.mapping.start +
		 self.mapping.file_offset;
	number = number_of(scene, GONE, &users);
	expect_identity(scene, number, &users); /* before anybody opened it */
	assert_int_equal(file_of(scene, number)->trust_uid, PROFILE_TRUST_UNKNOWN);
	assert_int_equal(name_at(scene, number, offset, &name), UNKNOWN_NONE);
	assert_string_equal(name, "function_of_the_test");
	expect_identity(scene, number, &users);
	assert_int_equal(file_of(scene, number)->trust_uid, users_uid());
	/* Another process of it that is gone: the same file, and it is not opened again. */
	assert_int_equal(number_of(scene, GONE - 1, &users), number);
	assert_true(opener_idle(scene->opener));
	assert_int_equal(file_of(scene, number)->trust_uid, users_uid());
}

static void test_another_file_by_now(void **state)
{
	struct scene *scene = *state;
	struct mapped libc, other;
	const char *name = NULL;
	uint32_t gone, live;

	find_mapped("libc", &libc);
	other = libc;
	other.mapping.build_id[0] ^= 0xff;
	gone = number_of(scene, GONE, &other);
	/* Opened, and root's; but whether it is the file is not known yet. Until then it must not
	 * answer for a living one of another root, which may well be that file. */
	while (!opener_idle(scene->opener))
		files_dispatch(scene->files);
	assert_int_equal(file_of(scene, gone)->trust_uid, PROFILE_TRUST_UNKNOWN);
	live = number_of(scene, getpid(), &other);
	assert_int_not_equal(live, gone);
	assert_int_equal(name_at(scene, gone, libc.mapping.file_offset + 64, &name),
			 UNKNOWN_FILE_GONE);
	expect_identity(scene, gone, &other);
	assert_int_equal(file_of(scene, gone)->trust_uid, PROFILE_TRUST_UNKNOWN);
	assert_int_not_equal(number_of(scene, getpid(), &other), gone);
	assert_int_equal(number_of(scene, GONE, &other), gone);
}

static void test_no_file_any_more(void **state)
{
	struct scene *scene = *state;
	struct mapped users;
	const char *name = NULL;
	uint32_t number;

	map_users_file(scene, &users);
	assert_int_equal(unlink(users.path), 0);
	number = number_of(scene, GONE, &users);
	assert_int_equal(name_at(scene, number, 64, &name), UNKNOWN_FILE_GONE);
	expect_identity(scene, number, &users);
	assert_int_equal(file_of(scene, number)->trust_uid, PROFILE_TRUST_UNKNOWN);
}

/* Whoever makes a file chooses its build ID: it names its own process and no other living one. */
static void test_users_file_answers_for_no_living_process(void **state)
{
	struct scene *scene = *state;
	struct mapped users;
	uint32_t gone, live;

	map_users_file(scene, &users);
	gone = number_of(scene, GONE, &users);
	scene_settle(scene);
	assert_int_equal(file_of(scene, gone)->trust_uid, users_uid());
	live = number_of(scene, getpid(), &users);
	assert_int_not_equal(live, gone);
	scene_settle(scene);
	/* Nor does the living one's file answer for the gone, and nothing is asked twice. */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(number_of(scene, GONE, &users), gone);
		assert_int_equal(number_of(scene, getpid(), &users), live);
		assert_true(opener_idle(scene->opener));
	}
	assert_int_equal(file_of(scene, gone)->trust_uid, users_uid());
}

static void test_living_users_file_first(void **state)
{
	struct scene *scene = *state;
	struct mapped users;
	uint32_t gone, live;

	map_users_file(scene, &users);
	live = number_of(scene, getpid(), &users);
	scene_settle(scene);
	gone = number_of(scene, GONE, &users);
	assert_int_not_equal(gone, live);
	scene_settle(scene);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(number_of(scene, GONE, &users), gone);
		assert_true(opener_idle(scene->opener));
	}
	assert_int_equal(file_of(scene, gone)->trust_uid, users_uid());
	expect_identity(scene, gone, &users);
}

/* Files of the gone are forgotten as others are, and found anew. */
static void test_sweep(void **state)
{
	struct scene *scene = *state;
	struct mapped libc;
	uint32_t before, after;

	find_mapped("libc", &libc);
	before = number_of(scene, GONE, &libc);
	scene_settle(scene);
	for (int i = 0; i < 6; i++)
		files_sweep(scene->files);
	assert_non_null(symbolize_file(scene->symbolize, before));
	files_sweep(scene->files);
	assert_null(symbolize_file(scene->symbolize, before));
	after = number_of(scene, GONE, &libc);
	assert_int_not_equal(after, before);
	scene_settle(scene);
	expect_identity(scene, after, &libc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_known_system_file),
		SCENE_TEST(test_unknown_file_that_is_still_there),
		SCENE_TEST(test_another_file_by_now),
		SCENE_TEST(test_no_file_any_more),
		SCENE_TEST(test_users_file_answers_for_no_living_process),
		SCENE_TEST(test_living_users_file_first),
		SCENE_TEST(test_sweep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
