// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * answer_text.c - see answer_text.h.
 */
#include "answer_text.h"

#include <inttypes.h>
#include <stdio.h>

#include "cleanup.h"
#include "estimate_text.h"
#include "foreign_text.h"
#include "losses_text.h"
#include "units.h"
#include "window_text.h"

void answer_text_window(const struct query *query, const struct store_summary *s, const char *what)
{
	_cleanup_free_ char *copy = NULL;
	const char *host = foreign_text_printable(query->span.host, &copy);
	uint64_t width_ns = s->until_ns - s->since_ns;
	char range[WINDOW_TEXT_MAX], width[24], covered[24], note[48] = "";

	window_text_range(s->since_ns, s->until_ns, range, sizeof(range));
	units_format_span(width_ns, width, sizeof(width));
	if (s->covered_ns < width_ns) {
		units_format_span(s->covered_ns, covered, sizeof(covered));
		(void)snprintf(note, sizeof(note), ", %s covered", covered);
	}
	if (host && *host)
		printf("host %s  ", host);
	printf("%s  %s (%s%s)\n", what, range, width, note);
}

/* What the average of a time over the window is called. */
static const char *const at_once[EVENT_MAX] = {
	[EVENT_OFFCPU] = "threads blocked",
	[EVENT_RUNQ] = "threads waiting for a CPU",
	[EVENT_WALL] = "threads running or waiting",
	[EVENT_WAKER] = "threads blocked",
	[EVENT_BLOCKIO] = "under way",
};

static void print_waiting(const struct query *query, const struct event_answer *answer)
{
	const struct store_summary *s = &answer->summary;
	double covered = (double)s->covered_ns;

	if (query->event == EVENT_WALL)
		printf("%" PRIu64 " samples and waits", query_whole_samples(s->count));
	else
		printf("%" PRIu64 " waits (%" PRIu64 " seen)", query_whole_samples(s->count),
		       answer->n_seen);
	if (s->covered_ns > 0) {
		printf(", %.3f %s on average", (double)s->value / covered, at_once[query->event]);
		if (s->value != s->machine_value)
			printf(" (machine: %.3f)", (double)s->machine_value / covered);
	}
	puts("\n");
}

static void print_io(const struct query *query, const struct event_answer *answer)
{
	const struct store_summary *s = &answer->summary;
	double covered = (double)s->covered_ns;
	char rate[24];

	printf("%" PRIu64 " I/Os", query_whole_samples(s->count));
	if (answer->is_estimate)
		printf(" (%" PRIu64 " sampled)", answer->n_seen);
	if (s->covered_ns > 0 && query->event == EVENT_BLOCKIO) {
		printf(", %.3f %s on average", (double)s->value / covered, at_once[query->event]);
	} else if (s->covered_ns > 0) {
		units_format_bytes((uint64_t)((double)s->value * NSEC_PER_SEC / covered), rate,
				   sizeof(rate));
		printf(", %s/s", rate);
	}
	puts("\n");
}

static void print_busy(const struct event_answer *answer)
{
	const struct store_summary *s = &answer->summary;

	printf("%" PRIu64 " samples", query_whole_samples(s->count));
	if (s->period_ns > 0)
		printf(" at %.4g Hz", (double)NSEC_PER_SEC / (double)s->period_ns);
	if (s->covered_ns > 0) {
		double covered = (double)s->covered_ns;

		printf(", %.2f cores busy of %" PRIu32, (double)s->value / covered, s->n_cpus);
		if (s->value != s->machine_value)
			printf(" (machine: %.2f)", (double)s->machine_value / covered);
	}
	puts("\n");
}

void answer_text_head(const struct query *query, const struct event_answer *answer)
{
	answer_text_window(query, &answer->summary, event_name(query->event));
	if (query->event == EVENT_CPU)
		print_busy(answer);
	else if (event_is_io(query->event))
		print_io(query, answer);
	else
		print_waiting(query, answer);
}

void answer_text_foot(const struct event_answer *answer)
{
	char losses[LOSSES_TEXT_MAX], sure[ESTIMATE_TEXT_MAX];

	estimate_text(answer, sure, sizeof(sure));
	if (*sure)
		printf("Of the %s: %s.\n", answer->is_io ? "I/O" : "waits", sure);
	if (answer->summary.n_losses > 0) {
		losses_text(&answer->summary, losses, sizeof(losses));
		printf("Counted: %s\n", losses);
	}
}
