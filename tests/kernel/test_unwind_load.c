// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_unwind_load.c - the walker is loaded by this kernel in each type of program that it is made
 * for, with and without bpf_loop(), and each of them walks a program without frame pointers down
 * to where it began, by tables that the daemon's own code fills.
 */
#include "child.h"
#include "process/unwind_spaces.h"
#include "unwind_load.h"

#include <bpf/bpf.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include <cmocka.h>

/* bpftool's output casts a const away. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "cpu.skel.h"
#include "unwind_load.skel.h"
#pragma GCC diagnostic pop

#define DEPTH	       "60"
#define DEPTH_FRAMES   60
#define BUDGET_WORDS   (8u << 17) /* 8 MB */
#define PERIOD_NS      1000000
#define VERIFIER_LIMIT 1000000
#define ENTRY_BYTES    64 /* _start is shorter */

struct load {
	struct unwind_load_bpf *skeleton;
	struct unwind_maps *maps;
	struct unwind_slabs *slabs;
	struct unwind_tables *tables;
	struct unwind_spaces *spaces;
	struct child child;
	uint64_t descent_start, descent_end, entry;
	struct mappings mappings;
};

static uint64_t now_mono_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &t), 0);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ---- the program that is walked ---- */

static bool has_said(void *ctx)
{
	struct load *l = ctx;
	_cleanup_free_ char *text = child_stdout(&l->child);

	return strchr(text, '\n') &&
	       sscanf(text, "%lx %lx", &l->descent_start, &l->descent_end) == 2;
}

static void start_program(struct load *l)
{
	_cleanup_free_ char *path = NULL;

	assert_true(asprintf(&path, "%s/frameless", getenv("WORKLOADS")) > 0);
	child_start(&l->child, &CHILD_DEFAULTS, ARGS(path, DEPTH));
	assert_true(wait_until(has_said, l, 10));
}

static void read_mappings(struct load *l)
{
	_cleanup_free_ char *path = NULL, *text = malloc(1 << 20);
	_cleanup_close_ int fd = -1;
	size_t len = 0;
	ssize_t n;

	assert_non_null(text);
	assert_true(asprintf(&path, "/proc/%d/maps", l->child.pid) > 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	while ((n = read(fd, text + len, (1 << 20) - len)) > 0)
		len += (size_t)n;
	assert_int_equal(mappings_parse(text, len, &l->mappings), 0);
	/* A number for each mapping with a file; the vDSO needs none, because it is not called. */
	for (size_t i = 0; i < l->mappings.n; i++)
		if (l->mappings.entries[i].kind == MAPPING_FILE)
			l->mappings.entries[i].file = (uint32_t)i + 1;
}

static int open_mapped(struct load *l, uint32_t number)
{
	return open(mappings_path(&l->mappings, &l->mappings.entries[number - 1]),
		    O_RDONLY | O_CLOEXEC);
}

/* Where the program begins, in its memory. */
static void find_entry(struct load *l)
{
	struct mapping *m = mappings_find(&l->mappings, l->descent_start);
	Elf64_Ehdr header;
	_cleanup_close_ int fd = -1;

	assert_non_null(m);
	fd = open_mapped(l, m->file);
	assert_int_equal(pread(fd, &header, sizeof(header), 0), sizeof(header));
	l->entry = header.e_entry + m->start - m->file_offset;
}

/* ---- its tables ---- */

static void make_tables(struct load *l)
{
	const struct unwind_backend *backend;
	uint64_t *words;

	assert_int_equal(unwind_maps_new(bpf_map__fd(l->skeleton->maps.unwind_slabs),
					 bpf_map__fd(l->skeleton->maps.unwind_files),
					 bpf_map__fd(l->skeleton->maps.unwind_processes), &l->maps),
			 0);
	backend = unwind_maps_backend(l->maps);
	assert_int_equal(unwind_slabs_new(BUDGET_WORDS, &l->slabs), 0);
	assert_int_equal(backend->slab(backend->ctx, 0, &words), 0);
	assert_int_equal(unwind_slabs_add(l->slabs, words), 0);
	assert_int_equal(unwind_tables_new(l->slabs, backend, &l->tables), 0);
	assert_int_equal(unwind_spaces_new(l->slabs, l->tables, backend, &l->spaces), 0);
}

static void fill_tables(struct load *l, const struct load_walk *identity)
{
	struct process_key key = {.pid = (uint32_t)l->child.pid,
				  .exec_id = identity->exec_id,
				  .start_boot_ns = identity->start_boot_ns,
				  .start_code = identity->start_code};
	uint32_t number;

	assert_int_equal(unwind_spaces_publish(l->spaces, &key, &l->mappings, now_mono_ns()), 0);
	while ((number = unwind_tables_next_wanted(l->tables))) {
		struct unwind_table *table = calloc(1, sizeof(*table));
		_cleanup_close_ int fd = open_mapped(l, number);

		assert_non_null(table);
		assert_true(fd >= 0);
		assert_int_equal(unwind_table_read(fd, table), 0);
		assert_int_equal(unwind_tables_give(l->tables, number, table), 0);
		while (unwind_tables_work(l->tables, 65536, now_mono_ns()))
			;
	}
	assert_false(unwind_tables_busy(l->tables));
	assert_true(unwind_tables_counters(l->tables)->n_installed >= 3); /* ld.so, libc, itself */
}

/* ---- walks ---- */

static void get_walk(struct load *l, uint32_t program, struct load_walk *ret)
{
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(l->skeleton->maps.walks), &program, ret),
			 0);
}

