// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * units.c - durations and points in time as people write them; units_format.c is the way back.
 *
 * The grammar is that of systemd.time(7), with RFC 3339 and a plain span for "that long ago" on
 * top. Numbers are read by hand, with bounds, because strtoull() takes signs and leading blanks and
 * strptime() takes more than it says.
 */
#include "units.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

const char units_time_forms[] =
	"10m, \"2h 30m ago\", now, today, yesterday, 03:10, 2026-11-23, \"2026-11-23 03:10:05\", "
	"2026-11-23T03:10:05Z, @1395716396";

#define SECONDS_PER_DAY 86400ll

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static const char *skip_blanks(const char *p)
{
	while (is_blank(*p))
		p++;
	return p;
}

/* ---- spans ---- */

/* A month is 30.44 days and a year 365.25, as in systemd. */
static const struct {
	const char *names[4];
	uint64_t ns;
} span_units[] = {
	{{"ns", "nsec"}, 1},
	{{"us", "usec", "\302\265s"}, 1000},
	{{"ms", "msec"}, NSEC_PER_MSEC},
	{{"s", "sec", "second", "seconds"}, NSEC_PER_SEC},
	{{"m", "min", "minute", "minutes"}, 60 * NSEC_PER_SEC},
	{{"h", "hr", "hour", "hours"}, 3600 * NSEC_PER_SEC},
	{{"d", "day", "days"}, 86400 * NSEC_PER_SEC},
	{{"w", "week", "weeks"}, 7 * 86400 * NSEC_PER_SEC},
	{{"M", "month", "months"}, 2629800 * NSEC_PER_SEC},
	{{"y", "year", "years"}, 31557600 * NSEC_PER_SEC},
};

/* Returns the unit of the `len` bytes at `p` in ns, or 0. */
static uint64_t unit_ns(const char *p, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(span_units); i++) {
		for (size_t k = 0; k < ARRAY_SIZE(span_units[i].names); k++) {
			const char *name = span_units[i].names[k];

			if (name && strlen(name) == len && memcmp(name, p, len) == 0)
				return span_units[i].ns;
		}
	}
	return 0;
}

/* A decimal number at *p: its whole part, and its fraction in 1/10^9. */
static int read_decimal(const char **p, uint64_t *ret_whole, uint32_t *ret_frac)
{
	const char *q = *p;
	uint64_t whole = 0;
	uint32_t frac = 0;

	if (!is_digit(*q))
		return -EINVAL;
	for (; is_digit(*q); q++)
		if (__builtin_mul_overflow(whole, 10, &whole) ||
		    __builtin_add_overflow(whole, (uint64_t)(*q - '0'), &whole))
			return -ERANGE;
	if (*q == '.') {
		uint32_t scale = 100000000;

		q++;
		if (!is_digit(*q))
			return -EINVAL;
		for (; is_digit(*q); q++, scale /= 10)
			frac += (uint32_t)(*q - '0') * scale;
	}
	*p = q;
	*ret_whole = whole;
	*ret_frac = frac;
	return 0;
}

static int scale_decimal(uint64_t whole, uint32_t frac, uint64_t unit, uint64_t *ret_ns)
{
	unsigned __int128 ns = (unsigned __int128)whole * unit;

	ns += (unsigned __int128)frac * unit / NSEC_PER_SEC;
	if (ns > UINT64_MAX)
		return -ERANGE;
	*ret_ns = (uint64_t)ns;
	return 0;
}

/* A span at *p; *ret_bare says that it was one number without a unit. */
static int read_span(const char **p, uint64_t *ret_ns, bool *ret_bare)
{
	const char *q = skip_blanks(*p);
	bool bare = false;
	uint64_t sum = 0;
	unsigned int terms = 0;

	while (is_digit(*q)) {
		uint64_t whole, ns, unit;
		const char *name;
		uint32_t frac;
		int r = read_decimal(&q, &whole, &frac);

		if (r < 0)
			return r;
		name = skip_blanks(q);
		for (q = name; is_letter(*q) || (unsigned char)*q >= 0x80; q++)
			;
		unit = unit_ns(name, (size_t)(q - name));
		if (q == name) {
			unit = NSEC_PER_SEC;
			bare = true;
		}
		if (unit == 0)
			return -EINVAL;
		r = scale_decimal(whole, frac, unit, &ns);
		if (r < 0)
			return r;
		if (__builtin_add_overflow(sum, ns, &sum))
			return -ERANGE;
		terms++;
		/* "10m ago": the word is the caller's. */
		q = skip_blanks(q);
	}
	if (terms == 0 || (bare && terms > 1))
		return -EINVAL;
	*p = q;
	*ret_ns = sum;
	*ret_bare = bare;
	return 0;
}

