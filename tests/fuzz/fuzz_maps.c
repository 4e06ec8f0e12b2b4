// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_maps.c - any text as /proc/PID/maps: what is kept is in order and is found again.
 */
#include "process/mappings.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mappings mappings;

	if (mappings_parse((const char *)data, size, &mappings) < 0)
		return 0;
	for (size_t i = 0; i < mappings.n; i++) {
		const struct mapping *m = &mappings.entries[i];

		if (m->start >= m->end || mappings_find(&mappings, m->start) != m ||
		    mappings_find(&mappings, m->end - 1) != m || !mappings_path(&mappings, m))
			abort();
	}
	mappings_done(&mappings);
	return 0;
}
