/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * series_group.h - which process, thread or unit a series belongs to, and whose names that has: for
 * sums over any number of partitions, whose own strings go. Private to schema/.
 */
#ifndef PROFD_SERIES_GROUP_H
#define PROFD_SERIES_GROUP_H

#include "series_totals.h"
#include "string_table.h"

/* Compared by its bytes: it has no padding. */
struct series_group_key {
	uint64_t start_boot_ns;
	uint32_t pid, tid, unit, container; /* the last two are strings */
};

/* Strings, and of which series they are. */
struct series_group_names {
	uint64_t weight;
	uint32_t comm, exe, unit, container;
	bool are_set, of_main_thread;
};

/* Sets *ret. Returns 0 or -ENOMEM. */
int series_group_key(enum series_totals_by by, struct string_table *strings,
		     const struct profile_series *series, struct series_group_key *ret);

/*
 * Takes the names of a series of the group when they are better than those it has: of a main thread
 * rather than of another, then of the greater weight. A name is better than none. Returns 0 or
 * -ENOMEM.
 */
int series_group_take_names(enum series_totals_by by, struct string_table *strings,
			    const struct profile_series *series, uint64_t weight,
			    struct series_group_names *names);

#endif
