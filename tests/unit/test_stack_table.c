// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_stack_table.c - adding up stacks of partitions whose ids differ, and refusing dictionaries
 * that no store would write: a reader's input is anybody's file.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "stack_table.h"

static const struct dictionary_function functions[] = {{"", ""}, {"f", "f.c"}, {"g", ""}};
static const struct dictionary_frame frames[] = {{0}, {1, 3, true}, {2, 0, false}};
static const struct profile_file files[] = {
	{.path = ""},
	{FILE_ELF, true, 2, {0xab, 0xcd}, 0, "/bin/f"},
};
static const struct profile_series series[] = {
	{.comm = "", .exe = ""},
	{7, 8, 9, "thread", "/bin/f", "", "", ""},
	{7, 8, 10, "thread", "/bin/f", "", "", ""},
};

/* A partition with two locations, f inlined into g and one unnamed, and nodes as the test wants. */
struct partition {
	struct dictionary_location locations[3];
	struct dictionary_node nodes[4];
	struct dictionary dictionary;
};

static void make(struct partition *p)
{
	*p = (struct partition){
		.locations = {{0},
			      {LOCATION_FILE, UNKNOWN_NONE, 1, 0x10, 1, 2},
			      {LOCATION_FILE, UNKNOWN_NO_SYMBOL, 1, 0x20, 0, 0}},
		.nodes = {{0, 0}, {0, 1}, {1, 2}, {2, 1}},
	};
	p->dictionary = (struct dictionary){
		.partition = "test",
		.nodes = p->nodes,
		.locations = p->locations,
		.frames = frames,
		.functions = functions,
		.files = files,
		.series = series,
		.n_nodes = 4,
		.n_locations = 3,
		.n_frames = 3,
		.n_functions = 3,
		.n_files = 2,
		.n_series = 3,
	};
}

static int add(struct stack_table *t, const struct partition *p, uint32_t row_series, uint32_t node,
	       uint64_t value)
{
	const struct store_row row = {
		.series = row_series, .node = node, .count = PROFILE_COUNT_ONE, .value = value};
	int r = stack_table_begin(t, &p->dictionary);

	if (r == 0)
		r = stack_table_add(t, &row, "");
	/* As store_read() does it: no end after a failure. */
	if (r == 0)
		stack_table_end(t);
	return r;
}

static void test_partitions_are_added_up(void **state)
{
	_cleanup_(stack_table_freep) struct stack_table *t = NULL;
	const struct stack_sample *sample;
	const struct stack_location *location;
	uint32_t stack[PROFILE_STACK_MAX];
	struct partition p;

	(void)state;
	assert_int_equal(stack_table_new(&t), 0);
	make(&p);
	assert_int_equal(add(t, &p, 1, 3, 100), 0);
	/* The same stack under other ids, of the other life of the same thread. */
	p.nodes[1] = (struct dictionary_node){0, 2};
	p.nodes[2] = (struct dictionary_node){0, 1};
	p.nodes[3] = (struct dictionary_node){2, 2};
	assert_int_equal(add(t, &p, 2, 3, 1), 0);
	p.nodes[1] = (struct dictionary_node){3, 1};
	assert_int_equal(add(t, &p, 2, 3, 10), 0);
	assert_int_equal(t->n_stacks, 2);
	assert_int_equal(t->samples.n, 1 + 2);
	sample = id_table_at(&t->samples, 1);
	assert_int_equal(sample->value, 100);
	assert_int_equal(stack_table_locations(t, sample, stack), 3);
	assert_int_equal(stack[0], stack[2]);
	sample = id_table_at(&t->samples, 2);
	assert_int_equal(sample->value, 11);
	assert_int_equal(sample->count, 2 * PROFILE_COUNT_ONE);
	assert_int_equal(stack_table_locations(t, sample, stack), 2);
	location = id_table_at(&t->locations, stack[0]);
	assert_false(location->named);
	assert_int_equal(location->offset, 0x20);
	assert_int_equal(t->series.n, 1 + 1);
	assert_int_equal(t->files.n, 1 + 1);
}

static void test_names_are_part_of_a_location(void **state)
{
	_cleanup_(stack_table_freep) struct stack_table *t = NULL;
	struct partition p;

	(void)state;
	assert_int_equal(stack_table_new(&t), 0);
	make(&p);
	assert_int_equal(add(t, &p, 1, 1, 1), 0);
	/* The next partition knows no name for it: the weight is told apart, as profctl top does.
	 */
	p.locations[1].n_frames = 0;
	p.locations[1].unknown = UNKNOWN_FILE_GONE;
	assert_int_equal(add(t, &p, 1, 1, 1), 0);
	assert_int_equal(t->samples.n, 1 + 2);
}

static void test_an_empty_stack(void **state)
{
	_cleanup_(stack_table_freep) struct stack_table *t = NULL;
	uint32_t stack[PROFILE_STACK_MAX];
	struct partition p;

	(void)state;
	assert_int_equal(stack_table_new(&t), 0);
	make(&p);
	assert_int_equal(add(t, &p, 1, 0, 5), 0);
	assert_int_equal(stack_table_locations(t, id_table_at(&t->samples, 1), stack), 0);
}

/* Each case breaks one thing of a good partition. */
static void break_parent(struct partition *p)
{
	p->nodes[3].parent = 3;
}

static void break_parent_up(struct partition *p)
{
	p->nodes[2].parent = 3;
}

static void break_location(struct partition *p)
{
	p->nodes[3].location = 3;
}

static void break_location_none(struct partition *p)
{
	p->nodes[3].location = 0;
}

