/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolver_client.h - asks for identities and names without waiting for them.
 *
 * Foreign files are read by profd-resolver, a process without privilege (resolver_names.h), which a
 * thread of this client asks: when it dies or hangs, the thread waits for the next one, and nothing
 * else does. Requests and answers are messages that share nothing with the event loop; answers come
 * in the order of the requests.
 */
#ifndef PROFD_RESOLVER_CLIENT_H
#define PROFD_RESOLVER_CLIENT_H

#include "profile.h"
#include "symbols/kernel_symbols.h"
#include "symbols/resolver_program.h"

struct resolver_client;

struct resolver_question {
	uint32_t file; /* number */
	uint64_t offset;
};

enum resolver_reply_kind { RESOLVER_IDENTITY, RESOLVER_NAMES, RESOLVER_KERNEL };

struct resolver_name {
	struct resolver_question question;
	enum unknown_reason unknown; /* UNKNOWN_NONE: there is a name */
	char *function;		     /* NULL when there is none */
};

struct resolver_reply {
	enum resolver_reply_kind kind;
	/* RESOLVER_IDENTITY: identity_len is 0 when the file could not be read; error says why. */
	uint32_t file;
	bool is_build_id;
	uint8_t identity_len;
	uint8_t identity[PROFILE_IDENTITY_MAX];
	/* RESOLVER_NAMES */
	struct resolver_name *names;
	size_t n_names;
	/* RESOLVER_KERNEL: NULL when it could not be read, and then error says why. */
	struct kernel_symbols *kernel; /* the receiver takes it and sets NULL */
	int error;
};

/* `program` is borrowed. Returns 0 or negative errno of making the thread. */
int resolver_client_new(const struct resolver_program *program, struct resolver_client **ret);
/* Ends the thread and the process; questions that have no answer yet are dropped. */
struct resolver_client *resolver_client_free(struct resolver_client *client);

/* Readable when there may be an answer. */
int resolver_client_fd(const struct resolver_client *client);
/* Whether every request has been answered and every answer was taken. */
bool resolver_client_idle(const struct resolver_client *client);

/* How often profd-resolver had to be started again, as known by the answers that were taken. */
uint64_t resolver_client_restarts(const struct resolver_client *client);

/* Requests. -EAGAIN when too many wait; the descriptor is closed then. */
int resolver_client_add_file(struct resolver_client *client, uint32_t file, int take_fd);
int resolver_client_remove_file(struct resolver_client *client, uint32_t file);
int resolver_client_ask_names(struct resolver_client *client,
			      const struct resolver_question *questions, size_t n);
int resolver_client_load_kernel(struct resolver_client *client);

/* The next answer, to be freed by resolver_reply_free(), or NULL when there is none. */
struct resolver_reply *resolver_client_take(struct resolver_client *client);
struct resolver_reply *resolver_reply_free(struct resolver_reply *reply);

#endif
