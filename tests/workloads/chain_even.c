// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chain_even.c - see chain.h.
 */
#include "chain.h"

#define SPINS 200000000ul

unsigned long chain_even(unsigned depth, unsigned long seed)
{
	volatile unsigned long spun = seed;

	if (depth)
		return chain_odd(depth - 1, seed * 3) + spun;
	for (unsigned long i = 0; i < SPINS; i++)
		spun = spun * 5 + i;
	return spun;
}
