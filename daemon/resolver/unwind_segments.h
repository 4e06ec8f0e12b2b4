/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind_segments.h - what the executable segments of a table promise to whoever uses its rows.
 */
#ifndef PROFD_UNWIND_SEGMENTS_H
#define PROFD_UNWIND_SEGMENTS_H

#include "unwind_row.h"

#include <stdbool.h>

#define UNWIND_BASE_ALIGN 256u

/* By address, lowest first. Segments may come in any order (patchelf appends them). */
void unwind_segments_sort(struct unwind_segment *segments, uint32_t n);

/*
 * Whether segments are in order and disjoint, by address and by offset; none is empty, none reaches
 * beyond UNWIND_VADDR_END; `base` is a multiple of UNWIND_BASE_ALIGN and not above the first; and
 * no address is 2^32 or more above the base. Without segments the base is 0.
 */
bool unwind_segments_are_right(const struct unwind_segment *segments, uint32_t n, uint64_t base);

#endif
