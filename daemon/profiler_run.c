// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler_run.c - what drives the parts: the ticks of the timer, what becomes readable, the
 * beginning and the end.
 *
 * Records wait in their rings for a timer of 200 ms, which costs five wakeups a second at any rate;
 * only the first sample of a process wakes the loop at once (bpf/emit.bpf.h), because what is read
 * of /proc has to be read while the process lives.
 */
#include "profiler_parts.h"

#include "log.h"
#include "process/process_events.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>

#define TICKS_A_SECOND	  5 /* names are asked and CPUs looked at that often */
#define TICKS_A_SWEEP	  50
#define TAKE_IN_NS	  4000000ull	/* records are taken that long at a time */
#define FEED_NS		  1000000ull	/* tables are written that long at a time */
#define RING_DISORDER_NS  10000000ull	/* between a sample's time and its place in the ring */
#define FINISH_WAIT_NS	  5000000000ull /* for samples at the end */
#define KERNEL_WAIT_MS	  10000		/* for the kernel's symbols at the start */
#define NAMES_WAIT_NS	  2000000000ull /* for names at the end */
#define PID_NAMESPACE	  "/proc/self/ns/pid"
#define PID_NAMESPACE_INO 0xEFFFFFFCu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

/* ---- what the bucket cycle asks ---- */

void profiler_describe(void *ctx, struct bucket_head *head)
{
	const struct profiler *p = ctx;

	head->period_ns = collectors_period_ns(p->collectors);
	head->n_cpus = collectors_n_cpus(p->collectors);
}

void profiler_count(void *ctx, struct losses *losses)
{
	const struct profiler *p = ctx;
	const struct process_counters *processes = process_table_counters(p->processes);
	const struct cgroup_counters *cgroups = cgroups_counters(p->cgroups);
	struct intake_counters intake = intake_counters(p->intake);
	struct unwind_feed_counters unwind = unwind_feed_counters(p->unwind);
	struct wire_drops drops;

	if (collectors_drops(p->collectors, &drops) == 0) {
		losses->count[LOSS_RINGBUF_FULL] = drops.count[WIRE_DROP_RINGBUF_FULL];
		losses->weight_ns[LOSS_RINGBUF_FULL] = drops.value[WIRE_DROP_RINGBUF_FULL];
		losses->count[LOSS_NO_SCRATCH] = drops.count[WIRE_DROP_NO_SCRATCH];
		losses->weight_ns[LOSS_NO_SCRATCH] = drops.value[WIRE_DROP_NO_SCRATCH];
		losses->count[LOSS_SWITCH_NO_STORAGE] = drops.count[WIRE_DROP_NO_STORAGE];
		losses->count[LOSS_IO_SLOT] = drops.count[WIRE_DROP_IO_SLOT];
		losses->count[LOSS_IO_SUMS] = drops.count[WIRE_DROP_IO_SUMS];
		losses->count[LOSS_IO_BEGIN] = drops.count[WIRE_DROP_IO_BEGIN];
	}
	profiler_passes_count(p, losses);
	profiler_io_count(p, losses);
	losses->count[LOSS_MALFORMED] = intake.n_malformed;
	losses->count[LOSS_NO_ROOM] += intake.n_refused;
	losses->weight_ns[LOSS_NO_ROOM] += intake.refused_ns;
	losses->count[LOSS_SIDEBAND] = intake.n_sideband_lost;
	losses->count[LOSS_SIDEBAND_CPU] = intake.n_cpus_missed;
	losses->count[LOSS_PROCESS_FULL] = processes->n_refused;
	losses->count[LOSS_PROCESS_HEALED] = processes->n_healed;
	losses->count[LOSS_SIDEBAND_EARLY] = intake.n_early;
	losses->count[LOSS_CGROUP_UNKNOWN] = cgroups->n_unknown + cgroups->n_refused;
	losses->count[LOSS_CGROUP_EVICTED] = cgroups->n_evicted;
	losses->count[LOSS_UNWIND_EVICTED] = unwind.tables.n_evicted;
	losses->count[LOSS_UNWIND_REFUSED] =
		unwind.tables.n_refused + unwind.tables.n_full + unwind.n_spaces_refused;
	losses->count[LOSS_UNWIND_CACHE] = rows_client_counters(p->rows)->n_cache_damaged +
					   rows_client_counters(p->rows)->n_cache_failed;
	losses->count[LOSS_FILE_HUNG] = opener_n_abandoned(p->opener);
	losses->count[LOSS_UNWIND_LOST] = unwind.n_words_lost;
	losses->count[LOSS_UNWIND_UNREAD] = unwind.tables.n_unread;
	losses->count[LOSS_UNWIND_FAILED] = unwind.tables.n_failed;
	losses->count[LOSS_LOOP_STALL] = p->loop.n_stalls;
	losses->count[LOSS_CPU_MISSED] = collectors_cpu_seconds_missed(p->collectors);
	losses->count[LOSS_RESOLVER] =
		resolver_client_restarts(p->resolver) + rows_client_counters(p->rows)->n_restarts;
}

