// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ledger_pass.c - see ledger_pass.h.
 */
#include "capture/ledger_pass.h"

#include "capture/ingest.h"

#include <errno.h>
#include <string.h>
#include <time.h>

struct ledger_pass {
	struct ledger_pass_parts parts;
	int fd; /* -1: none is under way */
	uint64_t boundary_mono_ns;
	uint64_t took_ns;
	size_t used;	/* of `bytes`: a record's beginning */
	bool is_enough; /* no more can be taken now */
	struct ledger_pass_counters counters;
	_Alignas(8) unsigned char bytes[LEDGER_PASS_BYTES];
};

_Static_assert(LEDGER_PASS_BYTES >= 2 * (sizeof(struct sample_event) + sizeof(struct wire_ledger) +
					 WIRE_WORDS_MAX * sizeof(uint64_t)),
	       "a record fits, and half of another one");

static uint64_t mono_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

int ledger_pass_new(const struct ledger_pass_parts *parts, struct ledger_pass **ret)
{
	struct ledger_pass *pass = calloc(1, sizeof(*pass));

	if (!pass)
		return -ENOMEM;
	pass->parts = *parts;
	pass->fd = -1;
	*ret = pass;
	return 0;
}

struct ledger_pass *ledger_pass_free(struct ledger_pass *pass)
{
	if (pass)
		close_p(&pass->fd);
	free(pass);
	return NULL;
}

static int end(struct ledger_pass *pass, int r)
{
	close_p(&pass->fd);
	pass->fd = -1;
	pass->counters.n_passes += r == 0;
	pass->counters.n_failed += r < 0;
	pass->counters.last_ns = pass->took_ns;
	if (pass->took_ns > pass->counters.max_ns)
		pass->counters.max_ns = pass->took_ns;
	return r;
}

void ledger_pass_cancel(struct ledger_pass *pass)
{
	if (pass->fd >= 0)
		(void)end(pass, -ECANCELED);
}

int ledger_pass_begin(struct ledger_pass *pass, uint64_t boundary_mono_ns)
{
	ledger_pass_cancel(pass);
	pass->used = 0;
	pass->took_ns = 0;
	pass->boundary_mono_ns = boundary_mono_ns;
	pass->fd = pass->parts.open(pass->parts.ctx);
	return pass->fd < 0 ? end(pass, pass->fd) : 0;
}

uint64_t ledger_pass_boundary(const struct ledger_pass *pass)
{
	return pass->fd < 0 ? 0 : pass->boundary_mono_ns;
}

/* Hands over the records that are there whole; the beginning of another one stays. */
static int hand_over(struct ledger_pass *pass)
{
	size_t at = 0, length;

	for (;;) {
		if (ingest_length(pass->bytes + at, pass->used - at, &length) < 0)
			return -EBADMSG; /* where the next one begins is not known */
		if (!length)
			break;
		pass->counters.n_records++;
		if (!pass->parts.record(pass->parts.ctx, pass->bytes + at, length,
					pass->boundary_mono_ns))
			pass->is_enough = true;
		at += length;
	}
	memmove(pass->bytes, pass->bytes + at, pass->used - at);
	pass->used -= at;
	return 0;
}

/* One reading; returns 1 when there may be more, 0 at the end. */
static int read_once(struct ledger_pass *pass)
{
	ssize_t n = read(pass->fd, pass->bytes + pass->used, sizeof(pass->bytes) - pass->used);

	if (n < 0)
		/* EAGAIN: it has looked at many threads and found nothing to say. */
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	if (n == 0)
		return pass->used ? -EBADMSG : 0;
	pass->used += (size_t)n;
	if (hand_over(pass) < 0)
		return -EBADMSG;
	return 1;
}

int ledger_pass_read(struct ledger_pass *pass, uint64_t at_most_ns)
{
	uint64_t began_ns = mono_now_ns(), took_ns;
	int r = 1;

	if (pass->fd < 0)
		return 0;
	pass->is_enough = false;
	do {
		r = read_once(pass);
		took_ns = mono_now_ns() - began_ns;
	} while (r > 0 && took_ns < at_most_ns && !pass->is_enough);
	pass->took_ns += took_ns;
	return r > 0 ? r : end(pass, r);
}

const struct ledger_pass_counters *ledger_pass_counters(const struct ledger_pass *pass)
{
	return &pass->counters;
}
