/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.h - durations, sizes and points in time as people write them. Pure: the clock and the zone
 * are the caller's (TZ through localtime_r).
 */
#ifndef PROFD_UNITS_H
#define PROFD_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define NSEC_PER_SEC  UINT64_C(1000000000)
#define NSEC_PER_MSEC UINT64_C(1000000)

/* The forms units_parse_time() accepts, for error messages: one line, no newline. */
extern const char units_time_forms[];

/*
 * A span: numbers with a unit of systemd.time(7) ("10s", "90 min", "1h 30m", "1.5d"; ns us ms s m
 * h d w M y and their long forms); a bare number is seconds. Returns 0, -EINVAL, or -ERANGE.
 */
int units_parse_span(const char *text, uint64_t *ret_ns);

/*
 * A point in time, in ns since the epoch: "now", "today", "yesterday", a span ("10m": that long
 * ago; also "-10m", "10m ago"), "@1395716396", "2026-11-23 03:10[:05]", "2026-11-23", "03:10[:05]"
 * (today), RFC 3339 ("2026-11-23T03:10:05Z", "...+01:00"), the last three in local time unless they
 * end in "UTC", "Z" or an offset. A bare number is refused: it may mean seconds ago, or since 1970.
 * Returns 0, -EINVAL, or -ERANGE (before 1970 or in overflow).
 */
int units_parse_time(const char *text, uint64_t now_real_ns, uint64_t *ret_real_ns);

/* "850ms", "1.2s", "10m", "1h 30m": at most 15 characters and NUL. */
void units_format_span(uint64_t ns, char *buf, size_t size);
/* "142.1s", "0.02s": seconds as a column wants them. */
void units_format_seconds(uint64_t ns, char *buf, size_t size);
/* "850ns", "1.05ms", "12.6ms", "142s": three digits. */
void units_format_duration(uint64_t ns, char *buf, size_t size);
/* "412 KB", "1.2 MB", powers of 1024. */
void units_format_bytes(uint64_t bytes, char *buf, size_t size);

#endif
