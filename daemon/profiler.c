// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler.c - see profiler.h.
 *
 * Records wait in their rings for a timer of 200 ms, which costs five wakeups a second at any rate;
 * only the first sample of a process wakes the loop at once (bpf/emit.bpf.h), because what is read
 * of /proc has to be read while the process lives.
 */
#include "profiler.h"

#include "bucket_cycle.h"
#include "capture/collector.h"
#include "capture/intake.h"
#include "capture/online_cpus.h"
#include "log.h"
#include "process/process_events.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#define TICK_NS		  200000000
#define TICKS_A_SECOND	  5 /* names are asked and CPUs looked at that often */
#define TICKS_A_SWEEP	  50
#define TAKE_IN_NS	  4000000ull	/* records are taken that long at a time */
#define KERNEL_WAIT_MS	  10000		/* for the kernel's symbols at the start */
#define NAMES_WAIT_NS	  2000000000ull /* for names at the end */
#define BOOT_ID_PATH	  "/proc/sys/kernel/random/boot_id"
#define PID_NAMESPACE	  "/proc/self/ns/pid"
#define PID_NAMESPACE_INO 0xEFFFFFFCu /* PROC_PID_INIT_INO, include/linux/proc_ns.h */

struct profiler {
	struct config config;
	struct event_loop loop;
	struct event_source ring_source, sideband_source, timer_source, resolver_source,
		opener_source;
	struct perf_opener *perf_opener; /* borrowed */
	struct online_cpus *online;
	struct collectors *collectors;
	struct resolver_client *resolver;
	struct opener *opener;
	struct symbolize *symbolize;
	struct files *files;
	struct process_table *processes;
	struct cgroups *cgroups;
	struct attribution *attribution;
	struct intake *intake;
	struct writer *writer;
	struct bucket_cycle *cycle;
	uint64_t n_ticks;
	bool follows_processes; /* by the side-band */
	uint64_t n_revived;	/* CPUs that went and came unseen, as far as the side-band knows */
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

/* ---- what the bucket cycle asks ---- */

static void describe(void *ctx, struct bucket_head *head)
{
	const struct profiler *p = ctx;

	head->period_ns = collectors_period_ns(p->collectors);
	head->n_cpus = collectors_n_cpus(p->collectors);
}

static void count(void *ctx, struct losses *losses)
{
	const struct profiler *p = ctx;
	const struct cgroup_counters *cgroups = cgroups_counters(p->cgroups);
	struct intake_counters intake = intake_counters(p->intake);
	struct wire_drops drops;

	if (collectors_drops(p->collectors, &drops) == 0) {
		losses->count[LOSS_RINGBUF_FULL] = drops.count[WIRE_DROP_RINGBUF_FULL];
		losses->weight_ns[LOSS_RINGBUF_FULL] = drops.value[WIRE_DROP_RINGBUF_FULL];
		losses->count[LOSS_NO_SCRATCH] = drops.count[WIRE_DROP_NO_SCRATCH];
		losses->weight_ns[LOSS_NO_SCRATCH] = drops.value[WIRE_DROP_NO_SCRATCH];
	}
	losses->count[LOSS_MALFORMED] = intake.n_malformed;
	losses->count[LOSS_NO_ROOM] += intake.n_refused;
	losses->weight_ns[LOSS_NO_ROOM] += intake.refused_ns;
	losses->count[LOSS_SIDEBAND] = intake.n_sideband_lost;
	losses->count[LOSS_SIDEBAND_EARLY] = intake.n_early;
	losses->count[LOSS_CGROUP_UNKNOWN] = cgroups->n_unknown + cgroups->n_refused;
	losses->count[LOSS_LOOP_STALL] = p->loop.n_stalls;
	losses->count[LOSS_CPU_MISSED] = collectors_cpu_seconds_missed(p->collectors);
}

/* ---- callbacks of the loop ---- */

static int on_sample(void *ctx, const struct sample *sample)
{
	struct profiler *p = ctx;
	int r = bucket_cycle_reach(p->cycle, sample->mono_ns);

	if (r < 0)
		return r;
	attribution_add(p->attribution, sample, clock_ns(CLOCK_MONOTONIC),
			bucket_cycle_open(p->cycle));
	return 0;
}

/* Its samples are held; what may be gone soon is looked at. Returns 1 when there are more. */
static int consume(struct profiler *p, uint64_t at_most_ns)
{
	intake_set_deadline(p->intake, clock_ns(CLOCK_MONOTONIC) + at_most_ns);
	return collectors_consume(p->collectors);
}

/* What happened until `until_mono_ns`; returns 1 when it does not fit into the time. */
static int take_in(struct profiler *p, uint64_t until_mono_ns, uint64_t at_most_ns)
{
	uint64_t now_ns = clock_ns(CLOCK_MONOTONIC);
	int r;

	process_table_set_boot_offset(p->processes, clock_ns(CLOCK_BOOTTIME) - now_ns);
	intake_read_sideband(p->intake);
	r = consume(p, at_most_ns);
	return r != 0 ? r : intake_deliver(p->intake, until_mono_ns, now_ns + 2 * at_most_ns);
}

static int on_ring(struct event_source *source)
{
	return consume(source->ctx, TAKE_IN_NS);
}

static int on_sideband(struct event_source *source)
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
	if (p->follows_processes)
		follow_sideband(p);
	else
		log_info("not in the machine's pid namespace: processes are followed by /proc "
			 "alone");
}

