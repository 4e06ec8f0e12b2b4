// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * profiler.c - see profiler.h: the parts put together and taken apart again.
 */
#include "profiler_parts.h"

#include "kernel_version.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <time.h>

#define TICK_NS	     200000000
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

int profiler_fail(struct profiler_error *error, int r, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return r;
}

uint64_t profiler_clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

static void read_boot_id(char boot_id[static BOOT_ID_MAX])
{
	_cleanup_fclose_ FILE *f = fopen(BOOT_ID_PATH, "re");

	boot_id[0] = '\0';
	if (f && fgets(boot_id, BOOT_ID_MAX, f))
		boot_id[strcspn(boot_id, "\n")] = '\0';
}

/* What is known to bring hosts down is not begun: a kernel that freezes, a host that went down
 * whenever profd had attached. */
static int check_host(struct profiler *p, struct profiler_error *error)
{
	struct crash_guard_verdict verdict;
	struct kernel_version version;

	if (kernel_version_read(&version) < 0)
		log_info("this kernel's version cannot be told, so it is not one that is refused");
	if (kernel_version_freezes(&version)) {
		kernel_version_refusal(&version, error->text, sizeof(error->text));
		return -ENOTSUP;
	}
	crash_guard_look(p->config.directory, p->boot_id, &verdict);
	if (verdict.state == CRASH_GUARD_REFUSE)
		return profiler_fail(error, -ENOTSUP, "%s", verdict.text);
	p->safe_mode = verdict.state == CRASH_GUARD_SAFE;
	return 0;
}

static int open_store(struct profiler *p, struct profiler_error *error)
{
	_cleanup_(store_writer_freep) struct store_writer *store = NULL;
	char host[256] = "";
	struct store_options options = {
		.bucket_ns = p->config.bucket_s * 1000000000ull,
		.max_nodes = p->config.max_nodes,
		.max_bytes = (uint64_t)p->config.max_mb << 20,
		.now_real_ns = profiler_clock_ns(CLOCK_REALTIME),
		.boot_id = p->boot_id,
		.host = host,
		.version = PROFD_VERSION,
	};
	struct store_error store_error;
	int r;

	(void)gethostname(host, sizeof(host) - 1);
	r = store_writer_open(p->config.directory, &options, &store, &store_error);
	if (r < 0)
		return profiler_fail(error, r, "%s", store_error.text);
	r = writer_new(store, &p->writer);
	if (r < 0)
		return profiler_fail(error, r, "cannot start the writer: %s", strerror(-r));
	store = NULL;
	return 0;
}

static int make_parts(struct profiler *p, struct profiler_error *error)
{
	int r = resolver_program_open(NULL, &p->resolver_program);

	if (r < 0)
		return profiler_fail(error, r,
				     "cannot start: " RESOLVER_PROGRAM_NAME
				     " is neither beside profd "
				     "nor at %s: %s; install profd anew",
				     resolver_program_installed(), strerror(-r));
	r = resolver_client_new(&p->resolver_program, &p->resolver);
	if (r == 0)
		r = rows_client_new(&p->resolver_program, p->config.cache_directory, &p->rows);
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
		r = wait_rows_new(p->attribution, &p->wait_rows);
	if (r == 0)
		r = io_devices_new("/sys/dev/block", &p->io_devices);
	if (r == 0)
		r = io_rows_new(p->attribution, p->io_devices, &p->io_rows);
	if (r == 0)
		r = io_totals_new(p->io_devices, &p->io_totals);
	if (r == 0)
		r = intake_new(&(struct intake_parts){.attribution = p->attribution,
						      .processes = p->processes,
						      .cgroups = p->cgroups,
						      .sample = profiler_on_sample,
						      .ctx = p},
			       &p->intake);
	return r < 0 ? profiler_fail(error, r, "cannot start: %s", strerror(-r)) : 0;
}

static int make_unwind(struct profiler *p, struct profiler_error *error)
{
	struct collector_unwind_fds fds = collectors_unwind_fds(p->collectors);
	int r = unwind_feed_new(&(struct unwind_feed_parts){.slabs_fd = fds.slabs,
							    .files_fd = fds.files,
							    .processes_fd = fds.processes,
							    .budget_mb = p->config.unwind_budget_mb,
							    .files = p->files,
							    .symbolize = p->symbolize,
							    .rows = p->rows},
				&p->unwind);
	if (r < 0)
		return profiler_fail(error, r, "cannot make the unwind tables: %s", strerror(-r));
	if (!p->safe_mode) /* in which nobody walks */
		process_table_set_unwind(p->processes, unwind_feed_spaces(p->unwind));
	return 0;
}

static void set_filter(struct profiler *p)
{
	struct filter filter;

	filter_init(&filter, &p->config);
	attribution_set_filter(p->attribution, &filter);
}

