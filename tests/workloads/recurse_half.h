/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recurse_half.h - half of a recursion through two libraries, which are the same but for their
 * names; see recurse.c.
 */
#ifndef PROFD_RECURSE_HALF_H
#define PROFD_RECURSE_HALF_H

#include "burn.h"

/* The sum after the call keeps it from becoming a jump. */
#define DEFINE_RECURSE_HALF(self, other, burner)                                                   \
	uint64_t self(unsigned int depth);                                                         \
	uint64_t other(unsigned int depth);                                                        \
                                                                                                   \
	KEPT_FUNCTION uint64_t self(unsigned int depth)                                            \
	{                                                                                          \
		volatile uint64_t level = depth;                                                   \
		uint64_t below = 0;                                                                \
                                                                                                   \
		if (depth > 0)                                                                     \
			below = other(depth - 1);                                                  \
		else                                                                               \
			for (;;) {                                                                 \
				below += burner(300000);                                           \
				__asm__ volatile("" : "+r"(below));                                \
			}                                                                          \
		return below + level;                                                              \
	}

#endif
