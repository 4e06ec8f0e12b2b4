/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * growable.h - room for one more element in an array that grows by half.
 */
#ifndef PROFD_GROWABLE_H
#define PROFD_GROWABLE_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * Makes sure that *array holds more than `n` elements of `size` bytes; *capacity is how many it
 * holds now. Ids are 32 bits, so more than UINT32_MAX are refused. Returns 0 or -ENOMEM, and on
 * failure the array is as it was.
 */
static inline int growable_reserve(void **array, uint32_t *capacity, uint32_t n, size_t size)
{
	uint64_t wanted = (uint64_t)*capacity + *capacity / 2 + 64;
	void *grown;

	if (n < *capacity)
		return 0;
	if (wanted > UINT32_MAX)
		return -ENOMEM;
	grown = reallocarray(*array, (size_t)wanted, size);
	if (!grown)
		return -ENOMEM;
	*array = grown;
	*capacity = (uint32_t)wanted;
	return 0;
}

/* For an array `a` with its element count in n_##a and its capacity in cap_##a. */
#define GROWABLE_RESERVE(owner, a)                                                                 \
	({                                                                                         \
		void *growable_array = (owner)->a;                                                 \
		int growable_r = growable_reserve(&growable_array, &(owner)->cap_##a,              \
						  (owner)->n_##a, sizeof(*(owner)->a));            \
		(owner)->a = growable_array;                                                       \
		growable_r;                                                                        \
	})

#endif
