// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler_offcpu.c - drives what waits and the ledger need beside the ring: the pass over all
 * threads at each bucket's end, and after it the one for stacks of long waits.
 *
 * What a pass says is about the time until the bucket's end, so its records are put among the
 * samples just before that time, and no sample behind it is given on before the pass is read. A
 * pass that fails is a counter: its time is in the next one's records. Of a pass over very many
 * threads what was read is given on before the rest is: what is held stays bounded.
 */
#include "profiler_parts.h"

#include "log.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>

#define READ_NS	    4000000ull	  /* a pass is read that long at a time */
#define READ_ALL_NS 5000000000ull /* at the end */

static int open_pass(void *ctx)
{
	const struct profiler *p = ctx;
	const struct offcpu_programs *offcpu = collectors_offcpu(p->collectors);

	return offcpu ? offcpu_programs_open_pass(offcpu) : -ENOTSUP;
}

static int open_stacks(const struct profiler *p)
{
	const struct offcpu_programs *offcpu = collectors_offcpu(p->collectors);

	return offcpu ? offcpu_programs_open_stacks(offcpu) : -ENOTSUP;
}

/* Of a pass, so much is read before it is given on: a ledger of thousands of threads is no reason
 * to hold them all at once. */
#define READ_BYTES (1u << 20)
_Static_assert(LEDGER_PASS_BYTES < INTAKE_PUT_BYTES, "a reading of a pass finds room");

static bool is_much(const struct profiler *p)
{
	return p->passes.read_bytes > READ_BYTES || intake_is_half_full(p->intake);
}

static bool on_pass_record(void *ctx, void *record, size_t size, uint64_t boundary_mono_ns)
{
	struct profiler *p = ctx;

	if (intake_put(p->intake, boundary_mono_ns - 1, record, size) == -ENOMEM)
		p->passes.n_rows_lost++;
	p->passes.read_bytes += size;
	return !is_much(p);
}

/* A stack goes before what the pass says of the wait, if that was not given on yet: then all of the
 * wait is on it, and not only what comes later. */
static void on_stack_record(void *ctx, void *record, size_t size)
{
	struct profiler *p = ctx;

	if (intake_put(p->intake, p->passes.done_ns - 2, record, size) == -ENOMEM)
		p->passes.n_stacks_lost++;
}

/* ---- a pass from its beginning to its end ---- */

static void pass_ended(struct profiler *p, uint64_t boundary_mono_ns, int r)
{
	struct profiler_passes *passes = &p->passes;
	int fd;

	if (r < 0)
		log_debug("a pass over all threads failed: %s", strerror(-r));
	passes->before_ns = passes->done_ns;
	passes->done_ns = boundary_mono_ns;
	passes->swept = r < 0;
	passes->last = (struct wait_pass){};
	if (r == 0) {
		passes->last =
			(struct wait_pass){boundary_mono_ns, profiler_clock_ns(CLOCK_MONOTONIC)};
		bucket_cycle_keep(p->cycle, passes->last.until_mono_ns);
	}
	fd = r < 0 || !passes->on ? -ECANCELED : open_stacks(p);
	if (fd >= 0)
		(void)long_waits_begin(passes->stacks, fd, profiler_clock_ns(CLOCK_MONOTONIC));
}

static void begin_pass(struct profiler *p, uint64_t boundary_mono_ns)
{
	int r = ledger_pass_begin(p->passes.pass, boundary_mono_ns);

	if (r < 0)
		pass_ended(p, boundary_mono_ns, r);
}

/* Gives on what was read, when it is much. Returns 1 when that was done for now, or negative
 * errno. What is held of the time behind the boundary stays; it must not keep the pass from its
 * end. */
static int make_room(struct profiler *p)
{
	uint64_t now_ns;
	int r;

	if (!is_much(p))
		return 0;
	/* What the ring has meanwhile is none of the pass's, and may never end. */
	now_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	r = intake_deliver(p->intake, profiler_passes_limit(p, now_ns), now_ns + READ_NS);
	if (r == 0)
		p->passes.read_bytes = 0;
	return r != 0 ? r : !intake_is_half_full(p->intake);
}

/* Returns 1 while there is more to read, then 0; or negative errno, of what was given on. */
static int read_pass(struct profiler *p, uint64_t at_most_ns)
{
	uint64_t boundary_mono_ns = ledger_pass_boundary(p->passes.pass);
	int r = boundary_mono_ns ? make_room(p) : 0;

	if (r != 0)
		return r;
	r = ledger_pass_read(p->passes.pass, at_most_ns);
	if (boundary_mono_ns && r <= 0)
		pass_ended(p, boundary_mono_ns, r);
	return r > 0;
}

/* ---- at the end of each bucket ---- */

static void arm(struct profiler *p, uint64_t mono_ns)
{
	const struct itimerspec at = {.it_value = {.tv_sec = (time_t)(mono_ns / 1000000000ull),
						   .tv_nsec = (long)(mono_ns % 1000000000ull)}};

	p->passes.armed_ns = mono_ns;
	(void)timerfd_settime(p->passes.timer_source.fd, TFD_TIMER_ABSTIME, &at, NULL);
}

/* The timer stays readable until the pass is read, so that the loop comes back. */
static int on_boundary(struct event_source *source)
{
	struct profiler *p = source->ctx;
	struct profiler_passes *passes = &p->passes;
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC), end_ns = passes->armed_ns,
		 expirations;
	int r;

	/* A bucket that is being cut comes first. */
	if (!ledger_pass_boundary(passes->pass) && !passes->cut.mono_ns) {
		/* After a stop of profd, say: what a late pass says is not that bucket's alone. */
		if (now_ns - end_ns > p->config.bucket_s * 500000000ull)
			end_ns = now_ns;
		if (passes->done_ns < end_ns)
			begin_pass(p, end_ns);
	}
	r = read_pass(p, READ_NS);
	if (r != 0 || passes->done_ns < passes->armed_ns)
		return r < 0 ? r : 0;
	return read(source->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN ? -errno
											  : 0;
}

