// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_process_churn.c - very many processes, one after the other and at once: what ever ran leaves
 * nothing behind.
 *
 * Memory is what malloc has given out (mallinfo2(3)); under the sanitizers, which have another
 * malloc, that is 0 and their own check for leaks stands for it.
 */
#include "process_scene.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LIVES	   20000u
#define PID_MAX	   32768u
#define SHELL	   1u
#define SWEEP_EACH 500u /* lives */

/* What the tables may have grown by: slots, indices and buffers keep their capacity. 1 % of what
 * 20,000 processes with four mappings would weigh. */
#define TOLERANCE_BYTES (256u * 1024)

static const char *const libraries[] = {"/opt/prog", "/lib/ld.so", "/lib/libc.so", "/lib/libm.so"};

static void map_program(struct scene *scene, uint32_t pid, uint32_t salt, uint64_t mono_ns)
{
	for (uint64_t i = 0; i < ARRAY_SIZE(libraries); i++)
		scene_map(scene, pid, (salt % 7 + i) * 0x10000, (salt % 7 + i) * 0x10000 + 0x8000,
			  libraries[i], 0, mono_ns + i);
}

/* One life: fork, exec or a chain of them, four mappings each, sampled or not, exit or a lost one;
 * every fourth runs into the next one's. */
static void live(struct scene *scene, uint32_t i)
{
	uint32_t pid = 2 + (i * 37) % (PID_MAX - 2), n_execs = i % 5;
	uint64_t mono_ns = 10 * S + i * MS;
	struct process_key key = {.pid = pid,
				  .tid = pid,
				  .start_boot_ns = mono_ns,
				  .start_code = 0x100,
				  .end_code = 0x200};

	process_forked(scene->table, pid, i % 9 ? SHELL : pid + 1, mono_ns + 1);
	if (i % 3 == 0)
		process_table_look_ahead(scene->table, &key, false, mono_ns + 2);
	for (uint32_t k = 0; k < n_execs; k++) {
		process_executed(scene->table, pid, mono_ns + 10 * k + 3);
		map_program(scene, pid, i + k, mono_ns + 10 * k + 4);
		if (i % 4 == 0) {
			key.exec_id = k + 1;
			key.start_code = i + k + 1;
			(void)scene_path_at(scene, &key, (i + k) % 7 * 0x10000 + 8, mono_ns + 100,
					    NULL);
		}
	}
	if (i % 100 == 0)
		process_events_lost(scene->table);
	if (i % 11)
		process_exited(scene->table, pid, mono_ns + 200);
	if (i % 6 == 0) { /* its last sample comes after its end */
		key.tid = pid + 1;
		(void)scene_get(scene, &key, mono_ns + 300);
	}
}

static void run_lives(struct scene *scene, uint32_t first, uint32_t n)
{
	for (uint32_t i = first; i < first + n; i++) {
		live(scene, i);
		if (i % SWEEP_EACH == 0) {
			process_table_sweep(scene->table);
			process_table_sweep_files(scene->table);
			scene_settle(scene);
		}
	}
	for (int i = 0; i < 8; i++) {
		process_table_sweep(scene->table);
		process_table_sweep_files(scene->table);
		(void)scene_get(scene, &(struct process_key){.pid = SHELL, .start_boot_ns = S}, S);
	}
	scene_settle(scene);
}

static void test_short_lives_leave_nothing(void **state)
{
	struct scene *scene = *state;
	size_t before, after;

	scene_make_process(scene, &(struct scene_process){
					  .pid = SHELL,
					  .start_ns = S,
					  .maps = "1000-3000 r-xp 00000000 fe:00 9 /bin/sh\n"});
	(void)scene_get(scene, &(struct process_key){.pid = SHELL, .start_boot_ns = S}, S);
	run_lives(scene, 0, LIVES / 10); /* tables and buffers get their capacity */
	assert_int_equal(process_table_size(scene->table), 1);
	before = mallinfo2().uordblks;
	run_lives(scene, LIVES / 10, LIVES);
	after = mallinfo2().uordblks;
	print_message("%zu bytes before, %zu after\n", before, after);
	assert_int_equal(process_table_size(scene->table), 1);
	assert_int_equal(process_table_counters(scene->table)->n_refused, 0);
	assert_true(after <= before + TOLERANCE_BYTES);
	/* The shell was sampled all the time, and is as it was. */
	assert_string_equal(scene_path_at(scene,
					  &(struct process_key){.pid = SHELL, .start_boot_ns = S},
					  0x1800, 1000 * S, NULL),
			    "/bin/sh");
}

/* Without any end: what is not sampled is forgotten all the same. */
static void test_lives_without_an_end(void **state)
{
	struct scene *scene = *state;

	for (uint32_t i = 0; i < LIVES; i++) {
		process_forked(scene->table, 2 + i, SHELL, S + i);
		process_executed(scene->table, 2 + i, S + i);
		map_program(scene, 2 + i, i, S + i);
		if (i % SWEEP_EACH == 0)
			process_table_sweep(scene->table);
		assert_true(process_table_size(scene->table) <= 8 * SWEEP_EACH);
	}
	for (int i = 0; i < 8; i++)
		process_table_sweep(scene->table);
	assert_int_equal(process_table_size(scene->table), 0);
}

static struct process_key live_key(uint32_t i)
{
	return (struct process_key){.pid = 1000 + i, .start_boot_ns = S};
}

static void test_full_of_living_ones(void **state)
{
	struct scene *scene = *state;
	struct process_key key;

	for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
		key = live_key(i);
		(void)scene_get(scene, &key, 2 * S);
	}
	key = live_key(PROCESSES_MAX);
	assert_null(process_table_get(scene->table, &key, 2 * S));
	process_table_look_ahead(scene->table, &key, false, 2 * S);
	process_forked(scene->table, key.pid, 1000, 2 * S);
	process_executed(scene->table, key.pid, 2 * S);
	assert_int_equal(process_table_counters(scene->table)->n_refused, 4);
	assert_int_equal(process_table_size(scene->table), PROCESSES_MAX);
	/* One that has ended makes room, and then there is none again. */
	process_exited(scene->table, 1005, 2 * S);
	assert_non_null(process_table_get(scene->table, &key, 2 * S));
	assert_int_equal(process_table_size(scene->table), PROCESSES_MAX);
	key = live_key(PROCESSES_MAX + 1);
	assert_null(process_table_get(scene->table, &key, 2 * S));
	/* So does the one that was not sampled for longest. */
	process_table_sweep(scene->table);
	for (uint32_t i = 0; i <= PROCESSES_MAX; i++) {
		struct process_key other = live_key(i);

		if (i != 5 && i != 7)
			(void)scene_get(scene, &other, 3 * S);
	}
	assert_non_null(process_table_get(scene->table, &key, 3 * S));
	process_exited(scene->table, 1007, 3 * S); /* it is that one: nothing to forget */
	assert_int_equal(process_table_size(scene->table), PROCESSES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_short_lives_leave_nothing),
		SCENE_TEST(test_lives_without_an_end),
		SCENE_TEST(test_full_of_living_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
