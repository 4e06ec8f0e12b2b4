// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * resolver_client.c - the thread that reads foreign files, and the two queues to and from it.
 */
#include "symbols/resolver_client.h"

#include "cleanup.h"
#include "mailbox.h"
#include "resolver/symbol_files.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define REQUESTS_MAX	   8192 /* more than there are files: each is added once */
#define INDEX_BUDGET_BYTES (8u << 20)
#define OPEN_FILES_MAX	   4096 /* as symbolize.h has */

_Static_assert(PROFILE_IDENTITY_MAX == ELF_IDENTITY_MAX, "identities fit both ways");

enum request_kind { REQUEST_ADD, REQUEST_REMOVE, REQUEST_NAMES, REQUEST_KERNEL };

struct request {
	struct mail mail;
	enum request_kind kind;
	uint32_t file;
	int fd;
	size_t n;
	struct resolver_question questions[];
};

struct reply {
	struct mail mail;
	struct resolver_reply body;
};

struct resolver_client {
	struct mailbox requests, replies;
	pthread_t thread;
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

static enum unknown_reason reason_of(int error)
{
	switch (error) {
	case 0:
		return UNKNOWN_NONE;
	case -ENOENT:
		return UNKNOWN_NO_SYMBOL;
	case -ESTALE:
		return UNKNOWN_FILE_GONE;
	case -EFBIG:
	case -EMFILE:
	case -ENOMEM:
		return UNKNOWN_FILE_SKIPPED;
	default:
		return UNKNOWN_FILE_BROKEN;
	}
}

static void answer_identity(struct symbol_files *files, struct request *request,
			    struct resolver_reply *body)
{
	struct elf_identity identity;

	body->kind = RESOLVER_IDENTITY;
	body->file = request->file;
	body->error = symbol_files_add(files, request->file, take_fd(&request->fd), &identity);
	if (body->error < 0)
		return;
	body->is_build_id = identity.is_build_id;
	body->identity_len = identity.len;
	memcpy(body->identity, identity.bytes, identity.len);
}

static void answer_names(struct symbol_files *files, const struct request *request,
			 struct resolver_reply *body)
{
	body->kind = RESOLVER_NAMES;
	body->names = calloc(request->n, sizeof(*body->names));
	if (!body->names)
		return; /* the questions stay open and are asked again */
	body->n_names = request->n;
	for (size_t i = 0; i < request->n; i++) {
		struct resolver_name *name = &body->names[i];

		name->question = request->questions[i];
		name->unknown = reason_of(symbol_files_name(
			files, name->question.file, name->question.offset, &name->function));
	}
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
	free(request);
}

static void serve(struct resolver_client *client, struct symbol_files *files)
{
	struct request *request;

	while ((request = (struct request *)mailbox_wait(&client->requests))) {
		struct reply *reply =
			request->kind == REQUEST_REMOVE ? NULL : calloc(1, sizeof(*reply));

		if (request->kind == REQUEST_REMOVE) {
			symbol_files_remove(files, request->file);
		} else if (reply) {
			if (request->kind == REQUEST_ADD)
				answer_identity(files, request, &reply->body);
			else if (request->kind == REQUEST_NAMES)
				answer_names(files, request, &reply->body);
			else
				answer_kernel(&reply->body);
			if (mailbox_put(&client->replies, &reply->mail) < 0)
				resolver_reply_free(&reply->body);
		}
		free_request(request);
	}
}

static void *resolver_thread(void *ctx)
{
	struct resolver_client *client = ctx;
	struct symbol_files *files = NULL;

	pthread_setname_np(pthread_self(), "profd-resolver");
	if (symbol_files_new(INDEX_BUDGET_BYTES, OPEN_FILES_MAX, &files) == 0)
		serve(client, files);
	symbol_files_free(files);
	return NULL;
}

/* ---- the event loop's side ---- */

int resolver_client_new(struct resolver_client **ret)
{
	struct resolver_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	r = mailbox_init(&client->requests, REQUESTS_MAX);
	if (r == 0)
		r = mailbox_init(&client->replies, REQUESTS_MAX);
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
		pthread_join(client->thread, NULL);
		while ((mail = mailbox_take(&client->replies)))
			resolver_reply_free(&((struct reply *)mail)->body);
	}
	mailbox_done(&client->requests);
	mailbox_done(&client->replies);
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

	if (request) {
		request->kind = kind;
		request->fd = -1;
		request->n = n;
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
	struct request *request = request_new(REQUEST_NAMES, n);

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

struct resolver_reply *resolver_client_take(struct resolver_client *client)
{
	struct reply *reply = (struct reply *)mailbox_take(&client->replies);

	if (!reply)
		return NULL;
	client->outstanding--;
	return &reply->body;
}
