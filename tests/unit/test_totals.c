// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_totals.c - self and total per key: a trie whose answer was computed by hand, and random ones
 * against a computation that walks from every node to the root.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "totals.h"

#define MAX_NODES 400u

static const struct profile_file files[] = {
	{.path = ""}, {.path = "/bin/a"}, {.path = "/lib/b"}, {.path = "[kernel]"}};
static const struct dictionary_function functions[] = {{"", ""},     {"main", "a.c"}, {"f", ""},
						       {"g", "g.c"}, {"f", "f.c"},    {"h", ""}};
static const struct dictionary_frame frames[] = {{0, 0, false}, {1, 5, false}, {2, 0, false},
						 {3, 9, true},	{2, 0, false}, {4, 1, false},
						 {2, 0, true},	{2, 1, false}, {5, 0, false}};

enum {
	AT_MAIN = 1,
	AT_F,
	AT_G_IN_F,
	AT_UNNAMED,
	AT_CUT,
	AT_OTHER_F,
	AT_F_IN_F,
	AT_KERNEL,
	AT_PRUNED,
	AT_PENDING,
	N_LOCATIONS
};

static const struct dictionary_location locations[N_LOCATIONS] = {
	[AT_MAIN] = {LOCATION_FILE, 0, 1, 0x10, 1, 1},
	[AT_F] = {LOCATION_FILE, 0, 1, 0x20, 2, 1},
	[AT_G_IN_F] = {LOCATION_FILE, 0, 1, 0x30, 3, 2},
	[AT_UNNAMED] = {LOCATION_FILE, UNKNOWN_NO_SYMBOL, 2, 0x40, 0, 0},
	[AT_CUT] = {LOCATION_SYNTHETIC, 0, 0, SYNTHETIC_TRUNCATED_ROOT, 0, 0},
	/* The same name in another file is another key; with another source it is not. */
	[AT_OTHER_F] = {LOCATION_FILE, 0, 2, 0x50, 5, 1},
	[AT_F_IN_F] = {LOCATION_FILE, 0, 1, 0x60, 6, 2},
	[AT_KERNEL] = {LOCATION_KERNEL, 0, 3, 0x70, 8, 1},
	[AT_PRUNED] = {LOCATION_SYNTHETIC, 0, 0, SYNTHETIC_PRUNED, 0, 0},
	[AT_PENDING] = {LOCATION_FILE, UNKNOWN_PENDING, 2, 0x80, 0, 0},
};

static struct dictionary dictionary_of(const struct dictionary_node *nodes, uint32_t n_nodes)
{
	return (struct dictionary){
		.partition = "test",
		.nodes = nodes,
		.locations = locations,
		.frames = frames,
		.functions = functions,
		.files = files,
		.n_nodes = n_nodes,
		.n_locations = N_LOCATIONS,
		.n_frames = ARRAY_SIZE(frames),
		.n_functions = ARRAY_SIZE(functions),
		.n_files = ARRAY_SIZE(files),
	};
}

static const struct totals_row *find_row(struct totals *totals, const char *function,
					 const char *module, enum unknown_reason reason)
{
	const struct totals_row *rows, *found = NULL;
	size_t n;

	assert_int_equal(totals_rows(totals, true, &rows, &n), 0);
	for (size_t i = 0; i < n; i++) {
		if (rows[i].reason != reason || strcmp(rows[i].function, function) != 0 ||
		    strcmp(rows[i].module, module) != 0)
			continue;
		assert_null(found);
		found = &rows[i];
	}
	return found;
}

static void assert_row(struct totals *totals, const char *function, const char *module,
		       enum unknown_reason reason, uint64_t self, uint64_t total)
{
	const struct totals_row *row = find_row(totals, function, module, reason);

	assert_non_null(row);
	assert_int_equal(row->self, self);
	assert_int_equal(row->total, total);
	assert_int_equal(row->self_count, self * 10);
	assert_int_equal(row->total_count, total * 10);
}

/*
 * 1 main                     1
 * 2   main;f                 2
 * 3     main;f;f             4	recursion
 * 4       main;f;f;f:g       8	g inlined into f
 * 5   main;?                16	unnamed
 * 6 [cut]                   32	nothing but the mark
 * 7   [cut];f               64
 * 8   main;f:f             128	f inlined into f
 * 9   main;h               256	a node without samples above it: 2 is not
 * 10    main;h;[pruned]    512
 */
