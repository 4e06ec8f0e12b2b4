// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_symbolize.c - names that come in the background, from the real resolver thread and opener.
 */
#include "process/opener.h"
#include "symbols/symbolize.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000

__attribute__((noinline, used)) int function_to_be_named(int x);
int function_to_be_named(int x)
{
	return x * 5;
}

struct scene {
	struct resolver_program program;
	struct resolver_client *resolver;
	struct symbolize *symbolize;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	assert_non_null(scene);
	assert_int_equal(resolver_program_open(getenv("PROFD_RESOLVER"), &scene->program), 0);
	assert_int_equal(resolver_client_new(&scene->program, &scene->resolver), 0);
	assert_int_equal(symbolize_new(scene->resolver, &scene->symbolize), 0);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	symbolize_free(scene->symbolize);
	resolver_client_free(scene->resolver);
	resolver_program_close(&scene->program);
	free(scene);
	return 0;
}

static void settle(struct scene *scene)
{
	struct pollfd fd = {.fd = resolver_client_fd(scene->resolver), .events = POLLIN};

	symbolize_flush(scene->symbolize);
	while (!resolver_client_idle(scene->resolver)) {
		assert_int_equal(poll(&fd, 1, WAIT_MS), 1);
		symbolize_dispatch(scene->symbolize);
	}
}

static uint64_t own_offset(void)
{
	uintptr_t addr = (uintptr_t)&function_to_be_named;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[512];
	uint64_t found = 0;

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, offset;

		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 && addr >= start &&
		    addr < end)
			found = addr - start + offset;
	}
	fclose(f);
	return found;
}

static uint32_t add_self(struct scene *scene)
{
	uint32_t number;

	assert_int_equal(symbolize_add_file(scene->symbolize, FILE_ELF, "/self", &number), 0);
	return number;
}

static void open_self(struct scene *scene, uint32_t number)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	symbolize_file_opened(scene->symbolize, number, fd, 1000);
}

static void test_names_come_later(void **state)
{
	struct scene *scene = *state;
	uint32_t number = add_self(scene);
	const char *name = NULL;

	settle(scene);
	assert_int_equal(symbolize_find(scene->symbolize, number, own_offset(), &name),
			 UNKNOWN_PENDING);
	symbolize_want(scene->symbolize, number, own_offset());
	settle(scene); /* the file is not open yet */
	assert_true(symbolize_busy(scene->symbolize));
	assert_int_equal(symbolize_find(scene->symbolize, number, own_offset(), &name),
			 UNKNOWN_PENDING);
	open_self(scene, number);
	settle(scene);
	assert_false(symbolize_busy(scene->symbolize));
	assert_int_equal(symbolize_find(scene->symbolize, number, own_offset(), &name),
			 UNKNOWN_NONE);
	assert_string_equal(name, "function_to_be_named");
	assert_true(symbolize_file(scene->symbolize, number)->is_build_id);
	assert_int_equal(symbolize_file(scene->symbolize, number)->trust_uid, 1000);
}

static void test_reasons(void **state)
{
	struct scene *scene = *state;
	uint32_t gone = add_self(scene), broken = add_self(scene), removed = add_self(scene);
	int fd = memfd_create("broken", MFD_CLOEXEC);
	const char *name = NULL;

	symbolize_want(scene->symbolize, gone, 1);
	symbolize_want(scene->symbolize, broken, 1);
	symbolize_want(scene->symbolize, removed, 1);
	symbolize_file_failed(scene->symbolize, gone, UNKNOWN_FILE_GONE);
	assert_int_equal(write(fd, "\177ELF rubbish", 12), 12);
	symbolize_file_opened(scene->symbolize, broken, fd, 0);
	symbolize_remove_file(scene->symbolize, removed);
	settle(scene);
	assert_int_equal(symbolize_find(scene->symbolize, gone, 1, &name), UNKNOWN_FILE_GONE);
	assert_int_equal(symbolize_find(scene->symbolize, broken, 1, &name), UNKNOWN_FILE_BROKEN);
	assert_int_equal(symbolize_find(scene->symbolize, 0, 1, &name), UNKNOWN_NO_MAPPING);
	assert_null(symbolize_file(scene->symbolize, removed));
	assert_int_equal(symbolize_counters(scene->symbolize)->n_files_broken, 1);
	assert_false(symbolize_busy(scene->symbolize));
	/* Opened after it was removed: the descriptor is closed and nothing else happens. */
	open_self(scene, removed);
}

static void test_files_are_bounded(void **state)
{
	struct scene *scene = *state;
	uint32_t number, first = 0;
	int added = 0;

	while (symbolize_add_file(scene->symbolize, FILE_ELF, "/x", &number) == 0) {
		if (!first)
			first = number;
		added++;
	}
	assert_in_range(added, SYMBOLIZE_FILES_MAX - 8, SYMBOLIZE_FILES_MAX);
	assert_int_equal(symbolize_counters(scene->symbolize)->n_files_refused, 1);
	symbolize_remove_file(scene->symbolize, first);
	assert_int_equal(symbolize_add_file(scene->symbolize, FILE_ELF, "/y", &number), 0);
	assert_int_not_equal(number, first); /* numbers are never used twice */
	assert_string_equal(symbolize_file(scene->symbolize, number)->path, "/y");
}

static void test_opener_refuses(void **state)
{
	int fds[2];
	struct opener_answer answer;
	int directory = open("/", O_PATH | O_CLOEXEC), file;

	(void)state;
	opener_open(1, directory, &answer);
	assert_int_equal(answer.fd, -1);
	assert_int_equal(answer.reason, UNKNOWN_FILE_SKIPPED);
	close(directory);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	opener_open(2, fds[0], &answer);
	assert_int_equal(answer.reason, UNKNOWN_FILE_SKIPPED);
	close(fds[0]);
	close(fds[1]);
	file = open("/proc/self/exe", O_PATH | O_CLOEXEC);
	opener_open(3, file, &answer);
	assert_true(answer.fd >= 0);
	assert_int_equal(answer.number, 3);
	close(answer.fd);
	close(file);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names_come_later, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reasons, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_files_are_bounded, set_up, tear_down),
		cmocka_unit_test(test_opener_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
