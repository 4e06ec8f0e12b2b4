// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * totals.c - walks a partition's trie and adds up self and total by key (totals_keys.h). What is
 * read at each node lies in one record, and locations are named in one pass before the walk: an
 * answer's time is mostly that of cache misses.
 */
#include "totals.h"

#include <errno.h>
#include <string.h>

#include "totals_keys.h"

struct totals {
	enum totals_by by;
	struct totals_keys keys;
	struct totals_row *sorted;
	struct estimate_spread *spreads; /* of totals, by key; NULL: none was given */
	uint32_t n_spreads;
	uint64_t value, count; /* of all: no key's sum is larger */
	uint64_t truncated, unnamed;
};

struct walk_node {
	uint64_t value, count;	    /* of the subtree */
	uint32_t first_child, next; /* only nodes with something in or below them */
	uint32_t parent, location;
};

/* What a location is to the walk. */
struct walk_location {
	uint32_t keys; /* the one key, or with more the first one's place in walk.keys */
	uint16_t n;    /* of them; innermost frame first */
	bool used, truncation, named;
};

struct walk {
	struct totals *totals;
	const struct dictionary *dictionary;
	struct walk_node *nodes;
	struct walk_location *locations;
	uint32_t *keys; /* of locations with several frames */
	uint32_t n_keys, keys_capacity;
	/* the last frame that was asked for: neighbours are mostly of one function */
	uint32_t last_function, last_file, last_key;
	uint32_t open_truncations;
	const uint64_t *value, *count;	      /* of the nodes alone */
	const struct estimate_spread *spread; /* as well; NULL: none */
	struct estimate_spread *subtrees;     /* of the subtrees, where there are */
	uint32_t no_leaf;		      /* key of what has no leaf; 0 = there is nothing */
};

int totals_new(enum totals_by by, struct totals **ret)
{
	struct totals *totals = calloc(1, sizeof(*totals));

	if (!totals)
		return -ENOMEM;
	totals->by = by;
	totals_keys_init(&totals->keys);
	*ret = totals;
	return 0;
}

struct totals *totals_free(struct totals *totals)
{
	if (!totals)
		return NULL;
	totals_keys_done(&totals->keys);
	free(totals->sorted);
	free(totals->spreads);
	free(totals);
	return NULL;
}

static void walk_done(struct walk *walk)
{
	free(walk->nodes);
	free(walk->locations);
	free(walk->keys);
	free(walk->subtrees);
}

/* Adds each node to its parent, links what has weight by rising id, marks its locations. Returns 0,
 * or -EBADMSG when a sum is out of range. */
static int sum_subtrees(struct walk *walk)
{
	const struct dictionary *dictionary = walk->dictionary;
	struct walk_node *nodes = walk->nodes;

	for (uint32_t i = 0; i < dictionary->n_nodes; i++)
		nodes[i] = (struct walk_node){.value = walk->value[i],
					      .count = walk->count[i],
					      .parent = dictionary->nodes[i].parent,
					      .location = dictionary->nodes[i].location};
	for (uint32_t i = dictionary->n_nodes - 1; i > 0; i--) {
		struct walk_node *parent = &nodes[nodes[i].parent];

		if (!nodes[i].value && !nodes[i].count)
			continue;
		if (__builtin_add_overflow(parent->value, nodes[i].value, &parent->value) ||
		    __builtin_add_overflow(parent->count, nodes[i].count, &parent->count))
			return -EBADMSG;
		if (walk->spread)
			estimate_spread_add(&walk->subtrees[nodes[i].parent], &walk->subtrees[i]);
		nodes[i].next = parent->first_child;
		parent->first_child = i;
		walk->locations[nodes[i].location].used = true;
	}
	/* The root has them all. With this sum in range every other is. */
	return __builtin_add_overflow(walk->totals->value, nodes[0].value, &walk->totals->value) ||
			       __builtin_add_overflow(walk->totals->count, nodes[0].count,
						      &walk->totals->count)
		       ? -EBADMSG
		       : 0;
}

