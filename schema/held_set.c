// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * held_set.c - see held_set.h.
 */
#include "held_set.h"

#include <stdlib.h>

void held_set_done(struct held_set *set)
{
	free(set->now.runs);
	free(set->next.runs);
	*set = (struct held_set){};
}

static int by_key(const void *a, const void *b)
{
	const struct held_run *x = a, *y = b;

	if (x->series != y->series)
		return x->series < y->series ? -1 : 1;
	if (x->node != y->node)
		return x->node < y->node ? -1 : 1;
	if (x->type != y->type)
		return x->type < y->type ? -1 : 1;
	return x->class < y->class ? -1 : x->class > y->class;
}

static uint32_t sort_unique(struct held_run *runs, uint32_t n)
{
	uint32_t unique = 0;

	if (n)
		qsort(runs, n, sizeof(*runs), by_key);
	for (uint32_t i = 0; i < n; i++)
		if (!unique || by_key(&runs[unique - 1], &runs[i]) != 0)
			runs[unique++] = runs[i];
	return unique;
}

int held_set_next(struct held_set *set, struct held_run *runs, uint32_t n,
		  int (*ended)(void *ctx, const struct held_run *run),
		  int (*begun)(void *ctx, const struct held_run *run), void *ctx)
{
	const struct held_runs *now = &set->now;
	uint32_t i = 0, k = 0;
	int r = 0;

	held_set_rollback(set);
	n = sort_unique(runs, n);
	set->next = (struct held_runs){runs, n};
	set->has_next = true;
	while (r == 0 && (i < now->n || k < n)) {
		int order = i == now->n ? 1 : k == n ? -1 : by_key(&now->runs[i], &runs[k]);

		if (order == 0)
			runs[k++].first = now->runs[i++].first;
		else if (order < 0)
			r = ended(ctx, &now->runs[i++]);
		else
			r = begun(ctx, &runs[k++]);
	}
	return r;
}

void held_set_commit(struct held_set *set)
{
	if (!set->has_next)
		return;
	free(set->now.runs);
	set->now = set->next;
	set->next = (struct held_runs){};
	set->has_next = false;
}

void held_set_rollback(struct held_set *set)
{
	free(set->next.runs);
	set->next = (struct held_runs){};
	set->has_next = false;
}
