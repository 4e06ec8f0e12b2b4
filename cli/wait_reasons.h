/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_reasons.h - what the kernel frames of a partition's waits say: why it was waited, by the
 * table of wait_reason.h, and where the stack begins that is worth showing. A location is looked up
 * once, whatever the rows.
 */
#ifndef PROFD_WAIT_REASONS_H
#define PROFD_WAIT_REASONS_H

#include "cleanup.h"
#include "dictionary.h"
#include "wait_reason.h"

struct wait_reasons;

/* `dictionary` is borrowed and must have stacks. Returns 0 or -ENOMEM. */
int wait_reasons_new(const struct dictionary *dictionary, struct wait_reasons **ret);
struct wait_reasons *wait_reasons_free(struct wait_reasons *reasons);
DEFINE_CLEANUP(struct wait_reasons *, wait_reasons_free);

/*
 * The reason of a row: of run-queue time it is WAIT_REASON_CPU, else the state and the kernel
 * frames from the leaf outwards say it. WAIT_REASON_NONE for what is no off-CPU or run-queue row.
 */
enum wait_reason wait_reasons_of(struct wait_reasons *reasons, enum sample_type type,
				 enum wait_state state, uint32_t node);

/*
 * The node to show as the leaf of a wait: all waits end in the scheduler's own functions, and maybe
 * in the collector's, which tell nothing and would take all the time as theirs. What is nothing
 * else keeps the outermost of them.
 */
uint32_t wait_reasons_leaf(struct wait_reasons *reasons, uint32_t node);

#endif
