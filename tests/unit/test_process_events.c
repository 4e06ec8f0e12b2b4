// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_process_events.c - the process table told by the side-band: fork, exec, mmap and exit in the
 * order of time, samples between them, and a /proc that is ahead of both.
 */
#include "process_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SHELL 100u
#define CHILD 101u

static const char shell_maps[] = "1000-3000 r-xp 00000000 fe:00 9 /bin/sh\n";

/* A sample's key; boot time is the monotonic one unless a test says otherwise. */
static struct process_key key_of(uint32_t pid, uint64_t start_ns, uint32_t exec_id, uint64_t code)
{
	return (struct process_key){.pid = pid,
				    .tid = pid,
				    .start_boot_ns = start_ns,
				    .exec_id = exec_id,
				    .start_code = code,
				    .end_code = code ? code + 4096 : 0};
}

static const struct process_key shell = {.pid = SHELL,
					 .tid = SHELL,
					 .start_boot_ns = 10 * MS,
					 .start_code = 0x1000,
					 .end_code = 0x2000};

/* A shell that was there before profd, sampled once, and gone from /proc. */
static void known_shell(struct scene *scene)
{
	scene_make_process(scene, &(struct scene_process){.pid = SHELL,
							  .start_ns = 10 * MS,
							  .code = 0x1000,
							  .exe = "/bin/sh",
							  .maps = shell_maps});
	(void)scene_get(scene, &shell, S);
	scene_remove_process(scene, SHELL);
}

static void expect_path(struct scene *scene, const struct process_key *key, uint64_t addr,
			uint64_t now_ns, const char *path)
{
	int error;
	const char *found = scene_path_at(scene, key, addr, now_ns, &error);

	if (!found)
		fail_msg("pid %u: %s at %lx: error %d", key->pid, path, (unsigned long)addr, error);
	assert_string_equal(found, path);
}

static void expect_error(struct scene *scene, const struct process_key *key, uint64_t addr,
			 uint64_t now_ns, int error)
{
	int got;
	const char *found = scene_path_at(scene, key, addr, now_ns, &got);

	if (found)
		fail_msg("pid %u: %s at %lx", key->pid, found, (unsigned long)addr);
	assert_int_equal(got, error);
}

static void test_fork_shares_until_one_maps(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, 2 * S, 0, 0x1000);
	uint64_t n_read;

	known_shell(scene);
	n_read = process_table_counters(scene->table)->n_read;
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	expect_path(scene, &child, 0x1800, 3 * S, "/bin/sh");
	assert_string_equal(process_exe(scene_get(scene, &child, 3 * S)), "/bin/sh");
	scene_map(scene, CHILD, 0x8000, 0x9000, "/lib/child.so", 0, 3 * S);
	scene_map(scene, SHELL, 0xa000, 0xb000, "/lib/parent.so", 0, 3 * S);
	expect_path(scene, &child, 0x8800, 4 * S, "/lib/child.so");
	expect_path(scene, &child, 0x1800, 4 * S, "/bin/sh");
	expect_path(scene, &shell, 0xa800, 4 * S, "/lib/parent.so");
	assert_int_equal(process_table_counters(scene->table)->n_read, n_read);
	expect_error(scene, &child, 0xa800, 4 * S, -ENOENT);
	expect_error(scene, &shell, 0x8800, 4 * S, -ENOENT);
}

/* What a child that is gone ran is known by its path alone; its parent shares the mapping, and
 * lives. */
static void test_gone_child_names_no_file_of_its_parent(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, 2 * S, 0, 0x1000);
	struct process *parent;
	uint32_t number;

	known_shell(scene);
	scene_map(scene, SHELL, 0x8000, 0x9000, "/lib/late.so", 7, 1 * S);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	number = scene_file_at(scene, &child, 0x8800, 3 * S);
	assert_int_not_equal(number, 0);
	assert_true(files_is_of_gone(scene->files, number));
	assert_int_equal(scene_file_at(scene, &child, 0x8800, 4 * S), number);
	parent = scene_get(scene, &shell, 4 * S);
	assert_int_equal(mappings_find(&parent->space->mappings, 0x8800)->file, 0);
}