static int make_cycle(struct profiler *p, struct profiler_error *error)
{
	const struct bucket_cycle_parts parts = {.attribution = p->attribution,
						 .processes = p->processes,
						 .symbolize = p->symbolize,
						 .resolver = p->resolver,
						 .writer = p->writer,
						 .describe = profiler_describe,
						 .complete = profiler_complete,
						 .count = profiler_count,
						 .ctx = p};
	int r = bucket_cycle_new(&parts, p->config.bucket_s * 1000000000ull, &p->cycle);

	return r < 0 ? profiler_fail(error, r, "cannot start: %s", strerror(-r)) : 0;
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
		r = add_source(p, &p->timer_source, timer_fd, profiler_on_tick);
	if (r == 0)
		r = add_source(p, &p->ring_source, collectors_fd(p->collectors), profiler_on_ring);
	if (r == 0)
		r = add_source(p, &p->sideband_source, sideband_fd(intake_sideband(p->intake)),
			       profiler_on_sideband);
	if (r == 0)
		r = add_source(p, &p->resolver_source, resolver_client_fd(p->resolver),
			       profiler_on_resolver);
	if (r == 0)
		r = add_source(p, &p->rows_source, rows_client_fd(p->rows), profiler_on_rows);
	p->feed_source.fd = r == 0 ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) : -1;
	if (r == 0 && p->feed_source.fd < 0)
		r = -errno;
	if (r == 0)
		r = add_source(p, &p->feed_source, p->feed_source.fd, profiler_on_feed);
	if (r == 0)
		r = add_source(p, &p->opener_source, opener_fd(p->opener), profiler_on_opener);
	if (r == 0)
		r = profiler_passes_init(p);
	if (r == 0 && p->control)
		r = add_source(p, &p->control_source, control_fd(p->control), profiler_on_control);
	return r < 0 ? profiler_fail(error, r, "cannot start the event loop: %s", strerror(-r)) : 0;
}

int profiler_new(const struct config *config, struct perf_opener *perf_opener,
		 struct profiler **ret, struct profiler_error *error)
{
	_cleanup_(profiler_freep) struct profiler *p = calloc(1, sizeof(*p));
	struct collector_error collector_error;
	struct collector_options options = {.frequency_hz = config->frequency_hz,
					    .perf_opener = perf_opener,
					    .user_frames_max = config->unwind_max_frames,
					    .offcpu = config->offcpu_enabled,
					    .wakers = config->offcpu_wakers,
					    .wait_stacks_per_s = config->offcpu_stacks_per_s,
					    .blockio = config->blockio_enabled,
					    .io_stacks_per_s = config->blockio_stacks_per_s,
					    .unwind_budget_mb = config->unwind_budget_mb,
					    .record = intake_record};
	int r;

	if (!p)
		return profiler_fail(error, -ENOMEM, "out of memory");
	p->config = *config;
	p->perf_opener = perf_opener;
	p->timer_source.fd = p->passes.timer_source.fd = p->feed_source.fd =
		p->resolver_program.fd = -1;
	service_init(&p->service);
	read_boot_id(p->boot_id);
	r = check_host(p, error);
	if (r < 0)
		return r;
	options.safe_mode = p->safe_mode;
	r = event_loop_init(&p->loop);
	if (r < 0)
		return profiler_fail(error, r, "epoll: %s", strerror(-r));
	r = online_cpus_new(ONLINE_CPUS_PATH, &p->online);
	if (r < 0)
		return profiler_fail(error, r, "%s: %s", ONLINE_CPUS_PATH, strerror(-r));
	options.online = online_cpus_list(p->online);
	/* The kernel's symbols are read in the background while the programs are verified. */
	r = make_parts(p, error);
	if (r < 0)
		return r;
	set_filter(p);
	options.ctx = p->intake;
	r = collectors_new(&options, &p->collectors, &collector_error);
	if (r < 0)
		return profiler_fail(error, r, "%s", collector_error.text);
	r = make_unwind(p, error);
	if (r == 0)
		r = open_store(p, error);
	if (r == 0)
		r = make_cycle(p, error);
	if (r < 0)
		return r;
	profiler_listen(p);
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
	control_free(p->control);
	collectors_free(p->collectors);
	online_cpus_free(p->online);
	writer_free(p->writer);
	bucket_cycle_free(p->cycle);
	profiler_passes_done(p);
	intake_free(p->intake);
	wait_rows_free(p->wait_rows);
	io_rows_free(p->io_rows);
	io_totals_free(p->io_totals);
	io_devices_free(p->io_devices);
	attribution_free(p->attribution);
	process_table_free(p->processes);
	unwind_feed_free(p->unwind);
	cgroups_free(p->cgroups);
	files_free(p->files);
	symbolize_free(p->symbolize);
	opener_free(p->opener);
	rows_client_free(p->rows);
	resolver_client_free(p->resolver);
	resolver_program_close(&p->resolver_program);
	close_p(&p->timer_source.fd);
	close_p(&p->feed_source.fd);
	event_loop_done(&p->loop);
	free(p);
	return NULL;
}

struct event_loop *profiler_loop(struct profiler *p)
{
	return &p->loop;
}
