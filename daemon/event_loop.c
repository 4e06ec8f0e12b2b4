// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * event_loop.c - see event_loop.h.
 */
#include "event_loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 16

int event_loop_init(struct event_loop *loop)
{
	*loop = (struct event_loop){.epoll_fd = epoll_create1(EPOLL_CLOEXEC)};
	return loop->epoll_fd < 0 ? -errno : 0;
}

void event_loop_done(struct event_loop *loop)
{
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	loop->epoll_fd = -1;
}

int event_loop_add(struct event_loop *loop, struct event_source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = source};

	return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, source->fd, &event) < 0 ? -errno : 0;
}

static uint64_t mono_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static int dispatch(struct event_loop *loop, struct event_source *source)
{
	uint64_t before_ns = mono_now_ns(), took_ns;
	int r = source->ready(source);

	if (r > 0)
		loop->again = source;
	took_ns = mono_now_ns() - before_ns;
	if (took_ns > EVENT_LOOP_STALL_NS)
		loop->n_stalls++;
	if (took_ns > loop->max_stall_ns)
		loop->max_stall_ns = took_ns;
	return r;
}

int event_loop_run(struct event_loop *loop)
{
	struct epoll_event events[EVENTS_AT_ONCE];

	while (!loop->stopping) {
		struct event_source *again = loop->again;
		int n = epoll_wait(loop->epoll_fd, events, EVENTS_AT_ONCE, again ? 0 : -1);

		if (n < 0 && errno != EINTR)
			return -errno;
		loop->again = NULL;
		for (int i = 0; i < n && !loop->stopping; i++) {
			int r = dispatch(loop, events[i].data.ptr);

			if (r < 0)
				return r;
		}
		if (again && !loop->again && !loop->stopping) {
			int r = dispatch(loop, again);

			if (r < 0)
				return r;
		}
	}
	return 0;
}

void event_loop_stop(struct event_loop *loop)
{
	loop->stopping = true;
}