int units_parse_span(const char *text, uint64_t *ret_ns)
{
	uint64_t ns;
	bool bare;
	int r = read_span(&text, &ns, &bare);

	if (r < 0)
		return r;
	if (*text != '\0')
		return -EINVAL;
	*ret_ns = ns;
	return 0;
}

/* ---- points in time ---- */

struct zone {
	bool local;
	int64_t offset_s; /* east of UTC, when not local */
};

struct clock_time {
	int hour, minute, second;
	uint32_t frac_ns;
};

struct date {
	int year, month, day;
};

/* Between min and max digits at *p, and then no further digit. */
static int read_digits(const char **p, int min, int max, int *ret)
{
	int value = 0, n = 0;

	while (n < max && is_digit((*p)[n]))
		value = value * 10 + ((*p)[n++] - '0');
	if (n < min || is_digit((*p)[n]))
		return -EINVAL;
	*p += n;
	*ret = value;
	return 0;
}

static int days_of_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

static int read_date(const char **p, struct date *ret)
{
	const char *q = *p;
	struct date d;

	if (read_digits(&q, 4, 4, &d.year) < 0 || *q++ != '-' ||
	    read_digits(&q, 2, 2, &d.month) < 0 || *q++ != '-' || read_digits(&q, 2, 2, &d.day) < 0)
		return -EINVAL;
	if (d.month < 1 || d.month > 12 || d.day < 1 || d.day > days_of_month(d.year, d.month))
		return -EINVAL;
	*p = q;
	*ret = d;
	return 0;
}

static int read_clock(const char **p, struct clock_time *ret)
{
	const char *q = *p;
	struct clock_time t = {0};

	if (read_digits(&q, 1, 2, &t.hour) < 0 || *q++ != ':' ||
	    read_digits(&q, 2, 2, &t.minute) < 0)
		return -EINVAL;
	if (*q == ':') {
		q++;
		if (read_digits(&q, 2, 2, &t.second) < 0)
			return -EINVAL;
		if (*q == '.') {
			uint32_t scale = 100000000;

			if (!is_digit(*++q))
				return -EINVAL;
			for (; is_digit(*q); q++, scale /= 10)
				t.frac_ns += (uint32_t)(*q - '0') * scale;
		}
	}
	if (t.hour > 23 || t.minute > 59 || t.second > 59)
		return -EINVAL;
	*p = q;
	*ret = t;
	return 0;
}

/* "", "UTC", "Z", "+01:00" or "-0530", and then the end. */
static int read_zone(const char *p, struct zone *ret)
{
	struct zone zone = {.local = false};
	int hours, minutes;

	p = skip_blanks(p);
	if (*p == '\0') {
		zone.local = true;
	} else if (*p == '+' || *p == '-') {
		int sign = *p == '-' ? -1 : 1;

		p++;
		if (!is_digit(p[0]) || !is_digit(p[1]))
			return -EINVAL;
		hours = (p[0] - '0') * 10 + (p[1] - '0');
		p += 2;
		if (*p == ':')
			p++;
		if (read_digits(&p, 2, 2, &minutes) < 0 || hours > 14 || minutes > 59)
			return -EINVAL;
		zone.offset_s = sign * (hours * 3600ll + minutes * 60ll);
		if (*skip_blanks(p) != '\0')
			return -EINVAL;
	} else {
		size_t len = strcspn(p, " \t");

		if (!(len == 3 && memcmp(p, "UTC", 3) == 0) && !(len == 1 && *p == 'Z'))
			return -EINVAL;
		if (*skip_blanks(p + len) != '\0')
			return -EINVAL;
	}
	*ret = zone;
	return 0;
}

static int to_real_ns(int64_t seconds, uint32_t frac_ns, uint64_t *ret)
{
	uint64_t ns;

	if (seconds < 0)
		return -ERANGE;
	if (__builtin_mul_overflow((uint64_t)seconds, NSEC_PER_SEC, &ns) ||
	    __builtin_add_overflow(ns, frac_ns, &ns))
		return -ERANGE;
	*ret = ns;
	return 0;
}

