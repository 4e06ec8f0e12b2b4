// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offcpu_programs.c - see offcpu_programs.h.
 */
#include "capture/offcpu_programs.h"

#include "capture/shared_maps.h"
#include "switch_cpu.h"
#include "wire.h"

/* bpftool's output casts a const away. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "ledger.skel.h"
#include "offcpu.skel.h"
#include "waker.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>
#include <sys/mman.h>

#define SWITCH_TYPE "btf_trace_sched_switch"

/* The gate of a CPU shuts at so many switches a second, and opens again below. */
#define GATE_SHUT_HZ 15000u
#define GATE_OPEN_HZ 12000u

#define REGISTER_PASSES_MAX 20

struct offcpu_programs {
	struct offcpu_bpf *offcpu;
	struct ledger_bpf *ledger;
	struct waker_bpf *waker; /* NULL: wakers are not asked for */
	bool has_stacks;	 /* the sleepable pass was loaded */
	struct switch_cpu *cpus; /* mapped, n_cpus of them */
	uint64_t *n_switches;	 /* of each, when they were looked at last */
	uint32_t n_cpus;
	uint32_t stacks_per_s;
	uint64_t watched_mono_ns;
	uint32_t n_gates;
};

__attribute__((format(printf, 4, 5))) static int fail(char *why, size_t size, int r,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(why, size, format, args);
	va_end(args);
	return r;
}

/* Whether the tracepoint tells the state of who stops running: its type has four arguments besides
 * the context then (since 5.18, fa2c3254d7cf). */
static bool has_prev_state(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type;
	bool found = false;
	int32_t id = btf ? btf__find_by_name_kind(btf, SWITCH_TYPE, BTF_KIND_TYPEDEF) : -1;

	if (id > 0) {
		type = btf__type_by_id(btf, btf__type_by_id(btf, (uint32_t)id)->type);
		if (type && btf_is_ptr(type))
			type = btf__type_by_id(btf, type->type);
		found = type && btf_is_func_proto(type) && btf_vlen(type) >= 5;
	}
	btf__free(btf);
	return found;
}

static int load_offcpu(struct offcpu_programs *p, const struct offcpu_options *options)
{
	int r;

	p->offcpu = offcpu_bpf__open();
	if (!p->offcpu)
		return -errno;
	SET_WALK(p->offcpu, options);
	p->offcpu->rodata->stacks_per_s = p->stacks_per_s;
	p->offcpu->rodata->switch_has_state = has_prev_state();
	r = bpf_map__set_max_entries(p->offcpu->maps.switch_cpus, p->n_cpus);
	if (r == 0)
		r = LEND_MAPS(p->offcpu, options);
	return r < 0 ? r : offcpu_bpf__load(p->offcpu);
}

/* The ledger shares what is kept of each thread with the collector. */
static int load_ledger(struct offcpu_programs *p, const struct offcpu_options *options)
{
	long page_bytes = sysconf(_SC_PAGESIZE);
	int r;

	p->ledger = ledger_bpf__open();
	if (!p->ledger)
		return -errno;
	(void)bpf_program__set_autoload(p->ledger->progs.ledger_user_stacks, p->has_stacks);
	SET_WALK(p->ledger, options);
	p->ledger->rodata->page_shift = (uint32_t)__builtin_ctzl((unsigned long)page_bytes);
	r = LEND_MAPS(p->ledger, options);
	if (r == 0)
		r = share_maps(
			(const struct shared_map[]){
				{p->ledger->maps.threads, bpf_map__fd(p->offcpu->maps.threads)},
				{p->ledger->maps.clock_offset,
				 bpf_map__fd(p->offcpu->maps.clock_offset)},
			},
			2);
	return r < 0 ? r : ledger_bpf__load(p->ledger);
}

static int load_waker(struct offcpu_programs *p, const struct offcpu_options *options)
{
	int r;

	p->waker = waker_bpf__open();
	if (!p->waker)
		return -errno;
	SET_WALK(p->waker, options);
	r = bpf_map__set_max_entries(p->waker->maps.switch_cpus, p->n_cpus);
	if (r == 0)
		r = LEND_MAPS(p->waker, options);
	if (r == 0)
		r = share_maps(
			(const struct shared_map[]){
				{p->waker->maps.threads, bpf_map__fd(p->offcpu->maps.threads)},
				{p->waker->maps.clock_offset,
				 bpf_map__fd(p->offcpu->maps.clock_offset)},
				{p->waker->maps.switch_cpus,
				 bpf_map__fd(p->offcpu->maps.switch_cpus)},
			},
			3);
	return r < 0 ? r : waker_bpf__load(p->waker);
}

static int load_programs(struct offcpu_programs *p, const struct offcpu_options *options)
{
	int r = load_offcpu(p, options);

	if (r == 0)
		r = load_ledger(p, options);
	if (r < 0 && p->ledger && r != -EPERM && r != -EACCES) {
		/* Iterators that may sleep are of 5.18. */
		ledger_bpf__destroy(p->ledger);
		p->has_stacks = false;
		r = load_ledger(p, options);
	}
	if (r == 0 && options->wakers)
		r = load_waker(p, options);
	return r;
}

static int map_cpus(struct offcpu_programs *p)
{
	void *cpus = mmap(NULL, p->n_cpus * sizeof(*p->cpus), PROT_READ | PROT_WRITE, MAP_SHARED,
			  bpf_map__fd(p->offcpu->maps.switch_cpus), 0);

	if (cpus == MAP_FAILED)
		return -errno;
	p->cpus = cpus;
	p->n_switches = calloc(p->n_cpus, sizeof(*p->n_switches));
	return p->n_switches ? 0 : -ENOMEM;
}

