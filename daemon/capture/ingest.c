// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ingest.c - see ingest.h. The bytes come from our own BPF program, and are checked all the same:
 * a kernel or compiler defect must end in a counter, not in the daemon's memory.
 */
#include "capture/ingest.h"

#include <errno.h>
#include <string.h>

/* What stands between head and words. */
static const size_t body_of_kind[] = {
	[WIRE_NONE] = 0,
	[WIRE_CPU] = 0,
	[WIRE_WAIT_BEGIN] = 0,
	[WIRE_WAIT_END] = sizeof(struct wire_wait),
	[WIRE_LEDGER] = sizeof(struct wire_ledger),
	[WIRE_WAKER] = sizeof(struct wire_waker),
	[WIRE_IO] = sizeof(struct wire_io),
};
_Static_assert(sizeof(body_of_kind) / sizeof(body_of_kind[0]) == WIRE_KIND_MAX,
	       "a kind of record of unknown length");

static void decode_comm(const char *from, char *to)
{
	/* A thread may call itself anything; control bytes stay out of tables and terminals. */
	memcpy(to, from, WIRE_COMM_LEN);
	to[WIRE_COMM_LEN] = '\0';
	for (char *p = to; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
}

/* Decodes the words of a user stack; returns the number of frames. A word with another tag is
 * garbage that the walk took for a return address: it stays, as an address in no mapping. */
static uint32_t decode_user(const uint64_t *words, uint32_t n_words, struct sample_frame *frames)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < n_words; i++) {
		uint64_t tag = words[i] >> WIRE_FRAME_SHIFT;
		uint64_t addr = words[i] & ((1ull << WIRE_FRAME_SHIFT) - 1);

		if (tag == WIRE_FRAME_JIT)
			frames[n++] = (struct sample_frame){.kind = LOCATION_JIT, .addr = addr};
		else if (tag == WIRE_FRAME_EXACT)
			frames[n++] = (struct sample_frame){
				.kind = LOCATION_FILE, .addr = addr, .exact = true};
		else if (tag == WIRE_FRAME_INTERPRETER && i + 1 < n_words)
			frames[n++] = (struct sample_frame){
				.kind = LOCATION_INTERPRETER, .addr = addr, .code = words[++i]};
		else
			frames[n++] =
				(struct sample_frame){.kind = LOCATION_FILE, .addr = words[i]};
	}
	return n;
}

static bool is_head(const struct sample_event *e)
{
	return e->kind > WIRE_NONE && e->kind < WIRE_KIND_MAX && e->user_stop < WIRE_STOP_MAX &&
	       e->n_kernel <= WIRE_KERNEL_FRAMES_MAX && e->n_user <= WIRE_USER_FRAMES_MAX;
}

static size_t length_of(const struct sample_event *e)
{
	return sizeof(*e) + body_of_kind[e->kind] +
	       ((size_t)e->n_kernel + e->n_user) * sizeof(uint64_t);
}

int ingest_head(const void *record, size_t size, struct sample_event *ret)
{
	struct sample_event e;

	if (size < sizeof(e))
		return -EBADMSG;
	memcpy(&e, record, sizeof(e));
	if (!is_head(&e) || size < length_of(&e))
		return -EBADMSG;
	*ret = e;
	return 0;
}

int ingest_length(const void *stream, size_t size, size_t *ret)
{
	struct sample_event e;

	*ret = 0;
	if (size < sizeof(e))
		return 0;
	memcpy(&e, stream, sizeof(e));
	if (!is_head(&e))
		return -EBADMSG;
	if (size >= length_of(&e))
		*ret = length_of(&e);
	return 0;
}

/* The record's value is what is lost with it, and so it is what its rows would have. */
static bool is_wait_value(const struct wire_wait *w, uint64_t value)
{
	uint64_t ns = w->blocked_ns + w->runq_ns;

	return w->charged_ns <= ns &&
	       value == (w->flags & WIRE_WAIT_VOID ? 0 : (ns - w->charged_ns) << w->weight_log2);
}

static bool is_wait(const struct wire_wait *w, uint64_t value)
{
	bool exact = w->flags & WIRE_WAIT_EXACT;
	uint64_t max_ns = exact ? INGEST_VALUE_MAX : INGEST_SAMPLED_NS_MAX;

	return w->state < WIRE_STATE_MAX && w->blocked_ns <= max_ns && w->runq_ns <= max_ns &&
	       w->charged_ns <= INGEST_VALUE_MAX &&
	       w->weight_log2 <= (exact ? 0 : INGEST_WEIGHT_MAX) &&
	       !(w->flags &
		 ~(WIRE_WAIT_EXACT | WIRE_WAIT_GATE | WIRE_WAIT_DRAWN | WIRE_WAIT_VOID)) &&
	       !(exact && w->flags & WIRE_WAIT_VOID) && is_wait_value(w, value);
}

