// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * chain.c - two libraries that call each other through their PLTs, N deep, and spin at the end:
 * main -> chain_even(N) -> chain_odd(N-1) -> ... Built with and without frame pointers, for the
 * cost and the depth of a walk.
 */
#include "chain.h"

#include <stdlib.h>

int main(int argc, char **argv)
{
	unsigned depth = argc > 1 ? (unsigned)atoi(argv[1]) : 20;
	unsigned long seed = 1;

	for (;;)
		seed = chain_even(depth, seed);
}
