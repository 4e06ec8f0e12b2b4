// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler_control.c - what is asked of a profd that runs: another configuration, and the requests
 * of the control socket.
 */
#include "profiler_parts.h"

#include "control_status.h"
#include "log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

static void on_flush(void *ctx, struct control_call call, const char *argument)
{
	struct profiler *p = ctx;

	(void)argument;
	flush_queue_add(&p->flushes, call, profiler_clock_ns(CLOCK_MONOTONIC));
}

static const char *offcpu_refusal(const struct profiler *p)
{
	if (collectors_offcpu(p->collectors))
		return NULL;
	return p->config.offcpu_enabled ? collectors_offcpu_refusal(p->collectors)
					: "switched off by [offcpu] enabled";
}

static const char *blockio_refusal(const struct profiler *p)
{
	if (collectors_blockio(p->collectors))
		return NULL;
	return p->config.blockio_enabled ? collectors_blockio_refusal(p->collectors)
					 : "switched off by [blockio] enabled";
}

static void on_status(void *ctx, struct control_call call, const char *argument)
{
	static const struct losses none;
	struct profiler *p = ctx;
	struct bucket_cycle_buckets buckets = bucket_cycle_buckets(p->cycle);
	struct profile_loss changed[LOSS_MAX];
	char last_error[STORE_ERROR_MAX];
	struct unwind_feed_counters unwind = unwind_feed_counters(p->unwind);
	struct losses losses;

	(void)argument;
	bucket_cycle_losses(p->cycle, &losses);
	writer_last_error(p->writer, last_error, sizeof(last_error));
	control_status_reply(
		call,
		&(struct control_status){
			.version = PROFD_VERSION,
			.store = p->config.directory,
			.pid = getpid(),
			.since_real_ns = p->since_real_ns,
			.frequency_hz = p->config.frequency_hz,
			.n_cpus = collectors_n_cpus(p->collectors),
			.bucket_ns = p->config.bucket_s * UINT64_C(1000000000),
			.n_buckets_written = buckets.n_written,
			.n_buckets_waiting =
				buckets.n_ended - buckets.n_written - buckets.n_dropped,
			.losses = changed,
			.n_losses = losses_since(&none, &losses, changed),
			.last_error = *last_error ? last_error : NULL,
			.safe_mode = p->safe_mode ? "the host went down soon after profd attached; "
						    "user stacks are not walked"
						  : NULL,
			.follows_by_sideband = p->follows_processes,
			.n_processes = process_table_size(p->processes),
			.unwind_budget_bytes = unwind.budget_bytes,
			.unwind_used_bytes = unwind.used_bytes,
			.unwind_memory_bytes = unwind.slab_bytes,
			.n_unwind_installed = unwind.tables.n_installed,
			.n_unwind_evicted = unwind.tables.n_evicted,
			.offcpu_refusal = offcpu_refusal(p),
			.n_open_waits = wait_rows_n_open(p->wait_rows),
			.n_wait_stacks = wait_rows_counters(p->wait_rows)->n_stacks,
			.pass_ns = ledger_pass_counters(p->passes.pass)->last_ns,
			.blockio_refusal = blockio_refusal(p),
			.n_io_samples = io_rows_counters(p->io_rows)->n_records,
		});
}

void profiler_listen(struct profiler *p)
{
	struct control_options options = {.directory = p->config.control_directory,
					  .ops = {.flush = on_flush, .status = on_status},
					  .ctx = p};
	struct control_error error;
	int r;

	control_rule_init(&options.rule, CONTROL_GROUP);
	r = control_new(&options, &p->control, &error);
	if (r < 0)
		log_warning("no control socket, so profd --control does not work: %s", error.text);
}

int profiler_on_control(struct event_source *source)
{
	struct profiler *p = source->ctx;

	control_dispatch(p->control);
	return 0;
}

/* Ends the open bucket where the pass for it says. It has all that was sampled until then, also
 * what is held for its order, and nothing else. */
static int cut(struct profiler *p, struct clock_reading *ret_at)
{
	int r = profiler_passes_cut(p);

	if (r != 0)
		return r;
	*ret_at = p->passes.cut.mono_ns ? p->passes.cut : bucket_cycle_read_clocks();
	r = profiler_take_in(p, profiler_passes_limit(p, ret_at->mono_ns - 1));
	if (r != 0)
		return r;
	p->passes.cut = (struct clock_reading){};
	return bucket_cycle_cut(p->cycle, *ret_at);
}

int profiler_flush(struct profiler *p)
{
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	struct bucket_cycle_buckets buckets;
	struct clock_reading at;
	int r;

	if (flush_queue_is_due(&p->flushes, now_ns)) {
		r = cut(p, &at);
		if (r != 0 && r != -EAGAIN)
			return r;
		buckets = bucket_cycle_buckets(p->cycle);
		if (r == 0)
			flush_queue_cut(&p->flushes, buckets.n_ended, buckets.n_dropped,
					at.mono_ns);
	}
	buckets = bucket_cycle_buckets(p->cycle);
	flush_queue_answer(&p->flushes, buckets.n_written, buckets.n_dropped);
	return 0;
}

int profiler_reload(struct profiler *p, const struct config *next, struct profiler_error *error)
{
	struct filter filter;
	int r = config_reloadable(&p->config, next, error->text, sizeof(error->text));

	if (r < 0)
		return r;
	/* What was sampled before is kept or not as it was before; if it is too much for now, the
	 * rest is taken as it will be. */
	(void)profiler_take_in(p, profiler_passes_limit(p, profiler_clock_ns(CLOCK_MONOTONIC)));
	if (next->frequency_hz != p->config.frequency_hz)
		r = collectors_set_frequency(p->collectors, next->frequency_hz);
	if (r < 0)
		return profiler_fail(error, r,
				     "not reloaded, the configuration of before stays in force: "
				     "perf events cannot be opened anew: %s",
				     strerror(-r));
	filter_init(&filter, next);
	attribution_set_filter(p->attribution, &filter);
	writer_set_limits(p->writer, next->max_nodes, (uint64_t)next->max_mb << 20);
	p->config = *next;
	log_info("reloaded: sampling %u CPUs at %u Hz", collectors_n_cpus(p->collectors),
		 p->config.frequency_hz);
	return 0;
}
