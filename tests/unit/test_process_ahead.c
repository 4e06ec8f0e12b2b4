// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_process_ahead.c - what /proc said at another time than the records: ahead of a sample's
 * turn, later than a record, after records were lost, or not at all.
 */
#include "process_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SHELL 100u
#define CHILD 101u

static const char shell_maps[] = "1000-3000 r-xp 00000000 fe:00 9 /bin/sh\n";
static const char prog_maps[] = "5000-6000 r-xp 00000000 fe:00 77 /opt/prog\n"
				"9000-a000 r-xp 00000000 fe:00 78 /lib/x.so\n";

static const struct process_key shell = {.pid = SHELL,
					 .tid = SHELL,
					 .start_boot_ns = 10 * MS,
					 .start_code = 0x1000,
					 .end_code = 0x2000};
static const struct process_key executed = {.pid = CHILD,
					    .tid = CHILD,
					    .exec_id = 1,
					    .start_boot_ns = 2 * S,
					    .start_code = 0x5000,
					    .end_code = 0x6000};

static void make_shell(const struct scene *scene)
{
	scene_make_process(scene, &(struct scene_process){.pid = SHELL,
							  .start_ns = 10 * MS,
							  .code = 0x1000,
							  .exe = "/bin/sh",
							  .maps = shell_maps});
}

static void make_program(const struct scene *scene, const char *maps)
{
	scene_make_process(scene, &(struct scene_process){.pid = CHILD,
							  .start_ns = 2 * S,
							  .code = 0x5000,
							  .exe = "/opt/prog",
							  .maps = maps});
}

