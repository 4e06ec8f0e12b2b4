/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * window_text.h - times and windows as a person reads them: local time, the zone always said.
 */
#ifndef PROFD_WINDOW_TEXT_H
#define PROFD_WINDOW_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define WINDOW_TEXT_MAX 128

/* "2026-11-23 08:20:00 UTC" */
void window_text_time(uint64_t real_ns, char *buf, size_t size);

/* "2026-11-23 08:20:00 -> 08:30:00 UTC": the second date and zone only where they differ. */
void window_text_range(uint64_t since_ns, uint64_t until_ns, char *buf, size_t size);

#endif