/* ---- callbacks of the loop ---- */

static void add_waits(struct profiler *p, const struct sample *sample, uint64_t now_ns)
{
	struct wait_bucket to = {bucket_cycle_open(p->cycle), bucket_cycle_begin_mono_ns(p->cycle)};

	if (wait_rows_is_before(sample, &p->passes.last))
		to.bucket = bucket_cycle_ended_at(p->cycle, p->passes.last.boundary_mono_ns);
	wait_rows_add(p->wait_rows, sample, now_ns, &to);
}

int profiler_on_sample(void *ctx, const struct sample *sample)
{
	struct profiler *p = ctx;
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	int r = bucket_cycle_reach(p->cycle, sample->mono_ns);

	if (r < 0)
		return r;
	if (sample->kind == WIRE_CPU)
		attribution_add(p->attribution, sample, now_ns, bucket_cycle_open(p->cycle));
	else if (sample->kind == WIRE_IO)
		io_rows_add(p->io_rows, sample, now_ns, bucket_cycle_open(p->cycle));
	else
		add_waits(p, sample, now_ns);
	return 0;
}

/* Its samples are held; what may be gone soon is looked at. Returns 1 when there are more. */
static int consume(struct profiler *p, uint64_t at_most_ns)
{
	intake_set_deadline(p->intake, profiler_clock_ns(CLOCK_MONOTONIC) + at_most_ns);
	return collectors_consume(p->collectors);
}

/* What happened until `until_mono_ns`; returns 1 when it does not fit into the time. Each call
 * gives something on: a ring that is never empty must not keep the bucket from being filled. */
static int take_in(struct profiler *p, uint64_t until_mono_ns, uint64_t at_most_ns)
{
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC), newest_ns;
	int more, r;

	process_table_set_boot_offset(p->processes, profiler_clock_ns(CLOCK_BOOTTIME) - now_ns);
	intake_read_sideband(p->intake);
	more = consume(p, at_most_ns);
	if (more < 0)
		return more;
	newest_ns = intake_newest_mono_ns(p->intake);
	newest_ns -= newest_ns < RING_DISORDER_NS ? newest_ns : RING_DISORDER_NS;
	if (more && newest_ns < until_mono_ns)
		until_mono_ns = newest_ns;
	r = intake_deliver(p->intake, until_mono_ns,
			   profiler_clock_ns(CLOCK_MONOTONIC) + at_most_ns);
	return r < 0 ? r : more || r;
}

int profiler_take_in(struct profiler *p, uint64_t until_mono_ns)
{
	return take_in(p, until_mono_ns, TAKE_IN_NS);
}

int profiler_on_ring(struct event_source *source)
{
	return consume(source->ctx, TAKE_IN_NS);
}

int profiler_on_sideband(struct event_source *source)
{
	struct profiler *p = source->ctx;

	intake_read_sideband(p->intake);
	return 0;
}

/* ---- CPUs that come and go ---- */

/* What a CPU's side-band said of processes before it was there, or while it was not, is not known.
 */
static void follow_sideband(struct profiler *p)
{
	struct sideband *sideband = intake_sideband(p->intake);
	uint64_t n_revived = collectors_cpus_revived(p->collectors);

	if (!p->follows_processes)
		return;
	if (n_revived != p->n_revived) /* which ones is not told: that is rare */
		sideband_follow_cpus(sideband, p->perf_opener, &(struct cpu_list){});
	p->n_revived = n_revived;
	if (sideband_follow_cpus(sideband, p->perf_opener, online_cpus_list(p->online)) > 0)
		process_events_lost(p->processes);
}

/* A list that cannot be read is the one of before. */
static void follow_cpus(struct profiler *p)
{
	(void)online_cpus_read(p->online);
	collectors_follow_cpus(p->collectors, online_cpus_list(p->online));
	follow_sideband(p);
}

/*
 * Follows what happens to processes from now on. Without the side-band /proc tells it, later and
 * not all; in a pid namespace of its own profd is told other pids there than in samples, which
 * carry the machine's (kernel/events/core.c, perf_event_pid()).
 */
