// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blockio_programs.c - see blockio_programs.h.
 */
#include "capture/blockio_programs.h"

#include "capture/shared_maps.h"

/* bpftool's output casts a const away. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wcast-qual"
#include "blockio.skel.h"
#pragma GCC diagnostic pop

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdarg.h>
#include <string.h>

#define SUMS_BYTES_MAX (8u << 20) /* of all CPUs together */
#define SUMS_MIN       64u
#define SUMS_MAX       512u
#define NAME_PATH      "/sys/class/block/"
#define DEVICE_PATH    "/sys/dev/block/%" PRIu32 ":%" PRIu32 "/diskseq"

struct blockio_programs {
	struct blockio_bpf *bpf;
	uint32_t n_cpus;
	uint32_t max_sums;
};

/* What of this kernel the programs have to know. */
struct kernel {
	bool has_io_done;     /* block_io_start and block_io_done (6.5, 5a80bd075f3b) */
	bool queue_has_queue; /* block_bio_queue(queue, bio) (before 5.11, e8a676d61c07) */
	uint32_t flush_seq_bit;
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

/* Arguments of a tracepoint, the context not among them; -1 when there is none of the name. */
static int n_arguments(const struct btf *btf, const char *typedef_name)
{
	int32_t id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;

	if (type)
		type = btf__type_by_id(btf, type->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) ? (int)btf_vlen(type) - 1 : -1;
}

/* The bits of struct request's rq_flags have an enumeration since 6.11 (5f89154e8e9e); before, they
 * were macros, of which BTF knows nothing, and of the same value for long. */
static uint32_t flush_seq_bit(const struct btf *btf)
{
	int32_t id = btf__find_by_name_kind(btf, "rqf_flags", BTF_KIND_ENUM);
	const struct btf_type *type = id > 0 ? btf__type_by_id(btf, (uint32_t)id) : NULL;
	const struct btf_enum *e = type ? btf_enum(type) : NULL;

	for (uint32_t i = 0; e && i < btf_vlen(type); i++)
		if (strcmp(btf__name_by_offset(btf, e[i].name_off), "__RQF_FLUSH_SEQ") == 0)
			return 1u << (e[i].val & 31);
	return 1u << 4;
}

static int look_at_kernel(struct kernel *ret)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -errno;
	ret->has_io_done = n_arguments(btf, "btf_trace_block_io_start") == 1 &&
			   n_arguments(btf, "btf_trace_block_io_done") == 1;
	ret->queue_has_queue = n_arguments(btf, "btf_trace_block_bio_queue") == 2;
	ret->flush_seq_bit = flush_seq_bit(btf);
	btf__free(btf);
	return 0;
}

static int load(struct blockio_programs *p, const struct blockio_options *options,
		const struct kernel *kernel)
{
	int r;

	p->bpf = blockio_bpf__open();
	if (!p->bpf)
		return -errno;
	SET_WALK(p->bpf, options);
	p->bpf->rodata->io_stacks_per_s = options->stacks_per_s;
	p->bpf->rodata->io_has_io_done = kernel->has_io_done;
	p->bpf->rodata->io_queue_has_queue = kernel->queue_has_queue;
	p->bpf->rodata->io_flush_seq_bit = kernel->flush_seq_bit;
	(void)bpf_program__set_autoload(p->bpf->progs.blockio_start, kernel->has_io_done);
	(void)bpf_program__set_autoload(p->bpf->progs.blockio_done, kernel->has_io_done);
	(void)bpf_program__set_autoload(p->bpf->progs.blockio_merge, kernel->has_io_done);
	r = bpf_map__set_max_entries(p->bpf->maps.io_sums, p->max_sums);
	if (r == 0)
		r = LEND_MAPS(p->bpf, options);
	return r < 0 ? r : blockio_bpf__load(p->bpf);
}

