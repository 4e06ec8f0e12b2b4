// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * offcpu_programs.c - see offcpu_programs.h.
 */
#include "capture/offcpu_programs.h"

#include "wire.h"

/* bpftool's output casts a const away. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "ledger.skel.h"
#include "offcpu.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>

#define WINDOWS_PER_S 10 /* WINDOW_NS of offcpu.bpf.c */
#define SWITCH_TYPE   "btf_trace_sched_switch"

struct offcpu_programs {
	struct offcpu_bpf *offcpu;
	struct ledger_bpf *ledger;
	bool has_stacks; /* the sleepable pass was loaded */
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

static uint32_t at_least_one(uint32_t n)
{
	return n ? n : 1;
}

static int lend_maps(struct offcpu_programs *p, const struct offcpu_options *options)
{
	struct offcpu_bpf *offcpu = p->offcpu;
	struct ledger_bpf *ledger = p->ledger;
	const struct {
		struct bpf_map *map;
		int fd;
	} lent[] = {
		{offcpu->maps.events, options->events},
		{offcpu->maps.drops, options->drops},
		{offcpu->maps.processes_seen, options->processes_seen},
		{offcpu->maps.unwind_slabs, options->unwind_slabs},
		{offcpu->maps.unwind_files, options->unwind_files},
		{offcpu->maps.unwind_processes, options->unwind_processes},
		{ledger->maps.unwind_slabs, options->unwind_slabs},
		{ledger->maps.unwind_files, options->unwind_files},
		{ledger->maps.unwind_processes, options->unwind_processes},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(lent); i++)
		r = bpf_map__reuse_fd(lent[i].map, lent[i].fd);
	return r;
}

static void set_options(struct offcpu_programs *p, const struct offcpu_options *options)
{
	struct offcpu_bpf *offcpu = p->offcpu;
	struct ledger_bpf *ledger = p->ledger;

	offcpu->rodata->captures_a_window = at_least_one(options->stacks_per_s / WINDOWS_PER_S);
	offcpu->rodata->kernel_walk_frames_max = options->kernel_frames_max;
	offcpu->rodata->walk_user_stacks = !options->safe_mode;
	offcpu->rodata->has_prev_state = has_prev_state();
	if (options->user_frames_max && options->user_frames_max < WIRE_USER_FRAMES_MAX)
		ledger->rodata->long_wait_frames_max = options->user_frames_max;
	ledger->rodata->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
}

/* The ledger shares what is kept of each thread with the collector. */
static int load(struct offcpu_programs *p)
{
	int r = offcpu_bpf__load(p->offcpu);

	if (r == 0)
		r = bpf_map__reuse_fd(p->ledger->maps.threads,
				      bpf_map__fd(p->offcpu->maps.threads));
	if (r == 0)
		r = bpf_map__reuse_fd(p->ledger->maps.switch_clocks,
				      bpf_map__fd(p->offcpu->maps.switch_clocks));
	return r < 0 ? r : ledger_bpf__load(p->ledger);
}

static int open_programs(struct offcpu_programs *p, const struct offcpu_options *options,
			 bool with_stacks)
{
	int r;

	p->offcpu = offcpu_bpf__open();
	p->ledger = p->offcpu ? ledger_bpf__open() : NULL;
	if (!p->ledger)
		return -errno;
	p->has_stacks = with_stacks;
	(void)bpf_program__set_autoload(p->ledger->progs.long_wait_pass, with_stacks);
	set_options(p, options);
	r = lend_maps(p, options);
	return r < 0 ? r : load(p);
}

static void close_programs(struct offcpu_programs *p)
{
	ledger_bpf__destroy(p->ledger);
	offcpu_bpf__destroy(p->offcpu);
	p->ledger = NULL;
	p->offcpu = NULL;
}

int offcpu_programs_new(const struct offcpu_options *options, struct offcpu_programs **ret,
			char *why, size_t size)
{
	_cleanup_(offcpu_programs_freep) struct offcpu_programs *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		return fail(why, size, -ENOMEM, "out of memory");
	r = open_programs(p, options, true);
	if (r < 0 && r != -EPERM && r != -EACCES) {
		/* Iterators that may sleep are of 5.18. */
		close_programs(p);
		r = open_programs(p, options, false);
	}
	/* libbpf took the kernel's whole BTF apart for each. */
	(void)malloc_trim(0);
	if (r < 0)
		return fail(why, size, r,
			    "the kernel refused the programs for waiting time (%s): it needs task "
			    "storage for tracing programs (5.12) and sched_info; profd --debug "
			    "shows what libbpf says",
			    strerror(-r));
	*ret = take_ptr(p);
	return 0;
}

struct offcpu_programs *offcpu_programs_free(struct offcpu_programs *p)
{
	if (p)
		close_programs(p);
	free(p);
	return NULL;
}

/* Reads a pass to its end and throws it away. */
static int read_first_pass(const struct offcpu_programs *p)
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

int offcpu_programs_attach(struct offcpu_programs *p, char *why, size_t size)
{
	int r;

	/* In this order no thread is without storage when its first switch comes. */
	p->offcpu->links.offcpu_newtask = bpf_program__attach(p->offcpu->progs.offcpu_newtask);
	r = p->offcpu->links.offcpu_newtask ? ledger_bpf__attach(p->ledger) : -errno;
	if (r == 0)
		r = read_first_pass(p);
	if (r == 0) {
		p->offcpu->links.offcpu_switch =
			bpf_program__attach(p->offcpu->progs.offcpu_switch);
		r = p->offcpu->links.offcpu_switch ? 0 : -errno;
	}
	return r < 0 ? fail(why, size, r, "cannot trace switches: %s", strerror(-r)) : 0;
}

void offcpu_programs_detach(struct offcpu_programs *p)
{
	offcpu_bpf__detach(p->offcpu);
}

int offcpu_programs_open_pass(const struct offcpu_programs *p)
{
	int fd = p->ledger->links.ledger_pass
			 ? bpf_iter_create(bpf_link__fd(p->ledger->links.ledger_pass))
			 : -ENOTCONN;

	return fd;
}

int offcpu_programs_open_stacks(const struct offcpu_programs *p, uint32_t n_max)
{
	if (!p->has_stacks || !p->ledger->links.long_wait_pass)
		return -ENOTSUP;
	p->ledger->bss->long_waits_left = n_max;
	return bpf_iter_create(bpf_link__fd(p->ledger->links.long_wait_pass));
}
