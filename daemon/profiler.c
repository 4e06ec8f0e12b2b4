// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler.c - see profiler.h.
 *
 * Records wait in the ring for a timer of 200 ms, which costs five wakeups a second at any rate;
 * only the first sample of a process wakes the loop at once (bpf/emit.bpf.h), because /proc has to
 * be read while the process lives.
 */
#include "profiler.h"

#include "capture/attribution.h"
#include "capture/bucket_clock.h"
#include "capture/collector.h"
#include "capture/online_cpus.h"
#include "log.h"
#include "losses.h"
#include "record/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define TICK_NS		   200000000
#define TICKS_A_SECOND	   5 /* names are asked and CPUs looked at that often */
#define TICKS_A_SWEEP	   50
#define CONSUME_NS	   4000000ull /* records are taken that long at a time */
#define RECORDS_A_LOOK	   16	      /* at the clock */
#define BUCKETS_BEHIND_MAX 100
#define BUCKET_GRACE_NS	   50000000ull	 /* for records on their way when a bucket ends */
#define NAMES_GRACE_NS	   1000000000ull /* for names that were asked when a bucket ends */
#define KERNEL_WAIT_MS	   10000	 /* for the kernel's symbols at the start */
#define NAMES_WAIT_NS	   2000000000ull /* for names at the end */
#define BOOT_ID_PATH	   "/proc/sys/kernel/random/boot_id"

struct profiler {
	struct config config;
	struct event_loop loop;
	struct event_source ring_source, timer_source, resolver_source, opener_source;
	struct online_cpus *online;
	struct collectors *collectors;
	struct resolver_client *resolver;
	struct opener *opener;
	struct symbolize *symbolize;
	struct files *files;
	struct process_table *processes;
	struct attribution *attribution;
	struct writer *writer;
	struct bucket *bucket; /* being filled */
	struct bucket *closed; /* the one before it, while it waits for names; else NULL */
	struct bucket_head closed_head;
	uint64_t closed_deadline_ns; /* CLOCK_MONOTONIC */
	struct bucket_clock clock;
	uint64_t n_ticks;
	struct losses losses; /* as of the last bucket */
	uint64_t n_malformed, n_records;
	uint64_t consume_until_ns;	      /* CLOCK_MONOTONIC */
	uint64_t n_unfinished, unfinished_ns; /* buckets that could not be finished or queued */
};

