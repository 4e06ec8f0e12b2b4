// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_segments.c - see unwind_segments.h.
 */
#include "unwind_segments.h"

#include <stdlib.h>

static int compare(const void *a, const void *b)
{
	const struct unwind_segment *x = a, *y = b;

	if (x->vaddr != y->vaddr)
		return x->vaddr < y->vaddr ? -1 : 1;
	return x->offset < y->offset ? -1 : x->offset > y->offset;
}

void unwind_segments_sort(struct unwind_segment *segments, uint32_t n)
{
	qsort(segments, n, sizeof(*segments), compare);
}

/* Of one alone, without the sums wrapping. */
static bool is_right(const struct unwind_segment *segment, uint64_t base)
{
	return segment->size && segment->vaddr >= base && segment->vaddr < UNWIND_VADDR_END &&
	       segment->size <= UNWIND_VADDR_END - segment->vaddr &&
	       segment->offset <= UINT64_MAX - segment->size &&
	       segment->vaddr - base + segment->size <= UINT32_MAX;
}

bool unwind_segments_are_right(const struct unwind_segment *segments, uint32_t n, uint64_t base)
{
	if (base % UNWIND_BASE_ALIGN || (!n && base))
		return false;
	for (uint32_t i = 0; i < n; i++) {
		const struct unwind_segment *segment = &segments[i], *before = segment - 1;

		if (!is_right(segment, base))
			return false;
		if (i && (before->vaddr + before->size > segment->vaddr ||
			  before->offset + before->size > segment->offset))
			return false;
	}
	return true;
}