static int on_tick(struct event_source *source)
{
	struct profiler *p = source->ctx;
	uint64_t expirations, until_ns = clock_ns(CLOCK_MONOTONIC) - INTAKE_HOLD_NS;
	int r;

	if (read(source->fd, &expirations, sizeof(expirations)) < 0 && errno != EAGAIN)
		return -errno;
	r = take_in(p, until_ns, TAKE_IN_NS);
	if (r != 0) /* what was sampled comes before the end of a bucket */
		return r;
	symbolize_reserve(p->symbolize, bucket_n_locations(bucket_cycle_open(p->cycle)));
	if (++p->n_ticks % TICKS_A_SECOND == 0) {
		symbolize_flush(p->symbolize);
		follow_cpus(p);
	}
	if (p->n_ticks % TICKS_A_SWEEP == 0) {
		process_table_sweep(p->processes);
		cgroups_sweep(p->cgroups, clock_ns(CLOCK_MONOTONIC));
	}
	r = bucket_cycle_passed(p->cycle, until_ns);
	bucket_cycle_settle(p->cycle);
	return r;
}

static int on_resolver(struct event_source *source)
{
	struct profiler *p = source->ctx;

	symbolize_dispatch(p->symbolize);
	bucket_cycle_settle(p->cycle);
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
		r = cgroups_new("/proc/self/mountinfo", &p->cgroups);
	if (r == 0)
		r = attribution_new(p->symbolize, p->processes, p->cgroups, &p->attribution);
	if (r == 0)
		r = intake_new(&(struct intake_parts){.attribution = p->attribution,
						      .processes = p->processes,
						      .cgroups = p->cgroups,
						      .sample = on_sample,
						      .ctx = p},
			       &p->intake);
	return r < 0 ? fail(error, r, "cannot start: %s", strerror(-r)) : 0;
}

static int make_cycle(struct profiler *p, struct profiler_error *error)
{
	const struct bucket_cycle_parts parts = {.attribution = p->attribution,
						 .processes = p->processes,
						 .symbolize = p->symbolize,
						 .resolver = p->resolver,
						 .writer = p->writer,
						 .describe = describe,
						 .count = count,
						 .ctx = p};
	int r = bucket_cycle_new(&parts, p->config.bucket_s * 1000000000ull, &p->cycle);

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
		r = add_source(p, &p->sideband_source, sideband_fd(intake_sideband(p->intake)),
			       on_sideband);
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
					    .record = intake_record};
	int r;

	if (!p)
		return fail(error, -ENOMEM, "out of memory");
	p->config = *config;
	p->perf_opener = perf_opener;
	p->timer_source.fd = -1;
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
	options.ctx = p->intake;
	r = collectors_new(&options, &p->collectors, &collector_error);
	if (r < 0)
		return fail(error, r, "%s", collector_error.text);
	r = open_store(p, error);
	if (r == 0)
		r = make_cycle(p, error);
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
	bucket_cycle_free(p->cycle);
	intake_free(p->intake);
	attribution_free(p->attribution);
	process_table_free(p->processes);
	cgroups_free(p->cgroups);
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
	int r = take_in(p, UINT64_MAX, NAMES_WAIT_NS);

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
		r = bucket_cycle_cut(p->cycle);
	bucket_cycle_settle_now(p->cycle);
	return writer_stop(p->writer) < 0 ? -EIO : r;
}

int profiler_run(struct profiler *p, struct profiler_error *error)
{
	struct collector_error collector_error;
	int r;

	wait_for_kernel_symbols(p);
	begin_to_follow(p);
	bucket_cycle_start(p->cycle);
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
