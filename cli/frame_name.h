/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * frame_name.h - what stands where a function or module has no name of its own, the same in every
 * command and format.
 */
#ifndef PROFD_FRAME_NAME_H
#define PROFD_FRAME_NAME_H

#include <stddef.h>

#include "profile.h"

#define FRAME_NAME_MAX 64

/* "[unknown: no symbol]" */
void frame_name_unknown(enum unknown_reason reason, char buf[FRAME_NAME_MAX]);

/* The last part of a module's path; "[kernel]" and the like as they are. */
const char *frame_name_module(const char *path);

#endif
