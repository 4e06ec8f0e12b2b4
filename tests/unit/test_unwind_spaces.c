// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_spaces.c - mappings of processes in the slabs: published, replaced, forgotten, and
 * what there is no room for.
 */
#include "walker_scene.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define BUDGET UNWIND_SLAB_WORDS

static const struct walked_thread thread = {
	.pid = 42, .exec_id = 3, .start_boot_ns = 5000, .start_code = 0x400000};

static void make_mappings(struct mapping *m, uint32_t n, uint64_t start)
{
	for (uint32_t i = 0; i < n; i++)
		m[i] = (struct mapping){.start = start + i * 0x10000ull,
					.end = start + i * 0x10000ull + 0x1000,
					.file_offset = i * 0x1000ull,
					.file = i + 1};
}

/* What the slabs say is what was published. */
static void expect_published(struct fake_maps *maps, const struct unwind_process *process,
			     const struct mapping *m, uint32_t n)
{
	assert_non_null(process);
	assert_int_equal(process->n_mappings, n);
	for (uint32_t i = 0; i < n; i++) {
		struct unwind_mapping entry;

		memcpy(&entry, fake_maps_word(maps, process->mappings + i * UNWIND_MAPPING_WORDS),
		       sizeof(entry));
		assert_int_equal(entry.start, m[i].start);
		assert_int_equal(entry.end, m[i].end);
		assert_int_equal(entry.bias, m[i].start - m[i].file_offset);
	}
}

struct publication {
	struct fake_maps *maps;
	const struct mapping *mappings;
	uint32_t n, n_seen;
};

/* The moment when the walker begins to use them. */
static void on_set(void *ctx, uint32_t pid, const struct unwind_process *process)
{
	struct publication *p = ctx;

	assert_int_equal(pid, thread.pid);
	expect_published(p->maps, process, p->mappings, p->n);
	p->n_seen++;
}

static void test_publish(void **state)
{
	struct walker_scene s;
	struct mapping m[10];
	struct publication publication = {.mappings = m, .n = 10};
	const struct unwind_process *process;
	uint64_t words[4];

	(void)state;
	walker_scene_begin(&s, BUDGET);
	publication.maps = s.maps;
	s.maps->on_set = on_set;
	s.maps->on_set_ctx = &publication;
	make_mappings(m, 10, 0x400000);
	m[3].kind = MAPPING_ANON;
	m[4].file = 0; /* not found yet */
	m[5].kind = MAPPING_VDSO;
	assert_int_equal(scene_publish(&s, &thread, m, 10), 0);
	assert_int_equal(publication.n_seen, 1);
	process = fake_maps_process(s.maps, thread.pid);
	assert_int_equal(process->exec_id, thread.exec_id);
	assert_int_equal(process->start_boot_ns, thread.start_boot_ns);
	assert_int_equal(process->start_code, thread.start_code);
	for (uint32_t i = 0; i < 10; i++) {
		memcpy(words, fake_maps_word(s.maps, process->mappings + i * 4), sizeof(words));
		assert_int_equal(words[3],
				 i == 3 || i == 4 ? 0 : unwind_tables_slot(s.tables, m[i].file));
	}
	/* And the files are wanted. */
	for (uint32_t i = 0; i < 10; i++)
		if (i != 3 && i != 4)
			assert_int_equal(unwind_tables_next_wanted(s.tables), i + 1);
	assert_int_equal(unwind_tables_next_wanted(s.tables), 0);
	assert_int_equal(unwind_slabs_used(s.slabs), 40);
	walker_scene_end(&s);
}

/* [vsyscall] is the last line of /proc/PID/maps, and above what the walker can search for. */
static void test_vsyscall(void **state)
{
	struct walker_scene s;
	struct mapping m[3];

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 3, 0x400000);
	m[2].start = 0xffffffffff600000;
	m[2].end = 0xffffffffff601000;
	m[2].kind = MAPPING_ANON;
	assert_int_equal(scene_publish(&s, &thread, m, 3), 0);
	expect_published(s.maps, fake_maps_process(s.maps, thread.pid), m, 2);
	assert_int_equal(fake_maps_process(s.maps, thread.pid)->n_mappings, 2);
	walker_scene_end(&s);
}

/* Another life of the pid is not forgotten with the one before. */
static void test_forget_one_life(void **state)
{
	struct walker_scene s;
	struct mapping m[3];

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 3, 0x400000);
	assert_int_equal(scene_publish(&s, &thread, m, 3), 0);
	unwind_spaces_forget(s.spaces, thread.pid, thread.start_boot_ns - 1, s.now_mono_ns);
	assert_non_null(fake_maps_process(s.maps, thread.pid));
	unwind_spaces_forget(s.spaces, thread.pid, thread.start_boot_ns, s.now_mono_ns);
	assert_null(fake_maps_process(s.maps, thread.pid));
	walker_scene_end(&s);
}

/* The new ones are written beside the old ones, which rest for a while. */
static void test_replace(void **state)
{
	struct walker_scene s;
	struct mapping m[10], more[20];
	struct unwind_process before;

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 10, 0x400000);
	make_mappings(more, 20, 0x800000);
	assert_int_equal(scene_publish(&s, &thread, m, 10), 0);
	before = *fake_maps_process(s.maps, thread.pid);
	assert_int_equal(scene_publish(&s, &thread, more, 20), 0);
	expect_published(s.maps, &before, m, 10); /* a walk that is under way */
	expect_published(s.maps, fake_maps_process(s.maps, thread.pid), more, 20);
	assert_int_equal(s.maps->n_processes, 1);
	assert_int_equal(unwind_slabs_used(s.slabs), 80);
	assert_int_equal(unwind_slabs_waiting(s.slabs), 40);
	unwind_slabs_settle(s.slabs, s.now_mono_ns + UNWIND_GRACE_NS);
	assert_int_equal(unwind_slabs_waiting(s.slabs), 0);
	walker_scene_end(&s);
}

