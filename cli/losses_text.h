/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * losses_text.h - what was lost, by name, as a line of text.
 */
#ifndef PROFD_LOSSES_TEXT_H
#define PROFD_LOSSES_TEXT_H

#include <stddef.h>

#include "store.h"

#define LOSSES_TEXT_MAX 1024

/* "ringbuf_full 12 (0.24s), walk_failed 3", or "none"; ends in "..." when it does not fit. */
void losses_text(const struct store_summary *summary, char *buf, size_t size);

#endif