static uint64_t n_read(const struct scene *scene)
{
	return process_table_counters(scene->table)->n_read;
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

/* The file that was found while the process lived, and not one guessed by its build ID. */
static void expect_found(struct scene *scene, const struct process_key *key, uint64_t addr,
			 uint64_t now_ns, const char *path)
{
	uint32_t file;

	expect_path(scene, key, addr, now_ns, path);
	file = scene_file_at(scene, key, addr, now_ns);
	assert_false(symbolize_file(scene->symbolize, file)->is_build_id);
}

/* The records of the child's life, as they are delivered after the look ahead. */
static void deliver_child(struct scene *scene, bool with_exe)
{
	process_forked(scene->table, CHILD, SHELL, 2 * S + 1);
	process_executed(scene->table, CHILD, 2 * S + 2);
	if (with_exe)
		scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/prog", 1, 2 * S + 3);
	scene_map(scene, CHILD, 0x9000, 0xa000, "/lib/x.so", 2, 2 * S + 4);
}

/* The first sample of a short process is seen long before the records of its fork and exec have
 * their turn; what was found then of its files is used when it is gone. */
static void test_ahead_of_fork_and_exec(void **state)
{
	struct scene *scene = *state;
	uint64_t before;

	make_shell(scene);
	(void)scene_get(scene, &shell, S);
	make_program(scene, prog_maps);
	process_table_look_ahead(scene->table, &executed, false, 2 * S + 5 * MS);
	before = n_read(scene);
	process_table_look_ahead(scene->table, &executed, false,
				 2 * S + 6 * MS); /* its next sample */
	assert_int_equal(n_read(scene), before);
	scene_remove_process(scene, CHILD);
	deliver_child(scene, true);
	expect_path(scene, &executed, 0x5800, 2 * S + 200 * MS, "/opt/prog");
	assert_string_equal(process_exe(scene_get(scene, &executed, 3 * S)), "/opt/prog");
	expect_found(scene, &executed, 0x5800, 3 * S, "/opt/prog");
	expect_found(scene, &executed, 0x9800, 3 * S, "/lib/x.so");
	assert_int_equal(n_read(scene), before);
	process_exited(scene->table, CHILD, 2 * S + 50 * MS);
	assert_int_equal(process_table_size(scene->table), 2);
}

/* Its first sample is one in the middle of exec, when little is mapped and /proc may show another
 * image: it is read again with the next one, and that is there when all have their turn. */
static void test_ahead_in_the_middle_of_exec(void **state)
{
	struct scene *scene = *state;
	struct process_key early = executed;

	early.start_code = early.end_code = 0;
	make_program(scene, "3000-4000 r-xp 00000000 fe:00 79 /lib/ld.so\n");
	process_table_look_ahead(scene->table, &early, false, 2 * S + 2 * MS);
	make_program(scene, prog_maps);
	process_table_look_ahead(scene->table, &executed, false, 2 * S + 3 * MS);
	scene_remove_process(scene, CHILD);
	process_executed(scene->table, CHILD, 2 * S + 1);
	(void)scene_get(scene, &early, 2 * S + 200 * MS); /* before the records of its mappings */
	scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/prog", 1, 2 * S + 3);
	scene_map(scene, CHILD, 0x9000, 0xa000, "/lib/x.so", 2, 2 * S + 4);
	expect_found(scene, &executed, 0x5800, 2 * S + 200 * MS, "/opt/prog");
	expect_found(scene, &executed, 0x9800, 2 * S + 200 * MS, "/lib/x.so");
}

/* Its first sample is one of the loader, before the libraries are mapped: code that is not known
 * later on is looked for while it lives, at intervals. */
static void test_ahead_of_libraries(void **state)
{
	struct scene *scene = *state;
	uint64_t before;

	make_program(scene, "5000-6000 r-xp 00000000 fe:00 77 /opt/prog\n");
	process_table_look_ahead(scene->table, &executed, false, 2 * S + 2 * MS);
	make_program(scene, prog_maps);
	before = n_read(scene);
	process_table_look_ahead(scene->table, &executed, true, 2 * S + 13 * MS);
	process_table_look_ahead(scene->table, &executed, true, 2 * S + 14 * MS);
	assert_int_equal(n_read(scene), before + 1);
	scene_remove_process(scene, CHILD);
	deliver_child(scene, true);
	expect_found(scene, &executed, 0x5800, 2 * S + 200 * MS, "/opt/prog");
	expect_found(scene, &executed, 0x9800, 2 * S + 200 * MS, "/lib/x.so");
}

/* It ends before the sample has its turn, and the look ahead is not thrown away with it. */
static void test_ahead_of_the_end(void **state)
{
	struct scene *scene = *state;

	make_program(scene, prog_maps);
	process_table_look_ahead(scene->table, &executed, false, 2 * S + 5 * MS);
	scene_remove_process(scene, CHILD);
	process_exited(scene->table, CHILD, 2 * S + 4 * MS); /* in the same instant */
	expect_path(scene, &executed, 0x5800, 3 * S, "/opt/prog");
	assert_string_equal(process_exe(scene_get(scene, &executed, 3 * S)), "/opt/prog");
	process_table_sweep(scene->table);
	process_table_sweep(scene->table);
	assert_int_equal(process_table_size(scene->table), 0);
}

/* Another process has the pid already when the first sample is looked at. */
static void test_ahead_of_another_life(void **state)
{
	struct scene *scene = *state;
	struct process_key late = executed;

	make_shell(scene);
	(void)scene_get(scene, &shell, S);
	make_program(scene, prog_maps);
	deliver_child(scene, true);
	(void)scene_get(scene, &executed, 2 * S + 10 * MS);
	late.start_boot_ns = 60 * S;
	scene_make_process(scene,
			   &(struct scene_process){.pid = CHILD,
						   .start_ns = 60 * S,
						   .code = 0x5000,
						   .exe = "/opt/next",
						   .maps = "5000-6000 r-xp 0 fe:00 5 /opt/next\n"});
	process_table_look_ahead(scene->table, &late, false, 60 * S + 5 * MS);
	scene_remove_process(scene, CHILD);
	expect_path(scene, &executed, 0x5800, 60 * S, "/opt/prog"); /* still the old one's turn */
	process_exited(scene->table, CHILD, 59 * S);
	process_forked(scene->table, CHILD, SHELL, 60 * S + 1);
	process_executed(scene->table, CHILD, 60 * S + 2);
	scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/next", 3, 60 * S + 3);
	expect_path(scene, &late, 0x5800, 60 * S + 200 * MS, "/opt/next");
	assert_false(symbolize_file(scene->symbolize, scene_file_at(scene, &late, 0x5800, 61 * S))
			     ->is_build_id);
}

/* A record that is older than the reading of /proc holds already what it tells. */
static void test_record_older_than_the_reading(void **state)
{
	struct scene *scene = *state;

	make_program(scene, prog_maps);
	expect_path(scene, &executed, 0x5800, 3 * S, "/opt/prog");
	process_forked(scene->table, CHILD, SHELL, 2 * S + 1);
	process_executed(scene->table, CHILD, 2 * S + 2);
	scene_map(scene, CHILD, 0x9000, 0xa000, "/lib/before.so", 0, 3 * S - 1);
	expect_path(scene, &executed, 0x9800, 3 * S, "/lib/x.so");
	assert_string_equal(process_exe(scene_get(scene, &executed, 3 * S)), "/opt/prog");
	scene_map(scene, CHILD, 0x9000, 0xa000, "/lib/after.so", 0, 3 * S + 1);
	expect_path(scene, &executed, 0x9800, 3 * S, "/lib/after.so");
	process_executed(scene->table, CHILD, 3 * S + 2);
	scene_remove_process(scene, CHILD);
	assert_null(scene_path_at(scene, &executed, 0x5800, 3 * S, NULL));
}

static void test_lost_records_are_healed_once(void **state)
{
	struct scene *scene = *state;
	uint64_t before;

	make_shell(scene);
	(void)scene_get(scene, &shell, S);
	make_program(scene, prog_maps);
	deliver_child(scene, true);
	expect_path(scene, &executed, 0x9800, 3 * S, "/lib/x.so");
	/* The loss: it has another library there by now, and one more. */
	make_program(scene, "5000-6000 r-xp 00000000 fe:00 77 /opt/prog\n"
			    "9000-a000 r-xp 00000000 fe:00 80 /lib/other.so\n"
			    "b000-c000 r-xp 00000000 fe:00 81 /lib/more.so\n");
	scene_remove_process(scene, SHELL);
	process_events_lost(scene->table);
	before = n_read(scene);
	expect_path(scene, &executed, 0x9800, 4 * S, "/lib/other.so");
	expect_path(scene, &executed, 0xb800, 4 * S, "/lib/more.so");
	assert_int_equal(n_read(scene), before + 1);
	/* The shell is gone: what was known of it stays. */
	expect_path(scene, &shell, 0x1800, 4 * S, "/bin/sh");
	expect_path(scene, &shell, 0x1800, 5 * S, "/bin/sh");
	assert_int_equal(n_read(scene), before + 2);
	assert_int_equal(process_table_counters(scene->table)->n_healed, 2);
	process_events_lost(scene->table);
	process_events_lost(scene->table);
	expect_path(scene, &executed, 0x9800, 6 * S, "/lib/other.so");
	expect_path(scene, &executed, 0x9800, 7 * S, "/lib/other.so");
	assert_int_equal(process_table_counters(scene->table)->n_healed, 3);
	/* A process of after the loss is not looked at again. */
	process_forked(scene->table, 102, CHILD, 8 * S);
	process_executed(scene->table, 102, 8 * S + 1);
	scene_map(scene, 102, 0x5000, 0x6000, "/opt/new", 3, 8 * S + 2);
	before = n_read(scene);
	(void)scene_get(scene,
			&(struct process_key){.pid = 102,
					      .exec_id = 2,
					      .start_boot_ns = 8 * S,
					      .start_code = 0x5000,
					      .end_code = 0x6000},
			9 * S);
	assert_int_equal(n_read(scene), before);
}

/* The record of its exec was lost, and it ends before its sample has its turn: what was read while
 * it lived is right, and its parent's memory is not. */
static void test_lost_exec_of_a_short_process(void **state)
{
	struct scene *scene = *state;

	make_shell(scene);
	(void)scene_get(scene, &shell, S);
	make_program(scene, prog_maps);
	process_table_look_ahead(scene->table, &executed, false, 2 * S + 5 * MS);
	scene_remove_process(scene, CHILD);
	process_forked(scene->table, CHILD, SHELL, 2 * S + 1);
	process_events_lost(scene->table);
	expect_path(scene, &executed, 0x5800, 3 * S, "/opt/prog");
	assert_string_equal(process_exe(scene_get(scene, &executed, 3 * S)), "/opt/prog");
	assert_null(scene_path_at(scene, &executed, 0x1800, 3 * S, NULL));
}

static void test_lost_exec_of_one_never_seen(void **state)
{
	struct scene *scene = *state;
	int error;

	make_shell(scene);
	(void)scene_get(scene, &shell, S);
	process_forked(scene->table, CHILD, SHELL, 2 * S + 1);
	process_events_lost(scene->table);
	assert_null(scene_path_at(scene, &executed, 0x1800, 3 * S, &error));
	assert_int_equal(error, -ESRCH); /* and not the shell's function */
	assert_string_equal(process_exe(scene_get(scene, &executed, 3 * S)), "");
	/* Without exec it has its parent's memory as ever. */
	process_forked(scene->table, 102, SHELL, 2 * S + 1);
	expect_path(scene,
		    &(struct process_key){.pid = 102,
					  .start_boot_ns = 2 * S,
					  .start_code = 0x1000,
					  .end_code = 0x2000},
		    0x1800, 3 * S, "/bin/sh");
}

/* A reading that is refused is not tried with every sample. */
static void test_unreadable(void **state)
{
	struct scene *scene = *state;
	char path[160];
	uint64_t before = n_read(scene);
	int error;

	make_shell(scene);
	(void)snprintf(path, sizeof(path), "%s/%u/maps", scene->proc, SHELL);
	assert_int_equal(remove(path), 0);
	assert_int_equal(mkdir(path, 0700), 0); /* read(2) fails with EISDIR, also for root */
	for (uint64_t now = S; now < 3 * S; now += MS) {
		assert_null(scene_path_at(scene, &shell, 0x1800, now, &error));
		assert_int_equal(error, -ENOENT);
	}
	assert_in_range(n_read(scene) - before, 2, 20);
	assert_int_equal(process_table_counters(scene->table)->n_gone, 0);
	make_shell(scene); /* it is allowed by now */
	expect_path(scene, &shell, 0x1800, 60 * S, "/bin/sh");
}

/* A sample in the middle of exec has the user's registers of the program before; /proc shows the
 * program after the next one by now, and must not be taken for this one. */
static void test_middle_of_an_exec_chain(void **state)
{
	struct scene *scene = *state;
	struct process_key key = executed;
	uint64_t before;

	make_shell(scene);
	(void)scene_get(scene, &shell, S);
	deliver_child(scene, true);
	(void)scene_get(scene, &executed, 3 * S);
	scene_make_process(
		scene, &(struct scene_process){.pid = CHILD,
					       .start_ns = 2 * S,
					       .code = 0x8000,
					       .exe = "/opt/third",
					       .maps = "5000-9000 r-xp 0 fe:00 5 /opt/third\n"});
	process_executed(scene->table, CHILD, 3 * S);
	key.start_code = key.end_code = 0;
	before = n_read(scene);
	assert_null(scene_path_at(scene, &key, 0x5800, 4 * S, NULL));
	assert_int_equal(n_read(scene), before);
	scene_map(scene, CHILD, 0x5000, 0x6000, "/opt/second", 4, 3 * S + 1);
	key = executed;
	key.exec_id = 2;
	key.start_code = 0x5010;
	expect_path(scene, &key, 0x5800, 4 * S, "/opt/second");
	assert_string_equal(process_exe(scene_get(scene, &key, 4 * S)), "/opt/second");
}

/* What it maps while it runs is looked for at its next sample, while it still lives. */
static void test_ahead_of_a_known_one(void **state)
{
	struct scene *scene = *state;
	uint64_t before;

	make_program(scene, prog_maps);
	(void)scene_get(scene, &executed, 3 * S);
	before = n_read(scene);
	scene_map(scene, CHILD, 0xc000, 0xd000, "/lib/loaded.so", 0, 4 * S);
	process_table_look_ahead(scene->table, &executed, false, 5 * S);
	assert_int_equal(n_read(scene), before);
	expect_path(scene, &executed, 0xc800, 5 * S, "/lib/loaded.so");
}

/* In a chroot the side-band tells the path that the process sees, /proc the one that profd does. */
static void test_other_root(void **state)
{
	struct scene *scene = *state;

	make_program(scene, "5000-6000 r-xp 00001000 fe:00 77 /srv/root/opt/prog\n"
			    "9000-a000 r-xp 00000000 fe:00 78 /srv/root/lib/x.so\n");
	process_table_look_ahead(scene->table, &executed, false, 2 * S + 5 * MS);
	scene_remove_process(scene, CHILD);
	process_executed(scene->table, CHILD, 2 * S + 2);
	{
		struct mapping mapping = {
			.start = 0x5000, .end = 0x6000, .file_offset = 0x1000, .build_id_len = 20};

		process_mapped(scene->table, CHILD, &mapping, "/opt/prog", 2 * S + 3);
	}
	scene_map(scene, CHILD, 0x9000, 0xa000, "/lib/y.so", 2, 2 * S + 4);
	expect_path(scene, &executed, 0x5800, 3 * S, "/srv/root/opt/prog");
	expect_path(scene, &executed, 0x9800, 3 * S, "/lib/y.so"); /* another name: another file */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_ahead_of_fork_and_exec),
		SCENE_TEST(test_ahead_in_the_middle_of_exec),
		SCENE_TEST(test_ahead_of_libraries),
		SCENE_TEST(test_ahead_of_the_end),
		SCENE_TEST(test_ahead_of_another_life),
		SCENE_TEST(test_record_older_than_the_reading),
		SCENE_TEST(test_lost_records_are_healed_once),
		SCENE_TEST(test_lost_exec_of_a_short_process),
		SCENE_TEST(test_lost_exec_of_one_never_seen),
		SCENE_TEST(test_unreadable),
		SCENE_TEST(test_middle_of_an_exec_chain),
		SCENE_TEST(test_ahead_of_a_known_one),
		SCENE_TEST(test_other_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