static void test_parent_maps_first(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, 2 * S, 0, 0x1000);

	known_shell(scene);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	scene_map(scene, SHELL, 0x1000, 0x3000, "/lib/over.so", 0, 3 * S);
	expect_path(scene, &child, 0x1800, 4 * S, "/bin/sh");
	expect_path(scene, &shell, 0x1800, 4 * S, "/lib/over.so");
	process_exited(scene->table, SHELL, 5 * S); /* its memory is not the child's any more */
	process_table_sweep(scene->table);
	process_table_sweep(scene->table);
	expect_path(scene, &child, 0x1800, 6 * S, "/bin/sh");
}

static void test_exec(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, 2 * S, 1, 0x7000);

	known_shell(scene);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	process_executed(scene->table, CHILD, 2 * S + 1);
	scene_map(scene, CHILD, 0x100, 0x200, "[vdso]", 0, 2 * S + 2);
	scene_map(scene, CHILD, 0x200, 0x300, "//anon", 0, 2 * S + 2);
	scene_map(scene, CHILD, 0x7000, 0x8000, "/opt/prog (deleted)", 7, 2 * S + 3);
	scene_map(scene, CHILD, 0x9000, 0xa000, "/lib/ld.so", 8, 2 * S + 4);
	assert_string_equal(process_exe(scene_get(scene, &child, 3 * S)), "/opt/prog");
	expect_path(scene, &child, 0x7800, 3 * S, "/opt/prog");
	expect_path(scene, &child, 0x9800, 3 * S, "/lib/ld.so");
	expect_error(scene, &child, 0x1800, 3 * S, -ENOENT);
	expect_path(scene, &shell, 0x1800, 3 * S, "/bin/sh");
	assert_string_equal(process_exe(scene_get(scene, &shell, 3 * S)), "/bin/sh");
}

/* sh -> env -> program, with a sample in each and none of them to be found in /proc. */
static void test_exec_chain(void **state)
{
	struct scene *scene = *state;
	struct process_key key = key_of(CHILD, 2 * S, 0, 0x1000);

	known_shell(scene);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	expect_path(scene, &key, 0x1800, 3 * S, "/bin/sh");
	process_executed(scene->table, CHILD, 2 * S + 10);
	/* In the middle of exec: no text yet, and the count is the old one's. */
	key.start_code = key.end_code = 0;
	assert_string_equal(process_exe(scene_get(scene, &key, 3 * S)), "");
	scene_map(scene, CHILD, 0x1000, 0x2000, "/usr/bin/env", 1, 2 * S + 11);
	key = key_of(CHILD, 2 * S, 1, 0x1000); /* the same address as the shell's by chance */
	expect_path(scene, &key, 0x1800, 3 * S, "/usr/bin/env");
	assert_string_equal(process_exe(scene_get(scene, &key, 3 * S)), "/usr/bin/env");
	process_executed(scene->table, CHILD, 2 * S + 20);
	scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/program", 2, 2 * S + 21);
	key = key_of(CHILD, 2 * S, 2, 0x5000);
	expect_path(scene, &key, 0x5800, 3 * S, "/opt/program");
	assert_string_equal(process_exe(scene_get(scene, &key, 3 * S)), "/opt/program");
	expect_error(scene, &key, 0x1800, 3 * S, -ENOENT);
	assert_int_equal(process_table_size(scene->table), 2);
	assert_int_equal(process_table_counters(scene->table)->n_gone, 0);
}

