// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chain_odd.c - see chain.h.
 */
#include "chain.h"

#define SPINS 200000000ul

unsigned long chain_odd(unsigned depth, unsigned long seed)
{
	volatile unsigned long spun = seed;

	if (depth)
		return chain_even(depth - 1, seed * 3) + spun;
	for (unsigned long i = 0; i < SPINS; i++)
		spun = spun * 5 + i;
	return spun;
}
