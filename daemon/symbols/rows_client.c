// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rows_client.c - see rows_client.h: a thread, its two queues, its process and its cache.
 */
#include "symbols/rows_client.h"

#include "log.h"
#include "mailbox.h"
#include "profile.h"
#include "symbols/resolver_process.h"
#include "symbols/rows_cache.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define QUESTIONS_MAX  4096
#define ANSWER_WAIT_NS 60000000000ull
#define END_BYTES      4096
#define HASH_OFFSET    0xcbf29ce484222325ull /* FNV-1a */
#define HASH_PRIME     0x100000001b3ull
#define BROKEN_MAX     256 /* keys that are remembered; older ones may cost one restart more */

struct question {
	struct mail mail;
	uint32_t file;
	int fd;
	struct unwind_key key;
	/* What the answer needs is there before anybody waits for one. */
	struct reply *reply;
	struct unwind_table *table;
};

struct reply {
	struct mail mail;
	struct rows_answer answer;
	struct rows_counters counters;
};

struct rows_client {
	const struct resolver_program *program;
	char *cache_dir; /* NULL = none */
	struct mailbox questions, replies;
	pthread_t thread;
	bool started;
	struct rows_builder *builder;  /* the thread's, while it runs */
	int cancel_fd;		       /* readable: the thread is to end, whatever it waits for */
	size_t outstanding;	       /* answers not taken yet; the event loop's own */
	struct rows_counters counters; /* likewise */
};

/* The thread's own. */
struct rows_builder {
	struct resolver_process *process;
	const char *cache_dir;	  /* NULL = none, or it was opened */
	struct rows_cache *cache; /* NULL = none */
	struct rows_counters counters;
	uint32_t last_trust; /* of the file that the process has read */
	struct unwind_key broken[BROKEN_MAX];
	uint64_t n_broken; /* ever; the newest are kept */
	struct packet request, answer;
};

static void question_free(struct question *question)
{
	close_p(&question->fd);
	free(question->reply);
	free(question->table);
	free(question);
}

static struct reply *reply_of(struct rows_answer *answer)
{
	return (struct reply *)(void *)((char *)answer - offsetof(struct reply, answer));
}

struct rows_answer *rows_answer_free(struct rows_answer *answer)
{
	if (!answer)
		return NULL;
	if (answer->table)
		unwind_table_done(answer->table);
	free(answer->table);
	free(reply_of(answer));
	return NULL;
}

/* ---- the thread ---- */

static uint64_t hash_more(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *p = bytes;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * HASH_PRIME;
	return hash;
}

/* Of its size, its beginning and its end. */
static int hash_ends(int fd, uint64_t *ret)
{
	uint8_t bytes[END_BYTES];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -EIO;
	*ret = hash_more(HASH_OFFSET, &st.st_size, sizeof(st.st_size));
	n = pread(fd, bytes, sizeof(bytes), 0);
	if (n < 0)
		return -EIO;
	*ret = hash_more(*ret, bytes, (size_t)n);
	n = pread(fd, bytes, sizeof(bytes), st.st_size > END_BYTES ? st.st_size - END_BYTES : 0);
	if (n < 0)
		return -EIO;
	*ret = hash_more(*ret, bytes, (size_t)n);
	return 0;
}

static bool is_broken(const struct rows_builder *builder, const struct unwind_key *key)
{
	for (uint64_t i = 0; i < builder->n_broken && i < BROKEN_MAX; i++)
		if (memcmp(&builder->broken[i], key, sizeof(*key)) == 0)
			return true;
	return false;
}

bool rows_error_passes(int error)
{
	static const int passing[] = {-EMFILE, -ENFILE, -ENOMEM, -ENOSPC, -EIO, -EAGAIN};

	for (size_t i = 0; i < ARRAY_SIZE(passing); i++)
		if (error == passing[i])
			return true;
	return false;
}

/* What the process says is wrong with a file; anything else it may say is that it is broken. */
static int said_error(int error)
{
	return error == 0 || error == -EFBIG || (error != -EAGAIN && rows_error_passes(error))
		       ? error
		       : -EBADMSG;
}

/* Asks the process, which runs, and leaves its answer. -EAGAIN it ended before it was asked; -EPIPE
 * it failed; -ECANCELED. */
