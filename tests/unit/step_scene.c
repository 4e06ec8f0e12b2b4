// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * step_scene.c - see step_scene.h.
 */
#include "step_scene.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct step_scene *step_scene_new_rows(const struct unwind_row *rows, uint32_t n)
{
	struct step_scene *s = calloc(1, sizeof(*s));
	struct mapping mappings[] = {
		{.start = STEP_BIAS + STEP_TEXT,
		 .end = STEP_BIAS + STEP_TEXT + STEP_SIZE,
		 .file_offset = STEP_TEXT,
		 .file = 7},
		{.start = STEP_JIT, .end = STEP_JIT + 0x1000, .kind = MAPPING_ANON},
	};

	assert_non_null(s);
	walker_scene_begin(&s->scene, UNWIND_SLAB_WORDS);
	(void)scene_load(&s->scene, 7, scene_table(rows, n, STEP_TEXT, STEP_SIZE));
	s->walked = (struct walked){
		.maps = s->scene.maps,
		.regions = &s->region,
		.n_regions = 1,
		.thread = {.pid = 42,
			   .parent_pid = 41,
			   .exec_id = 3,
			   .start_boot_ns = 5000,
			   .start_code = STEP_BIAS},
		.ip = LEAF,
		.registers =
			{[WALKED_SP] = STACK_AT(SP_WORD), [WALKED_FP] = STACK_AT(SP_WORD + 20)},
		.mono_ns = s->scene.now_mono_ns,
		.end = WIRE_USER_FRAMES_MAX,
	};
	s->region = (struct walked_region){STACK, s->stack, sizeof(s->stack)};
	assert_int_equal(
		scene_publish(&s->scene, &s->walked.thread, mappings, ARRAY_SIZE(mappings)), 0);
	return s;
}

struct step_scene *step_scene_new(struct unwind_row row)
{
	const struct unwind_row rows[] = {
		row,
		scene_row(STEP_OUTER, UNWIND_CFA_STOP, 0, UNWIND_FP_SAME, 0),
		scene_row(STEP_BARE, UNWIND_CFA_NONE, 0, UNWIND_FP_SAME, 0),
	};

	return step_scene_new_rows(rows, ARRAY_SIZE(rows));
}

struct step_scene *step_scene_free(struct step_scene *s)
{
	if (!s)
		return NULL;
	walker_scene_end(&s->scene);
	free(s);
	return NULL;
}

void expect_walk(struct step_scene *s, enum wire_stop stop, const uint64_t *frames, uint32_t n)
{
	walked_walk(&s->walked);
	assert_int_equal(s->walked.stop, stop);
	assert_int_equal(s->walked.n, n);
	for (uint32_t i = 0; i < n; i++)
		assert_int_equal(s->walked.words[i], frames[i]);
}
