/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * filter.h - which samples are not kept: [filter] of profd.conf. Pure.
 *
 * It decides over what comes after it was set, so that a reload changes the future and not the
 * past. What it refuses is counted by the caller, with its weight.
 */
#ifndef PROFD_FILTER_H
#define PROFD_FILTER_H

#include "config.h"

#include <stdbool.h>

struct filter {
	struct config_patterns units, comms;
};

/* Copies what it needs of the configuration. */
void filter_init(struct filter *filter, const struct config *config);

/* Nothing is excluded: the caller may save looking up what the filter asks for. */
static inline bool filter_is_empty(const struct filter *filter)
{
	return !filter->units.n && !filter->comms.n;
}

/*
 * Whether a sample of a thread with that name, in the cgroup of that path (NULL or "": not known),
 * is kept. A pattern for units refuses what lies below a slice or unit that it matches, as
 * cgroup_path_has_unit() has it. An unknown cgroup is in no unit.
 */
bool filter_passes(const struct filter *filter, const char *comm, const char *cgroup_path);

#endif
