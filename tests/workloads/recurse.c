/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recurse.c - a workload: burns at the bottom of a recursion through two libraries, which call one
 * another through their PLTs.
 *
 * Usage: recurse DEPTH     runs until it is killed
 */
#include <stdint.h>
#include <stdlib.h>

uint64_t recurse_even(unsigned int depth);

int main(int argc, char **argv)
{
	unsigned int depth = argc > 1 ? (unsigned int)strtoul(argv[1], NULL, 10) : 20;

	return (int)recurse_even(depth);
}
