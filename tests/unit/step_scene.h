/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step_scene.h - one process with one file and one stack, for walks of which each step is told.
 *
 * The file's text is TEXT_SIZE bytes from offset TEXT on. The row in question holds from TEXT on,
 * the end of stacks from OUTER on, and nothing from BARE on; JIT is a mapping without a file, and
 * NOWHERE is no mapping.
 */
#ifndef TEST_STEP_SCENE_H
#define TEST_STEP_SCENE_H

#include "walker_scene.h"

#define STEP_BIAS    0x400000ull
#define STEP_TEXT    0x1000u
#define STEP_OUTER   0x2000u
#define STEP_BARE    0x3000u
#define STEP_SIZE    0x3000u
#define STEP_JIT     0x900000ull
#define STEP_NOWHERE 0xa00000ull

#define LEAF  (STEP_BIAS + STEP_TEXT + 0x100)
#define OUTER (STEP_BIAS + STEP_OUTER + 0x100)
#define BARE  (STEP_BIAS + STEP_BARE + 0x100)

#define STACK_WORDS 4096
#define STACK	    0x7ffd00000000ull
#define STACK_AT(i) (STACK + (uint64_t)(i)*8)
#define SP_WORD	    64 /* where the leaf's stack pointer is */

struct step_scene {
	struct walker_scene scene;
	struct walked walked;
	struct walked_region region;
	uint64_t stack[STACK_WORDS];
};

/* With the leaf's row. The leaf's rbp is SP_WORD + 20 words. */
struct step_scene *step_scene_new(struct unwind_row row);
/* The same with any rows. */
struct step_scene *step_scene_new_rows(const struct unwind_row *rows, uint32_t n);
struct step_scene *step_scene_free(struct step_scene *scene);
DEFINE_CLEANUP(struct step_scene *, step_scene_free);
#define STEP_SCENE _cleanup_(step_scene_freep) struct step_scene

/* Walks, and these are the frames and why they end. */
void expect_walk(struct step_scene *scene, enum wire_stop stop, const uint64_t *frames, uint32_t n);
#define EXPECT_WALK(scene, stop, ...)                                                              \
	expect_walk(scene, stop, (const uint64_t[]){__VA_ARGS__},                                  \
		    ARRAY_SIZE(((const uint64_t[]){__VA_ARGS__})))

#endif
