// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * server.c - see server.h.
 */
#include "server.h"

#include "packet.h"
#include "symbol_files.h"
#include "unwind_blob.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INDEX_BUDGET_BYTES (8u << 20)

_Static_assert(ELF_IDENTITY_MAX == sizeof((struct resolver_identity){}.bytes), "identities fit");
_Static_assert(RESOLVER_NAME_MAX == ELF_SYMBOL_NAME_MAX, "names fit");
_Static_assert(sizeof(struct resolver_ask) * RESOLVER_QUESTIONS_MAX <= RESOLVER_BODY_MAX,
	       "questions fit into a packet");

struct server {
	int socket;
	struct symbol_files *files;
	struct packet request, answer;
};

static int take_descriptor(struct packet *packet, unsigned int i)
{
	int fd = packet->fds[i];

	packet->fds[i] = -1;
	return fd;
}

static int send_answer(struct server *server)
{
	return packet_send(server->socket, &server->answer, 0);
}

static int fail(struct server *server, int error)
{
	server->answer.head.error = error;
	server->answer.size = 0;
	return send_answer(server);
}

static int add(struct server *server)
{
	struct resolver_identity body = {};
	struct elf_identity identity;
	int r;

	if (server->request.size || server->request.n_fds != 1)
		return fail(server, -EINVAL);
	r = symbol_files_add(server->files, server->request.head.file,
			     take_descriptor(&server->request, 0), &identity);
	if (r < 0)
		return fail(server, r);
	body.is_build_id = identity.is_build_id;
	body.len = identity.len;
	memcpy(body.bytes, identity.bytes, identity.len);
	memcpy(server->answer.body, &body, sizeof(body));
	server->answer.size = sizeof(body);
	return send_answer(server);
}

static int remove_file(struct server *server)
{
	if (server->request.size || server->request.n_fds)
		return fail(server, -EINVAL);
	symbol_files_remove(server->files, server->request.head.file);
	return send_answer(server);
}

static int flush(struct server *server)
{
	int r = server->answer.head.n ? send_answer(server) : 0;

	server->answer.head.n = 0;
	server->answer.size = 0;
	return r;
}

static int answer_name(struct server *server, const struct resolver_ask *ask)
{
	struct resolver_name_head head = {};
	char *name = NULL;
	uint8_t *to;
	int r = 0;

	head.error = symbol_files_name(server->files, ask->file, ask->offset, &name);
	head.len = name ? (uint32_t)strnlen(name, RESOLVER_NAME_MAX - 1) : 0;
	if (server->answer.size + sizeof(head) + head.len > sizeof(server->answer.body))
		r = flush(server);
	to = server->answer.body + server->answer.size;
	memcpy(to, &head, sizeof(head));
	if (name)
		memcpy(to + sizeof(head), name, head.len);
	server->answer.size += sizeof(head) + head.len;
	server->answer.head.n++;
	free(name);
	return r;
}

static int names(struct server *server)
{
	uint32_t n = server->request.head.n, last_file = 0;
	int r = 0;

	if (server->request.n_fds || n == 0 || n > RESOLVER_QUESTIONS_MAX ||
	    server->request.size != n * sizeof(struct resolver_ask))
		return fail(server, -EINVAL);
	for (uint32_t i = 0; i < n && r == 0; i++) {
		struct resolver_ask ask;

		memcpy(&ask, server->request.body + i * sizeof(ask), sizeof(ask));
		if (i && ask.file != last_file)
			r = flush(server);
		last_file = ask.file;
		if (r == 0)
			r = answer_name(server, &ask);
	}
	return r < 0 ? r : flush(server);
}

static int rows(struct server *server)
{
	struct unwind_table table = {};
	struct unwind_key key;
	int r;

	if (server->request.size != sizeof(key) || server->request.n_fds != 2)
		return fail(server, -EINVAL);
	memcpy(&key, server->request.body, sizeof(key));
	r = unwind_table_read(server->request.fds[0], &table);
	if (r == 0)
		r = unwind_blob_write(server->request.fds[1], &table, &key);
	unwind_table_done(&table);
	return r < 0 ? fail(server, r) : send_answer(server);
}

static int serve(struct server *server)
{
	server->answer = (struct packet){
		.head = {.kind = server->request.head.kind, .file = server->request.head.file}};
	switch (server->request.head.kind) {
	case PACKET_ADD:
		return add(server);
	case PACKET_REMOVE:
		return remove_file(server);
	case PACKET_NAMES:
		return names(server);
	case PACKET_ROWS:
		return rows(server);
	default:
		return fail(server, -EINVAL);
	}
}

static int say_ready(struct server *server)
{
	server->answer =
		(struct packet){.head = {.kind = PACKET_READY, .n = RESOLVER_PROTOCOL_VERSION}};
	return send_answer(server);
}

int server_run(int socket)
{
	struct server *server = calloc(1, sizeof(*server));
	int r = server ? 0 : -ENOMEM;

	if (r == 0)
		r = symbol_files_new(INDEX_BUDGET_BYTES, RESOLVER_FILES_MAX, &server->files);
	if (r == 0) {
		server->socket = socket;
		r = say_ready(server);
	}
	while (r == 0) {
		int received = packet_receive(socket, &server->request, 0);

		if (received == 0)
			r = serve(server);
		else if (received == -EMFILE) {
			server->answer = (struct packet){.head = server->request.head};
			r = fail(server, -EMFILE);
		} else
			r = received;
		packet_close(&server->request);
	}
	if (server)
		symbol_files_free(server->files);
	free(server);
	return r == -EPIPE ? 0 : r;
}
