// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * collector.c - see collector.h.
 */
#include "capture/collector.h"

#include "capture/cpu_ticks.h"
#include "log.h"
#include "unwind_table.h"

/* bpftool's output casts a const away. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "cpu.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>

#define NSEC_PER_SEC_U	   1000000000ull
#define RING_BYTES_PER_CPU (256u * 1024) /* at 30 frames 0.8 s of 999 Hz, 16 s of 49 Hz */
#define RING_BYTES_MIN	   (512u * 1024)
#define RING_BYTES_MAX	   (16u << 20)
#define UNWIND_SLAB_MB	   (UNWIND_SLAB_WORDS * 8u >> 20)
#define BTF_PATH	   "/sys/kernel/btf/vmlinux"
#define MAX_STACK_PATH	   "/proc/sys/kernel/perf_event_max_stack"
#define PARANOID_PATH	   "/proc/sys/kernel/perf_event_paranoid"

struct collectors {
	struct cpu_bpf *cpu;
	struct cpu_ticks *cpu_ticks;
	struct offcpu_programs *offcpu; /* NULL: none */
	char offcpu_refusal[COLLECTOR_ERROR_MAX];
	struct blockio_programs *blockio; /* NULL: none */
	char blockio_refusal[COLLECTOR_ERROR_MAX];
	struct ring_buffer *ring;
	uint64_t period_ns;
};

__attribute__((format(printf, 3, 4))) static int fail(struct collector_error *error, int r,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
	return r;
}

__attribute__((format(printf, 2, 0))) static int log_libbpf(enum libbpf_print_level level,
							    const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	char *rest, *line;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0)
		return 0;
	/* What the verifier says has its reason at its end. */
	rest = text;
	while ((line = strsep(&rest, "\n")))
		if (*line)
			log_debug("%s", line);
	return 0;
}

static int read_sysctl(const char *path, int otherwise)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	int value;

	return f && fscanf(f, "%d", &value) == 1 ? value : otherwise;
}

static int probe_btf(struct collector_error *error)
{
	if (access(BTF_PATH, R_OK) == 0)
		return 0;
	return fail(error, -ENOTSUP,
		    "this kernel has no BTF (%s: %s); profd needs one that is built with "
		    "CONFIG_DEBUG_INFO_BTF=y, as those of Debian, Fedora and Ubuntu are",
		    BTF_PATH, strerror(errno));
}

int collectors_perf_error(int r, struct collector_error *error)
{
	if (r == -EACCES || r == -EPERM)
		return fail(error, r,
			    "no permission to open perf events for the whole machine; run profd as "
			    "root, or give it CAP_PERFMON (CAP_SYS_ADMIN where "
			    "kernel.perf_event_paranoid is above 2; here it is %d)",
			    read_sysctl(PARANOID_PATH, -2));
	if (r == -ENOSYS || r == -ENOENT || r == -EOPNOTSUPP)
		return fail(
			error, r,
			"this kernel has no perf events (%s); profd needs CONFIG_PERF_EVENTS=y, "
			"and in a container a seccomp filter that allows perf_event_open",
			strerror(-r));
	if (r == -EMFILE)
		return fail(error, r,
			    "too few descriptors for a perf event per CPU; raise the limit "
			    "of open files (ulimit -n)");
	if (r == -EPIPE || r == -ETIMEDOUT)
		return fail(error, r,
			    "the child of profd that opens perf events %s; start profd again",
			    r == -EPIPE ? "ended" : "did not answer within a second");
	return fail(error, r, "perf_event_open: %s", strerror(-r));
}

static int open_cpu_ticks(struct collectors *c, const struct collector_options *options,
			  struct collector_error *error)
{
	int r = cpu_ticks_new(options->perf_opener, options->online, c->period_ns, &c->cpu_ticks);

	return r < 0 ? collectors_perf_error(r, error) : 0;
}

static uint32_t ring_bytes(uint32_t n_cpus)
{
	uint32_t bytes = RING_BYTES_MIN;

	while (bytes < RING_BYTES_MAX && bytes / RING_BYTES_PER_CPU < n_cpus)
		bytes *= 2;
	return bytes;
}

