// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_rows_client.c - unwind tables from a process that may fail and from the cache, by a fake
 * process that does what a file tells it, and by the real one.
 */
#include "symbols/rows_client.h"

#include "fake_file.h"
#include "profile.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cmocka.h>

#define WAIT_MS 30000

struct scene {
	struct resolver_program program;
	char dir[64];
	struct rows_client *client;
};

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void open_client(struct scene *scene, const char *cache_dir)
{
	rows_client_free(scene->client);
	scene->client = NULL;
	assert_int_equal(rows_client_new(&scene->program, cache_dir, &scene->client), 0);
}

static struct scene *new_scene(void)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	(void)snprintf(scene->dir, sizeof(scene->dir), "/tmp/profd-test-rows-XXXXXX");
	assert_non_null(mkdtemp(scene->dir));
	return scene;
}

static int set_up(void **state)
{
	struct scene *scene = new_scene();

	open_fake(&scene->program);
	open_client(scene, scene->dir);
	*state = scene;
	return 0;
}

static int set_up_real(void **state)
{
	struct scene *scene = new_scene();

	open_real(&scene->program);
	open_client(scene, scene->dir);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	rows_client_free(scene->client);
	resolver_program_close(&scene->program);
	(void)nftw(scene->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(scene);
	return 0;
}

static struct unwind_key key_of(const char *identity, uint32_t trust_uid)
{
	struct unwind_key key = {.trust_uid = trust_uid, .is_build_id = 1};

	key.identity_len = (uint8_t)strlen(identity);
	memcpy(key.identity, identity, strlen(identity));
	return key;
}

static struct rows_answer *wait_for_answer(struct scene *scene)
{
	struct pollfd fd = {.fd = rows_client_fd(scene->client), .events = POLLIN};
	struct rows_answer *answer;

	while (!(answer = rows_client_take(scene->client)))
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
	return answer;
}

/* What comes of a file; the process that made its table through `ret_pid`. */
static int ask(struct scene *scene, const char *word, const char *identity, uint32_t trust_uid,
	       uint32_t *ret_pid)
{
	_cleanup_(rows_answer_freep) struct rows_answer *answer = NULL;
	struct unwind_key key = key_of(identity, trust_uid);

	assert_int_equal(rows_client_ask(scene->client, 7, fake_file(word), &key), 0);
	assert_false(rows_client_idle(scene->client));
	answer = wait_for_answer(scene);
	assert_true(rows_client_idle(scene->client));
	assert_int_equal(answer->file, 7);
	if (answer->error) {
		assert_null(answer->table);
		return answer->error;
	}
	assert_non_null(answer->table);
	assert_int_equal(answer->table->n_rows, 3);
	*ret_pid = answer->table->rows[1].pc;
	return 0;
}

static void test_built_and_cached(void **state)
{
	struct scene *scene = *state;
	uint32_t built, cached = 0, other;

	assert_int_equal(ask(scene, "good", "a", 1000, &built), 0);
	assert_int_equal(ask(scene, "good", "a", 1000, &cached), 0);
	assert_int_equal(cached, built);
	open_client(scene, scene->dir);
	assert_int_equal(ask(scene, "good", "a", 1000, &cached), 0);
	assert_int_equal(cached, built);
	assert_int_equal(rows_client_counters(scene->client)->n_cached, 1);
	assert_int_equal(rows_client_counters(scene->client)->n_built, 0);
	/* The same identity by somebody else: their own file is read. */
	assert_int_equal(ask(scene, "good", "a", 1001, &other), 0);
	assert_int_not_equal(other, built);
	assert_int_equal(rows_client_counters(scene->client)->n_built, 1);
	assert_int_equal(rows_client_counters(scene->client)->n_restarts, 0);
}

/* Another file that says it were the same one has its own table. */
static void test_other_contents(void **state)
{
	struct scene *scene = *state;
	uint32_t pid;

	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(ask(scene, "good too", "a", 1000, &pid), 0);
	assert_int_equal(rows_client_counters(scene->client)->n_built, 2);
	assert_int_equal(ask(scene, "die", "a", 1000, &pid), -EBADMSG);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(ask(scene, "good too", "a", 1000, &pid), 0);
	assert_int_equal(rows_client_counters(scene->client)->n_built, 2);
	assert_int_equal(rows_client_counters(scene->client)->n_cached, 2);
	assert_int_equal(rows_client_counters(scene->client)->n_cache_damaged, 0);
}

/* What is known by a hash alone is made anew each time. */
static void test_no_build_id(void **state)
{
	struct unwind_key key = key_of("a", 1000);
	struct scene *scene = *state;

	key.is_build_id = 0;
	for (uint64_t i = 1; i <= 2; i++) {
		_cleanup_(rows_answer_freep) struct rows_answer *answer = NULL;

		assert_int_equal(rows_client_ask(scene->client, 1, fake_file("good"), &key), 0);
		answer = wait_for_answer(scene);
		assert_int_equal(answer->error, 0);
		assert_int_equal(rows_client_counters(scene->client)->n_built, i);
	}
	assert_int_equal(rows_client_counters(scene->client)->n_cached, 0);
}

static void damage_all(const struct scene *scene)
{
	DIR *dir = opendir(scene->dir);
	struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		int fd = openat(dirfd(dir), entry->d_name, O_WRONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		assert_int_equal(pwrite(fd, "x", 1, 300), 1);
		assert_int_equal(close(fd), 0);
	}
	(void)closedir(dir);
}

static void test_damaged_cache(void **state)
{
	struct scene *scene = *state;
	uint32_t pid;

	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	damage_all(scene);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(rows_client_counters(scene->client)->n_cache_damaged, 1);
	assert_int_equal(rows_client_counters(scene->client)->n_built, 2);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0); /* it was kept again */
	assert_int_equal(rows_client_counters(scene->client)->n_cached, 1);
}

