/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * signal_return.h - finds the code that a signal handler returns to, by its bytes.
 *
 * The kernel's frame lies on the stack there, which call frame information may fail to say: of musl
 * and of Go it does. gdb and libgcc know the code by the same bytes (libgcc/config/i386/
 * linux-unwind.h).
 */
#ifndef PROFD_SIGNAL_RETURN_H
#define PROFD_SIGNAL_RETURN_H

#include <stdint.h>

#include "unwind_row.h"

#define SIGNAL_RETURNS_MAX 16

struct signal_return {
	uint64_t vaddr;
	uint32_t len;
};

/*
 * The first SIGNAL_RETURNS_MAX places in the segment, of which it reads 256 MB at most. Returns
 * their number or -EIO.
 */
int signal_return_find(int fd, const struct unwind_segment *segment,
		       struct signal_return ret[static SIGNAL_RETURNS_MAX]);

#endif