static int on_stacks(struct event_source *source)
{
	struct profiler *p = source->ctx;

	long_waits_dispatch(p->passes.stacks, on_stack_record, p);
	return 0;
}

uint64_t profiler_passes_limit(const struct profiler *p, uint64_t until_mono_ns)
{
	const struct profiler_passes *passes = &p->passes;
	uint64_t boundary_mono_ns = passes->cut.mono_ns;

	if (!boundary_mono_ns)
		boundary_mono_ns = ledger_pass_boundary(passes->pass);
	if (!boundary_mono_ns && passes->on && passes->done_ns < passes->armed_ns)
		boundary_mono_ns = passes->armed_ns;
	return boundary_mono_ns && until_mono_ns >= boundary_mono_ns ? boundary_mono_ns - 1
								     : until_mono_ns;
}

void profiler_passes_keep(struct profiler *p, uint64_t until_mono_ns)
{
	struct profiler_passes *passes = &p->passes;
	uint64_t end_ns = bucket_cycle_end_mono_ns(p->cycle);

	if (!passes->on)
		return;
	long_waits_watch(passes->stacks, profiler_clock_ns(CLOCK_MONOTONIC));
	if (!passes->swept && until_mono_ns >= passes->done_ns) {
		wait_rows_passed(p->wait_rows, passes->before_ns);
		passes->swept = true;
	}
	if (end_ns != passes->armed_ns)
		arm(p, end_ns);
}

/* ---- out of turn ---- */

int profiler_passes_cut(struct profiler *p)
{
	struct profiler_passes *passes = &p->passes;

	if (!passes->on)
		return 0;
	if (!passes->cut.mono_ns) {
		struct clock_reading now = bucket_cycle_read_clocks();

		/* One that is due or under way comes first, and so does the bucket's own end. */
		if (ledger_pass_boundary(passes->pass) ||
		    bucket_cycle_end_mono_ns(p->cycle) <= now.mono_ns)
			return -EAGAIN;
		passes->cut = now;
		begin_pass(p, passes->cut.mono_ns);
	}
	return read_pass(p, READ_NS);
}

void profiler_passes_begin(struct profiler *p)
{
	struct profiler_passes *passes = &p->passes;

	if (!collectors_offcpu(p->collectors))
		return;
	passes->on = true;
	passes->swept = true;
	passes->done_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	arm(p, bucket_cycle_end_mono_ns(p->cycle));
}

void profiler_passes_end(struct profiler *p)
{
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC), deadline_ns;

	if (!p->passes.on)
		return;
	p->passes.on = false; /* no stacks behind it */
	begin_pass(p, now_ns);
	deadline_ns = now_ns + READ_ALL_NS;
	while (now_ns < deadline_ns && read_pass(p, deadline_ns - now_ns) > 0)
		now_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	ledger_pass_cancel(p->passes.pass);
}

/* ---- parts and counters ---- */

int profiler_passes_init(struct profiler *p)
{
	struct profiler_passes *passes = &p->passes;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r = fd < 0 ? -errno : 0;

	passes->timer_source = (struct event_source){.fd = fd, .ready = on_boundary, .ctx = p};
	if (r == 0)
		r = ledger_pass_new(&(struct ledger_pass_parts){.open = open_pass,
								.record = on_pass_record,
								.ctx = p},
				    &passes->pass);
	if (r == 0)
		r = long_waits_new(&passes->stacks);
	if (r < 0)
		return r;
	passes->stacks_source = (struct event_source){
		.fd = long_waits_fd(passes->stacks), .ready = on_stacks, .ctx = p};
	r = event_loop_add(&p->loop, &passes->timer_source);
	return r < 0 ? r : event_loop_add(&p->loop, &passes->stacks_source);
}

void profiler_passes_done(struct profiler *p)
{
	long_waits_free(p->passes.stacks);
	ledger_pass_free(p->passes.pass);
	close_p(&p->passes.timer_source.fd);
}

void profiler_passes_count(const struct profiler *p, struct losses *losses)
{
	const struct wait_rows_counters *rows = wait_rows_counters(p->wait_rows);
	const struct waits_counters *waits = wait_rows_waits(p->wait_rows);
	struct long_waits_counters stacks = long_waits_counters(p->passes.stacks);

	losses->count[LOSS_WAIT] = waits->n_lost;
	losses->count[LOSS_WAITS_FULL] = waits->n_full;
	losses->count[LOSS_WAIT_BEGIN] = rows->n_begin_lost;
	losses->count[LOSS_WAIT_UNSENT] = rows->n_unsent;
	losses->weight_ns[LOSS_WAIT_UNSENT] = rows->unsent_ns;
	losses->count[LOSS_WAKER] = rows->n_waker_lost;
	losses->count[LOSS_LEDGER] = ledger_pass_counters(p->passes.pass)->n_failed;
	losses->count[LOSS_LEDGER_ROW] = rows->n_ledger_refused + p->passes.n_rows_lost;
	losses->count[LOSS_LEDGER_FOLDED] = rows->n_ledger_folded;
	losses->count[LOSS_STACK_LATE] = waits->n_late + p->passes.n_stacks_lost;
	losses->count[LOSS_STACK_ABANDONED] = stacks.n_abandoned + stacks.n_busy;
}