/* No cache, none that may be used, and none that can be written: tables are made all the same. */
static void test_without_cache(void **state)
{
	struct scene *scene = *state;
	uint32_t pid;

	open_client(scene, NULL);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	open_client(scene, "");
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(chmod(scene->dir, 0777), 0);
	open_client(scene, scene->dir);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(chmod(scene->dir, 0700), 0);
	open_client(scene, scene->dir);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(nftw(scene->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_int_equal(ask(scene, "good", "b", 1000, &pid), 0);
	assert_int_equal(rows_client_counters(scene->client)->n_cache_failed, 1);
	assert_int_equal(mkdir(scene->dir, 0700), 0);
}

/* All at once: each waits for its restart. */
static void test_one_file_fails(void **state)
{
	static const char *const words[] = {"die",     "kind",	    "error",
					    "nothing", "truncated", "damaged",
					    "huge",    "other_key", "descriptor"};
	struct scene scenes[ARRAY_SIZE(words)] = {};
	struct scene *scene = *state;
	uint32_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct unwind_key bad = key_of("bad", 1000), good = key_of("good", 1000);

		scenes[i].program = scene->program;
		open_client(&scenes[i], NULL);
		assert_int_equal(rows_client_ask(scenes[i].client, 1, fake_file(words[i]), &bad),
				 0);
		assert_int_equal(rows_client_ask(scenes[i].client, 2, fake_file("good"), &good), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct rows_answer *answer = wait_for_answer(&scenes[i]);

		print_message("%s\n", words[i]);
		assert_int_equal(answer->file, 1);
		assert_int_equal(answer->error, -EBADMSG);
		assert_null(answer->table);
		rows_answer_free(answer);
		answer = wait_for_answer(&scenes[i]);
		assert_int_equal(answer->file, 2);
		assert_int_equal(answer->error, 0);
		rows_answer_free(answer);
		/* It is not given to the process again, under whatever number. */
		assert_int_equal(ask(&scenes[i], words[i], "bad", 1000, &pid), -EBADMSG);
		assert_int_equal(rows_client_counters(scenes[i].client)->n_restarts, 1);
		rows_client_free(scenes[i].client);
	}
}

/* Whoever kills the process says nothing about the file that it reads, and one that it leaves by
 * is asked for once more. */
static void test_who_is_to_blame(void **state)
{
	static const struct {
		const char *word;
		int error;
		uint64_t n_restarts;
	} cases[] = {{"killed_once", 0, 1}, {"leave_once", 0, 1}, {"leave", -EBADMSG, 2}};
	struct scene scenes[ARRAY_SIZE(cases)] = {};
	struct scene *scene = *state;
	uint32_t pid;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct unwind_key key = key_of("bad", 1000);

		scenes[i].program = scene->program;
		open_client(&scenes[i], NULL);
		assert_int_equal(
			rows_client_ask(scenes[i].client, 1, fake_file(cases[i].word), &key), 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct rows_answer *answer = wait_for_answer(&scenes[i]);

		print_message("%s\n", cases[i].word);
		assert_int_equal(answer->error, cases[i].error);
		rows_answer_free(answer);
		assert_int_equal(
			ask(&scenes[i], cases[i].error ? cases[i].word : "good", "bad", 1000, &pid),
			cases[i].error);
		assert_int_equal(rows_client_counters(scenes[i].client)->n_restarts,
				 cases[i].n_restarts);
		rows_client_free(scenes[i].client);
	}
}

/* A process that fails for as long as somebody waits is seen before there is an answer. */
static void test_restarts_without_answer(void **state)
{
	struct unwind_key key = key_of("a", 1000);
	struct scene *scene = *state;
	struct pollfd fd = {.fd = rows_client_fd(scene->client), .events = POLLIN};

	assert_int_equal(rows_client_ask(scene->client, 1, fake_file("killed"), &key), 0);
	while (rows_client_counters(scene->client)->n_restarts == 0)
		assert_int_equal(poll(&fd, 1, 1), 0); /* no answer yet */
	assert_false(rows_client_idle(scene->client));
}

static void test_an_error_is_no_failure(void **state)
{
	struct scene *scene = *state;
	uint32_t pid;

	assert_int_equal(ask(scene, "again", "a", 1000, &pid), -EBADMSG);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_int_equal(rows_client_counters(scene->client)->n_restarts, 0);
}

/* What passes is told from what is wrong with a file, whichever side it happens to. */
static void test_errors_that_pass(void **state)
{
	struct unwind_key key = key_of("a", 1000);
	struct scene *scene = *state;
	int file = fake_file("good"), lowest = dup(file);
	struct rows_answer *answer;
	struct rlimit before, few;
	uint32_t pid;

	open_client(scene, NULL);
	assert_int_equal(close(lowest), 0);
	lowest = dup(file);
	assert_int_equal(close(lowest), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)lowest;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	assert_int_equal(rows_client_ask(scene->client, 1, file, &key), 0);
	answer = wait_for_answer(scene);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(answer->error, -EMFILE);
	assert_true(rows_error_passes(answer->error));
	rows_answer_free(answer);
	assert_int_equal(ask(scene, "emfile", "a", 1000, &pid), -EMFILE);
	assert_int_equal(ask(scene, "good", "a", 1000, &pid), 0);
	assert_false(rows_error_passes(-EBADMSG));
	assert_false(rows_error_passes(-EFBIG));
	assert_false(rows_error_passes(0));
}

/* What a user's file did to the process reaches only that user's files. */
static void test_nobody_shares_a_process_with_a_user(void **state)
{
	struct scene *scene = *state;
	uint32_t system, also_system, mine, also_mine, other, system_again;

	open_client(scene, NULL);
	assert_int_equal(ask(scene, "good", "a", PROFILE_TRUST_SYSTEM, &system), 0);
	assert_int_equal(ask(scene, "good", "b", PROFILE_TRUST_SYSTEM, &also_system), 0);
	assert_int_equal(ask(scene, "good", "c", 1000, &mine), 0);
	assert_int_equal(ask(scene, "good", "d", 1000, &also_mine), 0);
	assert_int_equal(ask(scene, "good", "e", 1001, &other), 0);
	assert_int_equal(ask(scene, "good", "f", PROFILE_TRUST_SYSTEM, &system_again), 0);
	assert_int_equal(system, also_system);
	assert_int_equal(system, mine);
	assert_int_equal(mine, also_mine);
	assert_int_not_equal(mine, other);
	assert_int_not_equal(other, system_again);
	assert_int_equal(rows_client_counters(scene->client)->n_restarts, 0);
}

static void test_keys(void **state)
{
	struct scene *scene = *state;
	struct unwind_key keys[4] = {key_of("a", 0), key_of("a", 0), key_of("a", 0),
				     key_of("a", 0)};

	keys[0].identity_len = 0;
	keys[1].identity_len = UNWIND_IDENTITY_MAX + 1;
	keys[2].identity[5] = 1;
	keys[3].is_build_id = 2;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		assert_int_equal(rows_client_ask(scene->client, 1, fake_file("good"), &keys[i]),
				 -EINVAL);
	assert_true(rows_client_idle(scene->client));
}

static void test_end_while_it_hangs(void **state)
{
	struct scene *scene = *state;
	struct unwind_key key = key_of("a", 0);

	assert_int_equal(rows_client_ask(scene->client, 1, fake_file("sleep"), &key), 0);
	assert_int_equal(rows_client_ask(scene->client, 2, fake_file("good"), &key), 0);
}

/* The blob passes through the real sandbox. */
static void test_real(void **state)
{
	struct scene *scene = *state;
	struct unwind_key key = key_of("this program", PROFILE_TRUST_SYSTEM);

	for (uint64_t i = 0; i < 2; i++) {
		_cleanup_(rows_answer_freep) struct rows_answer *answer = NULL;

		assert_int_equal(rows_client_ask(scene->client, 1, own_file(), &key), 0);
		answer = wait_for_answer(scene);
		assert_int_equal(answer->error, 0);
		assert_non_null(answer->table);
		assert_true(answer->table->n_rows > 100);
		assert_int_equal(rows_client_counters(scene->client)->n_built, 1);
		assert_int_equal(rows_client_counters(scene->client)->n_cached, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_built_and_cached, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_contents, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_build_id, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damaged_cache, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_without_cache, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_file_fails, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_who_is_to_blame, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_restarts_without_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_an_error_is_no_failure, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_errors_that_pass, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nobody_shares_a_process_with_a_user, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_keys, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_end_while_it_hangs, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_real, set_up_real, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
