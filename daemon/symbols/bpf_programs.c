// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bpf_programs.c - see bpf_programs.h.
 */
#include "symbols/bpf_programs.h"

#include "cleanup.h"

#include <bpf/bpf.h>
#include <errno.h>

#define PROGRAMS_MAX	4096
#define SUBPROGRAMS_MAX 256 /* BPF_MAX_SUBPROGS, include/linux/bpf_verifier.h */

struct range_list {
	struct bpf_program_range *ranges;
	size_t n, capacity;
};

static int add_range(struct range_list *list, uint64_t start, uint32_t len)
{
	if (list->n == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct bpf_program_range *larger =
			reallocarray(list->ranges, capacity, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		list->ranges = larger;
		list->capacity = capacity;
	}
	list->ranges[list->n++] = (struct bpf_program_range){start, start + len};
	return 0;
}

/* A program that is not JITed, or whose addresses are hidden, has no range. */
static int add_program(struct range_list *list, int fd)
{
	uint64_t starts[SUBPROGRAMS_MAX] = {0};
	uint32_t lens[SUBPROGRAMS_MAX] = {0}, size = sizeof(struct bpf_prog_info), n;
	struct bpf_prog_info info = {
		.nr_jited_ksyms = SUBPROGRAMS_MAX,
		.jited_ksyms = (uint64_t)(uintptr_t)starts,
		.nr_jited_func_lens = SUBPROGRAMS_MAX,
		.jited_func_lens = (uint64_t)(uintptr_t)lens,
	};
	int r = 0;

	if (bpf_obj_get_info_by_fd(fd, &info, &size) < 0)
		return 0;
	n = info.nr_jited_ksyms < info.nr_jited_func_lens ? info.nr_jited_ksyms
							  : info.nr_jited_func_lens;
	for (uint32_t i = 0; r == 0 && i < n && i < SUBPROGRAMS_MAX; i++)
		if (starts[i] && lens[i])
			r = add_range(list, starts[i], lens[i]);
	return r;
}

static int compare_ranges(const void *a, const void *b)
{
	const struct bpf_program_range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

int bpf_program_ranges(struct bpf_program_range **ret, size_t *ret_n)
{
	struct range_list list = {};
	uint32_t id = 0;
	int r = 0;

	for (int i = 0; r == 0 && i < PROGRAMS_MAX && bpf_prog_get_next_id(id, &id) == 0; i++) {
		_cleanup_close_ int fd = bpf_prog_get_fd_by_id(id);

		if (fd >= 0)
			r = add_program(&list, fd);
		else if (errno != ENOENT) /* gone meanwhile */
			r = -errno;
	}
	if (r < 0) {
		free(list.ranges);
		return r;
	}
	if (list.n)
		qsort(list.ranges, list.n, sizeof(*list.ranges), compare_ranges);
	*ret = list.ranges;
	*ret_n = list.n;
	return 0;
}