static bool is_ledger(const struct wire_ledger *l)
{
	const uint64_t values[] = {
		l->elapsed_ns,	      l->oncpu_ns,	 l->utime_ns,
		l->stime_ns,	      l->runq_ns,	 l->blocked_ns,
		l->idle_ns,	      l->max_blocked_ns, l->max_runq_ns,
		l->minor_faults,      l->major_faults,	 l->voluntary_switches,
		l->read_bytes,	      l->write_bytes,	 l->involuntary_switches,
		l->unsent_ns,	      l->rss_bytes,	 l->peak_rss_bytes,
		l->open_charge_ns,    l->unsent_count,	 l->unsent_runq_ns,
		l->unsent_runq_count,
	};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		if (values[i] > INGEST_VALUE_MAX)
			return false;
	/* Counts are stored in 1/1024. */
	return l->unsent_count <= UINT32_MAX && l->unsent_runq_count <= UINT32_MAX &&
	       l->open_state < WIRE_STATE_MAX &&
	       !(l->flags & ~(WIRE_LEDGER_STARTED | WIRE_LEDGER_ENDED | WIRE_LEDGER_GATE |
			      WIRE_LEDGER_OPEN_DRAWN));
}

/* The record's value is what is lost with it, and so it is what its rows would have. */
static bool is_io(struct wire_io *io, uint64_t value)
{
	bool is_known = io->total_ns != WIRE_IO_UNKNOWN;

	io->name[sizeof(io->name) - 1] = '\0';
	return io->op > WIRE_IO_OP_NONE && io->op < WIRE_IO_OP_MAX &&
	       io->weight_log2 <= INGEST_WEIGHT_MAX && io->bytes <= INGEST_IO_MAX &&
	       (!is_known || io->total_ns <= INGEST_IO_MAX) &&
	       value == (is_known ? io->total_ns << io->weight_log2 : 0);
}

/* Takes what stands behind the head; returns false when it cannot be so. */
static bool decode_body(const char *body, uint64_t value, struct sample *ret)
{
	switch (ret->kind) {
	case WIRE_WAIT_END:
		memcpy(&ret->wait, body, sizeof(ret->wait));
		return is_wait(&ret->wait, value);
	case WIRE_LEDGER:
		memcpy(&ret->ledger, body, sizeof(ret->ledger));
		return is_ledger(&ret->ledger);
	case WIRE_WAKER:
		memcpy(&ret->waker, body, sizeof(ret->waker));
		return ret->waker.in_interrupt <= 1;
	case WIRE_IO:
		memcpy(&ret->io, body, sizeof(ret->io));
		return is_io(&ret->io, value);
	default:
		return true;
	}
}

/* Profd's own frames are above those of who submitted the I/O. */
static uint32_t own_frames(const struct sample *sample, uint32_t n_kernel)
{
	uint32_t n = sample->kind == WIRE_IO ? sample->io.n_own : 0;

	return n < n_kernel ? n : 0;
}

int ingest_decode(const void *record, size_t size, struct sample *ret)
{
	uint64_t words[WIRE_WORDS_MAX];
	const char *body = (const char *)record + sizeof(struct sample_event);
	struct sample_event e;

	if (ingest_head(record, size, &e) < 0)
		return -EBADMSG;
	ret->kind = e.kind;
	if (!decode_body(body, e.value, ret))
		return -EBADMSG;
	memcpy(words, body + body_of_kind[e.kind],
	       ((size_t)e.n_kernel + e.n_user) * sizeof(uint64_t));
	ret->late = false;
	ret->user_stop = e.user_stop;
	ret->user_mode = e.user_mode;
	ret->pid = e.pid;
	ret->tid = e.tid;
	ret->cpu = e.cpu;
	ret->exec_id = e.exec_id;
	ret->mono_ns = e.mono_ns;
	ret->value = e.value;
	ret->start_boot_ns = e.start_boot_ns;
	ret->cgroup_id = e.cgroup_id;
	ret->start_code = e.start_code;
	ret->end_code = e.end_code;
	decode_comm(e.comm, ret->comm);
	ret->n_kernel = 0;
	for (uint32_t i = own_frames(ret, e.n_kernel); i < e.n_kernel; i++)
		ret->kernel[ret->n_kernel++] =
			(struct sample_frame){.kind = LOCATION_KERNEL, .addr = words[i]};
	ret->n_user = decode_user(words + e.n_kernel, e.n_user, ret->user);
	return 0;
}
