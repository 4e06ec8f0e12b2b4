// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * losses_text.c - what was lost, by name, as a line of text.
 */
#include "losses_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "foreign_text.h"
#include "units.h"

void losses_text(const struct store_summary *summary, char *buf, size_t size)
{
	size_t used = 0;

	(void)snprintf(buf, size, "none");
	for (uint32_t i = 0; i < summary->n_losses; i++) {
		const struct store_loss *loss = &summary->losses[i];
		_cleanup_free_ char *copy = NULL;
		const char *name = foreign_text_printable(loss->name, &copy);
		char weight[32] = "", seconds[24];
		int n;

		if (loss->weight_ns > 0) {
			units_format_seconds(loss->weight_ns, seconds, sizeof(seconds));
			(void)snprintf(weight, sizeof(weight), " (%s)", seconds);
		}
		n = snprintf(buf + used, size - used, "%s%s %" PRIu64 "%s", i > 0 ? ", " : "",
			     name ? name : "?", loss->count, weight);
		if (n < 0 || (size_t)n >= size - used) {
			if (used + sizeof("...") <= size)
				memcpy(buf + used, "...", sizeof("..."));
			else
				memcpy(buf + size - sizeof("..."), "...", sizeof("..."));
			return;
		}
		used += (size_t)n;
	}
}