__attribute__((format(printf, 3, 4))) static int fail(struct profiler_error *error, int r,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return r;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static struct clock_reading read_clocks(void)
{
	return (struct clock_reading){.real_ns = clock_ns(CLOCK_REALTIME),
				      .mono_ns = clock_ns(CLOCK_MONOTONIC)};
}

/* ---- buckets ---- */

static void gather_losses(struct profiler *p, struct losses *ret)
{
	const struct attribution_counters *attribution = attribution_counters(p->attribution);
	const struct symbolize_counters *symbolize = symbolize_counters(p->symbolize);
	struct writer_counters writer = writer_counters(p->writer);
	struct wire_drops drops;

	*ret = p->losses;
	if (collectors_drops(p->collectors, &drops) == 0) {
		ret->count[LOSS_RINGBUF_FULL] = drops.count[WIRE_DROP_RINGBUF_FULL];
		ret->weight_ns[LOSS_RINGBUF_FULL] = drops.value[WIRE_DROP_RINGBUF_FULL];
		ret->count[LOSS_NO_SCRATCH] = drops.count[WIRE_DROP_NO_SCRATCH];
		ret->weight_ns[LOSS_NO_SCRATCH] = drops.value[WIRE_DROP_NO_SCRATCH];
	}
	ret->count[LOSS_MALFORMED] = p->n_malformed;
	ret->count[LOSS_NO_ROOM] = attribution->n_refused;
	ret->weight_ns[LOSS_NO_ROOM] = attribution->refused_ns;
	ret->count[LOSS_BUCKET_DROPPED] = writer.n_dropped + p->n_unfinished;
	ret->weight_ns[LOSS_BUCKET_DROPPED] = writer.dropped_ns + p->unfinished_ns;
	ret->count[LOSS_PROCESS_GONE] = attribution->n_process_gone;
	ret->count[LOSS_MAPPING_DROPPED] = process_table_counters(p->processes)->n_mappings_dropped;
	ret->count[LOSS_FILE_BROKEN] = symbolize->n_files_broken;
	ret->count[LOSS_FILE_SKIPPED] = symbolize->n_files_skipped;
	ret->count[LOSS_FILE_REFUSED] = symbolize->n_files_refused;
	ret->count[LOSS_NAME_DROPPED] = symbolize->n_questions_dropped;
	ret->count[LOSS_NAME_LATE] = attribution->n_late_names;
	ret->count[LOSS_NAME_PENDING] = attribution->n_pending_names;
	ret->count[LOSS_KERNEL_UNKNOWN] = symbolize->n_kernel_unknown;
	ret->count[LOSS_WRITE_FAILED] = writer.n_failures;
	ret->count[LOSS_LOOP_STALL] = p->loop.n_stalls;
	ret->count[LOSS_CLOCK_STEP] = p->clock.n_steps;
	ret->count[LOSS_CPU_MISSED] = collectors_cpu_seconds_missed(p->collectors);
}

/* Names the bucket that was closed and gives it to the writer. */
static void finish_closed(struct profiler *p)
{
	_cleanup_(bucket_freep) struct bucket *bucket = take_ptr(p->closed);
	struct bucket_head *head = &p->closed_head;
	struct profile_loss changed[LOSS_MAX];
	struct losses losses;
	int r;

	if (!bucket)
		return;
	gather_losses(p, &losses);
	head->losses = changed;
	head->n_losses = losses_since(&p->losses, &losses, changed);
	r = attribution_finish(p->attribution, bucket, head);
	if (r == 0)
		r = writer_submit(p->writer, bucket);
	if (r == 0) {
		bucket = NULL;
		p->losses = losses;
	} else {
		p->n_unfinished++;
		p->unfinished_ns += head->covered_ns * head->n_cpus; /* at most */
		log_error("a bucket is lost: %s", strerror(-r));
	}
	process_table_sweep_files(p->processes);
}

static void finish_when_named(struct profiler *p)
{
	if (p->closed && (resolver_client_idle(p->resolver) ||
			  clock_ns(CLOCK_MONOTONIC) >= p->closed_deadline_ns))
		finish_closed(p);
}

/* Begins the next bucket; this one waits, for a second at most, for names that were asked. */
static int close_bucket(struct profiler *p, struct clock_reading now)
{
	finish_closed(p);
	p->closed_head = (struct bucket_head){
		.start_real_ns = p->clock.start_real_ns,
		.duration_ns = p->clock.duration_ns,
		.start_boot_ns = clock_ns(CLOCK_BOOTTIME) - (now.real_ns - p->clock.start_real_ns),
		.period_ns = collectors_period_ns(p->collectors),
		.n_cpus = collectors_n_cpus(p->collectors),
	};
	p->closed_head.covered_ns = bucket_clock_next(&p->clock, now);
	p->closed_deadline_ns = now.mono_ns + NAMES_GRACE_NS;
	p->closed = take_ptr(p->bucket);
	symbolize_flush(p->symbolize);
	return bucket_new(&p->bucket);
}

/* Closes buckets until `mono_ns` lies in the open one: one after the other, because the kernel
 * went on sampling if profd was kept from running. */
static int close_until(struct profiler *p, uint64_t mono_ns, struct clock_reading now)
{
	int r = 0;

	for (int i = 0; r == 0 && bucket_clock_is_over(&p->clock, mono_ns); i++) {
		if (i == BUCKETS_BEHIND_MAX) /* more than the ring can hold */
			bucket_clock_start(&p->clock, p->clock.duration_ns, now);
		else
			r = close_bucket(p, now);
	}
	return r;
}

static int close_if_over(struct profiler *p)
{
	struct clock_reading now = read_clocks();

	if (bucket_clock_stepped(&p->clock, now))
		return close_bucket(p, now);
	return close_until(p, now.mono_ns - BUCKET_GRACE_NS, now);
}

/* ---- callbacks of the loop ---- */

static int on_record(void *ctx, void *record, size_t size)
{
	struct profiler *p = ctx;
	struct sample sample;

	if (ingest_decode(record, size, &sample) < 0) {
		p->n_malformed++;
		return 0;
	}
	if (bucket_clock_is_over(&p->clock, sample.mono_ns)) {
		int r = close_until(p, sample.mono_ns, read_clocks());

		if (r < 0)
			return r;
	}
	attribution_add(p->attribution, &sample, p->bucket);
	if (++p->n_records % RECORDS_A_LOOK == 0 &&
	    clock_ns(CLOCK_MONOTONIC) >= p->consume_until_ns)
		return -ECANCELED;
	return 0;
}

/* Returns 1 when the time was over before the ring was empty. */
static int consume(struct profiler *p, uint64_t at_most_ns)
{
	p->consume_until_ns = clock_ns(CLOCK_MONOTONIC) + at_most_ns;
	return collectors_consume(p->collectors);
}

static int on_ring(struct event_source *source)
{
	return consume(source->ctx, CONSUME_NS);
}

/* A list that cannot be read is the one of before. */
static void follow_cpus(struct profiler *p)
{
	(void)online_cpus_read(p->online);
	collectors_follow_cpus(p->collectors, online_cpus_list(p->online));
}

static int on_tick(struct event_source *source)
{
	struct profiler *p = source->ctx;
	uint64_t expirations;
	int r;

	if (read(source->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return -errno;
	r = consume(p, CONSUME_NS);
	if (r != 0) /* what is in the ring comes before the end of a bucket */
		return r;
	symbolize_reserve(p->symbolize, bucket_n_locations(p->bucket));
	if (++p->n_ticks % TICKS_A_SECOND == 0) {
		symbolize_flush(p->symbolize);
		follow_cpus(p);
	}
	if (p->n_ticks % TICKS_A_SWEEP == 0)
		process_table_sweep(p->processes);
	r = close_if_over(p);
	finish_when_named(p);
	return r;
}

static int on_resolver(struct event_source *source)
{
	struct profiler *p = source->ctx;

	symbolize_dispatch(p->symbolize);
	finish_when_named(p);
	return 0;
}

static int on_opener(struct event_source *source)
{
	struct profiler *p = source->ctx;

	files_dispatch(p->files);
	return 0;
}

/* ---- putting it together ---- */

static int open_store(struct profiler *p, struct profiler_error *error)
{
	_cleanup_fclose_ FILE *boot_id_file = fopen(BOOT_ID_PATH, "re");
	_cleanup_(store_writer_freep) struct store_writer *store = NULL;
	char boot_id[64] = "", host[256] = "";
	struct store_options options = {
		.bucket_ns = p->config.bucket_s * 1000000000ull,
		.max_nodes = p->config.max_nodes,
		.max_bytes = (uint64_t)p->config.max_mb << 20,
		.now_real_ns = clock_ns(CLOCK_REALTIME),
		.boot_id = boot_id,
		.host = host,
		.version = PROFD_VERSION,
	};
	struct store_error store_error;
	int r;

	if (boot_id_file && fgets(boot_id, sizeof(boot_id), boot_id_file))
		boot_id[strcspn(boot_id, "\n")] = '\0';
	(void)gethostname(host, sizeof(host) - 1);
	r = store_writer_open(p->config.directory, &options, &store, &store_error);
	if (r < 0)
		return fail(error, r, "%s", store_error.text);
	r = writer_new(store, &p->writer);
	if (r < 0)
		return fail(error, r, "cannot start the writer: %s", strerror(-r));
	store = NULL;
	return 0;
}

static int make_parts(struct profiler *p, struct profiler_error *error)
{
	int r = resolver_client_new(&p->resolver);

	if (r == 0)
		r = symbolize_new(p->resolver, &p->symbolize);
	if (r == 0)
		r = opener_new(&p->opener);
	if (r == 0)
		r = files_new(p->symbolize, p->opener, &p->files);
	if (r == 0)
		r = process_table_new("/proc", p->files, &p->processes);
	if (r == 0)
		r = attribution_new(p->symbolize, p->processes, &p->attribution);
	if (r == 0)
		r = bucket_new(&p->bucket);
	return r < 0 ? fail(error, r, "cannot start: %s", strerror(-r)) : 0;
}

static int add_source(struct profiler *p, struct event_source *source, int fd,
		      int (*ready)(struct event_source *))
{
	*source = (struct event_source){.fd = fd, .ready = ready, .ctx = p};
	return event_loop_add(&p->loop, source);
}

static int add_sources(struct profiler *p, struct profiler_error *error)
{
	struct itimerspec tick = {.it_interval.tv_nsec = TICK_NS, .it_value.tv_nsec = TICK_NS};
	int timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int r = timer_fd < 0 || timerfd_settime(timer_fd, 0, &tick, NULL) < 0 ? -errno : 0;

	p->timer_source.fd = timer_fd;
	if (r == 0)
		r = add_source(p, &p->timer_source, timer_fd, on_tick);
	if (r == 0)
		r = add_source(p, &p->ring_source, collectors_fd(p->collectors), on_ring);
	if (r == 0)
		r = add_source(p, &p->resolver_source, resolver_client_fd(p->resolver),
			       on_resolver);
	if (r == 0)
		r = add_source(p, &p->opener_source, opener_fd(p->opener), on_opener);
	return r < 0 ? fail(error, r, "cannot start the event loop: %s", strerror(-r)) : 0;
}

int profiler_new(const struct config *config, struct perf_opener *perf_opener,
		 struct profiler **ret, struct profiler_error *error)
{
	_cleanup_(profiler_freep) struct profiler *p = calloc(1, sizeof(*p));
	struct collector_error collector_error;
	struct collector_options options = {.frequency_hz = config->frequency_hz,
					    .perf_opener = perf_opener,
					    .record = on_record};
	int r;

	if (!p)
		return fail(error, -ENOMEM, "out of memory");
	p->config = *config;
	p->timer_source.fd = -1;
	options.ctx = p;
	r = event_loop_init(&p->loop);
	if (r < 0)
		return fail(error, r, "epoll: %s", strerror(-r));
	r = online_cpus_new(ONLINE_CPUS_PATH, &p->online);
	if (r < 0)
		return fail(error, r, "%s: %s", ONLINE_CPUS_PATH, strerror(-r));
	options.online = online_cpus_list(p->online);
	/* The kernel's symbols are read in the background while the programs are verified. */
	r = make_parts(p, error);
	if (r < 0)
		return r;
	r = collectors_new(&options, &p->collectors, &collector_error);
	if (r < 0)
		return fail(error, r, "%s", collector_error.text);
	r = open_store(p, error);
	if (r == 0)
		r = add_sources(p, error);
	if (r < 0)
		return r;
	*ret = take_ptr(p);
	return 0;
}

struct profiler *profiler_free(struct profiler *p)
{
	if (!p)
		return NULL;
	/* In the order of the flow, so that nothing is fed that is gone. */
	collectors_free(p->collectors);
	online_cpus_free(p->online);
	writer_free(p->writer);
	bucket_free(p->closed);
	bucket_free(p->bucket);
	attribution_free(p->attribution);
	process_table_free(p->processes);
	files_free(p->files);
	symbolize_free(p->symbolize);
	opener_free(p->opener);
	resolver_client_free(p->resolver);
	close_p(&p->timer_source.fd);
	event_loop_done(&p->loop);
	free(p);
	return NULL;
}

struct event_loop *profiler_loop(struct profiler *p)
{
	return &p->loop;
}

static void wait_for_kernel_symbols(struct profiler *p)
{
	struct pollfd fd = {.fd = resolver_client_fd(p->resolver), .events = POLLIN};
	uint64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + KERNEL_WAIT_MS * 1000000ull;

	while (!resolver_client_idle(p->resolver) && clock_ns(CLOCK_MONOTONIC) < deadline_ns) {
		(void)poll(&fd, 1, KERNEL_WAIT_MS);
		symbolize_dispatch(p->symbolize);
	}
}

/* The last samples, the names they wait for, and the bucket. */
static int finish(struct profiler *p)
{
	uint64_t deadline_ns = clock_ns(CLOCK_MONOTONIC) + NAMES_WAIT_NS;
	int r = p->bucket ? consume(p, NAMES_WAIT_NS) : -ENOMEM;

	if (r > 0)
		r = 0; /* what is left is lost with the ring: profd ends */
	while (r == 0 && clock_ns(CLOCK_MONOTONIC) < deadline_ns) {
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
		r = close_bucket(p, read_clocks());
	finish_closed(p);
	return writer_stop(p->writer) < 0 ? -EIO : r;
}

int profiler_run(struct profiler *p, struct profiler_error *error)
{
	struct collector_error collector_error;
	int r;

	wait_for_kernel_symbols(p);
	bucket_clock_start(&p->clock, p->config.bucket_s * 1000000000ull, read_clocks());
	r = collectors_attach(p->collectors, &collector_error);
	if (r < 0)
		return fail(error, r, "%s", collector_error.text);
	log_info("ready: sampling %u CPUs at %u Hz into %s", collectors_n_cpus(p->collectors),
		 p->config.frequency_hz, p->config.directory);
	(void)sd_notifyf(0, "READY=1\nSTATUS=Sampling %u CPUs at %u Hz",
			 collectors_n_cpus(p->collectors), p->config.frequency_hz);
	r = event_loop_run(&p->loop);
	(void)sd_notify(0, "STOPPING=1\nSTATUS=Writing the open bucket");
	if (r < 0)
		(void)fail(error, r, "the event loop ended: %s", strerror(-r));
	log_debug("%" PRIu64 " samples, %" PRIu64 " readings of processes, %" PRIu64 " names; the "
		  "loop was away for %" PRIu64 " us at most",
		  attribution_counters(p->attribution)->n_samples,
		  process_table_counters(p->processes)->n_read,
		  symbolize_counters(p->symbolize)->n_named, p->loop.max_stall_ns / 1000);
	if (finish(p) < 0 && r == 0)
		r = fail(error, -EIO, "the last bucket is lost; the reason is above");
	return r;
}
