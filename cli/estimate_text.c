// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * estimate_text.c - see estimate_text.h.
 */
#include "estimate_text.h"

#include <langinfo.h>
#include <stdio.h>
#include <string.h>

#include "units.h"

static double percent(uint64_t part, uint64_t whole)
{
	return whole > 0 ? 100.0 * (double)part / (double)whole : 0;
}

void estimate_text(const struct event_answer *a, char *buf, size_t size)
{
	const char *plus_minus = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\302\261" : "+/-";
	uint64_t rest = event_answer_has_rest(a) ? a->not_sampled_ns : 0;
	uint64_t whole = a->exact_ns + a->sampled_ns + rest;
	char ns[24], tail[96] = "";
	int n;

	buf[0] = '\0';
	if (!a->is_estimate)
		return;
	if (whole == 0) {
		(void)snprintf(buf, size, "none was recorded");
		return;
	}
	if (!a->has_ledger) {
		(void)snprintf(tail, sizeof(tail), "; no ledger says what was not sampled");
	} else if (a->by_reason && a->not_sampled_ns > 0) {
		units_format_seconds(a->not_sampled_ns, ns, sizeof(ns));
		(void)snprintf(tail, sizeof(tail), "; beside it %s not sampled, of any reason", ns);
	} else if (a->overrun_ns > 0) {
		units_format_seconds(a->overrun_ns, ns, sizeof(ns));
		(void)snprintf(tail, sizeof(tail), "; %s more than the ledger has", ns);
	}
	n = snprintf(buf, size, "exact %.1f %%, sampled %.1f %% (%s %.1f %% of the total)",
		     percent(a->exact_ns, whole), percent(a->sampled_ns, whole), plus_minus,
		     percent(a->half_width_ns, whole));
	if (n > 0 && (size_t)n < size && a->has_ledger && !a->by_reason)
		n += snprintf(buf + n, size - (size_t)n, ", not sampled %.1f %%",
			      percent(rest, whole));
	if (n > 0 && (size_t)n < size)
		(void)snprintf(buf + n, size - (size_t)n, "%s", tail);
}
