// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * filter.c - see filter.h.
 */
#include "filter.h"

#include "cgroup_path.h"

#include <fnmatch.h>
#include <string.h>

void filter_init(struct filter *filter, const struct config *config)
{
	*filter = (struct filter){.units = config->exclude_units, .comms = config->exclude_comms};
}

static bool is_comm(const char *comm, const char *pattern)
{
	return fnmatch(pattern, comm, 0) == 0;
}

static bool any_matches(const struct config_patterns *patterns, const char *text,
			bool (*matches)(const char *text, const char *pattern))
{
	const char *pattern = patterns->text;

	for (uint32_t i = 0; i < patterns->n; i++, pattern += strlen(pattern) + 1)
		if (matches(text, pattern))
			return true;
	return false;
}

bool filter_passes(const struct filter *filter, const char *comm, const char *cgroup_path)
{
	return !any_matches(&filter->comms, comm, is_comm) &&
	       (!cgroup_path || !any_matches(&filter->units, cgroup_path, cgroup_path_has_unit));
}
