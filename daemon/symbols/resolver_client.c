// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resolver_client.c - the thread that asks profd-resolver, and the two queues to and from it. What
 * is no foreign input, the kernel's symbols, it reads itself.
 */
#include "symbols/resolver_client.h"

#include "cleanup.h"
#include "mailbox.h"
#include "symbols/resolver_names.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define REQUESTS_MAX 8192 /* more than there are files: each is added once */

_Static_assert(PROFILE_IDENTITY_MAX == ELF_IDENTITY_MAX, "identities fit both ways");

enum request_kind { REQUEST_ADD, REQUEST_REMOVE, REQUEST_NAMES, REQUEST_KERNEL };

struct request {
	struct mail mail;
	enum request_kind kind;
	uint32_t file;
	int fd;
	struct reply *reply; /* is there before anybody waits for it; NULL: none is given */
	size_t n;
	struct resolver_question questions[];
};

struct reply {
	struct mail mail;
	struct resolver_reply body;
};

struct resolver_client {
	const struct resolver_program *program;
	struct mailbox requests, replies;
	pthread_t thread;
	struct resolver_names *names; /* the thread's, while it runs */
	int cancel_fd;		      /* readable: the thread is to end, whatever it waits for */
	bool started;
	size_t outstanding; /* answers not taken yet; the event loop's own */
};

static struct reply *reply_of(struct resolver_reply *body)
{
	return (struct reply *)(void *)((char *)body - offsetof(struct reply, body));
}

struct resolver_reply *resolver_reply_free(struct resolver_reply *body)
{
	if (!body)
		return NULL;
	for (size_t i = 0; i < body->n_names; i++)
		free(body->names[i].function);
	free(body->names);
	kernel_symbols_free(body->kernel);
	free(reply_of(body));
	return NULL;
}

/* ---- the thread ---- */

static void answer_identity(struct resolver_names *names, struct request *request,
			    struct resolver_reply *body)
{
	struct elf_identity identity;

	body->kind = RESOLVER_IDENTITY;
	body->file = request->file;
	body->error = resolver_names_add(names, request->file, take_fd(&request->fd), &identity);
	if (body->error < 0)
		return;
	body->is_build_id = identity.is_build_id;
	body->identity_len = identity.len;
	memcpy(body->identity, identity.bytes, identity.len);
}

static void answer_names(struct resolver_names *names, const struct request *request,
			 struct resolver_reply *body)
{
	body->kind = RESOLVER_NAMES;
	body->names = calloc(request->n, sizeof(*body->names));
	if (!body->names)
		return; /* the questions stay open and are asked again */
	body->n_names = request->n;
	for (size_t i = 0; i < request->n; i++)
		body->names[i].question = request->questions[i];
	/* Cancelled, nobody takes the answer. */
	(void)resolver_names_find(names, body->names, body->n_names);
}

static void answer_kernel(struct resolver_reply *body)
{
	body->kind = RESOLVER_KERNEL;
	body->error = kernel_symbols_load(&body->kernel);
	/* The text that was parsed is three times what is kept of it. */
	(void)malloc_trim(0);
}

static void free_request(struct request *request)
{
	if (request->fd >= 0)
		close(request->fd);
	free(request->reply);
	free(request);
}

static void answer(struct resolver_client *client, struct resolver_names *names,
		   struct request *request)
{
	struct reply *reply = take_ptr(request->reply);

	if (request->kind == REQUEST_ADD)
		answer_identity(names, request, &reply->body);
	else if (request->kind == REQUEST_NAMES)
		answer_names(names, request, &reply->body);
	else
		answer_kernel(&reply->body);
	if (mailbox_put(&client->replies, &reply->mail) < 0)
		resolver_reply_free(&reply->body);
}

static void *resolver_thread(void *ctx)
{
	struct resolver_client *client = ctx;
	struct resolver_names *names = client->names;
	struct request *request;

	pthread_setname_np(pthread_self(), "profd-resolver");
	resolver_names_begin(names);
	while ((request = (struct request *)mailbox_wait(&client->requests))) {
		if (request->kind == REQUEST_REMOVE)
			resolver_names_remove(names, request->file);
		else
			answer(client, names, request);
		free_request(request);
	}
	/* The process is the thread's and goes before it. */
	client->names = resolver_names_free(names);
	return NULL;
}