static void begin_to_follow(struct profiler *p)
{
	struct stat st;

	p->follows_processes = stat(PID_NAMESPACE, &st) == 0 && st.st_ino == PID_NAMESPACE_INO;
	process_table_set_followed(p->processes, p->follows_processes);
	if (p->follows_processes)
		follow_sideband(p);
	else
		log_info("not in the machine's pid namespace: processes are followed by /proc "
			 "alone");
}

/* From here on a host that goes down is remembered, for as long as that may be profd's doing. */
static void begin_guard(struct profiler *p)
{
	_cleanup_close_ int fd = open(p->config.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct crash_guard_verdict verdict;
	int r = crash_guard_start(&p->guard, fd, p->config.directory, p->boot_id, &verdict);

	if (*verdict.text)
		log_warning("%s", verdict.text);
	if (r < 0)
		log_warning("if the host crashes now, the next start will not know of it: "
			    "%s/" CRASH_GUARD_FILE ": %s",
			    p->config.directory, strerror(-r));
	p->guarded_until_ns =
		profiler_clock_ns(CLOCK_MONOTONIC) + CRASH_GUARD_WATCH_S * UINT64_C(1000000000);
}

static void end_guard(struct profiler *p, bool stopping)
{
	int r = stopping ? crash_guard_done(&p->guard) : crash_guard_survived(&p->guard);

	p->guarded_until_ns = 0;
	if (r < 0)
		log_warning("%s/" CRASH_GUARD_FILE " cannot be removed (%s); the next boot will "
			    "take it for a crash of the host, so remove it",
			    p->config.directory, strerror(-r));
}

/* A stretch of what is to be installed; the rest when the loop has looked at everything else. */
static void feed_walker(struct profiler *p)
{
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC), deadline_ns = now_ns + FEED_NS;
	int more;

	unwind_feed_ask(p->unwind, now_ns);
	while ((more = unwind_feed_work(p->unwind, now_ns)) > 0 && now_ns < deadline_ns)
		now_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	if (more)
		(void)eventfd_write(p->feed_source.fd, 1);
}

/* What is done five times a second, however much there is to take in. */
static void keep_house(struct profiler *p)
{
	uint64_t now_ns = profiler_clock_ns(CLOCK_MONOTONIC);

	symbolize_reserve(p->symbolize, bucket_n_locations(bucket_cycle_open(p->cycle)));
	if (++p->n_ticks % TICKS_A_SECOND == 0) {
		symbolize_flush(p->symbolize);
		follow_cpus(p);
		opener_watch(p->opener, now_ns);
		if (collectors_offcpu(p->collectors))
			offcpu_programs_watch(collectors_offcpu(p->collectors), now_ns);
		unwind_feed_scan(p->unwind, now_ns);
		if (p->guarded_until_ns && now_ns >= p->guarded_until_ns)
			end_guard(p, false);
	}
	if (p->n_ticks % TICKS_A_SWEEP == 0) {
		process_table_sweep(p->processes);
		cgroups_sweep(p->cgroups, now_ns);
	}
	feed_walker(p);
	profiler_passes_keep(p, 0);
	bucket_cycle_settle(p->cycle);
}