static uint32_t find_key(struct walk *walk, struct totals_key *key)
{
	if (walk->totals->by == TOTALS_BY_MODULE) {
		key->function = key->source = "";
		key->reason = UNKNOWN_NONE;
	}
	return totals_keys_find(&walk->totals->keys, key);
}

static uint32_t find_frame_key(struct walk *walk, uint32_t function, uint32_t file)
{
	const struct dictionary *dictionary = walk->dictionary;
	struct totals_key key = {
		.function = dictionary->functions[function].name,
		.module = dictionary->files[file].path,
		.source = dictionary->functions[function].source,
	};

	if (walk->last_key && function == walk->last_function && file == walk->last_file)
		return walk->last_key;
	walk->last_function = function;
	walk->last_file = file;
	walk->last_key = find_key(walk, &key);
	return walk->last_key;
}

/* A location of several frames: their keys go into walk->keys. */
static int name_inlined(struct walk *walk, const struct dictionary_location *source,
			struct walk_location *location)
{
	uint32_t need = walk->n_keys + source->n_frames;

	if (need > walk->keys_capacity) {
		uint32_t capacity = need * 2;
		uint32_t *keys = reallocarray(walk->keys, capacity, sizeof(*keys));

		if (!keys)
			return -ENOMEM;
		walk->keys = keys;
		walk->keys_capacity = capacity;
	}
	location->keys = walk->n_keys;
	location->n = (uint16_t)source->n_frames;
	for (uint32_t i = 0; i < source->n_frames; i++) {
		uint32_t function = walk->dictionary->frames[source->first_frame + i].function;
		uint32_t key = find_frame_key(walk, function, source->file);

		if (!key)
			return -ENOMEM;
		walk->keys[walk->n_keys++] = key;
	}
	return 0;
}

static int name_location(struct walk *walk, const struct dictionary_location *source,
			 struct walk_location *location)
{
	const struct dictionary *dictionary = walk->dictionary;
	struct totals_key key = {.function = "", .module = "", .source = ""};

	location->named = true;
	location->n = 1;
	if (source->kind == LOCATION_SYNTHETIC) {
		enum synthetic synthetic = (enum synthetic)source->offset;

		location->truncation = synthetic_is_truncation(synthetic);
		location->n = !location->truncation;
		if (location->truncation)
			return 0;
		key.function = synthetic_name(synthetic);
		location->keys = find_key(walk, &key);
	} else if (!source->n_frames) {
		location->named = false;
		key.module = dictionary->files[source->file].path;
		key.reason = source->unknown ? source->unknown : UNKNOWN_PENDING;
		location->keys = find_key(walk, &key);
	} else if (source->n_frames == 1) {
		location->keys = find_frame_key(
			walk, dictionary->frames[source->first_frame].function, source->file);
	} else {
		return name_inlined(walk, source, location);
	}
	return location->keys ? 0 : -ENOMEM;
}

static int name_locations(struct walk *walk)
{
	const struct dictionary *dictionary = walk->dictionary;

	for (uint32_t id = 0; id < dictionary->n_locations; id++) {
		int r;

		if (!walk->locations[id].used)
			continue;
		r = name_location(walk, &dictionary->locations[id], &walk->locations[id]);
		if (r < 0)
			return r;
	}
	return 0;
}

static const uint32_t *keys_of(const struct walk *walk, const struct walk_location *location)
{
	return location->n > 1 ? walk->keys + location->keys : &location->keys;
}

/* Self of samples without a leaf that could have a name: no stack, or nothing but the mark that it
 * was cut. They have a row as other unnamed ones do, so that self adds up to everything. */