static int load_programs(struct collectors *c, uint32_t n_cpus,
			 const struct collector_options *options, struct collector_error *error)
{
	uint32_t n_slabs = (options->unwind_budget_mb + UNWIND_SLAB_MB - 1) / UNWIND_SLAB_MB;

	int r, frames;

	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(log_libbpf);
	c->cpu = cpu_bpf__open();
	if (!c->cpu)
		return fail(error, -errno, "the BPF programs of profd are broken: %s",
			    strerror(errno));
	frames = read_sysctl(MAX_STACK_PATH, WIRE_KERNEL_FRAMES_MAX);
	if (frames > 0 && frames < WIRE_KERNEL_FRAMES_MAX)
		c->cpu->rodata->kernel_walk_frames_max = (uint32_t)frames;
	if (options->user_frames_max && options->user_frames_max < WIRE_USER_FRAMES_MAX)
		c->cpu->rodata->user_frames_max = options->user_frames_max;
	c->cpu->rodata->walk_user_stacks = !options->safe_mode;
	r = bpf_map__set_max_entries(c->cpu->maps.events, ring_bytes(n_cpus));
	if (r == 0 && n_slabs)
		r = bpf_map__set_max_entries(c->cpu->maps.unwind_slabs, n_slabs);
	if (r == 0)
		r = cpu_bpf__load(c->cpu);
	/* libbpf took the kernel's whole BTF apart for it, some 15 MB that nobody needs again. */
	(void)malloc_trim(0);
	if (r == -EPERM || r == -EACCES)
		return fail(error, r,
			    "no permission to load BPF programs; run profd as root, or give it "
			    "CAP_BPF and CAP_PERFMON");
	if (r < 0)
		return fail(error, r,
			    "the kernel refused the BPF programs (%s); profd --debug shows what "
			    "libbpf says",
			    strerror(-r));
	return 0;
}

/* They may fail alone. */
static void load_offcpu(struct collectors *c, const struct collector_options *options)
{
	const struct cpu_bpf *cpu = c->cpu;
	int r = offcpu_programs_new(
		&(struct offcpu_options){
			.stacks_per_s = options->wait_stacks_per_s,
			.user_frames_max = options->user_frames_max,
			.kernel_frames_max = cpu->rodata->kernel_walk_frames_max,
			.safe_mode = options->safe_mode,
			.wakers = options->wakers,
			.events = bpf_map__fd(cpu->maps.events),
			.drops = bpf_map__fd(cpu->maps.drops),
			.processes_seen = bpf_map__fd(cpu->maps.processes_seen),
			.unwind_slabs = bpf_map__fd(cpu->maps.unwind_slabs),
			.unwind_files = bpf_map__fd(cpu->maps.unwind_files),
			.unwind_processes = bpf_map__fd(cpu->maps.unwind_processes),
		},
		&c->offcpu, c->offcpu_refusal, sizeof(c->offcpu_refusal));

	if (r < 0)
		log_warning("no waiting time and no ledger: %s", c->offcpu_refusal);
}

static void load_blockio(struct collectors *c, const struct collector_options *options)
{
	const struct cpu_bpf *cpu = c->cpu;
	int r = blockio_programs_new(
		&(struct blockio_options){
			.stacks_per_s = options->io_stacks_per_s,
			.user_frames_max = options->user_frames_max,
			.kernel_frames_max = cpu->rodata->kernel_walk_frames_max,
			.safe_mode = options->safe_mode,
			.events = bpf_map__fd(cpu->maps.events),
			.drops = bpf_map__fd(cpu->maps.drops),
			.processes_seen = bpf_map__fd(cpu->maps.processes_seen),
			.unwind_slabs = bpf_map__fd(cpu->maps.unwind_slabs),
			.unwind_files = bpf_map__fd(cpu->maps.unwind_files),
			.unwind_processes = bpf_map__fd(cpu->maps.unwind_processes),
		},
		&c->blockio, c->blockio_refusal, sizeof(c->blockio_refusal));

	if (r < 0)
		log_warning("no block I/O: %s", c->blockio_refusal);
}

int collectors_new(const struct collector_options *options, struct collectors **ret,
		   struct collector_error *error)
{
	_cleanup_(collectors_freep) struct collectors *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return fail(error, -ENOMEM, "out of memory");
	c->period_ns = NSEC_PER_SEC_U / options->frequency_hz;
	r = probe_btf(error);
	if (r == 0)
		r = open_cpu_ticks(c, options, error);
	if (r == 0)
		r = load_programs(c, cpu_ticks_n(c->cpu_ticks), options, error);
	if (r < 0)
		return r;
	if (options->offcpu)
		load_offcpu(c, options);
	if (options->blockio)
		load_blockio(c, options);
	c->ring = ring_buffer__new(bpf_map__fd(c->cpu->maps.events), options->record, options->ctx,
				   NULL);
	if (!c->ring)
		return fail(error, -ENOMEM, "no memory for the ring buffer: %s", strerror(errno));
	*ret = take_ptr(c);
	return 0;
}

struct collectors *collectors_free(struct collectors *c)
{
	if (!c)
		return NULL;
	cpu_ticks_free(c->cpu_ticks);
	ring_buffer__free(c->ring);
	offcpu_programs_free(c->offcpu);
	blockio_programs_free(c->blockio);
	cpu_bpf__destroy(c->cpu);
	free(c);
	return NULL;
}

