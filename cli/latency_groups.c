// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * latency_groups.c - see latency_groups.h. A cell is one bin of one group; when all are there they
 * are put in order, so that each group's lie together by rising bin.
 */
#include "latency_groups.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include "id_table.h"
#include "latency_open.h"
#include "string_table.h"

struct group {
	uint64_t start_boot_ns; /* the key, compared by its bytes, */
	uint32_t pid, tid, unit, container, reason, node;
	uint64_t count, total_ns; /* ends here */
	uint64_t open_count, open_ns, open_max_ns;
	uint64_t ledger_max_ns;
	uint32_t first_bin, n_bins;
	uint64_t p50_ns, p95_ns, p99_ns, max_ns;
};

struct cell {
	uint32_t group, bin; /* the key */
	uint64_t count;
};

struct latency_groups {
	struct string_table strings;
	struct id_table groups, cells;
	struct latency_open open;
	struct latency_bin *bins;
};

int latency_groups_new(struct latency_groups **ret)
{
	struct latency_groups *g = calloc(1, sizeof(*g));

	if (!g)
		return -ENOMEM;
	string_table_init(&g->strings);
	id_table_init(&g->groups, sizeof(struct group), offsetof(struct group, count));
	id_table_init(&g->cells, sizeof(struct cell), offsetof(struct cell, count));
	latency_open_init(&g->open);
	*ret = g;
	return 0;
}

struct latency_groups *latency_groups_free(struct latency_groups *g)
{
	if (g) {
		string_table_done(&g->strings);
		id_table_done(&g->groups);
		id_table_done(&g->cells);
		latency_open_done(&g->open);
		free(g->bins);
	}
	free(g);
	return NULL;
}

static struct group *group_at(const struct latency_groups *g, uint32_t id)
{
	return id_table_at(&g->groups, id);
}

int latency_groups_find(struct latency_groups *g, const struct latency_key *key, uint32_t *ret)
{
	struct group group = {
		.start_boot_ns = key->start_boot_ns,
		.pid = key->pid,
		.tid = key->tid,
		.reason = key->reason,
		.node = key->node,
	};
	int r = string_table_intern(&g->strings, key->unit, &group.unit);

	if (r == 0)
		r = string_table_intern(&g->strings, key->container, &group.container);
	if (r == 0)
		r = id_table_intern(&g->groups, &group, ret);
	return r < 0 ? r : 0;
}

static bool add(uint64_t *sum, uint64_t more)
{
	return !__builtin_add_overflow(*sum, more, sum);
}

int latency_groups_add(struct latency_groups *g, uint32_t id, const struct event_row *row,
		       const struct profile_series *series)
{
	struct cell key = {.group = id, .bin = row->class.bin}, *cell;
	struct group *group = group_at(g, id);
	uint32_t cell_id;
	int r;

	if (!add(&group->total_ns, row->row.value) || !add(&group->count, row->row.count))
		return -EBADMSG;
	r = latency_open_add(&g->open, series, row, id);
	if (r < 0 || row->row.count == 0 || key.bin == LATENCY_BIN_NONE ||
	    key.bin > LATENCY_BIN_MAX)
		return r;
	r = id_table_intern(&g->cells, &key, &cell_id);
	if (r < 0)
		return r;
	cell = id_table_at(&g->cells, cell_id);
	return add(&cell->count, row->row.count) ? 0 : -EBADMSG;
}

void latency_groups_set_max(struct latency_groups *g, uint32_t id, uint64_t max_ns)
{
	struct group *group = group_at(g, id);

	if (max_ns > group->ledger_max_ns)
		group->ledger_max_ns = max_ns;
}

static void add_open(void *ctx, const struct latency_open_part *part)
{
	struct latency_groups *g = ctx;
	struct group *group = group_at(g, part->group);

	group->open_count += part->count;
	group->open_ns += part->ns; /* part of total_ns: it is in range */
	if (part->wait_ns > group->open_max_ns)
		group->open_max_ns = part->wait_ns;
}

static int by_group_and_bin(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	return x->bin < y->bin ? -1 : x->bin > y->bin;
}

