/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plt_heavy.c - a workload: hardly more than calls of tiny functions through a PLT, which is bound
 * lazily, so that a good part of all samples hits its stubs.
 *
 * Usage: plt_heavy     runs until it is killed
 */
#include "burn.h"

unsigned int tiny_one(unsigned int x);
unsigned int tiny_two(unsigned int x);

unsigned int call_tiny(unsigned int x);
KEPT_FUNCTION unsigned int call_tiny(unsigned int x)
{
	for (unsigned int i = 0; i < 100000; i++)
		x = tiny_two(tiny_one(x));
	return x + 1;
}

int main(void)
{
	for (unsigned int x = 1;;) {
		x = call_tiny(x);
		__asm__ volatile("" : "+r"(x));
	}
}
