// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * series_group.c - see series_group.h.
 */
#include "series_group.h"

int series_group_key(enum series_totals_by by, struct string_table *strings,
		     const struct profile_series *series, struct series_group_key *ret)
{
	int r;

	*ret = (struct series_group_key){0};
	if (by == SERIES_TOTALS_BY_NOTHING)
		return 0;
	/* Without a process, as what is written back, there is the unit to tell it apart. */
	if (by == SERIES_TOTALS_BY_UNIT || !series->pid) {
		r = string_table_intern(strings, series->unit, &ret->unit);
		if (r < 0)
			return r;
		return string_table_intern(strings, series->container, &ret->container);
	}
	ret->pid = series->pid;
	ret->start_boot_ns = series->start_boot_ns;
	if (by == SERIES_TOTALS_BY_THREAD)
		ret->tid = series->tid;
	return 0;
}

static bool is_better(const struct series_group_names *names, bool of_main_thread, uint64_t weight)
{
	if (!names->are_set)
		return true;
	if (of_main_thread != names->of_main_thread)
		return of_main_thread;
	return weight > names->weight;
}

/* Takes a name when it is of the better series, or when there is none yet. */
static int take_name(struct string_table *strings, const char *name, bool better, uint32_t *id)
{
	if (*id && (!better || !*name))
		return 0;
	return string_table_intern(strings, name, id);
}

int series_group_take_names(enum series_totals_by by, struct string_table *strings,
			    const struct profile_series *series, uint64_t weight,
			    struct series_group_names *names)
{
	bool of_main_thread = series->tid == series->pid;
	bool better = is_better(names, of_main_thread, weight);
	int r = 0;

	if (by == SERIES_TOTALS_BY_NOTHING)
		return 0;
	if (better) {
		names->are_set = true;
		names->of_main_thread = of_main_thread;
		names->weight = weight;
	}
	if (by != SERIES_TOTALS_BY_UNIT) {
		r = take_name(strings, series->comm, better, &names->comm);
		if (r == 0)
			r = take_name(strings, series->exe, better, &names->exe);
	}
	if (r == 0)
		r = take_name(strings, series->unit, better, &names->unit);
	if (r == 0)
		r = take_name(strings, series->container, better, &names->container);
	return r;
}
