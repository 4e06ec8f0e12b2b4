// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_process_limits.c - what a process does to its own memory costs the others nothing: many
 * mappings, many children, and records lost again and again.
 */
#include "process_scene.h"

#include "process/process_table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define PARENT	 1000u
#define CHILDREN 300u
#define CODE	 0x10000000ull

static struct process_key key_of(uint32_t pid)
{
	return (struct process_key){
		.pid = pid, .start_boot_ns = pid * MS, .start_code = CODE, .end_code = CODE + 4096};
}

/* 4,000 mappings, shared by 300 children that map one page more each: 100 MB of copies. */
static void test_children_of_a_large_process(void **state)
{
	struct scene *scene = *state;
	const struct process_counters *counters = process_table_counters(scene->table);
	struct process_key key;

	process_executed(scene->table, PARENT, 1 * S);
	for (uint64_t i = 0; i < 4000; i++)
		scene_map(scene, PARENT, CODE + i * 8192, CODE + i * 8192 + 4096, "/opt/large", 1,
			  1 * S);
	for (uint32_t i = 1; i <= CHILDREN; i++) {
		process_forked(scene->table, PARENT + i, PARENT, 2 * S);
		scene_map(scene, PARENT + i, 0x1000, 0x2000, "/opt/own", 2, 2 * S);
		assert_true(scene->table->space_bytes <= SPACE_BYTES_MAX);
	}
	assert_true(counters->n_mappings_dropped > 0); /* it is told */
	/* The last child is still known, with both its files. */
	key = key_of(PARENT + CHILDREN);
	assert_string_equal(scene_path_at(scene, &key, 0x1800, 3 * S, NULL), "/opt/own");
	assert_string_equal(scene_path_at(scene, &key, CODE + 100, 3 * S, NULL), "/opt/large");
	for (uint32_t i = 0; i <= CHILDREN; i++)
		process_exited(scene->table, PARENT + i, 4 * S);
	for (int i = 0; i < 10; i++)
		process_table_sweep(scene->table);
	assert_int_equal(process_table_size(scene->table), 0);
	assert_int_equal(scene->table->space_bytes, 0);
}

/* A process is read again when records are lost, but not with each loss. */
static void test_losses_do_not_feed_themselves(void **state)
{
	struct scene *scene = *state;
	const struct process_counters *counters = process_table_counters(scene->table);
	const struct process_key key = {
		.pid = 77, .start_boot_ns = 5 * S, .start_code = CODE, .end_code = CODE + 4096};
	uint64_t n_read;

	scene_make_process(scene,
			   &(struct scene_process){
				   .pid = 77,
				   .start_ns = 5 * S,
				   .code = CODE,
				   .maps = "10000000-10001000 r-xp 00000000 fe:00 9 /bin/x\n"});
	scene_get(scene, &key, 10 * S);
	n_read = counters->n_read;
	for (uint64_t i = 0; i < 1000; i++) {
		process_events_lost(scene->table);
		scene_get(scene, &key, 20 * S + i * MS);
	}
	assert_int_equal(counters->n_read, n_read + 1);
	/* The last loss is not forgotten. */
	scene_get(scene, &key, 25 * S);
	assert_int_equal(counters->n_read, n_read + 2);
	scene_get(scene, &key, 30 * S);
	assert_int_equal(counters->n_read, n_read + 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE_TEST(test_children_of_a_large_process),
		SCENE_TEST(test_losses_do_not_feed_themselves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