static void test_exit_is_forgotten(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, 2 * S, 0, 0x1000);

	known_shell(scene);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	assert_int_equal(process_table_size(scene->table), 2);
	process_exited(scene->table, CHILD, 2 * S + 1);
	assert_int_equal(process_table_size(scene->table), 1); /* never sampled: at once */
	process_exited(scene->table, CHILD, 2 * S + 2);	       /* once more: nothing */
	process_forked(scene->table, CHILD, SHELL, 2 * S + 3);
	(void)scene_get(scene, &child, 2 * S + 4);
	process_exited(scene->table, CHILD, 2 * S + 5);
	assert_int_equal(process_table_size(scene->table), 2);
	process_table_sweep(scene->table);
	process_table_sweep(scene->table);
	assert_int_equal(process_table_size(scene->table), 1);
}

/* The first thread calls pthread_exit(): the others go on, and are found by a thread of theirs. */
static void test_first_thread_ends(void **state)
{
	struct scene *scene = *state;
	struct process_key key = key_of(CHILD, 2 * S, 0, 0x1000);

	known_shell(scene);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	expect_path(scene, &key, 0x1800, 3 * S, "/bin/sh");
	process_exited(scene->table, CHILD, 2 * S + 1);
	key.tid = 107;
	for (uint64_t i = 0; i < 20; i++) { /* as long as they are sampled */
		process_table_sweep(scene->table);
		expect_path(scene, &key, 0x1800, 3 * S + i, "/bin/sh");
	}
	scene_make_process(scene,
			   &(struct scene_process){
				   .pid = CHILD, .start_ns = 2 * S, .code = 0x1000, .maps = ""});
	scene_write(scene, CHILD, "task/107/maps", shell_maps);
	for (int i = 0; i < 8; i++)
		process_table_sweep(scene->table);
	assert_int_equal(process_table_size(scene->table), 0);
	expect_path(scene, &key, 0x1800, 4 * S, "/bin/sh"); /* and when it was forgotten */
}

/* The kernel ends the first thread, and gives its pid to the one that executes (de_thread()). */
static void test_exec_by_another_thread(void **state)
{
	struct scene *scene = *state;
	struct process_key key = key_of(CHILD, 2 * S, 0, 0x1000);

	known_shell(scene);
	process_forked(scene->table, CHILD, SHELL, 2 * S);
	(void)scene_get(scene, &key, 2 * S);
	for (int sampled = 1; sampled >= 0; sampled--) {
		process_exited(scene->table, CHILD, 2 * S + 1);
		process_executed(scene->table, CHILD, 2 * S + 2);
		scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/program", 2, 2 * S + 3);
		key = key_of(CHILD, 2 * S, 1, 0x5000);
		process_table_sweep(scene->table); /* it lives: it is not forgotten */
		process_table_sweep(scene->table);
		process_table_sweep(scene->table);
		expect_path(scene, &key, 0x5800, 3 * S, "/opt/program");
		assert_int_equal(process_table_counters(scene->table)->n_gone, 0);
		/* Once more with a process that was never sampled. */
		process_forked(scene->table, CHILD, SHELL, 4 * S);
		key = key_of(CHILD, 4 * S, 0, 0x1000);
	}
}

static void test_pid_is_used_again(void **state)
{
	struct scene *scene = *state;
	struct process_key first = key_of(CHILD, 2 * S, 1, 0x5000), second = first;

	known_shell(scene);
	for (int exit_lost = 0; exit_lost < 2; exit_lost++) {
		process_forked(scene->table, CHILD, SHELL, first.start_boot_ns);
		process_executed(scene->table, CHILD, first.start_boot_ns + 1);
		scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/first", 1, first.start_boot_ns + 2);
		expect_path(scene, &first, 0x5800, first.start_boot_ns + S, "/opt/first");
		if (!exit_lost)
			process_exited(scene->table, CHILD, first.start_boot_ns + S);
		second.start_boot_ns = first.start_boot_ns + 4 * S;
		process_forked(scene->table, CHILD, SHELL, second.start_boot_ns);
		process_executed(scene->table, CHILD, second.start_boot_ns + 1);
		scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/second", 2, second.start_boot_ns + 2);
		expect_path(scene, &second, 0x5800, second.start_boot_ns + S, "/opt/second");
		assert_string_equal(
			process_exe(scene_get(scene, &second, second.start_boot_ns + S)),
			"/opt/second");
		/* A sample of the first that comes late is nobody's, and changes nothing. */
		expect_error(scene, &first, 0x5800, second.start_boot_ns + S, -ESRCH);
		assert_string_equal(process_exe(scene_get(scene, &first, second.start_boot_ns + S)),
				    "");
		expect_path(scene, &second, 0x5800, second.start_boot_ns + S, "/opt/second");
		/* Neither do its records. */
		process_exited(scene->table, CHILD, first.start_boot_ns + 3 * S);
		scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/late", 3,
			  first.start_boot_ns + 3 * S);
		process_executed(scene->table, CHILD, first.start_boot_ns + 3 * S);
		process_forked(scene->table, CHILD, 1, first.start_boot_ns + 3 * S);
		expect_path(scene, &second, 0x5800, second.start_boot_ns + S, "/opt/second");
		assert_int_equal(process_table_size(scene->table), 2);
		first.start_boot_ns = second.start_boot_ns + 4 * S;
	}
}