int offcpu_programs_new(const struct offcpu_options *options, struct offcpu_programs **ret,
			char *why, size_t size)
{
	_cleanup_(offcpu_programs_freep) struct offcpu_programs *p = calloc(1, sizeof(*p));
	int r, n_cpus = libbpf_num_possible_cpus();

	if (!p || n_cpus < 0)
		return fail(why, size, -ENOMEM, "out of memory");
	p->n_cpus = (uint32_t)n_cpus;
	/* Each one that is drawn has the stacks of its waker too. */
	p->stacks_per_s = options->wakers ? (options->stacks_per_s + 1) / 2 : options->stacks_per_s;
	p->has_stacks = true;
	r = load_programs(p, options);
	if (r == 0)
		r = map_cpus(p);
	/* libbpf took the kernel's whole BTF apart for each. */
	(void)malloc_trim(0);
	if (r < 0)
		return fail(why, size, r,
			    "the kernel refused the programs for waiting time (%s); they need task "
			    "storage for tracing programs (5.12) and sched_info; profd --debug "
			    "shows what libbpf says",
			    strerror(-r));
	*ret = take_ptr(p);
	return 0;
}

struct offcpu_programs *offcpu_programs_free(struct offcpu_programs *p)
{
	if (!p)
		return NULL;
	if (p->cpus)
		(void)munmap(p->cpus, p->n_cpus * sizeof(*p->cpus));
	free(p->n_switches);
	waker_bpf__destroy(p->waker);
	ledger_bpf__destroy(p->ledger);
	offcpu_bpf__destroy(p->offcpu);
	free(p);
	return NULL;
}

/* Reads a pass to its end and throws it away. */
static int skip_pass(const struct offcpu_programs *p)
{
	_cleanup_close_ int fd = offcpu_programs_open_pass(p);
	char buffer[4096];
	ssize_t n;

	if (fd < 0)
		return fd;
	do
		n = read(fd, buffer, sizeof(buffer));
	while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
	return n < 0 ? -errno : 0;
}

/* Makes the storage of all threads. A few may find no memory, and are the next pass's; what is left
 * then is made by that of a bucket's end, and is counted until then. */
static int register_threads(const struct offcpu_programs *p)
{
	volatile __u64 *n_unregistered = &p->ledger->bss->n_unregistered;
	int r;

	for (int i = 0; i < REGISTER_PASSES_MAX; i++) {
		*n_unregistered = 0;
		r = skip_pass(p);
		if (r < 0 || !*n_unregistered)
			return r;
	}
	return 0;
}

int offcpu_programs_attach(struct offcpu_programs *p, char *why, size_t size)
{
	int r;

	/* In this order no thread is without storage when its first switch comes. */
	p->offcpu->links.offcpu_newtask = bpf_program__attach(p->offcpu->progs.offcpu_newtask);
	r = p->offcpu->links.offcpu_newtask ? ledger_bpf__attach(p->ledger) : -errno;
	if (r == 0)
		r = register_threads(p);
	if (r == 0) {
		p->offcpu->links.offcpu_switch =
			bpf_program__attach(p->offcpu->progs.offcpu_switch);
		r = p->offcpu->links.offcpu_switch ? 0 : -errno;
	}
	if (r == 0 && p->waker)
		r = waker_bpf__attach(p->waker);
	return r < 0 ? fail(why, size, r, "cannot trace switches: %s", strerror(-r)) : 0;
}

void offcpu_programs_detach(struct offcpu_programs *p)
{
	if (p->waker)
		waker_bpf__detach(p->waker);
	offcpu_bpf__detach(p->offcpu);
}

int offcpu_programs_open_pass(const struct offcpu_programs *p)
{
	int fd = p->ledger->links.ledger_pass
			 ? bpf_iter_create(bpf_link__fd(p->ledger->links.ledger_pass))
			 : -ENOTCONN;

	return fd;
}

int offcpu_programs_open_stacks(const struct offcpu_programs *p)
{
	if (!p->has_stacks || !p->ledger->links.ledger_user_stacks)
		return -ENOTSUP;
	p->ledger->bss->n_user_stacks = 0;
	return bpf_iter_create(bpf_link__fd(p->ledger->links.ledger_user_stacks));
}

/* How many bits of a coin must be 0, so that about the wanted number is drawn. */
static uint32_t gate_log2(uint64_t hz, uint32_t stacks_per_s)
{
	uint32_t k = 1;

	while (k < SWITCH_GATE_MAX && hz >> (k + 1) >= stacks_per_s)
		k++;
	return k;
}

void offcpu_programs_watch(struct offcpu_programs *p, uint64_t now_mono_ns)
{
	uint64_t past_ns = now_mono_ns - p->watched_mono_ns;

	p->n_gates = 0;
	for (uint32_t i = 0; i < p->n_cpus; i++) {
		volatile struct switch_cpu *cpu = &p->cpus[i];
		uint64_t n_switches = cpu->n_switches;
		uint64_t hz = (n_switches - p->n_switches[i]) * 1000000ull / (past_ns / 1000 + 1);
		uint32_t from_hz = cpu->gate_log2 ? GATE_OPEN_HZ : GATE_SHUT_HZ;

		p->n_switches[i] = n_switches;
		if (!p->watched_mono_ns)
			continue;
		cpu->gate_log2 = hz >= from_hz ? gate_log2(hz, p->stacks_per_s) : 0;
		p->n_gates += cpu->gate_log2 != 0;
	}
	p->watched_mono_ns = now_mono_ns;
}

uint32_t offcpu_programs_gates(const struct offcpu_programs *p)
{
	return p->n_gates;
}
