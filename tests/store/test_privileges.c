// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_privileges.c - a store that was prepared with all privileges is written without: by root
 * without any capability, in directories of root and of the readers' group; and which directory
 * needs more. Without root only the last is looked at.
 */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "made_bucket.h"

#define NOBODY	       65534
#define READERS	       "nogroup" /* has the gid of nobody */
#define DAY_S	       86400
#define OVERRIDE_BITS  (1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER)
#define ALL_BUT_CHOWN  (~0u & ~(1u << CAP_CHOWN))
#define ALL_BUT_FSETID (~0u & ~(1u << CAP_FSETID))

struct fixture {
	char *top; /* in it: the store's directory */
	char *dir;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->top = made_directory();
	/* Its group must not become the store's by itself. */
	if (geteuid() == 0)
		assert_int_equal(chown(f->top, 0, 0), 0);
	assert_int_equal(chmod(f->top, 0755), 0);
	f->dir = made_path(f->top, "store");
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (access(f->dir, F_OK) == 0)
		made_directory_remove(f->dir);
	else
		free(f->dir);
	made_directory_remove(f->top);
	free(f);
	return 0;
}

/* The low word of the permitted set; all capabilities that count here are in it. */
static bool keep(uint32_t low)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data) < 0)
		return false;
	data[0].permitted &= low;
	data[1].permitted = 0;
	data[0].effective = data[0].permitted;
	data[1].effective = 0;
	return syscall(SYS_capset, &header, data) == 0;
}

/* In a process of its own with these capabilities, in the group root alone: opens, writes, begins
 * another partition at midnight, writes, closes; twice, so that it also opens what it wrote. */
static int write_with(struct fixture *f, uint32_t capabilities, const char *group)
{
	struct store_options options = made_options();
	pid_t pid = fork();
	int status;

	options.reader_group = group;
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgroups(0, NULL) < 0 || !keep(capabilities))
			_exit(9);
		for (int round = 0; round < 2; round++) {
			struct store_writer *writer = NULL;
			struct store_error error;

			if (store_writer_open(f->dir, &options, &writer, &error) < 0) {
				fprintf(stderr, "%s\n", error.text);
				_exit(1);
			}
			for (int day = 0; day < 2; day++) {
				made_fill(&f->made,
					  MADE_START_S + (uint64_t)(2 * round + day) * DAY_S, 1,
					  10);
				if (store_write_bucket(writer, &f->made.bucket, &error) < 0)
					_exit(2);
			}
			store_writer_free(writer);
		}
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* Every file is for this group to read, and of root. */
static void assert_files(const struct fixture *f, gid_t group)
{
	DIR *dir = opendir(f->dir);
	struct dirent *entry;
	unsigned n = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.')
			continue;
		assert_int_equal(fstatat(dirfd(dir), entry->d_name, &st, 0), 0);
		assert_int_equal(st.st_uid, 0);
		assert_int_equal(st.st_gid, group);
		assert_int_equal(st.st_mode & 07777, 0640);
		n++;
	}
	(void)closedir(dir);
	assert_true(n > 2);
}

static bool prepare(struct fixture *f)
{
	struct store_error error;
	bool foreign = true;

	if (store_prepare_dir(f->dir, READERS, &foreign, &error) < 0)
		fail_msg("store_prepare_dir: %s", error.text);
	return foreign;
}

static void test_prepared(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_false(prepare(f));
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02750);
	/* What is there already is prepared again, to the same. */
	assert_false(prepare(f));
	if (geteuid() != 0)
		return;
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(write_with(f, 0, READERS), 0);
	assert_files(f, NOBODY);
	assert_false(prepare(f));
}

static void test_of_systemd(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	if (geteuid() != 0)
		return;
	assert_int_equal(mkdir(f->dir, 0700), 0);
	assert_int_equal(chmod(f->dir, 02750), 0);
	assert_int_equal(chown(f->dir, 0, 0), 0);
	assert_false(prepare(f));
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(st.st_mode & 07777, 02750);
	assert_int_equal(write_with(f, 0, READERS), 0);
	assert_files(f, NOBODY);
}

/* No group of readers on this system: root's. */
static void test_of_root(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		return;
	assert_int_equal(mkdir(f->dir, 0700), 0);
	assert_int_equal(write_with(f, 0, "no-such-group"), 0);
	assert_files(f, 0);
}

/* The costs that the daemon's table states. */
static void test_without_chown_or_fsetid(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	if (geteuid() != 0)
		return;
	assert_int_equal(write_with(f, ALL_BUT_CHOWN, READERS), 0);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_gid, 0);
	assert_files(f, 0);
	made_directory_remove(f->dir);

	f->dir = made_path(f->top, "store");
	assert_int_equal(write_with(f, ALL_BUT_FSETID, READERS), 0);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(st.st_mode & S_ISGID, 0);
	assert_files(f, 0);
}

static void test_of_another_user(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		return;
	assert_int_equal(mkdir(f->dir, 0700), 0);
	assert_int_equal(chown(f->dir, NOBODY, NOBODY), 0);
	assert_true(prepare(f));
	assert_int_equal(write_with(f, 0, READERS), 1);
	assert_int_equal(write_with(f, OVERRIDE_BITS, READERS), 0);
}

/* Root's directory with files of another user, as when profd ran as that one before. */
static void test_files_of_another_user(void **state)
{
	struct fixture *f = *state;
	DIR *dir;
	struct dirent *entry;

	if (geteuid() != 0)
		return;
	assert_false(prepare(f));
	assert_int_equal(write_with(f, 0, READERS), 0);
	dir = opendir(f->dir);
	assert_non_null(dir);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			assert_int_equal(fchownat(dirfd(dir), entry->d_name, NOBODY, NOBODY, 0), 0);
	(void)closedir(dir);
	assert_true(prepare(f));
	assert_int_equal(write_with(f, OVERRIDE_BITS, READERS), 0);
}

static void test_refused(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *below = made_path(f->dir, "below");
	struct store_error error;
	bool foreign = true;
	FILE *file;

	assert_int_equal(store_prepare_dir(below, READERS, &foreign, &error), -ENOENT);
	assert_false(foreign);
	assert_non_null(strstr(error.text, below));
	file = fopen(f->dir, "we");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(store_prepare_dir(f->dir, READERS, &foreign, &error), -ENOTDIR);
	assert_non_null(strstr(error.text, f->dir));
	assert_int_equal(unlink(f->dir), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_prepared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_systemd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_chown_or_fsetid, setup, teardown),
		cmocka_unit_test_setup_teardown(test_of_another_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_of_another_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
