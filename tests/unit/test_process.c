// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_process.c - the process table against a made-up /proc: reuse of a pid, exec, dlopen, an end
 * before the reading, and many short processes.
 */
#include "process/process.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S	 1000000000ull
#define PID	 4242u
#define START_NS (77ull * 10000000) /* 77 ticks of 10 ms, as in stat below */

struct scene {
	char proc[64];
	struct resolver_program program;
	struct resolver_client *resolver;
	struct opener *opener;
	struct symbolize *symbolize;
	struct files *files;
	struct process_table *table;
};

static void write_file(const struct scene *scene, uint32_t pid, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%u", scene->proc, pid);
	(void)mkdir(path, 0700);
	(void)snprintf(path, sizeof(path), "%s/%u/%s", scene->proc, pid, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void remove_process(const struct scene *scene, uint32_t pid)
{
	static const char *const names[] = {"stat", "maps"};
	char path[160];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%u/%s", scene->proc, pid, names[i]);
		(void)unlink(path);
	}
	(void)snprintf(path, sizeof(path), "%s/%u", scene->proc, pid);
	(void)rmdir(path);
}

static void make_process(const struct scene *scene, uint32_t pid, const char *maps)
{
	/* The name holds what breaks a parser that looks for the first parenthesis or space. */
	write_file(scene, pid, "stat",
		   "4242 (a) b (c) S 1 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 77 1000 100 "
		   "18446744073709551615 4096 8192 0\n");
	write_file(scene, pid, "maps", maps);
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	(void)snprintf(scene->proc, sizeof(scene->proc), "/tmp/profd-test-proc-XXXXXX");
	assert_non_null(mkdtemp(scene->proc));
	assert_int_equal(resolver_program_open(getenv("PROFD_RESOLVER"), &scene->program), 0);
	assert_int_equal(resolver_client_new(&scene->program, &scene->resolver), 0);
	assert_int_equal(symbolize_new(scene->resolver, &scene->symbolize), 0);
	assert_int_equal(opener_new(&scene->opener), 0);
	assert_int_equal(files_new(scene->symbolize, scene->opener, &scene->files), 0);
	assert_int_equal(process_table_new(scene->proc, scene->files, &scene->table), 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	remove_process(scene, PID);
	(void)rmdir(scene->proc);
	process_table_free(scene->table);
	files_free(scene->files);
	symbolize_free(scene->symbolize);
	opener_free(scene->opener);
	resolver_client_free(scene->resolver);
	resolver_program_close(&scene->program);
	free(scene);
	return 0;
}

static struct process *get(struct scene *scene, uint32_t exec_id, uint64_t start_ns, uint64_t now)
{
	struct process_key key = {.pid = PID, .exec_id = exec_id, .start_boot_ns = start_ns};
	struct process *process = process_table_get(scene->table, &key, now);

	assert_non_null(process);
	return process;
}

static int locate(struct scene *scene, struct process *process, uint64_t addr, uint64_t now,
		  uint64_t *ret_offset)
{
	struct process_place place;
	int r = process_locate(scene->table, process, addr, true, now, &place);

	if (r == 0)
		*ret_offset = place.offset;
	return r;
}

static void test_locate(void **state)
{
	struct scene *scene = *state;
	struct process *process;
	struct process_place place;
	uint64_t offset;

	make_process(scene, PID,
		     "1000-3000 r-xp 00005000 fe:00 9 /bin/x\n8000-9000 rwxp 00000000 "
		     "00:00 0 \n");
	process = get(scene, 1, START_NS + 9999999, S); /* within the same tick */
	assert_false(process->gone);
	assert_int_equal(process_locate(scene->table, process, 0x1234, true, S, &place), 0);
	assert_int_equal(place.offset, 0x5234);
	assert_int_equal(place.kind, LOCATION_FILE);
	assert_string_equal(symbolize_file(scene->symbolize, place.file)->path, "/bin/x");
	assert_int_equal(process_locate(scene->table, process, 0x8010, true, S, &place), 0);
	assert_int_equal(symbolize_file(scene->symbolize, place.file)->kind, FILE_ANON);
	assert_int_equal(place.offset, 0x8010);
	assert_int_equal(place.kind, LOCATION_JIT);
	assert_int_equal(locate(scene, process, 0x3000, S, &offset), -ENOENT);
}

static void test_other_process_of_that_pid(void **state)
{
	struct scene *scene = *state;
	struct process *process;
	uint64_t offset;

	make_process(scene, PID, "1000-3000 r-xp 00000000 fe:00 9 /bin/x\n");
	process = get(scene, 1, START_NS - 10000000, S); /* an earlier life of the pid */
	assert_true(process->gone);
	assert_int_equal(locate(scene, process, 0x1234, S, &offset), -ESRCH);
	process = get(scene, 1, START_NS, S);
	assert_false(process->gone);
	assert_int_equal(locate(scene, process, 0x1234, S, &offset), 0);
	assert_int_equal(process_table_counters(scene->table)->n_gone, 1);
}

static void test_gone(void **state)
{
	struct scene *scene = *state;
	struct process *process = get(scene, 1, START_NS, S);
	uint64_t offset;

	assert_true(process->gone);
	assert_int_equal(locate(scene, process, 0x1234, 1000 * S, &offset), -ESRCH);
	/* It is not looked for again with every sample. */
	process = get(scene, 1, START_NS, 2000 * S);
	assert_int_equal(process_table_counters(scene->table)->n_read, 1);
}

static void test_zombie(void **state)
{
	struct scene *scene = *state;
	uint64_t offset;

	make_process(scene, PID, "");
	assert_int_equal(locate(scene, get(scene, 1, START_NS, S), 0x1234, S, &offset), -ESRCH);
}

static void test_exec(void **state)
{
	struct scene *scene = *state;
	struct process *process;
	uint64_t offset;

	make_process(scene, PID, "1000-3000 r-xp 00000000 fe:00 9 /bin/sh\n");
	process = get(scene, 1, START_NS, S);
	assert_int_equal(locate(scene, process, 0x1234, S, &offset), 0);
	make_process(scene, PID, "7000-8000 r-xp 00000000 fe:00 10 /bin/ls\n");
	process = get(scene, 2, START_NS, S);
	assert_int_equal(locate(scene, process, 0x7010, S, &offset), 0);
	assert_int_equal(locate(scene, process, 0x1234, S, &offset), -ENOENT);
	assert_int_equal(process_table_counters(scene->table)->n_read, 2);
}

/* The sample is of an image that was replaced before /proc was read. */
static void test_sampled_before_exec(void **state)
{
	struct scene *scene = *state;
	struct process_key key = {.pid = PID,
				  .exec_id = 1,
				  .start_boot_ns = START_NS,
				  .start_code = 4096,
				  .end_code = 9000};
	uint64_t offset;

	make_process(scene, PID, "1000-3000 r-xp 00000000 fe:00 9 /bin/after\n");
	assert_int_equal(
		locate(scene, process_table_get(scene->table, &key, S), 0x1234, S, &offset),
		-ESRCH);
	key.exec_id = 2;
	key.end_code = 8192;
	assert_int_equal(
		locate(scene, process_table_get(scene->table, &key, S), 0x1234, S, &offset), 0);
}

static void test_dlopen(void **state)
{
	struct scene *scene = *state;
	struct process *process;
	uint64_t offset, n_read;
	struct process_place place;

	make_process(scene, PID, "1000-3000 r-xp 00000000 fe:00 9 /bin/x\n");
	process = get(scene, 1, START_NS, 100 * S);
	make_process(scene, PID,
		     "1000-3000 r-xp 00000000 fe:00 9 /bin/x\n4000-5000 r-xp 00001000 "
		     "fe:00 11 /lib/y.so\n");
	/* Not again within 10 ms; then at once; then ever more seldom while nothing is new. */
	assert_int_equal(locate(scene, process, 0x4000, 100 * S + S / 200, &offset), -ENOENT);
	assert_int_equal(locate(scene, process, 0x4000, 100 * S + S / 50, &offset), 0);
	assert_int_equal(offset, 0x1000);
	n_read = process_table_counters(scene->table)->n_read;
	for (uint64_t now = 103 * S; now < 403 * S; now += S / 10)
		assert_int_equal(locate(scene, process, 0x9000, now, &offset), -ENOENT);
	assert_in_range(process_table_counters(scene->table)->n_read - n_read, 8, 16);
	/* A caller's address is not worth a look within the second. */
	n_read = process_table_counters(scene->table)->n_read;
	process = get(scene, 2, START_NS, 500 * S);
	for (uint64_t now = 500 * S; now < 501 * S; now += S / 10)
		assert_int_equal(process_locate(scene->table, process, 0x9000, false, now, &place),
				 -ENOENT);
	assert_int_equal(process_table_counters(scene->table)->n_read, n_read + 1);
	/* What was known stays known when the process ends. */
	remove_process(scene, PID);
	assert_int_equal(locate(scene, process, 0x9000, 900 * S, &offset), -ENOENT);
	assert_int_equal(locate(scene, process, 0x1500, 900 * S, &offset), 0);
}

static void test_many_short_processes(void **state)
{
	struct scene *scene = *state;
	uint64_t offset;

	for (uint32_t i = 0; i < 20000; i++) {
		struct process_key key = {.pid = 1000000 + i, .start_boot_ns = i};
		struct process *process = process_table_get(scene->table, &key, S);

		assert_non_null(process);
		assert_int_equal(locate(scene, process, 1, S, &offset), -ESRCH);
		if (i % 1000 == 999)
			process_table_sweep(scene->table);
	}
	assert_int_equal(process_table_counters(scene->table)->n_refused, 0);
}

static void test_too_many_at_once(void **state)
{
	struct scene *scene = *state;
	struct process_key key = {.pid = 1};
	uint32_t kept = 0;

	for (uint32_t i = 0; i < PROCESSES_MAX + 100; i++) {
		key.pid = 1000000 + i;
		kept += process_table_get(scene->table, &key, S) != NULL;
	}
	assert_int_equal(kept, PROCESSES_MAX);
	assert_int_equal(process_table_counters(scene->table)->n_refused, 100);
	for (int i = 0; i < 10; i++)
		process_table_sweep(scene->table);
	assert_non_null(process_table_get(scene->table, &key, S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_locate, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_process_of_that_pid, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_zombie, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sampled_before_exec, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_dlopen, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_short_processes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
