// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * window_text.c - times and windows as a person reads them.
 */
#include "window_text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "units.h"

struct parts {
	char date[24], clock[16], zone[24];
};

static void split(uint64_t real_ns, struct parts *parts)
{
	time_t seconds = (time_t)(real_ns / NSEC_PER_SEC);
	struct tm tm;

	memset(parts, 0, sizeof(*parts));
	if (!localtime_r(&seconds, &tm))
		return;
	/* A result that does not fit leaves the buffer undefined: it is emptied. */
	if (strftime(parts->date, sizeof(parts->date), "%Y-%m-%d", &tm) == 0)
		parts->date[0] = '\0';
	if (strftime(parts->clock, sizeof(parts->clock), "%H:%M:%S", &tm) == 0)
		parts->clock[0] = '\0';
	if (strftime(parts->zone, sizeof(parts->zone), "%Z", &tm) == 0)
		parts->zone[0] = '\0';
}

void window_text_time(uint64_t real_ns, char *buf, size_t size)
{
	struct parts p;

	split(real_ns, &p);
	(void)snprintf(buf, size, "%s %s %s", p.date, p.clock, p.zone);
}

void window_text_range(uint64_t since_ns, uint64_t until_ns, char *buf, size_t size)
{
	struct parts a, b;
	int same_date, same_zone;

	split(since_ns, &a);
	split(until_ns, &b);
	same_date = strcmp(a.date, b.date) == 0;
	same_zone = strcmp(a.zone, b.zone) == 0;
	(void)snprintf(buf, size, "%s %s%s%s -> %s%s%s %s", a.date, a.clock, same_zone ? "" : " ",
		       same_zone ? "" : a.zone, same_date ? "" : b.date, same_date ? "" : " ",
		       b.clock, b.zone);
}
