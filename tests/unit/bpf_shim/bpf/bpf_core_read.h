/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bpf_core_read.h - stands for libbpf's header of that name when the walker is compiled for user
 * space: what the kernel has is the test's choice.
 */
#ifndef TEST_BPF_CORE_READ_H
#define TEST_BPF_CORE_READ_H

#include <stdbool.h>

/* Whether the kernel that is played has bpf_loop(), the one helper that is asked for. */
bool walked_has_bpf_loop(void);
#define bpf_core_enum_value_exists(type, value) ((void)(value), walked_has_bpf_loop())

#endif
