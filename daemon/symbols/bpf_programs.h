/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_programs.h - where the JIT put the BPF programs of this machine. kallsyms tells their names
 * and starts, but not where they end, and the next one may have been loaded later.
 */
#ifndef PROFD_BPF_PROGRAMS_H
#define PROFD_BPF_PROGRAMS_H

#include <stddef.h>
#include <stdint.h>

struct bpf_program_range {
	uint64_t start, end;
};

/*
 * The ranges of all programs and their subprograms, by address, on the heap. Needs CAP_SYS_ADMIN
 * (BPF_PROG_GET_FD_BY_ID, kernel/bpf/syscall.c). Returns 0, -EPERM or another errno.
 */
int bpf_program_ranges(struct bpf_program_range **ret, size_t *ret_n);

#endif
