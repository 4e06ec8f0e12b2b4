/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wait_reasons.h - why the waits of a partition's rows were waited: its kernel frames by the table
 * of wait_reason.h. A location is looked up once and a stack walked once, whatever the rows.
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

#endif