static int ask(struct rows_builder *builder, const struct question *question, int blob_fd)
{
	struct packet *request = &builder->request;
	int r;

	request->head = (struct resolver_head){.kind = PACKET_ROWS, .file = question->file};
	memcpy(request->body, &question->key, sizeof(question->key));
	request->size = sizeof(question->key);
	request->fds[0] = question->fd;
	request->fds[1] = blob_fd;
	request->n_fds = 2;
	if (resolver_process_ask(builder->process, request) < 0)
		return -EAGAIN;
	builder->last_trust = question->key.trust_uid;
	r = resolver_process_receive(builder->process, ANSWER_WAIT_NS, &builder->answer);
	return r < 0 && r != -ECANCELED ? -EPIPE : r;
}

/* One attempt; whatever the process wrote is checked in a copy that it cannot reach. -EAGAIN and
 * -EPIPE as of ask(). */
static int build_once(struct rows_builder *builder, const struct question *question,
		      struct unwind_table *ret)
{
	_cleanup_close_ int blob_fd = memfd_create("profd-rows", MFD_CLOEXEC);
	int r = blob_fd < 0 ? -errno : resolver_process_start(builder->process);

	if (r >= 0)
		r = ask(builder, question, blob_fd);
	if (r < 0)
		return r;
	r = said_error(builder->answer.head.error);
	if (r < 0)
		return r;
	r = unwind_blob_read(blob_fd, &question->key, ret);
	if (r == -EBADMSG) { /* a file that is broken is an error it says */
		resolver_process_fail(builder->process);
		r = -EPIPE;
	}
	return r;
}

static int build(struct rows_builder *builder, const struct question *question,
		 struct unwind_table *ret)
{
	struct resolver_suspect suspect = {};
	int r;

	if (builder->last_trust != PROFILE_TRUST_SYSTEM &&
	    builder->last_trust != question->key.trust_uid)
		resolver_process_stop(builder->process);
	do {
		r = build_once(builder, question, ret);
		if (r == -EPIPE && resolver_process_blames(builder->process, &suspect)) {
			builder->broken[builder->n_broken++ % BROKEN_MAX] = question->key;
			r = -EBADMSG;
		}
	} while (r == -EAGAIN || r == -EPIPE);
	builder->counters.n_built += r == 0;
	return r;
}

/* With the first question: a profd that does not get that far leaves no directory. */
static void open_cache(struct rows_builder *builder)
{
	const char *dir = take_ptr(builder->cache_dir);
	int r = dir ? rows_cache_new(dir, ROWS_CACHE_MAX_BYTES, &builder->cache) : 0;

	if (r < 0)
		log_warning("unwind tables are not cached in %s: %s; each start of profd makes "
			    "them anew",
			    dir,
			    r == -EPERM ? "it is not profd's own, or others may write to it"
					: strerror(-r));
}

static int find(struct rows_builder *builder, struct question *question, struct unwind_table *ret)
{
	int r = hash_ends(question->fd, &question->key.ends);
	bool is_kept;

	if (r < 0)
		return r;
	if (is_broken(builder, &question->key))
		return -EBADMSG;
	open_cache(builder);
	is_kept = builder->cache && question->key.is_build_id;
	if (is_kept && rows_cache_find(builder->cache, &question->key, ret) == 0) {
		builder->counters.n_cached++;
		return 0;
	}
	r = build(builder, question, ret);
	if (r == 0 && is_kept)
		(void)rows_cache_put(builder->cache, &question->key, ret); /* counted there */
	return r;
}

static void count(struct rows_builder *builder, struct rows_counters *ret)
{
	if (builder->cache) {
		const struct rows_cache_counters *cache = rows_cache_counters(builder->cache);

		builder->counters.n_cache_damaged = cache->n_damaged;
		builder->counters.n_cache_failed = cache->n_failed;
	}
	*ret = builder->counters;
}

static void answer(struct rows_client *client, struct rows_builder *builder,
		   struct question *question)
{
	struct reply *reply = take_ptr(question->reply);

	reply->answer.file = question->file;
	reply->answer.error = find(builder, question, question->table);
	if (reply->answer.error == 0)
		reply->answer.table = take_ptr(question->table);
	count(builder, &reply->counters);
	if (mailbox_put(&client->replies, &reply->mail) < 0)
		rows_answer_free(&reply->answer);
}

static void builder_free(struct rows_builder *builder)
{
	if (!builder)
		return;
	resolver_process_free(builder->process);
	rows_cache_free(builder->cache);
	free(builder);
}

static struct rows_builder *builder_new(const struct rows_client *client)
{
	const struct resolver_process_options options = {.program = client->program,
							 .cancel_fd = client->cancel_fd,
							 .backoff_ns = RESOLVER_BACKOFF_NS,
							 .backoff_max_ns = RESOLVER_BACKOFF_MAX_NS};
	struct rows_builder *builder = calloc(1, sizeof(*builder));

