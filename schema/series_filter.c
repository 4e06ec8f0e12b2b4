// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * series_filter.c - any of the values of a kind, and all kinds that have one. No pattern stands for
 * a name that is not there: '--container *' is what runs in one.
 */
#include "series_filter.h"

#include <fnmatch.h>
#include <string.h>

#include "cgroup_path.h"

/* As many digits of a container's id are enough: what docker prints. */
#define SHORT_ID_DIGITS 12

bool series_filter_is_set(const struct store_filter *filter)
{
	return filter->n_pids || filter->n_tids || filter->n_comms || filter->n_exes ||
	       filter->n_units || filter->n_containers;
}

static bool any_number(const uint32_t *numbers, uint32_t n, uint32_t number)
{
	for (uint32_t i = 0; i < n; i++)
		if (numbers[i] == number)
			return true;
	return n == 0;
}

typedef bool (*matches)(const char *pattern, const struct profile_series *series);

static bool any_pattern(const char *const *patterns, uint32_t n, matches match,
			const struct profile_series *series)
{
	for (uint32_t i = 0; i < n; i++)
		if (match(patterns[i], series))
			return true;
	return n == 0;
}

static bool comm_matches(const char *pattern, const struct profile_series *series)
{
	return fnmatch(pattern, series->comm, 0) == 0;
}

static bool exe_matches(const char *pattern, const struct profile_series *series)
{
	const char *slash = strchr(pattern, '/') ? NULL : strrchr(series->exe, '/');

	return *series->exe && fnmatch(pattern, slash ? slash + 1 : series->exe, 0) == 0;
}

/* A store may hold units without paths. */
static bool unit_matches(const char *pattern, const struct profile_series *series)
{
	return cgroup_path_has_unit(series->cgroup, pattern) ||
	       (*series->unit && cgroup_unit_matches(series->unit, pattern));
}

static bool is_hex(const char *text)
{
	return text[strspn(text, "0123456789abcdef")] == '\0';
}

static bool container_matches(const char *pattern, const struct profile_series *series)
{
	size_t len = strlen(pattern);

	if (!*series->container)
		return false;
	if (fnmatch(pattern, series->container, 0) == 0)
		return true;
	return len >= SHORT_ID_DIGITS && is_hex(pattern) && is_hex(series->container) &&
	       strncmp(pattern, series->container, len) == 0;
}

bool series_filter_passes(const struct store_filter *filter, const struct profile_series *series)
{
	const struct store_filter *f = filter;

	return any_number(f->pids, f->n_pids, series->pid) &&
	       any_number(f->tids, f->n_tids, series->tid) &&
	       any_pattern(f->comms, f->n_comms, comm_matches, series) &&
	       any_pattern(f->exes, f->n_exes, exe_matches, series) &&
	       any_pattern(f->units, f->n_units, unit_matches, series) &&
	       any_pattern(f->containers, f->n_containers, container_matches, series);
}
