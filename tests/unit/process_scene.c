// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process_scene.c - see process_scene.h.
 */
#include "process_scene.h"

#include "hash_index.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_MS 20000

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int scene_set_up(void **state)
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

int scene_tear_down(void **state)
{
	struct scene *scene = *state;

	(void)nftw(scene->proc, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	process_table_free(scene->table);
	files_free(scene->files);
	symbolize_free(scene->symbolize);
	opener_free(scene->opener);
	resolver_client_free(scene->resolver);
	resolver_program_close(&scene->program);
	free(scene);
	return 0;
}

static void path_of(const struct scene *scene, uint32_t pid, const char *name, char path[256])
{
	assert_true(snprintf(path, 256, "%s/%u/%s", scene->proc, pid, name) < 256);
}

void scene_write(const struct scene *scene, uint32_t pid, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	path_of(scene, pid, name, path);
	for (char *slash = path + strlen(scene->proc) + 1; (slash = strchr(slash, '/')); slash++) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

void scene_make_process(const struct scene *scene, const struct scene_process *process)
{
	uint64_t ns_per_tick = S / (uint64_t)sysconf(_SC_CLK_TCK);
	char stat[256], link[256];

	scene_remove_process(scene, process->pid);
	/* The name holds what breaks a parser that looks for the first parenthesis or space. */
	(void)snprintf(stat, sizeof(stat),
		       "%u (a) b (c) S 1 1 1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 %" PRIu64
		       " 1000 100 18446744073709551615 %" PRIu64 " %" PRIu64 " 0\n",
		       process->pid, process->start_ns / ns_per_tick, process->code,
		       process->code + 4096);
	scene_write(scene, process->pid, "stat", stat);
	scene_write(scene, process->pid, "maps", process->maps);
	path_of(scene, process->pid, "exe", link);
	if (process->exe)
		assert_int_equal(symlink(process->exe, link), 0);
}

void scene_remove_process(const struct scene *scene, uint32_t pid)
{
	char path[256];

	path_of(scene, pid, "", path);
	(void)nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

struct process *scene_get(struct scene *scene, const struct process_key *key, uint64_t now_ns)
{
	struct process *process = process_table_get(scene->table, key, now_ns);

	assert_non_null(process);
	return process;
}

static int locate(struct scene *scene, const struct process_key *key, uint64_t addr,
		  uint64_t now_ns, struct process_place *ret)
{
	return process_locate(scene->table, scene_get(scene, key, now_ns), addr, true, now_ns, ret);
}

const char *scene_path_at(struct scene *scene, const struct process_key *key, uint64_t addr,
			  uint64_t now_ns, int *ret_error)
{
	struct process_place place;
	int r = locate(scene, key, addr, now_ns, &place);

	if (ret_error)
		*ret_error = r;
	return r < 0 ? NULL : symbolize_file(scene->symbolize, place.file)->path;
}

uint32_t scene_file_at(struct scene *scene, const struct process_key *key, uint64_t addr,
		       uint64_t now_ns)
{
	struct process_place place;

	assert_int_equal(locate(scene, key, addr, now_ns, &place), 0);
	return place.file;
}

void scene_map(struct scene *scene, uint32_t pid, uint64_t start, uint64_t end, const char *path,
	       uint8_t build_id, uint64_t mono_ns)
{
	struct mapping mapping = {.start = start, .end = end};

	if (build_id) {
		mapping.build_id_len = 20;
		memset(mapping.build_id, build_id, 20);
	} else if (*path == '/' && path[1] != '/') {
		mapping.dev_major = 0xfe;
		mapping.inode = hash_bytes(path, strlen(path));
	}
	process_mapped(scene->table, pid, &mapping, path, mono_ns);
}

void scene_settle(struct scene *scene)
{
	do {
		struct pollfd fds[] = {
			{.fd = resolver_client_fd(scene->resolver), .events = POLLIN},
			{.fd = opener_fd(scene->opener), .events = POLLIN},
		};

		files_dispatch(scene->files);
		symbolize_flush(scene->symbolize);
		symbolize_dispatch(scene->symbolize);
		if (opener_idle(scene->opener) && resolver_client_idle(scene->resolver))
			break;
		assert_true(poll(fds, 2, WAIT_MS) > 0);
	} while (true);
	files_dispatch(scene->files);
	symbolize_dispatch(scene->symbolize);
}
