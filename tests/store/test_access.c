// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_access.c - who may read a store: the group that it is given to, and what a stranger is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "made_bucket.h"

#define NOBODY	     65534
#define SYSTEM_GROUP "daemon" /* every Linux has it */

struct fixture {
	char *dir;
	struct made_bucket made;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	*state = f;
	f->dir = made_directory();
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)chmod(f->dir, 0700);
	made_directory_remove(f->dir);
	free(f);
	return 0;
}

static void fill(struct fixture *f)
{
	_cleanup_(store_writer_freep) struct store_writer *writer = made_writer(f->dir, NULL);

	made_fill(&f->made, MADE_START_S, 1, 10);
	made_write(writer, &f->made);
}

static void patch(const char *path, off_t at, const void *bytes, size_t len)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, len, at), len);
}

/* Runs `body` in a child without privilege; it returns 0 or the number of what went wrong. */
static void assert_as_nobody(int (*body)(const char *dir), const char *dir)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(100);
		_exit(body(dir));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int read_denied(const char *dir)
{
	struct store *store = NULL;
	struct store_error error;

	if (store_open(dir, &store, &error) != -EACCES)
		return 1;
	if (!strstr(error.text, "sudo usermod -aG profd $USER"))
		return 2;
	if (!getgrnam("profd") != !!strstr(error.text, "sudo groupadd --system profd"))
		return 3;
	return strstr(error.text, dir) ? 0 : 4;
}

/* A store that has its group of readers, and somebody else: who that is does not matter. */
static int read_denied_to_a_stranger(const char *dir)
{
	struct store *store = NULL;
	struct store_error error;

	if (store_open(dir, &store, &error) != -EACCES)
		return 1;
	return strstr(error.text, "sudo usermod -aG " SYSTEM_GROUP " $USER, and log in again") ? 0
											       : 2;
}

static void test_no_access(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *partition = NULL;

	fill(f);
	partition = made_partition(f->dir);
	assert_int_equal(chmod(f->dir, 0), 0);
	assert_as_nobody(read_denied, f->dir);
	if (geteuid() == 0) {
		struct group *group = getgrnam(SYSTEM_GROUP);

		assert_non_null(group);
		assert_int_equal(chown(f->dir, 0, group->gr_gid), 0);
		assert_int_equal(chmod(f->dir, 02750), 0);
		assert_as_nobody(read_denied_to_a_stranger, f->dir);
		assert_int_equal(chown(f->dir, 0, 0), 0);
	}
	assert_int_equal(chmod(f->dir, 0755), 0);
	assert_int_equal(chmod(partition, 0), 0);
	assert_as_nobody(read_denied, f->dir);
}

/* A directory as systemd makes it gets the group of readers; one with anything else in it does not,
 * nor one of another group. */
static void test_group_of_readers(void **state)
{
	struct fixture *f = *state;
	struct store_options options = made_options();
	struct stat st;
	static const struct {
		const char *file; /* that is in it */
		gid_t group;	  /* of it, as root */
		bool taken;
	} cases[] = {{"notes.txt", 0, false},	 {"lock", 1, false},	{"lock", 0, true},
		     {"attached.old", 0, false}, {"attached", 0, true}, {"attached.new", 0, true}};

	options.reader_group = "nogroup";
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
		_cleanup_free_ char *dir = NULL, *file = NULL;

		assert_true(asprintf(&dir, "%s/%zu", f->dir, i) > 0);
		file = made_path(dir, cases[i].file);
		assert_int_equal(mkdir(dir, 0700), 0);
		patch(file, 0, "x", 1);
		if (geteuid() == 0) {
			assert_int_equal(chown(file, 0, 0), 0);
			assert_int_equal(chown(dir, 0, cases[i].group), 0);
		}
		assert_int_equal(chmod(dir, 00750), 0);
		writer = made_writer(dir, &options);
		assert_int_equal(stat(dir, &st), 0);
		if (geteuid() != 0)
			continue;
		assert_int_equal(st.st_gid, cases[i].taken ? NOBODY : cases[i].group);
		assert_int_equal(st.st_mode & 07777, cases[i].taken ? 02750 : 0750);
		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_gid, cases[i].taken ? NOBODY : 0);
	}
}

/* The group comes when there is a store already, or systemd took the store back at a start. */
static void test_store_given_away(void **state)
{
	struct fixture *f = *state;
	struct store_options options = made_options();
	_cleanup_(store_writer_freep) struct store_writer *writer = NULL;
	_cleanup_free_ char *partition = NULL, *foreign = made_path(f->dir, "t9-9-live-9.db-x");
	struct stat st;

	fill(f);
	if (geteuid() != 0)
		return; /* who may give files away is root */
	partition = made_partition(f->dir);
	patch(foreign, 0, "x", 1);
	assert_int_equal(chown(foreign, 0, 1), 0); /* a group that somebody chose */
	assert_int_equal(chown(f->dir, 0, 0), 0);
	assert_int_equal(chown(partition, 0, 0), 0);
	options.reader_group = "nogroup";
	writer = made_writer(f->dir, &options);
	assert_int_equal(stat(f->dir, &st), 0);
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(st.st_mode & 07777, 02750);
	assert_int_equal(stat(partition, &st), 0);
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(stat(foreign, &st), 0);
	assert_int_equal(st.st_gid, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_access, setup, teardown),
		cmocka_unit_test_setup_teardown(test_group_of_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_store_given_away, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