/* The machine slept: starts are in the one clock, records in the other. */
static void test_boot_offset(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, 1002 * S, 0, 0x1000);

	process_table_set_boot_offset(scene->table, 1000 * S);
	known_shell(scene);
	scene_make_process(scene, &(struct scene_process){.pid = CHILD,
							  .start_ns = 1002 * S,
							  .code = 0x1000,
							  .maps = shell_maps});
	process_table_look_ahead(scene->table, &child, false, 2 * S + 5);
	process_forked(scene->table, CHILD, SHELL, 2 * S + 1);
	process_executed(scene->table, CHILD, 2 * S + 2);
	scene_map(scene, CHILD, 0x1000, 0x3000, "/bin/new", 1, 2 * S + 3);
	expect_path(scene, &child, 0x1800, 3 * S, "/bin/new");
	process_exited(scene->table, CHILD, S); /* before it was begun: another's */
	assert_int_equal(process_table_size(scene->table), 2);
	process_table_sweep(scene->table);
	process_table_sweep(scene->table);
	assert_int_equal(process_table_size(scene->table), 2);
}

static void test_child_that_is_gone_has_its_parents_memory(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, S / 2, 0, 0x1000);
	const struct process_key grandchild = key_of(102, S / 2, 0, 0x1000);

	/* The records come before anybody knows the shell. */
	process_forked(scene->table, CHILD, SHELL, S / 2);
	process_forked(scene->table, 102, CHILD, S / 2 + 1);
	known_shell(scene);
	expect_path(scene, &child, 0x1800, 2 * S, "/bin/sh");
	assert_string_equal(process_exe(scene_get(scene, &child, 2 * S)), "/bin/sh");
	expect_path(scene, &grandchild, 0x1800, 2 * S, "/bin/sh");
	assert_int_equal(process_table_counters(scene->table)->n_gone, 0);
}

/* The parent runs another program by then: rather unknown than wrong. */
static void test_child_of_what_the_parent_was(void **state)
{
	struct scene *scene = *state;
	const struct process_key child = key_of(CHILD, S / 2, 0, 0x9000);

	process_forked(scene->table, CHILD, SHELL, S / 2);
	known_shell(scene);
	expect_error(scene, &child, 0x1800, 2 * S, -ESRCH);
	assert_int_equal(process_table_counters(scene->table)->n_gone, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_fork_shares_until_one_maps),
		SCENE_TEST(test_gone_child_names_no_file_of_its_parent),
		SCENE_TEST(test_parent_maps_first),
		SCENE_TEST(test_exec),
		SCENE_TEST(test_exec_chain),
		SCENE_TEST(test_exit_is_forgotten),
		SCENE_TEST(test_first_thread_ends),
		SCENE_TEST(test_exec_by_another_thread),
		SCENE_TEST(test_pid_is_used_again),
		SCENE_TEST(test_boot_offset),
		SCENE_TEST(test_child_that_is_gone_has_its_parents_memory),
		SCENE_TEST(test_child_of_what_the_parent_was),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