static int join(const struct date *d, const struct clock_time *t, const struct zone *zone,
		uint64_t *ret)
{
	struct tm tm = {
		.tm_year = d->year - 1900,
		.tm_mon = d->month - 1,
		.tm_mday = d->day,
		.tm_hour = t->hour,
		.tm_min = t->minute,
		.tm_sec = t->second,
		.tm_isdst = -1,
	};
	int64_t seconds;

	/* A local time that a change of the clock skips is taken as the C library takes it. */
	seconds = zone->local ? mktime(&tm) : timegm(&tm) - zone->offset_s;
	return to_real_ns(seconds, t->frac_ns, ret);
}

/* The date of `now` in a zone, moved by `days`. */
static int date_of(uint64_t now_real_ns, const struct zone *zone, int days, struct date *ret)
{
	time_t now = (time_t)(now_real_ns / NSEC_PER_SEC);
	struct tm tm;

	if (zone->local) {
		if (!localtime_r(&now, &tm))
			return -ERANGE;
		/* Noon is on that day whatever the clock does at midnight. */
		tm.tm_mday += days;
		tm.tm_hour = 12;
		tm.tm_isdst = -1;
		if (mktime(&tm) == (time_t)-1)
			return -ERANGE;
	} else {
		now += (time_t)(zone->offset_s + days * SECONDS_PER_DAY);
		if (!gmtime_r(&now, &tm))
			return -ERANGE;
	}
	*ret = (struct date){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
	return 0;
}

/* "2026-11-23", "2026-11-23 03:10:05Z", "03:10": -EINVAL when it is none of them. */
static int parse_calendar(const char *p, uint64_t now_real_ns, uint64_t *ret)
{
	struct clock_time t = {0};
	struct zone zone;
	struct date d;
	bool dated = read_date(&p, &d) == 0;
	int r;

	if (dated) {
		const char *q = *p == 'T' ? p + 1 : skip_blanks(p);

		if (*p == 'T' || (q > p && is_digit(*q))) {
			r = read_clock(&q, &t);
			if (r < 0)
				return r;
			p = q;
		}
	} else {
		r = read_clock(&p, &t);
		if (r < 0)
			return r;
	}
	r = read_zone(p, &zone);
	if (r < 0)
		return r;
	if (!dated) {
		r = date_of(now_real_ns, &zone, 0, &d);
		if (r < 0)
			return r;
	}
	return join(&d, &t, &zone, ret);
}

/* "10m", "-10m", "10m ago": -EINVAL when it is none of them. */
static int parse_ago(const char *p, uint64_t now_real_ns, uint64_t *ret)
{
	uint64_t span;
	bool bare;
	int r;

	if (*p == '-')
		p++;
	r = read_span(&p, &span, &bare);
	if (r < 0)
		return r;
	/* A bare number may be seconds ago or seconds since 1970: neither is guessed. */
	if (bare)
		return -EINVAL;
	if (strncmp(p, "ago", 3) == 0)
		p = skip_blanks(p + 3);
	if (*p != '\0')
		return -EINVAL;
	if (span > now_real_ns)
		return -ERANGE;
	*ret = now_real_ns - span;
	return 0;
}

static int parse_epoch(const char *p, uint64_t *ret)
{
	uint64_t seconds;
	uint32_t frac;
	int r = read_decimal(&p, &seconds, &frac);

	if (r < 0)
		return r;
	if (*skip_blanks(p) != '\0')
		return -EINVAL;
	return seconds > INT64_MAX ? -ERANGE : to_real_ns((int64_t)seconds, frac, ret);
}

static bool is_word(const char *p, const char *word)
{
	size_t len = strlen(word);

	return strncmp(p, word, len) == 0 && *skip_blanks(p + len) == '\0';
}

int units_parse_time(const char *text, uint64_t now_real_ns, uint64_t *ret_real_ns)
{
	static const struct zone local = {.local = true};
	static const struct clock_time midnight;
	const char *p = skip_blanks(text);
	struct date d;
	int r;

	if (is_word(p, "now")) {
		*ret_real_ns = now_real_ns;
		return 0;
	}
	if (is_word(p, "today") || is_word(p, "yesterday")) {
		r = date_of(now_real_ns, &local, is_word(p, "yesterday") ? -1 : 0, &d);
		return r < 0 ? r : join(&d, &midnight, &local, ret_real_ns);
	}
	if (*p == '@')
		return parse_epoch(p + 1, ret_real_ns);
	r = parse_calendar(p, now_real_ns, ret_real_ns);
	if (r != -EINVAL)
		return r;
	return parse_ago(p, now_real_ns, ret_real_ns);
}