/* ---- the event loop's side ---- */

int resolver_client_new(const struct resolver_program *program, struct resolver_client **ret)
{
	struct resolver_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->program = program;
	client->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r = client->cancel_fd < 0 ? -errno : 0;
	if (r == 0)
		r = mailbox_init(&client->requests, REQUESTS_MAX);
	if (r == 0)
		r = mailbox_init(&client->replies, REQUESTS_MAX);
	if (r == 0)
		r = resolver_names_new(program, client->cancel_fd, &client->names);
	if (r == 0)
		r = -pthread_create(&client->thread, NULL, resolver_thread, client);
	client->started = r == 0;
	if (r < 0) {
		resolver_client_free(client);
		return r;
	}
	*ret = client;
	return 0;
}

struct resolver_client *resolver_client_free(struct resolver_client *client)
{
	struct mail *mail;

	if (!client)
		return NULL;
	if (client->started) {
		while ((mail = mailbox_take(&client->requests)))
			free_request((struct request *)mail);
		mailbox_close(&client->requests);
		(void)eventfd_write(client->cancel_fd, 1);
		pthread_join(client->thread, NULL);
		while ((mail = mailbox_take(&client->replies)))
			resolver_reply_free(&((struct reply *)mail)->body);
	}
	resolver_names_free(client->names);
	mailbox_done(&client->requests);
	mailbox_done(&client->replies);
	close_p(&client->cancel_fd);
	free(client);
	return NULL;
}

int resolver_client_fd(const struct resolver_client *client)
{
	return mailbox_fd(&client->replies);
}

bool resolver_client_idle(const struct resolver_client *client)
{
	return client->outstanding == 0;
}

static struct request *request_new(enum request_kind kind, size_t n)
{
	struct request *request = calloc(1, sizeof(*request) + n * sizeof(request->questions[0]));

	if (!request)
		return NULL;
	request->kind = kind;
	request->fd = -1;
	request->n = n;
	if (kind != REQUEST_REMOVE && !(request->reply = calloc(1, sizeof(*request->reply)))) {
		free_request(request);
		return NULL;
	}
	return request;
}

static int send_request(struct resolver_client *client, struct request *request)
{
	bool answered = request->kind != REQUEST_REMOVE;
	int r;

	/* Answers wait for the loop in a queue of the same size, so they find room there. */
	if (client->outstanding >= REQUESTS_MAX)
		r = -EAGAIN;
	else
		r = mailbox_put(&client->requests, &request->mail);
	if (r < 0)
		free_request(request);
	else if (answered)
		client->outstanding++;
	return r;
}

int resolver_client_add_file(struct resolver_client *client, uint32_t file, int take_fd)
{
	struct request *request = request_new(REQUEST_ADD, 0);

	if (!request) {
		close(take_fd);
		return -ENOMEM;
	}
	request->file = file;
	request->fd = take_fd;
	return send_request(client, request);
}

int resolver_client_remove_file(struct resolver_client *client, uint32_t file)
{
	struct request *request = request_new(REQUEST_REMOVE, 0);

	if (!request)
		return -ENOMEM;
	request->file = file;
	return send_request(client, request);
}

int resolver_client_ask_names(struct resolver_client *client,
			      const struct resolver_question *questions, size_t n)
{
	struct request *request =
		n <= RESOLVER_QUESTIONS_MAX ? request_new(REQUEST_NAMES, n) : NULL;

	if (!request)
		return -ENOMEM;
	memcpy(request->questions, questions, n * sizeof(*questions));
	return send_request(client, request);
}

int resolver_client_load_kernel(struct resolver_client *client)
{
	struct request *request = request_new(REQUEST_KERNEL, 0);

	return request ? send_request(client, request) : -ENOMEM;
}

uint64_t resolver_client_restarts(const struct resolver_client *client)
{
	return resolver_names_failures(client->names);
}

struct resolver_reply *resolver_client_take(struct resolver_client *client)
{
	struct reply *reply = (struct reply *)mailbox_take(&client->replies);

	if (!reply)
		return NULL;
	client->outstanding--;
	return &reply->body;
}
