/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - the control socket: a handful of fixed requests, each answered by one line of JSON.
 *
 * Owns the socket, its clients and their deadlines, and never blocks: all of it is behind one
 * descriptor for the event loop. What a request does is its owner's, who answers at once or later.
 * A client has one request. Who may not ask is told so without being read from, and so holds
 * nothing that others need.
 */
#ifndef PROFD_CONTROL_H
#define PROFD_CONTROL_H

#include "cleanup.h"
#include "control_access.h"

#define CONTROL_CLIENTS_MAX	    8
#define CONTROL_REQUEST_DEADLINE_NS 5000000000ull  /* from connecting to the request */
#define CONTROL_ANSWER_DEADLINE_NS  30000000000ull /* from the request to the answer */

struct control;

/* One request to be answered; a value, to be kept and passed on freely. */
struct control_call {
	struct control *control;
	uint64_t id;
};

/* `argument` is what follows the request's name and a blank; valid during the call. */
typedef void control_handler(void *ctx, struct control_call call, const char *argument);

/* What the requests do; every one is set. A handler may answer before it returns. */
struct control_ops {
	control_handler *flush;	 /* answers when all samples until now are in the store */
	control_handler *status; /* answers at once, see control_status.h */
};

struct control_options {
	const char *directory; /* of the socket */
	struct control_rule rule;
	struct control_ops ops;
	void *ctx;
	uint64_t request_deadline_ns, answer_deadline_ns; /* 0: those above */
};

struct control_counters {
	uint64_t n_requests; /* given to a handler */
	uint64_t n_denied;   /* by control_access() */
	uint64_t n_busy;     /* came when there were CONTROL_CLIENTS_MAX */
	uint64_t n_late;     /* ran into a deadline */
};

/* Listens. Returns 0, the errors of control_socket_listen(), or -errno of epoll, with a text. */
int control_new(const struct control_options *options, struct control **ret,
		struct control_error *error);
/* Closes what is open without an answer, and removes the socket. */
struct control *control_free(struct control *control);
DEFINE_CLEANUP(struct control *, control_free);

/* Readable when control_dispatch() has something to do. */
int control_fd(const struct control *control);
void control_dispatch(struct control *control);

/* Answers with one line of JSON that begins with {"ok":true or {"ok":false. Does nothing when the
 * client is gone, or was answered before, or its time was over. NULL: there was no memory. */
void control_reply(struct control_call call, const char *json);
/* Answers {"ok":false,"error":why}. */
void control_refuse(struct control_call call, const char *why);

const struct control_counters *control_counters(const struct control *control);

#endif