int blockio_programs_new(const struct blockio_options *options, struct blockio_programs **ret,
			 char *why, size_t size)
{
	_cleanup_(blockio_programs_freep) struct blockio_programs *p = calloc(1, sizeof(*p));
	struct kernel kernel = {};
	int r, n_cpus = libbpf_num_possible_cpus();

	if (!p || n_cpus < 0)
		return fail(why, size, -ENOMEM, "out of memory");
	p->n_cpus = (uint32_t)n_cpus;
	p->max_sums = SUMS_BYTES_MAX / (uint32_t)sizeof(struct wire_io_sums) / p->n_cpus;
	p->max_sums = p->max_sums < SUMS_MIN   ? SUMS_MIN
		      : p->max_sums > SUMS_MAX ? SUMS_MAX
					       : p->max_sums;
	r = look_at_kernel(&kernel);
	if (r == 0)
		r = load(p, options, &kernel);
	/* libbpf took the kernel's whole BTF apart. */
	(void)malloc_trim(0);
	if (r < 0)
		return fail(why, size, r,
			    "the kernel refused the programs for block I/O (%s); they need the "
			    "tracepoints of its block layer (CONFIG_BLOCK); profd --debug shows "
			    "what libbpf says",
			    strerror(-r));
	*ret = take_ptr(p);
	return 0;
}

struct blockio_programs *blockio_programs_free(struct blockio_programs *p)
{
	if (!p)
		return NULL;
	blockio_bpf__destroy(p->bpf);
	free(p);
	return NULL;
}

int blockio_programs_attach(struct blockio_programs *p, char *why, size_t size)
{
	int r = blockio_bpf__attach(p->bpf);

	return r < 0 ? fail(why, size, r, "cannot trace block I/O: %s", strerror(-r)) : 0;
}

void blockio_programs_detach(struct blockio_programs *p)
{
	blockio_bpf__detach(p->bpf);
}

/* By its name: a disk that is hidden behind another, as each path of a multipath NVMe, has no
 * number in sysfs. A slash of a name is an exclamation mark there (fs/sysfs, device_add_disk()). */
static bool is_named(const char *name)
{
	char path[sizeof(NAME_PATH) + WIRE_DEVICE_LEN];

	(void)snprintf(path, sizeof(path), NAME_PATH "%.*s", WIRE_DEVICE_LEN, name);
	for (char *p = path + strlen(NAME_PATH); *p; p++)
		if (*p == '/')
			*p = '!';
	return *name && access(path, F_OK) == 0;
}

/* Whether there is no such device any more, or another one of its number. */
static bool is_gone(const struct wire_io_device *device, const char *name)
{
	_cleanup_fclose_ FILE *f = NULL;
	char path[64];
	uint64_t diskseq;

	(void)snprintf(path, sizeof(path), DEVICE_PATH, device->major, device->minor);
	f = fopen(path, "re");
	if (!f) {
		*strrchr(path, '/') = '\0';
		return access(path, F_OK) < 0 && !is_named(name);
	}
	return device->diskseq && fscanf(f, "%" SCNu64, &diskseq) == 1 &&
	       diskseq != device->diskseq;
}

static const char *name_of(const struct wire_io_sums *sums, uint32_t n_cpus)
{
	for (uint32_t i = 0; i < n_cpus; i++)
		if (sums[i].name[0] && memchr(sums[i].name, '\0', sizeof(sums[i].name)))
			return sums[i].name;
	return "";
}

int blockio_programs_read(struct blockio_programs *p,
			  int (*each)(void *ctx, const struct wire_io_key *key,
				      const struct wire_io_sums *sums, uint32_t n_cpus),
			  void (*removed)(void *ctx, const struct wire_io_key *key), void *ctx)
{
	_cleanup_free_ struct wire_io_sums *sums = calloc(p->n_cpus, sizeof(*sums));
	_cleanup_free_ struct wire_io_key *keys = calloc(p->max_sums, sizeof(*keys));
	int fd = bpf_map__fd(p->bpf->maps.io_sums);
	uint32_t n = 0;

	if (!sums || !keys)
		return -ENOMEM;
	/* The keys first: a removal would begin the walk anew. */
	while (n < p->max_sums && bpf_map_get_next_key(fd, n ? &keys[n - 1] : NULL, &keys[n]) == 0)
		n++;
	for (uint32_t i = 0; i < n; i++) {
		if (bpf_map_lookup_elem(fd, &keys[i], sums) < 0)
			continue; /* removed by nobody else: it cannot be */
		if (each(ctx, &keys[i], sums, p->n_cpus) > 0 &&
		    is_gone(&keys[i].device, name_of(sums, p->n_cpus)) &&
		    bpf_map_delete_elem(fd, &keys[i]) == 0)
			removed(ctx, &keys[i]);
	}
	return 0;
}

uint64_t blockio_programs_missed(const struct blockio_programs *p)
{
	uint64_t n = 0;
	struct bpf_program *program;

	bpf_object__for_each_program(program, p->bpf->obj)
	{
		struct bpf_prog_info info = {};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			n += info.recursion_misses;
	}
	return n;
}