static const struct dictionary_node hand_nodes[] = {
	{0, 0},	     {0, AT_MAIN}, {1, AT_F},	   {2, AT_F},	   {3, AT_G_IN_F}, {1, AT_UNNAMED},
	{0, AT_CUT}, {6, AT_F},	   {1, AT_F_IN_F}, {1, AT_KERNEL}, {9, AT_PRUNED}, {9, AT_OTHER_F},
};

static void hand_weights(uint64_t *value, uint64_t *count)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(hand_nodes); i++) {
		value[i] = i && i < 11 ? 1ull << (i - 1) : 0;
		count[i] = value[i] * 10;
	}
}

static void test_by_hand(void **state)
{
	const struct dictionary dictionary = dictionary_of(hand_nodes, ARRAY_SIZE(hand_nodes));
	uint64_t value[ARRAY_SIZE(hand_nodes)], count[ARRAY_SIZE(hand_nodes)];
	_cleanup_(totals_freep) struct totals *totals = NULL;

	(void)state;
	hand_weights(value, count);
	assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
	assert_int_equal(totals_add(totals, &dictionary, value, count), 0);
	assert_row(totals, "main", "/bin/a", 0, 1, 1 + 2 + 4 + 8 + 16 + 128 + 256 + 512);
	assert_row(totals, "f", "/bin/a", 0, 2 + 4 + 64 + 128, 2 + 4 + 8 + 64 + 128);
	assert_row(totals, "g", "/bin/a", 0, 8, 8);
	assert_row(totals, "", "/lib/b", UNKNOWN_NO_SYMBOL, 16, 16);
	assert_row(totals, "h", "[kernel]", 0, 256, 256 + 512);
	assert_row(totals, "[pruned]", "", 0, 512, 512);
	/* What is nothing but the mark has no leaf to be named. */
	assert_row(totals, "", "", UNKNOWN_NO_MAPPING, 32, 32);
	assert_int_equal(totals_truncated(totals), 32 + 64);
	assert_int_equal(totals_unnamed(totals), 16 + 32);
	/* The mark is no key, and what had no sample has no row. */
	assert_null(find_row(totals, "f", "/lib/b", 0));
	assert_string_equal(find_row(totals, "main", "/bin/a", 0)->source, "a.c");
}