static int add_no_leaf(struct walk *walk, uint64_t value, uint64_t count)
{
	struct totals_key key = {
		.function = "", .module = "", .source = "", .reason = UNKNOWN_NO_MAPPING};
	struct totals_sum *sum;

	if (!value && !count)
		return 0;
	walk->no_leaf = find_key(walk, &key);
	if (!walk->no_leaf)
		return -ENOMEM;
	sum = &walk->totals->keys.sums[walk->no_leaf];
	sum->self += value;
	sum->self_count += count;
	/* Those without any stack are at the root, which the walk does not enter. */
	sum->total += walk->value[0];
	sum->total_count += walk->count[0];
	walk->totals->unnamed += value;
	return 0;
}

static int add_self(struct walk *walk)
{
	const uint64_t *value = walk->value, *count = walk->count;
	struct totals *totals = walk->totals;
	uint64_t no_leaf = value[0], no_leaf_count = count[0];

	for (uint32_t i = 1; i < walk->dictionary->n_nodes; i++) {
		const struct walk_location *location;
		struct totals_sum *sum;

		if (!value[i] && !count[i])
			continue;
		location = &walk->locations[walk->nodes[i].location];
		if (!location->named)
			totals->unnamed += value[i];
		if (!location->n) {
			no_leaf += value[i];
			no_leaf_count += count[i];
			continue;
		}
		sum = &totals->keys.sums[*keys_of(walk, location)];
		sum->self += value[i];
		sum->self_count += count[i];
	}
	return add_no_leaf(walk, no_leaf, no_leaf_count);
}

/* One more entry for each key that has none. Keys are all there before the walk. */
static int make_spreads(struct totals *totals)
{
	uint32_t n = totals->keys.n;
	struct estimate_spread *spreads;

	if (n <= totals->n_spreads)
		return 0;
	spreads = reallocarray(totals->spreads, n, sizeof(*spreads));
	if (!spreads)
		return -ENOMEM;
	memset(spreads + totals->n_spreads, 0, (n - totals->n_spreads) * sizeof(*spreads));
	totals->spreads = spreads;
	totals->n_spreads = n;
	return 0;
}

static void add_spread(struct walk *walk, uint32_t key, const struct estimate_spread *all,
		       size_t node)
{
	if (walk->spread)
		estimate_spread_add(&walk->totals->spreads[key], &all[node]);
}

static void enter(struct walk *walk, const struct walk_node *node)
{
	const struct walk_location *location = &walk->locations[node->location];
	const uint32_t *keys = keys_of(walk, location);

	if (location->truncation && !walk->open_truncations++)
		walk->totals->truncated += node->value;
	if (location->truncation && walk->no_leaf && !walk->totals->keys.sums[walk->no_leaf].open) {
		struct totals_sum *sum = &walk->totals->keys.sums[walk->no_leaf];

		sum->total += walk->value[node - walk->nodes];
		sum->total_count += walk->count[node - walk->nodes];
		add_spread(walk, walk->no_leaf, walk->spread, (size_t)(node - walk->nodes));
	}
	for (uint32_t i = 0; i < location->n; i++) {
		struct totals_sum *sum = &walk->totals->keys.sums[keys[i]];

		if (sum->open++)
			continue;
		sum->total += node->value;
		sum->total_count += node->count;
		add_spread(walk, keys[i], walk->subtrees, (size_t)(node - walk->nodes));
	}
}

static void leave(struct walk *walk, const struct walk_node *node)
{
	const struct walk_location *location = &walk->locations[node->location];
	const uint32_t *keys = keys_of(walk, location);

	walk->open_truncations -= location->truncation;
	for (uint32_t i = 0; i < location->n; i++)
		walk->totals->keys.sums[keys[i]].open--;
}

/* Depth first, by the links alone: a stack may be as deep as the trie. */
static void add_totals(struct walk *walk)
{
	const struct walk_node *nodes = walk->nodes;
	uint32_t i = nodes[0].first_child;

	while (i) {
		enter(walk, &nodes[i]);
		if (nodes[i].first_child) {
			i = nodes[i].first_child;
			continue;
		}
		leave(walk, &nodes[i]);
		while (!nodes[i].next) {
			i = nodes[i].parent;
			if (!i)
				return;
			leave(walk, &nodes[i]);
		}
		i = nodes[i].next;
	}
}

