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

/* What the ledger did not say, or says otherwise. */
static void print_ledger(FILE *f, const struct event_answer *a)
{
	char ns[24];

	if (!a->has_ledger) {
		(void)fputs("; no ledger says what was not sampled", f);
	} else if (a->by_reason && a->not_sampled_ns > 0) {
		units_format_seconds(a->not_sampled_ns, ns, sizeof(ns));
		(void)fprintf(f, "; beside it %s not sampled, of any reason", ns);
	} else if (a->overrun_ns > 0) {
		units_format_seconds(a->overrun_ns, ns, sizeof(ns));
		(void)fprintf(f, "; %s more than the ledger has", ns);
	}
}

void estimate_text(const struct event_answer *a, char *buf, size_t size)
{
	const char *plus_minus = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\302\261" : "+/-";
	uint64_t rest = event_answer_has_rest(a) ? a->not_sampled_ns : 0;
	uint64_t whole = a->exact_ns + a->sampled_ns + rest;
	FILE *f = a->is_estimate ? fmemopen(buf, size, "w") : NULL;

	buf[0] = '\0';
	if (!f)
		return;
	if (whole == 0) {
		(void)fputs("none was recorded", f);
		(void)fclose(f);
		return;
	}
	/* No sample of block I/O is exact, and the sums that they share out are. */
	if (!a->is_io)
		(void)fprintf(f, "exact %.1f %%, ", percent(a->exact_ns, whole));
	(void)fprintf(f, "sampled %.1f %% (%s %.1f %% of the total)", percent(a->sampled_ns, whole),
		      plus_minus, percent(a->half_width_ns, whole));
	if (a->has_ledger && !a->by_reason)
		(void)fprintf(f, ", not sampled %.1f %%", percent(rest, whole));
	print_ledger(f, a);
	if (a->kernel_only_ns > 0)
		(void)fprintf(f, "; %.1f %% with kernel frames only",
			      percent(a->kernel_only_ns, whole));
	if (a->gate_ns > 0)
		(void)fprintf(f, "; %.1f %% seen while switches were too many to look at each",
			      percent(a->gate_ns, whole));
	(void)fclose(f);
	buf[size - 1] = '\0';
}