/* As the values do, with recursion once, over two partitions. */
static void test_spreads(void **state)
{
	const struct dictionary dictionary = dictionary_of(hand_nodes, ARRAY_SIZE(hand_nodes));
	uint64_t value[ARRAY_SIZE(hand_nodes)], count[ARRAY_SIZE(hand_nodes)];
	struct estimate_spread spread[ARRAY_SIZE(hand_nodes)];
	_cleanup_(totals_freep) struct totals *totals = NULL;
	const struct totals_row *rows;
	size_t n;

	(void)state;
	hand_weights(value, count);
	value[0] = 1 << 20; /* without a stack */
	for (uint32_t i = 0; i < ARRAY_SIZE(hand_nodes); i++)
		spread[i] = (struct estimate_spread){(double)value[i], 2.0 * (double)value[i],
						     3.0 * (double)value[i]};
	assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
	assert_int_equal(totals_add(totals, &dictionary, value, count), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(totals_add_sampled(totals, &dictionary, value, count, spread), 0);
	assert_int_equal(totals_rows(totals, false, &rows, &n), 0);
	assert_int_equal(n, 7);
	for (size_t i = 0; i < n; i++) {
		/* A third of it had none. */
		double sampled_ns = (double)rows[i].total / 3 * 2;

		assert_true(rows[i].spread.sampled_ns == sampled_ns);
		assert_true(rows[i].spread.variance == 2 * sampled_ns);
		assert_true(rows[i].spread.third == 3 * sampled_ns);
	}
}

static void test_by_module(void **state)
{
	const struct dictionary dictionary = dictionary_of(hand_nodes, ARRAY_SIZE(hand_nodes));
	uint64_t value[ARRAY_SIZE(hand_nodes)], count[ARRAY_SIZE(hand_nodes)];
	_cleanup_(totals_freep) struct totals *totals = NULL;

	(void)state;
	hand_weights(value, count);
	assert_int_equal(totals_new(TOTALS_BY_MODULE, &totals), 0);
	assert_int_equal(totals_add(totals, &dictionary, value, count), 0);
	assert_row(totals, "", "/bin/a", 0, 1 + 2 + 4 + 8 + 64 + 128, 1023 - 32);
	assert_row(totals, "", "/lib/b", 0, 16, 16);
	assert_row(totals, "", "[kernel]", 0, 256, 256 + 512);
	assert_row(totals, "", "", 0, 512 + 32, 512 + 32);
	assert_int_equal(totals_unnamed(totals), 16 + 32);
}

static void test_partitions_are_merged(void **state)
{
	/* The same function under other ids, and its source known only in the second. */
	static const struct dictionary_function other_functions[] = {{"", ""}, {"f", "late.c"}};
	static const struct dictionary_frame other_frames[] = {{0, 0, false}, {1, 3, false}};
	static const struct dictionary_location other_locations[] = {
		{}, {LOCATION_FILE, 0, 1, 0x99, 1, 1}};
	static const struct dictionary_node nodes[] = {{0, 0}, {0, AT_F}},
					    other_nodes[] = {{0, 0}, {0, 1}};
	static const uint64_t value[] = {7, 5}, count[] = {0, 50};
	const struct dictionary first = dictionary_of(nodes, 2);
	struct dictionary second = dictionary_of(other_nodes, 2);
	_cleanup_(totals_freep) struct totals *totals = NULL;

	(void)state;
	second.functions = other_functions;
	second.frames = other_frames;
	second.locations = other_locations;
	second.n_locations = second.n_functions = second.n_frames = 2;
	assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
	assert_int_equal(totals_add(totals, &first, value, count), 0);
	assert_string_equal(find_row(totals, "f", "/bin/a", 0)->source, "");
	assert_int_equal(totals_add(totals, &second, value, count), 0);
	assert_row(totals, "f", "/bin/a", 0, 10, 10);
	assert_string_equal(find_row(totals, "f", "/bin/a", 0)->source, "late.c");
	/* Samples without any stack. */
	assert_int_equal(totals_unnamed(totals), 14);
}

static void test_order(void **state)
{
	static const struct dictionary_node nodes[] = {
		{0, 0}, {0, AT_MAIN}, {1, AT_F}, {1, AT_KERNEL}, {1, AT_UNNAMED}};
	static const uint64_t value[] = {0, 1, 5, 5, 9}, count[5];
	const struct dictionary dictionary = dictionary_of(nodes, 5);
	_cleanup_(totals_freep) struct totals *totals = NULL;
	const struct totals_row *rows;
	size_t n;

	(void)state;
	assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
	assert_int_equal(totals_rows(totals, true, &rows, &n), 0);
	assert_int_equal(n, 0);
	assert_int_equal(totals_add(totals, &dictionary, value, count), 0);
	assert_int_equal(totals_rows(totals, true, &rows, &n), 0);
	assert_int_equal(n, 4);
	assert_int_equal(rows[0].self, 9);
	assert_string_equal(rows[1].function, "f");
	assert_string_equal(rows[2].function, "h");
	assert_string_equal(rows[3].function, "main");
	assert_int_equal(totals_rows(totals, false, &rows, &n), 0);
	assert_string_equal(rows[0].function, "main");
	assert_int_equal(rows[1].total, 9);
}

/* ---- against the plain computation ---- */

static uint32_t key_of_frame(const struct dictionary_location *location, uint32_t i)
{
	const struct dictionary_frame *frame = &frames[location->first_frame + i];

	/* A number for (name, module): function 4 is called as function 2 is. */
	return (frame->function == 4 ? 2 : frame->function) * 4 + location->file;
}

static bool stack_has(const struct dictionary_node *nodes, uint32_t node, uint32_t key)
{
	for (; node; node = nodes[node].parent) {
		const struct dictionary_location *location = &locations[nodes[node].location];

		for (uint32_t i = 0; i < location->n_frames; i++)
			if (key_of_frame(location, i) == key)
				return true;
	}
	return false;
}

static void assert_as_plain(struct totals *totals, const struct dictionary_node *nodes, uint32_t n,
			    const uint64_t *value)
{
	for (uint32_t function = 1; function < 6; function++) {
		for (uint32_t file = 1; file < 4; file++) {
			uint32_t key = function * 4 + file;
			uint64_t self = 0, total = 0;
			const struct totals_row *row =
				find_row(totals, functions[function].name, files[file].path, 0);

			if (function == 4)
				continue;
			for (uint32_t i = 1; i < n; i++) {
				const struct dictionary_location *leaf =
					&locations[nodes[i].location];

				if (leaf->n_frames && key_of_frame(leaf, 0) == key)
					self += value[i];
				if (stack_has(nodes, i, key))
					total += value[i];
			}
			assert_int_equal(row ? row->self : 0, self);
			assert_int_equal(row ? row->total : 0, total);
			assert_int_equal(row ? row->total_count : 0, total * 3);
		}
	}
}

static void assert_marks_as_plain(const struct totals *totals, const struct dictionary_node *nodes,
				  uint32_t n, const uint64_t *value)
{
	uint64_t truncated = 0, unnamed = value[0];

	for (uint32_t i = 1; i < n; i++) {
		const struct dictionary_location *leaf = &locations[nodes[i].location];
		bool cut = false;

		for (uint32_t node = i; node; node = nodes[node].parent)
			cut = cut || nodes[node].location == AT_CUT;
		truncated += cut ? value[i] : 0;
		if ((leaf->kind != LOCATION_SYNTHETIC && !leaf->n_frames) ||
		    nodes[i].location == AT_CUT)
			unnamed += value[i];
	}
	assert_int_equal(totals_truncated(totals), truncated);
	assert_int_equal(totals_unnamed(totals), unnamed);
}

/* Every sample has a row, also those without a stack, and no row is more than all. */
static void assert_self_adds_up(struct totals *totals, uint32_t n, const uint64_t *value)
{
	const struct totals_row *rows;
	uint64_t self = 0, self_count = 0, whole = 0;
	size_t n_rows;

	for (uint32_t i = 0; i < n; i++)
		whole += value[i];
	assert_int_equal(totals_rows(totals, true, &rows, &n_rows), 0);
	for (size_t i = 0; i < n_rows; i++) {
		assert_true(rows[i].self <= rows[i].total && rows[i].total <= whole);
		self += rows[i].self;
		self_count += rows[i].self_count;
	}
	assert_int_equal(self, whole);
	assert_int_equal(self_count, 3 * whole);
}

static void test_samples_without_a_stack(void **state)
{
	static const struct dictionary_node nodes[] = {{0, 0}, {0, AT_MAIN}};
	static const uint64_t value[] = {7, 5}, count[] = {70, 50};
	const struct dictionary dictionary = dictionary_of(nodes, 2);
	_cleanup_(totals_freep) struct totals *totals = NULL;

	(void)state;
	assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
	assert_int_equal(totals_add(totals, &dictionary, value, count), 0);
	assert_row(totals, "", "", UNKNOWN_NO_MAPPING, 7, 7);
	assert_row(totals, "main", "/bin/a", 0, 5, 5);
}

/* Within a partition, and over partitions. */
static void test_sums_out_of_range(void **state)
{
	static const struct dictionary_node nodes[] = {{0, 0}, {0, AT_MAIN}, {1, AT_F}};
	static const uint64_t wraps[] = {0, UINT64_MAX, 1}, most[] = {0, UINT64_MAX, 0},
			      one[] = {0, 0, 1}, none[3];
	const struct dictionary dictionary = dictionary_of(nodes, 3);
	_cleanup_(totals_freep) struct totals *totals = NULL;

	(void)state;
	assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
	assert_int_equal(totals_add(totals, &dictionary, wraps, none), -EBADMSG);
	assert_int_equal(totals_add(totals, &dictionary, none, wraps), -EBADMSG);
	assert_int_equal(totals_add(totals, &dictionary, most, none), 0);
	assert_int_equal(totals_add(totals, &dictionary, one, none), -EBADMSG);
}

static void test_random_tries(void **state)
{
	static struct dictionary_node nodes[MAX_NODES];
	static uint64_t value[MAX_NODES], count[MAX_NODES];

	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		_cleanup_(totals_freep) struct totals *totals = NULL;
		struct dictionary dictionary;
		uint32_t n;

		srandom(seed);
		n = 1 + (uint32_t)random() % (MAX_NODES - 1);
		dictionary = dictionary_of(nodes, n);
		for (uint32_t i = 0; i < n; i++) {
			uint32_t reach = seed % 2 ? i : i < 3 ? i : 3;

			/* Deep tries by even seeds, flat ones by odd ones. */
			nodes[i].parent = i ? i - 1 - (uint32_t)random() % reach : 0;
			nodes[i].location = i ? 1 + (uint32_t)random() % (N_LOCATIONS - 1) : 0;
			value[i] = random() % 4 ? 0 : (uint64_t)random() % 1000;
			count[i] = value[i] * 3;
		}
		assert_int_equal(totals_new(TOTALS_BY_FUNCTION, &totals), 0);
		assert_int_equal(totals_add(totals, &dictionary, value, count), 0);
		assert_as_plain(totals, nodes, n, value);
		assert_marks_as_plain(totals, nodes, n, value);
		assert_self_adds_up(totals, n, value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_hand),
		cmocka_unit_test(test_by_module),
		cmocka_unit_test(test_spreads),
		cmocka_unit_test(test_partitions_are_merged),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_samples_without_a_stack),
		cmocka_unit_test(test_sums_out_of_range),
		cmocka_unit_test(test_random_tries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