int totals_add(struct totals *totals, const struct dictionary *dictionary, const uint64_t *value,
	       const uint64_t *count)
{
	return totals_add_sampled(totals, dictionary, value, count, NULL);
}

int totals_add_sampled(struct totals *totals, const struct dictionary *dictionary,
		       const uint64_t *value, const uint64_t *count,
		       const struct estimate_spread *spread)
{
	_cleanup_(walk_done) struct walk walk = {.totals = totals,
						 .dictionary = dictionary,
						 .value = value,
						 .count = count,
						 .spread = spread};
	int r;

	if (!dictionary->n_nodes)
		return 0;
	walk.nodes = reallocarray(NULL, dictionary->n_nodes, sizeof(*walk.nodes));
	walk.locations = calloc((size_t)dictionary->n_locations + 1, sizeof(*walk.locations));
	if (!walk.nodes || !walk.locations)
		return -ENOMEM;
	if (spread) {
		walk.subtrees = reallocarray(NULL, dictionary->n_nodes, sizeof(*spread));
		if (!walk.subtrees)
			return -ENOMEM;
		memcpy(walk.subtrees, spread, dictionary->n_nodes * sizeof(*spread));
	}
	r = sum_subtrees(&walk);
	if (r == 0)
		r = name_locations(&walk);
	if (r == 0)
		r = add_self(&walk);
	if (r == 0 && spread)
		r = make_spreads(totals);
	if (r < 0)
		return r;
	/* Those without any stack are at the root, which the walk does not enter. */
	if (walk.no_leaf)
		add_spread(&walk, walk.no_leaf, spread, 0);
	add_totals(&walk);
	return 0;
}

static int by_strings(const struct totals_row *x, const struct totals_row *y)
{
	int order = strcmp(x->function, y->function);

	if (!order)
		order = strcmp(x->module, y->module);
	return order ? order : (int)x->reason - (int)y->reason;
}

static int by_self_falling(const void *a, const void *b)
{
	const struct totals_row *x = a, *y = b;

	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	return by_strings(x, y);
}

static int by_total_falling(const void *a, const void *b)
{
	const struct totals_row *x = a, *y = b;

	if (x->total != y->total)
		return x->total > y->total ? -1 : 1;
	if (x->self != y->self)
		return x->self > y->self ? -1 : 1;
	return by_strings(x, y);
}

int totals_rows(struct totals *totals, bool by_self, const struct totals_row **ret, size_t *ret_n)
{
	const struct totals_keys *keys = &totals->keys;
	struct totals_row *sorted = reallocarray(totals->sorted, keys->n, sizeof(*sorted));

	if (!sorted)
		return -ENOMEM;
	totals->sorted = sorted;
	for (uint32_t i = 1; i < keys->n; i++)
		sorted[i - 1] = (struct totals_row){
			.function = keys->keys[i].function,
			.module = keys->keys[i].module,
			.source = keys->keys[i].source,
			.reason = keys->keys[i].reason,
			.self = keys->sums[i].self,
			.total = keys->sums[i].total,
			.self_count = keys->sums[i].self_count,
			.total_count = keys->sums[i].total_count,
			.spread = i < totals->n_spreads ? totals->spreads[i]
							: (struct estimate_spread){0},
		};
	qsort(sorted, keys->n - 1, sizeof(*sorted), by_self ? by_self_falling : by_total_falling);
	*ret = sorted;
	*ret_n = keys->n - 1;
	return 0;
}

uint64_t totals_truncated(const struct totals *totals)
{
	return totals->truncated;
}

uint64_t totals_unnamed(const struct totals *totals)
{
	return totals->unnamed;
}
