/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * event_loop.h - epoll over the descriptors of profd's main thread.
 *
 * Owners embed a struct event_source and are called back when their descriptor is readable. The
 * loop measures each callback: one that takes longer than EVENT_LOOP_STALL_NS is counted, because
 * a blocked loop is what loses samples.
 */
#ifndef PROFD_EVENT_LOOP_H
#define PROFD_EVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define EVENT_LOOP_STALL_NS 10000000ull

struct event_source {
	int fd;
	/* Returns 0; 1 when there is more to do, and then it is called again after the others;
	 * < 0 ends the loop with that error. */
	int (*ready)(struct event_source *source);
	void *ctx;
};

struct event_loop {
	int epoll_fd;
	struct event_source *again; /* has more to do */
	bool stopping;
	uint64_t n_stalls;     /* callbacks longer than EVENT_LOOP_STALL_NS */
	uint64_t max_stall_ns; /* the longest one */
};

int event_loop_init(struct event_loop *loop);
void event_loop_done(struct event_loop *loop);

/* `source` and its descriptor stay the caller's and outlive the loop's run. */
int event_loop_add(struct event_loop *loop, struct event_source *source);

/* Runs until event_loop_stop() (0) or an error of a callback or of epoll (negative errno). */
int event_loop_run(struct event_loop *loop);
void event_loop_stop(struct event_loop *loop);

#endif
