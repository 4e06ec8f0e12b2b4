// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * units_format.c - durations and sizes as a person reads them; units.c reads them back.
 */
#include <inttypes.h>
#include <stdio.h>

#include "cleanup.h"
#include "units.h"

/* Whole units are cut, not rounded: a span is never said to be longer than it is. */
void units_format_span(uint64_t ns, char *buf, size_t size)
{
	uint64_t s = ns / NSEC_PER_SEC;

	if (ns == 0)
		(void)snprintf(buf, size, "0s");
	else if (ns < 1000)
		(void)snprintf(buf, size, "%" PRIu64 "ns", ns);
	else if (ns < NSEC_PER_MSEC)
		(void)snprintf(buf, size, "%" PRIu64 "us", ns / 1000);
	else if (ns < NSEC_PER_SEC)
		(void)snprintf(buf, size, "%" PRIu64 "ms", ns / NSEC_PER_MSEC);
	else if (s < 60 && ns % NSEC_PER_SEC >= NSEC_PER_SEC / 10)
		(void)snprintf(buf, size, "%" PRIu64 ".%" PRIu64 "s", s,
			       ns % NSEC_PER_SEC / (NSEC_PER_SEC / 10));
	else if (s < 60)
		(void)snprintf(buf, size, "%" PRIu64 "s", s);
	else if (s < 3600 && s % 60)
		(void)snprintf(buf, size, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else if (s < 3600)
		(void)snprintf(buf, size, "%" PRIu64 "m", s / 60);
	else if (s < 86400 && s % 3600 >= 60)
		(void)snprintf(buf, size, "%" PRIu64 "h %" PRIu64 "m", s / 3600, s % 3600 / 60);
	else if (s < 86400)
		(void)snprintf(buf, size, "%" PRIu64 "h", s / 3600);
	else if (s % 86400 >= 3600)
		(void)snprintf(buf, size, "%" PRIu64 "d %" PRIu64 "h", s / 86400, s % 86400 / 3600);
	else
		(void)snprintf(buf, size, "%" PRIu64 "d", s / 86400);
}

void units_format_seconds(uint64_t ns, char *buf, size_t size)
{
	/* Digits after the point, by what the rounded figure needs to show three digits. */
	if (ns == 0)
		(void)snprintf(buf, size, "0.00s");
	else if (ns < 9500000)
		(void)snprintf(buf, size, "%.3fs", (double)ns / NSEC_PER_SEC);
	else if (ns < 9995000000)
		(void)snprintf(buf, size, "%.2fs", (double)ns / NSEC_PER_SEC);
	else
		(void)snprintf(buf, size, "%.1fs", (double)ns / NSEC_PER_SEC);
}

void units_format_duration(uint64_t ns, char *buf, size_t size)
{
	static const char *const names[] = {"ns", "us", "ms", "s"};
	double value = (double)ns;
	size_t i = 0;

	while (value >= 999.5 && i + 1 < ARRAY_SIZE(names)) {
		value /= 1000;
		i++;
	}
	(void)snprintf(buf, size, "%.*f%s",
		       i == 0 || value >= 99.95 ? 0
		       : value >= 9.995		? 1
						: 2,
		       value, names[i]);
}

void units_format_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = {"B", "KB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t i = 0;

	/* 1023.5 KB would be shown as 1024 KB. */
	while (value >= 1023.5 && i + 1 < ARRAY_SIZE(names)) {
		value /= 1024;
		i++;
	}
	(void)snprintf(buf, size, "%.*f %s", i > 0 && value < 9.95 ? 1 : 0, value, names[i]);
}