/* The cells leave their table, which is of no use any more, in order. */
static int order_cells(struct latency_groups *g)
{
	uint32_t n = g->cells.n - 1;
	struct cell *cells = n > 0 ? id_table_at(&g->cells, 1) : NULL;

	g->bins = calloc((size_t)n + 1, sizeof(*g->bins));
	if (!g->bins)
		return -ENOMEM;
	if (n > 0)
		qsort(cells, n, sizeof(*cells), by_group_and_bin);
	for (uint32_t i = 0; i < n; i++) {
		struct group *group = group_at(g, cells[i].group);

		if (group->n_bins++ == 0)
			group->first_bin = i;
		g->bins[i] = (struct latency_bin){cells[i].bin, cells[i].count};
	}
	return 0;
}

static void find_longest(const struct latency_groups *g, struct group *group, uint64_t all_max_ns)
{
	uint64_t known_ns = group->ledger_max_ns ? group->ledger_max_ns : all_max_ns;
	uint64_t least_ns = 0, most_ns = 0;

	if (group->n_bins > 0) {
		uint32_t highest = g->bins[group->first_bin + group->n_bins - 1].bin;

		least_ns = latency_bin_from_ns(highest);
		most_ns = latency_bin_until_ns(highest);
	}
	/* A ledger that was not measured (gate mode) may know of shorter ones only. */
	if (group->ledger_max_ns && known_ns >= least_ns)
		group->max_ns = known_ns;
	else
		group->max_ns =
			known_ns >= least_ns && known_ns < most_ns && known_ns ? known_ns : most_ns;
	if (group->open_max_ns > group->max_ns)
		group->max_ns = group->open_max_ns;
}

/* The upper bound of the bin in which the wait lies that `share` of them do not exceed. */
static uint64_t percentile(const struct latency_groups *g, const struct group *group, double share)
{
	const struct latency_bin *bins = g->bins + group->first_bin;
	double all = 0, so_far = 0;
	uint64_t ns = 0;

	for (uint32_t i = 0; i < group->n_bins; i++)
		all += (double)bins[i].count;
	for (uint32_t i = 0; i < group->n_bins; i++) {
		so_far += (double)bins[i].count;
		ns = latency_bin_until_ns(bins[i].bin);
		if (so_far >= share * all)
			break;
	}
	return group->max_ns && ns > group->max_ns ? group->max_ns : ns;
}

int latency_groups_finish(struct latency_groups *g, uint64_t last_bucket, uint64_t max_ns)
{
	int r = latency_open_finish(&g->open, last_bucket, add_open, g);

	if (r == 0)
		r = order_cells(g);
	for (uint32_t id = 1; r == 0 && id < g->groups.n; id++) {
		struct group *group = group_at(g, id);

		find_longest(g, group, max_ns);
		group->p50_ns = percentile(g, group, 0.50);
		group->p95_ns = percentile(g, group, 0.95);
		group->p99_ns = percentile(g, group, 0.99);
	}
	return r;
}

uint32_t latency_groups_n(const struct latency_groups *g)
{
	return g->groups.n;
}

void latency_groups_get(const struct latency_groups *g, uint32_t id, struct latency *ret)
{
	const struct group *group = group_at(g, id);

	*ret = (struct latency){
		.reason = group->reason,
		.node = group->node,
		.count = group->count,
		.total_ns = group->total_ns,
		.open_count = group->open_count,
		.open_ns = group->open_ns,
		.p50_ns = group->p50_ns,
		.p95_ns = group->p95_ns,
		.p99_ns = group->p99_ns,
		.max_ns = group->max_ns,
		.bins = g->bins + group->first_bin,
		.n_bins = group->n_bins,
	};
}

static double width_pct(uint32_t bin)
{
	double from = (double)latency_bin_from_ns(bin);

	return from > 0 ? 100.0 * ((double)latency_bin_until_ns(bin) - from) / from : 0;
}

double latency_groups_resolution(const struct latency_groups *g)
{
	double worst = 0;

	for (uint32_t id = 1; id < g->cells.n; id++) {
		const struct cell *cell = id_table_at(&g->cells, id);

		if (width_pct(cell->bin) > worst)
			worst = width_pct(cell->bin);
	}
	/* Nothing has ended: what any of them would have, two bins an octave. */
	return worst > 0 ? worst : width_pct(latency_bin_of(1024));
}