static void ask_for_walk(struct load *l, uint32_t program)
{
	struct load_walk *nothing = calloc(1, sizeof(*nothing));

	assert_non_null(nothing);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(l->skeleton->maps.walks), &program,
					     nothing, BPF_ANY),
			 0);
	free(nothing);
}

struct waiting {
	struct load *load;
	uint32_t program;
	struct load_walk *walk;
};

static bool is_done(void *ctx)
{
	struct waiting *w = ctx;

	get_walk(w->load, w->program, w->walk);
	return w->walk->done;
}

static void wait_for_walk(struct load *l, uint32_t program, struct load_walk *ret)
{
	struct waiting waiting = {l, program, ret};

	assert_true(wait_until(is_done, &waiting, 30));
}

static void walk_by_event(struct load *l, struct load_walk *ret)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_SOFTWARE,
				       .size = sizeof(attr),
				       .config = PERF_COUNT_SW_CPU_CLOCK,
				       .sample_period = PERIOD_NS};
	int fd = (int)syscall(SYS_perf_event_open, &attr, l->child.pid, -1, -1,
			      PERF_FLAG_FD_CLOEXEC);
	struct bpf_link *link;

	assert_true(fd >= 0);
	ask_for_walk(l, LOAD_PERF_EVENT);
	link = bpf_program__attach_perf_event(l->skeleton->progs.load_perf_event, fd);
	assert_non_null(link); /* and the event is the link's */
	wait_for_walk(l, LOAD_PERF_EVENT, ret);
	bpf_link__destroy(link);
}

static void walk_by_switch(struct load *l, struct load_walk *ret)
{
	struct bpf_link *link;

	ask_for_walk(l, LOAD_SCHED_SWITCH);
	link = bpf_program__attach(l->skeleton->progs.load_sched_switch);
	assert_non_null(link);
	wait_for_walk(l, LOAD_SCHED_SWITCH, ret);
	bpf_link__destroy(link);
}

static void walk_by_iterator(struct load *l, struct load_walk *ret)
{
	struct bpf_link *link = bpf_program__attach_iter(l->skeleton->progs.load_iterator, NULL);
	int fd;
	char nothing[16];

	assert_non_null(link);
	ask_for_walk(l, LOAD_ITERATOR);
	fd = bpf_iter_create(bpf_link__fd(link));
	assert_true(fd >= 0);
	assert_int_equal(read(fd, nothing, sizeof(nothing)), 0);
	close(fd);
	bpf_link__destroy(link);
	get_walk(l, LOAD_ITERATOR, ret);
	assert_true(ret->done);
}