struct collector_unwind_fds collectors_unwind_fds(const struct collectors *c)
{
	return (struct collector_unwind_fds){.slabs = bpf_map__fd(c->cpu->maps.unwind_slabs),
					     .files = bpf_map__fd(c->cpu->maps.unwind_files),
					     .processes =
						     bpf_map__fd(c->cpu->maps.unwind_processes)};
}

int collectors_try_load(struct collector_error *error)
{
	_cleanup_(collectors_freep) struct collectors *c = calloc(1, sizeof(*c));
	int r = c ? probe_btf(error) : fail(error, -ENOMEM, "out of memory");

	return r < 0 ? r : load_programs(c, 1, &(struct collector_options){}, error);
}

static void attach_offcpu(struct collectors *c)
{
	int r = c->offcpu ? offcpu_programs_attach(c->offcpu, c->offcpu_refusal,
						   sizeof(c->offcpu_refusal))
			  : 0;

	if (r < 0) {
		log_warning("no waiting time and no ledger: %s", c->offcpu_refusal);
		c->offcpu = offcpu_programs_free(c->offcpu);
	}
}

static void attach_blockio(struct collectors *c)
{
	int r = c->blockio ? blockio_programs_attach(c->blockio, c->blockio_refusal,
						     sizeof(c->blockio_refusal))
			   : 0;

	if (r < 0) {
		log_warning("no block I/O: %s", c->blockio_refusal);
		c->blockio = blockio_programs_free(c->blockio);
	}
}

int collectors_attach(struct collectors *c, struct collector_error *error)
{
	int cpu = 0, r = cpu_ticks_attach(c->cpu_ticks, c->cpu->progs.cpu_tick, &cpu);

	if (r < 0)
		return fail(error, r, "cannot attach to the perf event of CPU %d: %s", cpu,
			    strerror(-r));
	attach_offcpu(c);
	attach_blockio(c);
	return 0;
}

struct offcpu_programs *collectors_offcpu(const struct collectors *c)
{
	return c->offcpu;
}

const char *collectors_offcpu_refusal(const struct collectors *c)
{
	return c->offcpu_refusal;
}

struct blockio_programs *collectors_blockio(const struct collectors *c)
{
	return c->blockio;
}

const char *collectors_blockio_refusal(const struct collectors *c)
{
	return c->blockio_refusal;
}

void collectors_follow_cpus(struct collectors *c, const struct cpu_list *online)
{
	cpu_ticks_follow(c->cpu_ticks, online);
}

uint64_t collectors_cpu_seconds_missed(const struct collectors *c)
{
	return cpu_ticks_counters(c->cpu_ticks)->n_failed;
}

uint64_t collectors_cpus_revived(const struct collectors *c)
{
	return cpu_ticks_counters(c->cpu_ticks)->n_revived;
}

int collectors_set_frequency(struct collectors *c, uint32_t frequency_hz)
{
	uint64_t period_ns = NSEC_PER_SEC_U / frequency_hz;
	int r = cpu_ticks_set_period(c->cpu_ticks, period_ns);

	if (r == 0)
		c->period_ns = period_ns;
	return r;
}

void collectors_detach(struct collectors *c)
{
	cpu_ticks_detach(c->cpu_ticks);
	if (c->offcpu)
		offcpu_programs_detach(c->offcpu);
	if (c->blockio)
		blockio_programs_detach(c->blockio);
}

int collectors_fd(const struct collectors *c)
{
	return ring_buffer__epoll_fd(c->ring);
}

int collectors_consume(struct collectors *c)
{
	int r = ring_buffer__consume(c->ring);

	if (r == -ECANCELED)
		return 1;
	return r < 0 ? r : 0;
}

int collectors_drops(const struct collectors *c, struct wire_drops *ret)
{
	int n = libbpf_num_possible_cpus();
	_cleanup_free_ struct wire_drops *drops = n < 0 ? NULL : calloc((size_t)n, sizeof(*drops));
	uint32_t zero = 0;

	if (!drops)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(c->cpu->maps.drops), &zero, drops) < 0)
		return -errno;
	*ret = (struct wire_drops){};
	for (int cpu = 0; cpu < n; cpu++)
		for (int i = 0; i < WIRE_DROP_MAX; i++) {
			ret->count[i] += drops[cpu].count[i];
			ret->value[i] += drops[cpu].value[i];
		}
	return 0;
}

uint32_t collectors_n_cpus(const struct collectors *c)
{
	return cpu_ticks_n(c->cpu_ticks);
}

uint64_t collectors_period_ns(const struct collectors *c)
{
	return c->period_ns;
}
