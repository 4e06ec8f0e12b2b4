/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recurse_odd.c - half of a recursion through two libraries; see recurse.c.
 */
#include "burn.h"

DEFINE_BURNER(odd_burn, 1181783497276652981ull);

uint64_t recurse_odd(unsigned int depth);
uint64_t recurse_even(unsigned int depth);

/* The sum after the call keeps it from becoming a jump. */
KEPT_FUNCTION uint64_t recurse_odd(unsigned int depth)
{
	volatile uint64_t level = depth;
	uint64_t below = 0;

	if (depth > 0)
		below = recurse_even(depth - 1);
	else
		for (;;) {
			below += odd_burn(300000);
			__asm__ volatile("" : "+r"(below));
		}
	return below + level;
}
