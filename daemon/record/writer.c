// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * writer.c - see writer.h.
 */
#include "record/writer.h"

#include "log.h"
#include "mailbox.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <time.h>

#define QUEUE_MAX	   128
#define HELD_MAX_BYTES	   (16u << 20) /* of buckets that could not be written */
#define CHECKPOINT_EVERY_S 60
#define TRIM_BYTES	   (1u << 20) /* of a bucket that leaves holes behind */

struct finished {
	struct mail mail;
	struct bucket *bucket;
	struct finished *next; /* in the list of held ones, oldest first */
};

struct writer {
	struct mailbox queue;
	pthread_t thread;
	struct store_writer *store;
	bool stopped;
	/* The thread's own: */
	struct finished *held;
	size_t held_bytes;
	bool failing; /* the failure was logged */
	time_t checkpoint_s;
	/* Shared: */
	pthread_mutex_t lock;
	struct writer_counters counters;
	struct store_error last_error;
	uint32_t max_nodes; /* to be set by the thread, 0 = nothing to be set */
	uint64_t max_bytes;
};

static void finished_free(struct finished *finished)
{
	bucket_free(finished->bucket);
	free(finished);
}

static void count(struct writer *writer, uint64_t written, uint64_t failures, uint64_t dropped,
		  uint64_t dropped_ns)
{
	pthread_mutex_lock(&writer->lock);
	writer->counters.n_written += written;
	writer->counters.n_failures += failures;
	writer->counters.n_dropped += dropped;
	writer->counters.dropped_ns += dropped_ns;
	pthread_mutex_unlock(&writer->lock);
}

static void note_error(struct writer *writer, const char *text)
{
	pthread_mutex_lock(&writer->lock);
	(void)snprintf(writer->last_error.text, sizeof(writer->last_error.text), "%s", text);
	pthread_mutex_unlock(&writer->lock);
}

static void apply_limits(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	if (writer->max_nodes)
		store_set_limits(writer->store, writer->max_nodes, writer->max_bytes);
	writer->max_nodes = 0;
	pthread_mutex_unlock(&writer->lock);
}

static uint64_t weight_ns(const struct bucket *bucket)
{
	const struct profile_bucket *profile = bucket_profile(bucket);
	uint64_t sum = 0;

	for (uint32_t i = 0; i < profile->n_rows; i++)
		if (profile->rows[i].type == SAMPLE_CPU)
			sum += profile->rows[i].value;
	return sum;
}

/* Frees the oldest one. The allocator would hold on to what a large one needed, for itself and to
 * be written, between what the next one has by now. */
static void release(struct writer *writer, struct finished *oldest)
{
	size_t bytes = bucket_bytes(oldest->bucket);

	writer->held = oldest->next;
	writer->held_bytes -= bytes;
	finished_free(oldest);
	if (bytes >= TRIM_BYTES)
		(void)malloc_trim(0);
}

static void drop_oldest(struct writer *writer)
{
	struct finished *oldest = writer->held;

	count(writer, 0, 0, 1, weight_ns(oldest->bucket));
	release(writer, oldest);
}

static void hold(struct writer *writer, struct finished *finished)
{
	struct finished **last = &writer->held;

	while (*last)
		last = &(*last)->next;
	finished->next = NULL;
	*last = finished;
	writer->held_bytes += bucket_bytes(finished->bucket);
}

/* Writes what is held, oldest first, until one fails. */
static void write_held(struct writer *writer)
{
	struct store_error error;

	while (writer->held) {
		struct finished *oldest = writer->held;
		int r = store_write_bucket(writer->store, bucket_profile(oldest->bucket), &error);

		if (r == -EINVAL || r == -E2BIG) { /* it would never be taken, and stop the rest */
			log_error("a bucket is lost: %s", error.text);
			note_error(writer, error.text);
			count(writer, 0, 1, 0, 0);
			drop_oldest(writer);
			continue;
		}
		if (r < 0) {
			if (!writer->failing)
				log_error(
					"a bucket was not written and is kept for the next try: %s",
					error.text);
			writer->failing = true;
			note_error(writer, error.text);
			count(writer, 0, 1, 0, 0);
			break;
		}
		if (writer->failing)
			log_info("buckets are written again");
		if (writer->failing)
			note_error(writer, "");
		writer->failing = false;
		release(writer, oldest);
		count(writer, 1, 0, 0, 0);
	}
	while (writer->held_bytes > HELD_MAX_BYTES && writer->held->next)
		drop_oldest(writer);
}

static void checkpoint(struct writer *writer)
{
	struct timespec now;
	struct store_error error;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < writer->checkpoint_s)
		return;
	writer->checkpoint_s = now.tv_sec + CHECKPOINT_EVERY_S;
	if (store_checkpoint(writer->store, &error) < 0)
		log_warning("checkpoint of the store: %s", error.text);
}

static void *writer_thread(void *ctx)
{
	struct writer *writer = ctx;
	struct finished *finished;

	pthread_setname_np(pthread_self(), "profd-writer");
	while ((finished = (struct finished *)mailbox_wait(&writer->queue))) {
		apply_limits(writer);
		hold(writer, finished);
		write_held(writer);
		checkpoint(writer);
	}
	return NULL;
}

int writer_new(struct store_writer *take_store, struct writer **ret)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->store = take_store;
	pthread_mutex_init(&writer->lock, NULL);
	r = mailbox_init(&writer->queue, QUEUE_MAX);
	if (r == 0)
		r = -pthread_create(&writer->thread, NULL, writer_thread, writer);
	if (r < 0) { /* the store is still the caller's */
		mailbox_done(&writer->queue);
		free(writer);
		return r;
	}
	*ret = writer;
	return 0;
}

int writer_stop(struct writer *writer)
{
	int r = 0;

	if (writer->stopped)
		return 0;
	writer->stopped = true;
	mailbox_close(&writer->queue);
	pthread_join(writer->thread, NULL);
	if (writer->held)
		write_held(writer);
	while (writer->held) {
		log_error("a bucket is lost: the store could not be written");
		drop_oldest(writer);
		r = -EIO;
	}
	return r;
}

struct writer *writer_free(struct writer *writer)
{
	if (!writer)
		return NULL;
	(void)writer_stop(writer);
	store_writer_free(writer->store);
	mailbox_done(&writer->queue);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
	return NULL;
}

int writer_submit(struct writer *writer, struct bucket *take_bucket)
{
	struct finished *finished = calloc(1, sizeof(*finished));
	int r;

	if (!finished)
		return -ENOMEM;
	finished->bucket = take_bucket;
	r = mailbox_put(&writer->queue, &finished->mail);
	if (r < 0)
		free(finished);
	return r;
}

void writer_set_limits(struct writer *writer, uint32_t max_nodes, uint64_t max_bytes)
{
	pthread_mutex_lock(&writer->lock);
	writer->max_nodes = max_nodes;
	writer->max_bytes = max_bytes;
	pthread_mutex_unlock(&writer->lock);
}

void writer_last_error(struct writer *writer, char *buf, size_t size)
{
	pthread_mutex_lock(&writer->lock);
	(void)snprintf(buf, size, "%s", writer->last_error.text);
	pthread_mutex_unlock(&writer->lock);
}

struct writer_counters writer_counters(struct writer *writer)
{
	struct writer_counters counters;

	pthread_mutex_lock(&writer->lock);
	counters = writer->counters;
	pthread_mutex_unlock(&writer->lock);
	return counters;
}
