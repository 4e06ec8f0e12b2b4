// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_crash_guard.c - each way from one start of profd to the next, and flags that profd did not
 * write. A host crash is a start with another boot id while the flag is there.
 */
#include "crash_guard.h"

#include "cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#define NOBODY 65534
#define BOOT_A "0a1b2c3d-0000-4000-8000-000000000001"
#define BOOT_B "0a1b2c3d-0000-4000-8000-000000000002"
#define BOOT_C "0a1b2c3d-0000-4000-8000-000000000003"
#define BOOT_D "0a1b2c3d-0000-4000-8000-000000000004"

#define FLAG(boot, mode, n)                                                                        \
	"profd-attached 1\nboot_id " boot "\nmode " mode "\nsafe_mode_crashes " n "\n"

struct fixture {
	char dir[256];
	int dir_fd;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	const char *tmp = getenv("TMPDIR");

	assert_non_null(f);
	*state = f;
	(void)snprintf(f->dir, sizeof(f->dir), "%s/profd-test-guard-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(f->dir));
	f->dir_fd = open(f->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(f->dir_fd >= 0);
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	(void)fchmod(f->dir_fd, 0700);
	(void)unlinkat(f->dir_fd, CRASH_GUARD_FILE ".new", 0);
	if (unlinkat(f->dir_fd, CRASH_GUARD_FILE, 0) < 0)
		(void)unlinkat(f->dir_fd, CRASH_GUARD_FILE, AT_REMOVEDIR);
	(void)close(f->dir_fd);
	assert_int_equal(rmdir(f->dir), 0); /* nothing else was made */
	free(f);
	return 0;
}

static void put_flag(const struct fixture *f, const void *text, size_t len)
{
	_cleanup_close_ int fd =
		openat(f->dir_fd, CRASH_GUARD_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
}

static bool has_flag(const struct fixture *f)
{
	return faccessat(f->dir_fd, CRASH_GUARD_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void assert_flag(const struct fixture *f, const char *text)
{
	_cleanup_close_ int fd =
		openat(f->dir_fd, CRASH_GUARD_FILE, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char found[512] = "";
	struct stat st;

	assert_true(fd >= 0);
	assert_true(read(fd, found, sizeof(found) - 1) >= 0);
	assert_string_equal(found, text);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(faccessat(f->dir_fd, CRASH_GUARD_FILE ".new", F_OK, 0), -1);
}

/* Starts in that boot, which must be taken for `state` out of `cause`. */
static struct crash_guard start(const struct fixture *f, const char *boot_id,
				enum crash_guard_state state, enum crash_guard_cause cause,
				struct crash_guard_verdict *ret)
{
	struct crash_guard guard;

	memset(ret, 0xff, sizeof(*ret));
	assert_int_equal(crash_guard_start(&guard, f->dir_fd, f->dir, boot_id, ret), 0);
	assert_int_equal(ret->state, state);
	assert_int_equal(ret->cause, cause);
	assert_null(strchr(ret->text, '\n'));
	return guard;
}

/* What is left of a profd that was killed: the flag, but no descriptor. */
static void kill_profd(struct crash_guard *guard)
{
	if (guard->watching)
		(void)close(guard->dir_fd);
	*guard = (struct crash_guard){};
}

static void start_and_die(const struct fixture *f, const char *boot_id,
			  enum crash_guard_state state, enum crash_guard_cause cause,
			  struct crash_guard_verdict *ret)
{
	struct crash_guard guard = start(f, boot_id, state, cause, ret);

	kill_profd(&guard);
}

static void test_clean_stop(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;
	struct crash_guard guard;

	guard = start(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	assert_string_equal(verdict.text, "");
	assert_flag(f, FLAG(BOOT_A, "normal", "0"));
	assert_int_equal(crash_guard_done(&guard), 0);
	assert_false(has_flag(f));
	assert_int_equal(crash_guard_done(&guard), 0);
	guard = start(f, BOOT_B, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	assert_int_equal(crash_guard_done(&guard), 0);
}

static void test_survived(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;
	struct crash_guard guard;

	guard = start(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	assert_int_equal(crash_guard_survived(&guard), 0);
	assert_false(has_flag(f));
	/* One of a later profd is not this one's any more. */
	put_flag(f, "x", 1);
	assert_int_equal(crash_guard_survived(&guard), 0);
	assert_int_equal(crash_guard_done(&guard), 0);
	assert_true(has_flag(f));
}

static void test_guard_of_zeros(void **state)
{
	struct crash_guard guard = {};
	bool open_before = fcntl(0, F_GETFD) >= 0;

	(void)state;
	assert_int_equal(crash_guard_survived(&guard), 0);
	assert_int_equal(crash_guard_done(&guard), 0);
	assert_int_equal(fcntl(0, F_GETFD) >= 0, open_before);
}

static void test_profd_killed(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;

	start_and_die(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	for (int i = 0; i < 5; i++) {
		start_and_die(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_KILLED, &verdict);
		assert_string_equal(verdict.text, "");
		assert_flag(f, FLAG(BOOT_A, "normal", "0"));
	}
}

/* A host crash, then a start in safe mode that goes well, then a normal one. */
static void test_host_crash(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;
	struct crash_guard guard;

	start_and_die(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	guard = start(f, BOOT_B, CRASH_GUARD_SAFE, CRASH_GUARD_HOST_CRASH, &verdict);
	assert_non_null(strstr(verdict.text, "safe mode: the host went down"));
	assert_non_null(strstr(verdict.text, "0 of 2 times"));
	assert_non_null(strstr(verdict.text, "the next start of profd is a normal one"));
	assert_flag(f, FLAG(BOOT_B, "safe", "0"));
	assert_int_equal(crash_guard_survived(&guard), 0);
	assert_int_equal(crash_guard_done(&guard), 0);
	start_and_die(f, BOOT_B, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	assert_flag(f, FLAG(BOOT_B, "normal", "0"));
}

static void test_crashes_in_safe_mode(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;

	start_and_die(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	start_and_die(f, BOOT_B, CRASH_GUARD_SAFE, CRASH_GUARD_HOST_CRASH, &verdict);
	start_and_die(f, BOOT_C, CRASH_GUARD_SAFE, CRASH_GUARD_HOST_CRASH, &verdict);
	assert_int_equal(verdict.n_crashes, 1);
	assert_non_null(strstr(verdict.text, "1 of 2 times"));
	assert_flag(f, FLAG(BOOT_C, "safe", "1"));
	/* profd alone dies: still safe, and not counted. */
	start_and_die(f, BOOT_C, CRASH_GUARD_SAFE, CRASH_GUARD_KILLED, &verdict);
	assert_int_equal(verdict.n_crashes, 1);
	assert_flag(f, FLAG(BOOT_C, "safe", "1"));
	/* The second: refused, at each start from then on, and in other boots. */
	for (int i = 0; i < 4; i++) {
		struct crash_guard guard = start(f, i < 2 ? BOOT_D : BOOT_A, CRASH_GUARD_REFUSE,
						 CRASH_GUARD_HOST_CRASH, &verdict);

		assert_int_equal(verdict.n_crashes, 2);
		assert_non_null(strstr(verdict.text, "update the kernel, remove "));
		assert_non_null(strstr(verdict.text, f->dir));
		assert_non_null(strstr(verdict.text, "/attached and start profd again"));
		assert_int_equal(crash_guard_survived(&guard), 0);
		assert_int_equal(crash_guard_done(&guard), 0);
		assert_flag(f, FLAG(BOOT_C, "safe", "1"));
	}
	/* What the text says to do helps. */
	assert_int_equal(unlinkat(f->dir_fd, CRASH_GUARD_FILE, 0), 0);
	start_and_die(f, BOOT_D, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
}

/* Crashes that are not in a row do not add up. */
static void test_crash_after_survival(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;
	struct crash_guard guard;

	put_flag(f, FLAG(BOOT_A, "safe", "0"), strlen(FLAG(BOOT_A, "safe", "0")));
	guard = start(f, BOOT_B, CRASH_GUARD_SAFE, CRASH_GUARD_HOST_CRASH, &verdict);
	assert_int_equal(verdict.n_crashes, 1);
	assert_int_equal(crash_guard_survived(&guard), 0);
	start_and_die(f, BOOT_B, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	start_and_die(f, BOOT_C, CRASH_GUARD_SAFE, CRASH_GUARD_HOST_CRASH, &verdict);
	assert_int_equal(verdict.n_crashes, 0);
}

static void assert_bad(const struct fixture *f)
{
	struct crash_guard_verdict verdict;

	start_and_die(f, BOOT_B, CRASH_GUARD_NORMAL, CRASH_GUARD_BAD_FLAG, &verdict);
	assert_int_equal(verdict.n_crashes, 0);
	assert_non_null(strstr(verdict.text, f->dir));
	assert_non_null(strstr(verdict.text, "is not what profd wrote"));
	assert_flag(f, FLAG(BOOT_B, "normal", "0"));
}

static void test_corrupt_flags(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"garbage",
		"profd-attached 1\n",
		"profd-attached 2\nboot_id " BOOT_A "\nmode safe\nsafe_mode_crashes 1\n",
		FLAG("", "normal", "0"),
		FLAG(BOOT_A "0000000000000000000000000000000000000", "safe", "0"),
		FLAG("../../etc", "safe", "0"),
		FLAG(BOOT_A, "unsafe", "0"),
		FLAG(BOOT_A, "safest-of-all", "0"),
		FLAG(BOOT_A, "", "0"),
		FLAG(BOOT_A, "normal", "1"),
		FLAG(BOOT_A, "safe", ""),
		FLAG(BOOT_A, "safe", "-1"),
		FLAG(BOOT_A, "safe", "01"),
		FLAG(BOOT_A, "safe", "4294967295"),
		FLAG(BOOT_A, "safe", "4294967296"),
		FLAG(BOOT_A, "safe", "1") "x",
		" " FLAG(BOOT_A, "safe", "1"),
	};
	static const char nul[] = FLAG(BOOT_A, "safe", "1") "\0tail";
	const struct fixture *f = *state;
	size_t whole = strlen(FLAG(BOOT_A, "safe", "1"));
	struct crash_guard_verdict verdict;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		put_flag(f, texts[i], strlen(texts[i]));
		assert_bad(f);
	}
	put_flag(f, nul, sizeof(nul));
	assert_bad(f);
	/* Cut anywhere, as on a disk that lost its cache. */
	for (size_t len = 0; len < whole; len++) {
		put_flag(f, nul, len);
		assert_bad(f);
	}
	/* The same bytes uncut are a flag. */
	put_flag(f, nul, whole);
	start_and_die(f, BOOT_B, CRASH_GUARD_REFUSE, CRASH_GUARD_HOST_CRASH, &verdict);
}

static void test_huge_flag(void **state)
{
	static const char flag[] = FLAG(BOOT_A, "safe", "1");
	const struct fixture *f = *state;
	_cleanup_free_ char *text = malloc(1 << 20);

	assert_non_null(text);
	memset(text, '\n', 1 << 20);
	memcpy(text, flag, sizeof(flag) - 1);
	put_flag(f, text, 1 << 20);
	assert_bad(f);
	for (size_t len = 250; len < 260; len++) {
		put_flag(f, text, len);
		assert_bad(f);
	}
}

/* Nothing that one waits for or that leads elsewhere. */
static void test_flags_that_are_no_files(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;
	struct crash_guard guard;

	assert_int_equal(symlinkat("/dev/zero", f->dir_fd, CRASH_GUARD_FILE), 0);
	assert_bad(f);
	assert_int_equal(unlinkat(f->dir_fd, CRASH_GUARD_FILE, 0), 0);
	assert_int_equal(mkfifoat(f->dir_fd, CRASH_GUARD_FILE, 0600), 0);
	assert_bad(f);
	assert_int_equal(unlinkat(f->dir_fd, CRASH_GUARD_FILE, 0), 0);
	/* A directory cannot be replaced. */
	assert_int_equal(mkdirat(f->dir_fd, CRASH_GUARD_FILE, 0700), 0);
	assert_int_equal(crash_guard_start(&guard, f->dir_fd, f->dir, BOOT_B, &verdict), -EISDIR);
	assert_int_equal(verdict.cause, CRASH_GUARD_BAD_FLAG);
	assert_int_equal(faccessat(f->dir_fd, CRASH_GUARD_FILE ".new", F_OK, 0), -1);
	assert_true(crash_guard_done(&guard) < 0);
}

/* The host went down while the flag was written. */
static void test_left_over_of_writing(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;

	assert_int_equal(symlinkat("elsewhere", f->dir_fd, CRASH_GUARD_FILE ".new"), 0);
	start_and_die(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	assert_flag(f, FLAG(BOOT_A, "normal", "0"));
	assert_int_equal(faccessat(f->dir_fd, "elsewhere", F_OK, 0), -1);
}

static void test_mode_under_umask(void **state)
{
	const struct fixture *f = *state;
	struct crash_guard_verdict verdict;
	mode_t before = umask(0077);

	start_and_die(f, BOOT_A, CRASH_GUARD_NORMAL, CRASH_GUARD_NO_FLAG, &verdict);
	(void)umask(before);
	assert_flag(f, FLAG(BOOT_A, "normal", "0"));
}

static void test_no_boot_id(void **state)
{
	static const char *const ids[] = {
		"", "\n", "none", BOOT_A "\n",
		"0000000000000000000000000000000000000000000000000000000000000000"};
	const struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++) {
		struct crash_guard_verdict verdict;
		struct crash_guard guard;

		assert_int_equal(crash_guard_start(&guard, f->dir_fd, f->dir, ids[i], &verdict),
				 -EINVAL);
		assert_int_equal(verdict.state, CRASH_GUARD_NORMAL);
		assert_false(has_flag(f));
		assert_int_equal(crash_guard_done(&guard), 0);
	}
}

/* In a directory that cannot be written. Returns 0 or the number of what went wrong. */
static int start_read_only(const struct fixture *f)
{
	struct crash_guard_verdict verdict;
	struct crash_guard guard;

	if (crash_guard_start(&guard, f->dir_fd, f->dir, BOOT_B, &verdict) != -EACCES)
		return 1;
	/* What the flag said is known all the same. */
	if (verdict.state != CRASH_GUARD_SAFE || verdict.cause != CRASH_GUARD_HOST_CRASH)
		return 2;
	if (crash_guard_survived(&guard) != -EACCES)
		return 3;
	return crash_guard_done(&guard) == 0 ? 0 : 4;
}

static void test_read_only_directory(void **state)
{
	static const char flag[] = FLAG(BOOT_A, "normal", "0");
	const struct fixture *f = *state;
	pid_t child;
	int status;

	put_flag(f, flag, sizeof(flag) - 1);
	assert_int_equal(fchmodat(f->dir_fd, CRASH_GUARD_FILE, 0644, 0), 0);
	assert_int_equal(fchmod(f->dir_fd, 0555), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		if (geteuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
			_exit(100);
		_exit(start_read_only(f));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	assert_true(has_flag(f));
}

/* The pure part takes bytes that do not end in NUL, and a long path. */
static void test_judge(void **state)
{
	static const char flag[] = FLAG(BOOT_A, "safe", "1");
	struct crash_guard_verdict verdict;
	_cleanup_free_ char *bytes = malloc(sizeof(flag) - 1);
	char dir[4096];

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, flag, sizeof(flag) - 1);
	memset(dir, 'd', sizeof(dir));
	dir[sizeof(dir) - 1] = '\0';
	crash_guard_judge(bytes, sizeof(flag) - 1, BOOT_A, dir, &verdict);
	assert_int_equal(verdict.state, CRASH_GUARD_SAFE);
	crash_guard_judge(bytes, sizeof(flag) - 1, BOOT_B, dir, &verdict);
	assert_int_equal(verdict.state, CRASH_GUARD_REFUSE);
	assert_int_equal(strlen(verdict.text), CRASH_GUARD_TEXT_MAX - 1);
	crash_guard_judge(bytes, 0, BOOT_B, dir, &verdict);
	assert_int_equal(verdict.cause, CRASH_GUARD_BAD_FLAG);
	crash_guard_judge(NULL, 0, BOOT_B, dir, &verdict);
	assert_int_equal(verdict.cause, CRASH_GUARD_NO_FLAG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clean_stop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survived, setup, teardown),
		cmocka_unit_test(test_guard_of_zeros),
		cmocka_unit_test_setup_teardown(test_profd_killed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_host_crash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crashes_in_safe_mode, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crash_after_survival, setup, teardown),
		cmocka_unit_test_setup_teardown(test_corrupt_flags, setup, teardown),
		cmocka_unit_test_setup_teardown(test_huge_flag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_flags_that_are_no_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_left_over_of_writing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mode_under_umask, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_boot_id, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_directory, setup, teardown),
		cmocka_unit_test(test_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
