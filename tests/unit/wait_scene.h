/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_scene.h - records of the threads of one sleeping process of a made-up /proc, and the bucket
 * that they are added to, for tests/unit.
 */
#ifndef TEST_WAIT_SCENE_H
#define TEST_WAIT_SCENE_H

#include "capture/wait_rows.h"
#include "process_scene.h"
#include "wait_class.h"

#define WAIT_SCENE_CODE 0x400000ull /* where "/bin/sleeper" is mapped, from offset 0 on */

struct wait_scene {
	struct scene *scene;
	struct cgroups *cgroups;
	struct attribution *attribution;
	struct wait_rows *rows;
	struct bucket *bucket;
	uint64_t begin_ns; /* of the bucket */
};

/* cmocka fixtures: *state is a struct wait_scene, with a bucket that begins at 10 s. */
int wait_scene_set_up(void **state);
int wait_scene_tear_down(void **state);

#define WAIT_TEST(name)                                                                            \
	cmocka_unit_test_setup_teardown(name, wait_scene_set_up, wait_scene_tear_down)

/* A record of the thread `tid` ("t" and its number) of the sleeper, without a stack; it is the same
 * memory each time. */
struct sample *wait_scene_make(enum wire_kind kind, uint32_t tid, uint64_t mono_ns);
void wait_scene_add(struct wait_scene *scene, const struct sample *sample);

/* A wait begins on a stack of one frame of the sleeper; it ends; a pass says something of its
 * thread, at the end of the bucket, a second after its beginning. */
void wait_scene_begin(struct wait_scene *scene, uint32_t tid, uint64_t mono_ns, uint64_t offset,
		      bool late);
void wait_scene_end(struct wait_scene *scene, uint32_t tid, const struct wire_wait *wait);
void wait_scene_pass(struct wait_scene *scene, uint32_t tid, const struct wire_ledger *ledger);

/* What the bucket has; and then another one, a second later. */
const struct profile_bucket *wait_scene_finish(struct wait_scene *scene);
void wait_scene_next_bucket(struct wait_scene *scene);

/* The only row of the type, a stack's leaf, a row's class: each must be there. */
const struct profile_row *wait_scene_find(const struct profile_bucket *p, enum sample_type type);
const struct profile_location *wait_scene_leaf(const struct profile_bucket *p, uint32_t stack);
struct wait_class wait_scene_class_of(const struct profile_row *row);

#endif