static void break_file(struct partition *p)
{
	p->locations[1].file = 2;
}

static void break_frames(struct partition *p)
{
	p->locations[1].first_frame = 2;
}

static void break_frames_wrapping(struct partition *p)
{
	p->locations[1].first_frame = UINT32_MAX;
	p->locations[1].n_frames = 4;
}

static void break_functions(struct partition *p)
{
	p->dictionary.n_functions = 2;
}

static void break_series(struct partition *p)
{
	p->dictionary.n_series = 1;
}

static void break_nodes(struct partition *p)
{
	p->dictionary.n_nodes = 3;
}

static void test_reasons_and_what_is_alone(void **state)
{
	_cleanup_(stack_table_freep) struct stack_table *t = NULL;
	const struct store_row row = {
		.series = 1, .node = 1, .count = PROFILE_COUNT_ONE, .value = 5};
	const struct stack_sample *sample;
	uint32_t stack[PROFILE_STACK_MAX], node = 0;
	struct partition p;

	(void)state;
	make(&p);
	assert_int_equal(stack_table_new(&t), 0);
	assert_int_equal(stack_table_begin(t, &p.dictionary), 0);
	assert_int_equal(stack_table_add(t, &row, "disk"), 0);
	assert_int_equal(stack_table_add(t, &row, "lock"), 0);
	assert_int_equal(stack_table_add(t, &row, "disk"), 0);
	assert_int_equal(stack_table_node(t, 1, &node), 0);
	stack_table_end(t);
	assert_int_equal(stack_table_add_alone(t, "[not sampled]", 7), 0);
	/* One stack, two reasons, and one that is nobody's. */
	assert_int_equal(t->samples.n, 1 + 3);
	assert_int_equal(t->n_stacks, 2);
	sample = id_table_at(&t->samples, 1);
	assert_int_equal(sample->value, 10);
	assert_int_equal(sample->node, node);
	assert_string_equal(string_table_at(&t->strings, sample->reason), "disk");
	sample = id_table_at(&t->samples, 3);
	assert_int_equal(sample->series, 0);
	assert_int_equal(sample->value, 7);
	assert_int_equal(stack_table_locations(t, sample, stack), 1);
}

/* Also in a table that no row was added to. */
static void test_what_is_alone_is_nobodys(void **state)
{
	_cleanup_(stack_table_freep) struct stack_table *t = NULL;
	const struct stack_series *alone;

	(void)state;
	assert_int_equal(stack_table_new(&t), 0);
	assert_int_equal(stack_table_add_alone(t, "[not sampled]", 7), 0);
	alone = stack_table_series(t, id_table_at(&t->samples, 1));
	assert_int_equal(alone->pid, 0);
	assert_string_equal(string_table_at(&t->strings, alone->comm), "");
}

static void test_broken_dictionaries(void **state)
{
	static void (*const breaks[])(struct partition *) = {
		break_parent, break_parent_up, break_location,	      break_location_none,
		break_file,   break_frames,    break_frames_wrapping, break_functions,
		break_series, break_nodes,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(breaks); i++) {
		_cleanup_(stack_table_freep) struct stack_table *t = NULL;
		struct partition p;
		int r;

		assert_int_equal(stack_table_new(&t), 0);
		make(&p);
		breaks[i](&p);
		r = add(t, &p, 1, 3, 1);
		if (r != -EBADMSG)
			fail_msg("case %zu gave %d", i, r);
	}
}

static void test_sums_that_overflow(void **state)
{
	_cleanup_(stack_table_freep) struct stack_table *t = NULL;
	struct partition p;

	(void)state;
	assert_int_equal(stack_table_new(&t), 0);
	make(&p);
	assert_int_equal(add(t, &p, 1, 3, UINT64_MAX), 0);
	assert_int_equal(add(t, &p, 1, 3, 1), -EBADMSG);
}

/* A trie may be deeper than any stack: found whether it is read at once or bit by bit. */
static void test_a_trie_too_deep(void **state)
{
	enum { DEEP = PROFILE_STACK_MAX + 2 };
	static struct dictionary_node nodes[DEEP];
	_cleanup_(stack_table_freep) struct stack_table *t = NULL, *u = NULL;
	struct store_row row = {.series = 1, .count = PROFILE_COUNT_ONE, .value = 1};
	struct partition p;

	(void)state;
	for (uint32_t i = 1; i < DEEP; i++)
		nodes[i] = (struct dictionary_node){i - 1, 1};
	make(&p);
	p.dictionary.nodes = nodes;
	p.dictionary.n_nodes = DEEP;
	assert_int_equal(stack_table_new(&t), 0);
	assert_int_equal(add(t, &p, 1, PROFILE_STACK_MAX, 1), 0);
	assert_int_equal(add(t, &p, 1, PROFILE_STACK_MAX + 1, 1), -EBADMSG);
	assert_int_equal(stack_table_new(&u), 0);
	assert_int_equal(stack_table_begin(u, &p.dictionary), 0);
	for (row.node = 1; row.node <= PROFILE_STACK_MAX; row.node++)
		assert_int_equal(stack_table_add(u, &row, ""), 0);
	assert_int_equal(stack_table_add(u, &row, ""), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partitions_are_added_up),
		cmocka_unit_test(test_names_are_part_of_a_location),
		cmocka_unit_test(test_an_empty_stack),
		cmocka_unit_test(test_reasons_and_what_is_alone),
		cmocka_unit_test(test_what_is_alone_is_nobodys),
		cmocka_unit_test(test_broken_dictionaries),
		cmocka_unit_test(test_sums_that_overflow),
		cmocka_unit_test(test_a_trie_too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
