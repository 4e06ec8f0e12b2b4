/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walker_scene.h - files with rows and processes that map them, published by the daemon's own code
 * into fake maps, and walked.
 */
#ifndef TEST_WALKER_SCENE_H
#define TEST_WALKER_SCENE_H

#include "process/unwind_spaces.h"
#include "walked_memory.h"

#define SCENE_NOW_NS 1000000000000ull
#define WORDS_A_MB   (1u << 17)

struct walker_scene {
	struct fake_maps *maps;
	struct unwind_slabs *slabs;
	struct unwind_tables *tables;
	struct unwind_spaces *spaces;
	uint64_t now_mono_ns;
};

/* With one slab. */
void walker_scene_begin(struct walker_scene *scene, uint32_t budget_words);
void walker_scene_end(struct walker_scene *scene);

/* A row of the resolver. */
struct unwind_row scene_row(uint32_t pc, enum unwind_cfa cfa_kind, uint16_t cfa, enum unwind_fp how,
			    int8_t fp);

/* A table of its own with a copy of the rows: base 0, and text of `size` bytes from address and
 * offset `start` on. */
struct unwind_table *scene_table(const struct unwind_row *rows, uint32_t n, uint64_t start,
				 uint64_t size);

/* Asks for the file's rows and gives them; they wait to be installed. */
void scene_give(struct walker_scene *scene, uint32_t number, struct unwind_table *take_table);
/* Installs all that can be installed now. */
void scene_install(struct walker_scene *scene);
/* Both, and that it works is checked. Returns the file's slot. */
uint32_t scene_load(struct walker_scene *scene, uint32_t number, struct unwind_table *take_table);

/* Publishes the mappings of the thread's process. */
int scene_publish(struct walker_scene *scene, const struct walked_thread *thread,
		  struct mapping *mappings, size_t n);

#endif
