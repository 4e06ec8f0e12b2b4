/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * profiler.h - the pipeline put together: collectors to attribution to bucket to writer.
 *
 * Owns every part and the event loop that drives them; knows no option or signal (main.c does).
 */
#ifndef PROFD_PROFILER_H
#define PROFD_PROFILER_H

#include "cleanup.h"
#include "config.h"
#include "event_loop.h"

#define PROFILER_ERROR_MAX 1024

struct perf_opener;
struct profiler;

struct profiler_error {
	char text[PROFILER_ERROR_MAX]; /* what is wrong and what to do next */
};

/* Probes, opens the store, loads; does not sample yet. `perf_opener` has to outlive the profiler.
 * Returns 0 or negative errno and a text. */
int profiler_new(const struct config *config, struct perf_opener *perf_opener,
		 struct profiler **ret, struct profiler_error *error);
struct profiler *profiler_free(struct profiler *profiler);
DEFINE_CLEANUP(struct profiler *, profiler_free);

/* For further sources of main's: signals. */
struct event_loop *profiler_loop(struct profiler *profiler);

/*
 * Goes on with another configuration, without losing what was sampled. Returns 0; or an error of
 * config_reloadable() with its text, and then everything stays as it was.
 */
int profiler_reload(struct profiler *profiler, const struct config *next,
		    struct profiler_error *error);

/* What systemd is told when profd is ready and when a reload ends; `refusal` says why it was
 * refused, and stands in the status until the next; NULL: it was not. */
void profiler_say_ready(const struct profiler *profiler, const char *refusal);

/* Samples until the loop is stopped, then writes the open bucket. */
int profiler_run(struct profiler *profiler, struct profiler_error *error);

#endif
