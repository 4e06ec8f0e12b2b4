/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * callbacks.c - a workload: qsort(3) calls back into the program, which burns there.
 *
 * Usage: callbacks     runs until it is killed
 */
#include "burn.h"

#include <stdlib.h>

#define N_ITEMS 64

DEFINE_BURNER(compare_burn, 6148914691236517205ull);

static KEPT_FUNCTION int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
	uint64_t x = compare_burn(2000 + (a & 15));

	__asm__ volatile("" : : "r"(x));
	return (a > b) - (a < b);
}

void sort_all(uint64_t seed);
KEPT_FUNCTION void sort_all(uint64_t seed)
{
	uint64_t items[N_ITEMS];

	for (unsigned int i = 0; i < N_ITEMS; i++)
		items[i] = next_random(&seed);
	qsort(items, N_ITEMS, sizeof(items[0]), compare);
	__asm__ volatile("" : : "r"(items) : "memory");
}

int main(void)
{
	for (uint64_t seed = 1;; seed++)
		sort_all(seed);
}