static void expect_whole(const struct load *l, const char *name, const struct load_walk *walk)
{
	uint64_t last = walk->n ? walk->words[walk->n - 1] : 0;
	uint32_t n_descent = 0;

	for (uint32_t i = 0; i < walk->n; i++)
		n_descent += walk->words[i] >= l->descent_start && walk->words[i] <= l->descent_end;
	print_message("%s: %u frames, %u of the recursion, stop %u\n", name, walk->n, n_descent,
		      walk->stop);
	assert_int_equal(walk->stop, WIRE_STOP_END);
	assert_int_equal(n_descent, DEPTH_FRAMES);
	assert_in_range(last, l->entry, l->entry + ENTRY_BYTES);
}

/* ---- loading ---- */

static void print_cost(const struct bpf_program *program, bool with_bpf_loop)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
	print_message("%s, %s bpf_loop: %u instructions verified, %u loaded\n",
		      bpf_program__name(program), with_bpf_loop ? "with" : "without",
		      info.verified_insns, info.xlated_prog_len / 8);
	assert_in_range(info.verified_insns, 1, VERIFIER_LIMIT);
}

static void load(struct load *l, bool with_bpf_loop)
{
	l->skeleton = unwind_load_bpf__open();
	assert_non_null(l->skeleton);
	l->skeleton->rodata->unwind_with_bpf_loop = with_bpf_loop;
	l->skeleton->rodata->wanted_pid = (uint32_t)l->child.pid;
	assert_int_equal(unwind_load_bpf__load(l->skeleton), 0);
	print_cost(l->skeleton->progs.load_perf_event, with_bpf_loop);
	print_cost(l->skeleton->progs.load_sched_switch, with_bpf_loop);
	print_cost(l->skeleton->progs.load_iterator, with_bpf_loop);
}

static int teardown(void **state)
{
	struct load *l = *state;

	child_done(&l->child);
	unwind_spaces_free(l->spaces);
	unwind_tables_free(l->tables);
	unwind_slabs_free(l->slabs);
	unwind_maps_free(l->maps);
	mappings_done(&l->mappings);
	unwind_load_bpf__destroy(l->skeleton);
	free(l);
	return 0;
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct load));
	return *state ? 0 : -1;
}

static void walk_all(struct load *l, bool with_bpf_loop)
{
	struct load_walk *walk = calloc(1, sizeof(*walk));

	assert_non_null(walk);
	start_program(l);
	read_mappings(l);
	find_entry(l);
	load(l, with_bpf_loop);
	make_tables(l);
	/* Without tables it is one frame or few, and tells which image it is. */
	walk_by_iterator(l, walk);
	assert_int_not_equal(walk->stop, WIRE_STOP_END);
	fill_tables(l, walk);
	walk_by_event(l, walk);
	expect_whole(l, "perf_event", walk);
	walk_by_switch(l, walk);
	expect_whole(l, "tp_btf", walk);
	walk_by_iterator(l, walk);
	expect_whole(l, "iter.s", walk);
	free(walk);
}

static void test_with_bpf_loop(void **state)
{
	walk_all(*state, true);
}

static void test_without_bpf_loop(void **state)
{
	walk_all(*state, false);
}

/* The programs that profd ships, as an older kernel would load them. */
static void test_shipped_without_bpf_loop(void **state)
{
	struct cpu_bpf *cpu = cpu_bpf__open();

	(void)state;
	assert_non_null(cpu);
	cpu->rodata->unwind_with_bpf_loop = 0;
	assert_int_equal(cpu_bpf__load(cpu), 0);
	cpu_bpf__destroy(cpu);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_with_bpf_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_bpf_loop, setup, teardown),
		cmocka_unit_test(test_shipped_without_bpf_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
