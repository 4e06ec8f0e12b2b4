// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walker_scene.c - see walker_scene.h.
 */
#include "walker_scene.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

void walker_scene_begin(struct walker_scene *s, uint32_t budget_words)
{
	uint64_t *words;

	*s = (struct walker_scene){.maps = fake_maps_new(), .now_mono_ns = SCENE_NOW_NS};
	assert_int_equal(unwind_slabs_new(budget_words, &s->slabs), 0);
	assert_int_equal(s->maps->backend.slab(s->maps, 0, &words), 0);
	assert_int_equal(unwind_slabs_add(s->slabs, words), 0);
	assert_int_equal(unwind_tables_new(s->slabs, &s->maps->backend, &s->tables), 0);
	assert_int_equal(unwind_spaces_new(s->slabs, s->tables, &s->maps->backend, &s->spaces), 0);
}

void walker_scene_end(struct walker_scene *s)
{
	unwind_spaces_free(s->spaces);
	unwind_tables_free(s->tables);
	unwind_slabs_free(s->slabs);
	fake_maps_free(s->maps);
}

struct unwind_row scene_row(uint32_t pc, enum unwind_cfa cfa_kind, uint16_t cfa, enum unwind_fp how,
			    int8_t fp)
{
	return (struct unwind_row){
		.pc = pc, .cfa = cfa, .kind = (uint8_t)(cfa_kind | how << 4), .fp = fp};
}

struct unwind_table *scene_table(const struct unwind_row *rows, uint32_t n, uint64_t start,
				 uint64_t size)
{
	struct unwind_table *table = calloc(1, sizeof(*table));

	assert_non_null(table);
	table->segments[0] = (struct unwind_segment){start, start, size};
	table->n_segments = 1;
	table->n_rows = n;
	table->rows = malloc((n + 1) * sizeof(*rows));
	assert_non_null(table->rows);
	memcpy(table->rows, rows, n * sizeof(*rows));
	return table;
}

void scene_give(struct walker_scene *s, uint32_t number, struct unwind_table *take_table)
{
	assert_int_not_equal(unwind_tables_slot(s->tables, number), 0);
	assert_int_equal(unwind_tables_next_wanted(s->tables), number);
	assert_int_equal(unwind_tables_give(s->tables, number, take_table), 0);
}

void scene_install(struct walker_scene *s)
{
	while (unwind_tables_work(s->tables, 1000, s->now_mono_ns))
		;
}

uint32_t scene_load(struct walker_scene *s, uint32_t number, struct unwind_table *take_table)
{
	uint32_t slot = unwind_tables_slot(s->tables, number);

	scene_give(s, number, take_table);
	scene_install(s);
	assert_int_not_equal(s->maps->files[slot].index, 0);
	return slot;
}

int scene_publish(struct walker_scene *s, const struct walked_thread *thread,
		  struct mapping *mappings, size_t n)
{
	struct process_key key = {.pid = thread->pid,
				  .exec_id = thread->exec_id,
				  .start_boot_ns = thread->start_boot_ns,
				  .start_code = thread->start_code};
	struct mappings m = {.entries = mappings, .n = n};

	return unwind_spaces_publish(s->spaces, &key, &m, s->now_mono_ns);
}