	if (!builder || resolver_process_new(&options, &builder->process) < 0) {
		builder_free(builder);
		return NULL;
	}
	builder->last_trust = PROFILE_TRUST_SYSTEM;
	builder->cache_dir = client->cache_dir;
	return builder;
}

static void *rows_thread(void *ctx)
{
	struct rows_client *client = ctx;
	struct question *question;

	pthread_setname_np(pthread_self(), "profd-rows");
	while ((question = (struct question *)mailbox_wait(&client->questions))) {
		answer(client, client->builder, question);
		question_free(question);
	}
	/* The process is the thread's and goes before it. */
	builder_free(take_ptr(client->builder));
	return NULL;
}

/* ---- the event loop's side ---- */

int rows_client_new(const struct resolver_program *program, const char *cache_dir,
		    struct rows_client **ret)
{
	_cleanup_(rows_client_freep) struct rows_client *client = calloc(1, sizeof(*client));
	int r;

	if (!client)
		return -ENOMEM;
	client->program = program;
	client->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (client->cancel_fd < 0)
		return -errno;
	if (cache_dir && *cache_dir && !(client->cache_dir = strdup(cache_dir)))
		return -ENOMEM;
	r = mailbox_init(&client->questions, QUESTIONS_MAX);
	if (r == 0)
		r = mailbox_init(&client->replies, QUESTIONS_MAX);
	if (r == 0 && !(client->builder = builder_new(client)))
		r = -ENOMEM;
	if (r == 0)
		r = -pthread_create(&client->thread, NULL, rows_thread, client);
	if (r < 0)
		return r;
	client->started = true;
	*ret = take_ptr(client);
	return 0;
}

struct rows_client *rows_client_free(struct rows_client *client)
{
	struct mail *mail;

	if (!client)
		return NULL;
	if (client->started) {
		while ((mail = mailbox_take(&client->questions)))
			question_free((struct question *)mail);
		mailbox_close(&client->questions);
		(void)eventfd_write(client->cancel_fd, 1);
		pthread_join(client->thread, NULL);
		while ((mail = mailbox_take(&client->replies)))
			rows_answer_free(&((struct reply *)mail)->answer);
	}
	builder_free(client->builder);
	mailbox_done(&client->questions);
	mailbox_done(&client->replies);
	close_p(&client->cancel_fd);
	free(client->cache_dir);
	free(client);
	return NULL;
}

int rows_client_fd(const struct rows_client *client)
{
	return mailbox_fd(&client->replies);
}

bool rows_client_idle(const struct rows_client *client)
{
	return client->outstanding == 0;
}

static bool is_key(const struct unwind_key *key)
{
	static const uint8_t none[sizeof(key->identity)];
	size_t len = key->identity_len;

	return len > 0 && len <= sizeof(key->identity) && key->is_build_id <= 1 && !key->zero[0] &&
	       !key->zero[1] && memcmp(key->identity + len, none, sizeof(none) - len) == 0;
}

/* Takes the descriptor only if it returns one. */
static struct question *question_new(uint32_t file, int fd, const struct unwind_key *key)
{
	struct question *question = calloc(1, sizeof(*question));

	if (!question)
		return NULL;
	*question = (struct question){.file = file, .fd = -1, .key = *key};
	question->reply = calloc(1, sizeof(*question->reply));
	question->table = calloc(1, sizeof(*question->table));
	if (!question->reply || !question->table) {
		question_free(question);
		return NULL;
	}
	question->fd = fd;
	return question;
}

int rows_client_ask(struct rows_client *client, uint32_t file, int take_fd,
		    const struct unwind_key *key)
{
	struct question *question = NULL;
	int r = is_key(key) ? 0 : -EINVAL;

	if (r == 0 && client->outstanding >= QUESTIONS_MAX)
		r = -EAGAIN;
	if (r == 0 && !(question = question_new(file, take_fd, key)))
		r = -ENOMEM;
	if (r < 0) {
		close_p(&take_fd);
		return r;
	}
	r = mailbox_put(&client->questions, &question->mail);
	if (r < 0)
		question_free(question);
	else
		client->outstanding++;
	return r;
}

struct rows_answer *rows_client_take(struct rows_client *client)
{
	struct reply *reply = (struct reply *)mailbox_take(&client->replies);

	if (!reply)
		return NULL;
	client->outstanding--;
	client->counters = reply->counters;
	return &reply->answer;
}

const struct rows_counters *rows_client_counters(struct rows_client *client)
{
	client->counters.n_restarts = resolver_process_failures(client->builder->process);
	return &client->counters;
}