static void test_forget(void **state)
{
	struct walker_scene s;
	struct mapping m[10];
	struct walked_thread other = thread;

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 10, 0x400000);
	for (other.pid = 1; other.pid <= 5; other.pid++)
		assert_int_equal(scene_publish(&s, &other, m, 10), 0);
	unwind_spaces_forget(s.spaces, 3, 0, s.now_mono_ns);
	unwind_spaces_forget(s.spaces, 99, 0, s.now_mono_ns); /* nobody knows it */
	unwind_spaces_forget(s.spaces, 1, 0, s.now_mono_ns);
	assert_int_equal(s.maps->n_removed, 2);
	assert_null(fake_maps_process(s.maps, 3));
	assert_int_equal(unwind_slabs_used(s.slabs), 120);
	for (other.pid = 1; other.pid <= 8; other.pid++)
		assert_int_equal(scene_publish(&s, &other, m, 10), 0);
	assert_int_equal(s.maps->n_processes, 8);
	for (other.pid = 1; other.pid <= 8; other.pid++)
		unwind_spaces_forget(s.spaces, other.pid, 0, s.now_mono_ns);
	assert_int_equal(s.maps->n_processes, 0);
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	walker_scene_end(&s);
}

static void test_map_full(void **state)
{
	struct walker_scene s;
	struct mapping m[10];
	struct walked_thread other = thread;

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 10, 0x400000);
	s.maps->processes_max = 1;
	assert_int_equal(scene_publish(&s, &thread, m, 10), 0);
	other.pid++;
	assert_int_equal(scene_publish(&s, &other, m, 10), -E2BIG);
	assert_int_equal(unwind_slabs_used(s.slabs), 40);
	unwind_spaces_forget(s.spaces, other.pid, 0, s.now_mono_ns);
	assert_int_equal(s.maps->n_removed, 0); /* it never was there */
	assert_int_equal(scene_publish(&s, &thread, m, 5), 0);
	unwind_spaces_forget(s.spaces, thread.pid, 0, s.now_mono_ns);
	assert_int_equal(scene_publish(&s, &other, m, 10), 0);
	walker_scene_end(&s);
}

/* A process without any mapping is one too, and is forgotten like any other. */
static void test_no_mappings(void **state)
{
	struct walker_scene s;
	struct mapping m[1];

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 1, 0x400000);
	assert_int_equal(scene_publish(&s, &thread, NULL, 0), 0);
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	assert_non_null(fake_maps_process(s.maps, thread.pid));
	s.maps->set_error = -ENOMEM; /* it stays as it was */
	assert_int_equal(scene_publish(&s, &thread, m, 1), -ENOMEM);
	assert_int_equal(unwind_slabs_used(s.slabs), 0);
	unwind_spaces_forget(s.spaces, thread.pid, 0, s.now_mono_ns);
	assert_null(fake_maps_process(s.maps, thread.pid));
	walker_scene_end(&s);
}

static void test_no_room(void **state)
{
	struct walker_scene s;
	struct mapping m[10], more[100];
	struct unwind_extent rest;

	(void)state;
	walker_scene_begin(&s, BUDGET);
	make_mappings(m, 10, 0x400000);
	make_mappings(more, 100, 0x400000);
	assert_int_equal(scene_publish(&s, &thread, m, 10), 0);
	while (unwind_slabs_take(s.slabs, 1, BUDGET, &rest) == 0)
		;
	assert_int_equal(scene_publish(&s, &thread, more, 100), -ENOSPC);
	assert_int_equal(unwind_spaces_refused(s.spaces), 1);
	expect_published(s.maps, fake_maps_process(s.maps, thread.pid), m, 10);
	/* Room that is not free yet: not refused, only asked again. */
	rest.n = 1000;
	unwind_slabs_give(s.slabs, rest, s.now_mono_ns);
	assert_int_equal(scene_publish(&s, &thread, more, 100), -EAGAIN);
	assert_int_equal(unwind_spaces_refused(s.spaces), 1);
	s.now_mono_ns += UNWIND_GRACE_NS;
	assert_int_equal(scene_publish(&s, &thread, more, 100), 0);
	expect_published(s.maps, fake_maps_process(s.maps, thread.pid), more, 100);
	walker_scene_end(&s);
}

/* Free words, but none of them side by side: a further slab is taken. */
static void test_scattered(void **state)
{
	struct walker_scene s;
	struct mapping m[100];
	struct unwind_extent extents[200], rest;

	(void)state;
	walker_scene_begin(&s, 2 * BUDGET);
	make_mappings(m, 100, 0x400000);
	for (uint32_t i = 0; i < 200; i++)
		assert_int_equal(unwind_slabs_take(s.slabs, 100, 100, &extents[i]), 0);
	while (unwind_slabs_take(s.slabs, 1, BUDGET, &rest) == 0)
		;
	for (uint32_t i = 0; i < 200; i += 2)
		unwind_slabs_give(s.slabs, extents[i], s.now_mono_ns);
	s.now_mono_ns += UNWIND_GRACE_NS;
	assert_int_equal(scene_publish(&s, &thread, m, 100), 0);
	expect_published(s.maps, fake_maps_process(s.maps, thread.pid), m, 100);
	assert_int_equal(s.maps->n_slabs, 2);
	walker_scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_publish),		cmocka_unit_test(test_vsyscall),
		cmocka_unit_test(test_forget_one_life), cmocka_unit_test(test_replace),
		cmocka_unit_test(test_forget),		cmocka_unit_test(test_map_full),
		cmocka_unit_test(test_no_mappings),	cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_scattered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
