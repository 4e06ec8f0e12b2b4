/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_scene.h - a process table on a made-up /proc, with the real opener and resolver behind
 * it, for tests/unit.
 */
#ifndef TEST_PROCESS_SCENE_H
#define TEST_PROCESS_SCENE_H

#include "process/process.h"
#include "process/process_events.h"

#define S  1000000000ull
#define MS 1000000ull

struct scene {
	char proc[64];
	struct resolver_program program;
	struct resolver_client *resolver;
	struct opener *opener;
	struct symbolize *symbolize;
	struct files *files;
	struct process_table *table;
};

/* cmocka fixtures: *state is a struct scene. */
int scene_set_up(void **state);
int scene_tear_down(void **state);

#define SCENE_TEST(name) cmocka_unit_test_setup_teardown(name, scene_set_up, scene_tear_down)

/* What /proc says of a process; `exe` may be NULL. Of an image the start of its code is `code`,
 * the end 4096 behind it. Made anew when it is there. */
struct scene_process {
	uint32_t pid;
	uint64_t start_ns; /* CLOCK_BOOTTIME */
	uint64_t code;
	const char *exe, *maps;
};
void scene_make_process(const struct scene *scene, const struct scene_process *process);
/* Writes one more file of it, e.g. "task/7/maps"; its folders are made. */
void scene_write(const struct scene *scene, uint32_t pid, const char *name, const char *text);
void scene_remove_process(const struct scene *scene, uint32_t pid);

/* The process of a sample whose turn it is; it must have one. */
struct process *scene_get(struct scene *scene, const struct process_key *key, uint64_t now_ns);

/* Where a leaf's address lies: the file's path, or NULL and then *ret_error says why. */
const char *scene_path_at(struct scene *scene, const struct process_key *key, uint64_t addr,
			  uint64_t now_ns, int *ret_error);
/* The same with the file's number. */
uint32_t scene_file_at(struct scene *scene, const struct process_key *key, uint64_t addr,
		       uint64_t now_ns);

/* An executable mapping is made: with a build ID of 20 bytes `build_id`, or with an inode of
 * its path's own if that is 0. */
void scene_map(struct scene *scene, uint32_t pid, uint64_t start, uint64_t end, const char *path,
	       uint8_t build_id, uint64_t mono_ns);

/* Takes the opener's and the resolver's answers in until nothing is on its way. */
void scene_settle(struct scene *scene);

#endif
