// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * long_waits.c - see long_waits.h. The thread may outlive the owner, if it hangs: who leaves last
 * frees what both use.
 */
#include "capture/long_waits.h"

#include "capture/ingest.h"
#include "mailbox.h"

#include <errno.h>
#include <stdatomic.h>

#define BOX_MAX	  2
#define BYTES_MAX (512u * 1024)

enum state { STATE_WAITS, STATE_BUSY, STATE_ABANDONED };

struct request {
	struct mail mail;
	int fd;
};

struct answer {
	struct mail mail;
	int r;
	size_t used;
	_Alignas(8) unsigned char bytes[BYTES_MAX];
};

struct long_waits {
	struct mailbox requests, answers;
	pthread_t thread;
	atomic_int state; /* enum state */
	atomic_int users; /* owner and thread */
	uint64_t since_mono_ns;
	struct long_waits_counters counters;
};

static void free_request(struct request *request)
{
	close_p(&request->fd);
	free(request);
}

static void leave(struct long_waits *waits)
{
	struct mail *mail;

	if (atomic_fetch_sub(&waits->users, 1) > 1)
		return;
	while ((mail = mailbox_take(&waits->requests)))
		free_request((struct request *)mail);
	while ((mail = mailbox_take(&waits->answers)))
		free(mail);
	mailbox_done(&waits->requests);
	mailbox_done(&waits->answers);
	free(waits);
}

/* How many whole records `size` bytes begin with; -EBADMSG when there is none that is one. */
static int count_records(const unsigned char *bytes, size_t size)
{
	size_t at = 0, length;
	int n = 0;

	for (;;) {
		if (ingest_length(bytes + at, size - at, &length) < 0)
			return -EBADMSG;
		if (!length)
			return n;
		at += length;
		n++;
	}
}

/* Reads the iterator to its end, or as far as a pass goes. */
static int read_all(int fd, struct answer *answer)
{
	for (;;) {
		ssize_t n = read(fd, answer->bytes + answer->used, BYTES_MAX - answer->used);
		int records;

		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		answer->used += (size_t)n;
		records = count_records(answer->bytes, answer->used);
		if (records < 0 || records >= LONG_WAITS_STACKS_MAX || answer->used == BYTES_MAX)
			return records < 0 ? records : 0;
	}
}

static void serve(struct long_waits *waits, const struct request *request)
{
	struct answer *answer = malloc(sizeof(*answer));
	int busy = STATE_BUSY;

	if (answer) {
		answer->used = 0;
		answer->r = read_all(request->fd, answer);
	}
	if (!atomic_compare_exchange_strong(&waits->state, &busy, STATE_WAITS)) {
		free(answer); /* it is too late for that */
		atomic_store(&waits->state, STATE_WAITS);
	} else if (answer && mailbox_put(&waits->answers, &answer->mail) < 0) {
		free(answer);
	}
}

static void *long_waits_thread(void *ctx)
{
	struct long_waits *waits = ctx;
	struct request *request;

	pthread_setname_np(pthread_self(), "profd-stacks");
	while ((request = (struct request *)mailbox_wait(&waits->requests))) {
		serve(waits, request);
		free_request(request);
	}
	leave(waits);
	return NULL;
}

int long_waits_new(struct long_waits **ret)
{
	struct long_waits *waits = calloc(1, sizeof(*waits));
	int r;

	if (!waits)
		return -ENOMEM;
	r = mailbox_init(&waits->requests, BOX_MAX);
	if (r == 0)
		r = mailbox_init(&waits->answers, BOX_MAX);
	atomic_store(&waits->users, 2);
	if (r == 0)
		r = -pthread_create(&waits->thread, NULL, long_waits_thread, waits);
	if (r < 0) {
		mailbox_done(&waits->requests);
		mailbox_done(&waits->answers);
		free(waits);
		return r;
	}
	*ret = waits;
	return 0;
}

struct long_waits *long_waits_free(struct long_waits *waits)
{
	pthread_t thread;
	bool hangs;

	if (!waits)
		return NULL;
	thread = waits->thread;
	hangs = atomic_load(&waits->state) != STATE_WAITS;
	mailbox_close(&waits->requests);
	mailbox_close(&waits->answers);
	leave(waits);
	if (hangs)
		(void)pthread_detach(thread);
	else
		(void)pthread_join(thread, NULL);
	return NULL;
}

int long_waits_begin(struct long_waits *waits, int take_iter_fd, uint64_t now_mono_ns)
{
	struct request *request = NULL;
	int r = 0;

	if (atomic_load(&waits->state) != STATE_WAITS) {
		waits->counters.n_busy++;
		r = -EBUSY;
	} else {
		request = calloc(1, sizeof(*request));
		r = request ? 0 : -ENOMEM;
	}
	if (r < 0) {
		close_p(&take_iter_fd);
		return r;
	}
	request->fd = take_iter_fd;
	waits->since_mono_ns = now_mono_ns;
	atomic_store(&waits->state, STATE_BUSY);
	r = mailbox_put(&waits->requests, &request->mail);
	if (r < 0) {
		atomic_store(&waits->state, STATE_WAITS);
		free_request(request);
	}
	return r;
}

void long_waits_watch(struct long_waits *waits, uint64_t now_mono_ns)
{
	int busy = STATE_BUSY;

	if (now_mono_ns - waits->since_mono_ns < LONG_WAITS_DEADLINE_NS)
		return;
	if (atomic_compare_exchange_strong(&waits->state, &busy, STATE_ABANDONED))
		waits->counters.n_abandoned++;
}

int long_waits_fd(const struct long_waits *waits)
{
	return mailbox_fd(&waits->answers);
}

static void hand_over(struct long_waits *waits, struct answer *answer,
		      void (*record)(void *ctx, void *record, size_t size), void *ctx)
{
	size_t at = 0, length;
	uint32_t n = 0;

	while (n < LONG_WAITS_STACKS_MAX &&
	       ingest_length(answer->bytes + at, answer->used - at, &length) == 0 && length) {
		record(ctx, answer->bytes + at, length);
		at += length;
		n++;
	}
	waits->counters.n_stacks += n;
}

void long_waits_dispatch(struct long_waits *waits,
			 void (*record)(void *ctx, void *record, size_t size), void *ctx)
{
	struct answer *answer;

	while ((answer = (struct answer *)mailbox_take(&waits->answers))) {
		waits->counters.n_passes += answer->r == 0;
		waits->counters.n_failed += answer->r < 0;
		hand_over(waits, answer, record, ctx);
		free(answer);
	}
}

struct long_waits_counters long_waits_counters(const struct long_waits *waits)
{
	return waits->counters;
}