int profiler_on_tick(struct event_source *source)
{
	struct profiler *p = source->ctx;
	uint64_t expirations = 0, now_ns = profiler_clock_ns(CLOCK_MONOTONIC);
	uint64_t until_ns = profiler_passes_limit(p, now_ns - INTAKE_HOLD_NS);
	int r;

	if (read(source->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return -errno;
	r = profiler_take_in(p, until_ns);
	if (r < 0)
		return r;
	/* Only now: that the loop turns is not enough. */
	service_watchdog(&p->service, now_ns);
	if (expirations)
		keep_house(p);
	if (r > 0) /* what was sampled comes before the end of a bucket */
		return r;
	r = bucket_cycle_passed(p->cycle, until_ns);
	if (r == 0)
		r = profiler_flush(p);
	profiler_passes_keep(p, until_ns);
	return r;
}

int profiler_on_resolver(struct event_source *source)
{
	struct profiler *p = source->ctx;

	symbolize_dispatch(p->symbolize);
	feed_walker(p); /* a file whose identity is known can be asked for its rows */
	bucket_cycle_settle(p->cycle);
	return 0;
}

int profiler_on_feed(struct event_source *source)
{
	eventfd_t count;

	(void)eventfd_read(source->fd, &count);
	feed_walker(source->ctx);
	return 0;
}

int profiler_on_rows(struct event_source *source)
{
	struct profiler *p = source->ctx;

	unwind_feed_dispatch(p->unwind);
	feed_walker(p);
	return 0;
}

int profiler_on_opener(struct event_source *source)
{
	struct profiler *p = source->ctx;

	files_dispatch(p->files);
	feed_walker(p);
	return 0;
}

/* ---- beginning and end ---- */

static void wait_for_kernel_symbols(struct profiler *p)
{
	struct pollfd fd = {.fd = resolver_client_fd(p->resolver), .events = POLLIN};
	uint64_t deadline_ns = profiler_clock_ns(CLOCK_MONOTONIC) + KERNEL_WAIT_MS * 1000000ull;

	while (!resolver_client_idle(p->resolver) &&
	       profiler_clock_ns(CLOCK_MONOTONIC) < deadline_ns) {
		(void)poll(&fd, 1, KERNEL_WAIT_MS);
		symbolize_dispatch(p->symbolize);
	}
}

/* The last samples; those that take too long are counted. */
static int take_in_rest(struct profiler *p)
{
	uint64_t deadline_ns = profiler_clock_ns(CLOCK_MONOTONIC) + FINISH_WAIT_NS;
	int r;

	profiler_passes_end(p);
	collectors_detach(p->collectors);
	do
		r = take_in(p, UINT64_MAX, NAMES_WAIT_NS);
	while (r > 0 && profiler_clock_ns(CLOCK_MONOTONIC) < deadline_ns);
	if (r <= 0)
		return r;
	intake_discard(p->intake);
	intake_set_deadline(p->intake, 0);
	r = collectors_consume(p->collectors);
	return r < 0 ? r : 0;
}

/* The last samples, the names they wait for, and the bucket. */
static int finish(struct profiler *p)
{
	uint64_t deadline_ns;
	int r = take_in_rest(p);

	deadline_ns = profiler_clock_ns(CLOCK_MONOTONIC) + NAMES_WAIT_NS;
	while (r == 0 && profiler_clock_ns(CLOCK_MONOTONIC) < deadline_ns) {
		struct pollfd fds[] = {
			{.fd = resolver_client_fd(p->resolver), .events = POLLIN},
			{.fd = opener_fd(p->opener), .events = POLLIN},
		};

		files_dispatch(p->files);
		symbolize_flush(p->symbolize);
		symbolize_dispatch(p->symbolize);
		if (opener_idle(p->opener) && !symbolize_busy(p->symbolize))
			break;
		(void)poll(fds, ARRAY_SIZE(fds), 100);
	}
	if (r == 0)
		r = bucket_cycle_cut(p->cycle, bucket_cycle_read_clocks());
	bucket_cycle_settle_now(p->cycle);
	return writer_stop(p->writer) < 0 ? -EIO : r;
}

void profiler_say_ready(const struct profiler *p, const char *refusal)
{
	service_ready(collectors_n_cpus(p->collectors), p->config.frequency_hz);
	if (refusal)
		service_status(refusal);
	else if (p->safe_mode)
		service_status("Safe mode: the host went down soon after profd attached; user "
			       "stacks are not walked until profd is restarted");
}

int profiler_run(struct profiler *p, struct profiler_error *error)
{
	struct collector_error collector_error;
	int r;

	wait_for_kernel_symbols(p);
	begin_guard(p);
	begin_to_follow(p);
	bucket_cycle_start(p->cycle);
	r = collectors_attach(p->collectors, &collector_error);
	if (r < 0) {
		p->collectors = collectors_free(p->collectors);
		end_guard(p, true);
		return profiler_fail(error, r, "%s", collector_error.text);
	}
	profiler_passes_begin(p);
	p->since_real_ns = profiler_clock_ns(CLOCK_REALTIME);
	log_info("ready: sampling %u CPUs at %u Hz into %s", collectors_n_cpus(p->collectors),
		 p->config.frequency_hz, p->config.directory);
	profiler_say_ready(p, NULL);
	r = event_loop_run(&p->loop);
	service_stopping();
	if (r < 0)
		(void)profiler_fail(error, r, "the event loop ended: %s", strerror(-r));
	log_debug("%" PRIu64 " samples, %" PRIu64 " readings of processes, %" PRIu64 " names; the "
		  "loop was away for %" PRIu64 " us at most",
		  attribution_counters(p->attribution)->n_samples,
		  process_table_counters(p->processes)->n_read,
		  symbolize_counters(p->symbolize)->n_named, p->loop.max_stall_ns / 1000);
	log_debug("%" PRIu64
		  " records of waits and the ledger; a pass over all threads took %" PRIu64
		  " us at most",
		  wait_rows_counters(p->wait_rows)->n_records,
		  ledger_pass_counters(p->passes.pass)->max_ns / 1000);
	if (finish(p) < 0 && r == 0)
		r = profiler_fail(error, -EIO, "the last bucket is lost; the reason is above");
	p->collectors = collectors_free(p->collectors);
	end_guard(p, true);
	return r;
}
