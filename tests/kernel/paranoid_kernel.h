/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * paranoid_kernel.h - perf_event_open(2) as Debian's kernels have it at perf_event_paranoid = 3:
 * for nobody without CAP_SYS_ADMIN. Other kernels take 3 for 2.
 *
 * A seccomp filter sends the call to this program, which looks at the caller's capabilities and
 * lets it go on or fail with EACCES. tests/vm has the real thing.
 */
#ifndef TEST_PARANOID_KERNEL_H
#define TEST_PARANOID_KERNEL_H

#include <stdint.h>

/* Sets the sysctl to 3 and begins to judge. The second undoes both; call it also after a failure,
 * and when the first was never called. */
void paranoid_kernel_begin(void);
void paranoid_kernel_end(void);

/* For child_options.prepare. */
int paranoid_kernel_enter(void);

/* Calls that were let through and refused since the beginning. */
uint32_t paranoid_kernel_allowed(void);
uint32_t paranoid_kernel_refused(void);

#endif
