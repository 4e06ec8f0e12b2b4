// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_units.c - durations, sizes and points in time: every accepted form, the edges of the ranges,
 * zones and changes of the clock, and what must be refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "units.h"

#define S NSEC_PER_SEC

/* 2026-11-23 08:30:00 UTC, a Monday. */
#define NOW (1795422600 * S)

static void set_zone(const char *zone)
{
	assert_int_equal(setenv("TZ", zone, 1), 0);
	tzset();
}

static void test_span_accepted(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} cases[] = {
		{"0", 0},
		{"10", 10 * S},
		{"10s", 10 * S},
		{"90 min", 5400 * S},
		{"1h 30m", 5400 * S},
		{"1h30m", 5400 * S},
		{" 2d ", 172800 * S},
		{"1.5h", 5400 * S},
		{"0.25s", S / 4},
		{"1.000000001s", S + 1},
		{"1.0000000019s", S + 1},
		{"850ms", 850 * NSEC_PER_MSEC},
		{"7us", 7000},
		{"7 usec", 7000},
		{"7\302\265s", 7000},
		{"3ns", 3},
		{"1w", 604800 * S},
		{"1M", 2629800 * S},
		{"2 months", 5259600 * S},
		{"1y", 31557600 * S},
		{"1 year 1 day 1 hour 1 minute 1 second", (31557600 + 86400 + 3600 + 61) * S},
		{"18446744073709551615ns", UINT64_MAX},
		{"18446744073", 18446744073 * S},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ns = 1;

		if (units_parse_span(cases[i].text, &ns) != 0 || ns != cases[i].ns)
			fail_msg("'%s' gave %llu", cases[i].text, (unsigned long long)ns);
	}
}

static void test_span_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"", -EINVAL},
		{"   ", -EINVAL},
		{"s", -EINVAL},
		{"-5s", -EINVAL},
		{"+5s", -EINVAL},
		{"5 parsecs", -EINVAL},
		{"5S", -EINVAL},
		{"1.s", -EINVAL},
		{".5s", -EINVAL},
		{"1,5s", -EINVAL},
		{"1e3s", -EINVAL},
		{"0x10", -EINVAL},
		{"10s!", -EINVAL},
		{"10 20", -EINVAL},
		{"1h 30", -EINVAL},
		{"10m ago", -EINVAL},
		{"infinity", -EINVAL},
		{"18446744073709551616ns", -ERANGE},
		{"18446744074s", -ERANGE},
		{"585y", -ERANGE},
		{"18446744073709551615ns 1ns", -ERANGE},
		{"99999999999999999999999999", -ERANGE},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ns = 42;
		int r = units_parse_span(cases[i].text, &ns);

		if (r != cases[i].r || ns != 42)
			fail_msg("'%s' gave %d and %llu", cases[i].text, r, (unsigned long long)ns);
	}
}

static void expect_time(const char *text, uint64_t expected)
{
	uint64_t ns = 1;
	int r = units_parse_time(text, NOW, &ns);

	if (r != 0 || ns != expected)
		fail_msg("TZ=%s '%s' gave %d, %llu and not %llu", getenv("TZ"), text, r,
			 (unsigned long long)ns, (unsigned long long)expected);
}

static void test_time_utc(void **state)
{
	(void)state;
	set_zone("UTC");
	expect_time("now", NOW);
	expect_time(" now ", NOW);
	expect_time("today", NOW - 30600 * S);
	expect_time("yesterday", NOW - 30600 * S - 86400 * S);
	expect_time("10m", NOW - 600 * S);
	expect_time("-10m", NOW - 600 * S);
	expect_time("10m ago", NOW - 600 * S);
	expect_time("1h 30m ago", NOW - 5400 * S);
	expect_time("@0", 0);
	expect_time("@1395716396", 1395716396 * S);
	expect_time("@1395716396.5", 1395716396 * S + S / 2);
	expect_time("08:20", NOW - 600 * S);
	expect_time("8:20", NOW - 600 * S);
	expect_time("08:20:05", NOW - 595 * S);
	expect_time("23:59", NOW - 30600 * S + 86340 * S);
	expect_time("2026-11-23", NOW - 30600 * S);
	expect_time("2026-11-23 08:20", NOW - 600 * S);
	expect_time("2026-11-23 08:20:05", NOW - 595 * S);
	expect_time("2026-11-23 08:20:05.25", NOW - 595 * S + S / 4);
	expect_time("2026-11-23 08:20 UTC", NOW - 600 * S);
	expect_time("2026-11-23T08:20:05Z", NOW - 595 * S);
	expect_time("2026-11-23T09:20:05+01:00", NOW - 595 * S);
	expect_time("2026-11-23T02:50:05-0530", NOW - 595 * S);
	expect_time("1970-01-01", 0);
	expect_time("1970-01-01T01:00:00+01:00", 0);
	expect_time("2024-02-29", 1709164800 * S);
}

static void test_time_zones(void **state)
{
	(void)state;
	set_zone("Europe/Berlin");
	expect_time("09:20", NOW - 600 * S);
	expect_time("today", NOW - 34200 * S);
	expect_time("2026-11-23 09:20", NOW - 600 * S);
	expect_time("2026-11-23 08:20 UTC", NOW - 600 * S);
	expect_time("08:20Z", NOW - 600 * S);
	/* Summer time there, UTC+2, and the day it began has 23 hours. */
	expect_time("2026-07-01", 1782856800 * S);
	expect_time("2026-03-29 01:59:59", 1774745999 * S);
	expect_time("2026-03-29 03:00", 1774746000 * S);
	/* Kolkata is UTC+5:30; in Auckland it is the 23rd, 21:30. */
	set_zone("Asia/Kolkata");
	expect_time("14:00", NOW);
	set_zone("Pacific/Auckland");
	expect_time("21:30", NOW);
	expect_time("yesterday", NOW - 77400 * S - 86400 * S);
	/* "Today" of a time with an offset is the day there: at +14:00 it is 22:30 of the 23rd. */
	expect_time("22:30+14:00", NOW);
	set_zone("UTC");
}

static void test_yesterday_after_a_change_of_clock(void **state)
{
	uint64_t ns = 0;

	(void)state;
	/* 2026-03-30 00:30 in Berlin: the day before had 23 hours and began in winter time. */
	set_zone("Europe/Berlin");
	assert_int_equal(units_parse_time("yesterday", 1774823400 * S, &ns), 0);
	assert_int_equal(ns, 1774738800 * S);
	assert_int_equal(units_parse_time("today", 1774823400 * S, &ns), 0);
	assert_int_equal(ns, 1774821600 * S);
	set_zone("UTC");
}

static void test_time_refused(void **state)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{"", -EINVAL},
		{"yesterdayish", -EINVAL},
		{"nowish", -EINVAL},
		{"now 5", -EINVAL},
		{"10", -EINVAL},
		{"1395716396", -EINVAL},
		{"+10m", -EINVAL},
		{"--10m", -EINVAL},
		{"10m agony", -EINVAL},
		{"@", -EINVAL},
		{"@-1", -EINVAL},
		{"@1x", -EINVAL},
		{"@18446744074", -ERANGE},
		{"@99999999999999999999", -ERANGE},
		{"24:00", -EINVAL},
		{"12:60", -EINVAL},
		{"12:00:60", -EINVAL},
		{"12:5", -EINVAL},
		{"012:05", -EINVAL},
		{"12:00:00.", -EINVAL},
		{"2026-13-01", -EINVAL},
		{"2026-00-01", -EINVAL},
		{"2026-02-29", -EINVAL},
		{"2100-02-29", -EINVAL},
		{"2026-11-31", -EINVAL},
		{"2026-11-00", -EINVAL},
		{"26-11-23", -EINVAL},
		{"2026-11-23T", -EINVAL},
		{"2026-11-23T08", -EINVAL},
		{"2026-11-23 08:20 CET", -EINVAL},
		{"2026-11-23T08:20:05+1", -EINVAL},
		{"2026-11-23T08:20:05+15:00", -EINVAL},
		{"2026-11-23T08:20:05+01:60", -EINVAL},
		{"2026-11-23T08:20:05Zulu", -EINVAL},
		{"2026-11-23 08:20 UTC now", -EINVAL},
		{"1969-12-31", -ERANGE},
		{"1970-01-01T00:00:00+01:00", -ERANGE},
		{"9999-01-01", -ERANGE},
		{"100y", -ERANGE},
	};

	(void)state;
	set_zone("UTC");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t ns = 42;
		int r = units_parse_time(cases[i].text, NOW, &ns);

		if (r != cases[i].r || ns != 42)
			fail_msg("'%s' gave %d and %llu", cases[i].text, r, (unsigned long long)ns);
	}
}

/* Each form the message promises is taken. */
static void test_forms_are_accepted(void **state)
{
	_cleanup_free_ char *forms = strdup(units_time_forms);
	char *saved = NULL;
	unsigned int n = 0;

	(void)state;
	assert_non_null(forms);
	set_zone("UTC");
	for (char *f = strtok_r(forms, ",", &saved); f; f = strtok_r(NULL, ",", &saved)) {
		uint64_t ns = 0;

		f += strspn(f, " \"");
		f[strcspn(f, "\"")] = '\0';
		if (units_parse_time(f, NOW, &ns) != 0)
			fail_msg("'%s' is promised and refused", f);
		n++;
	}
	assert_int_equal(n, 10);
}

static void test_format_span(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0s"},
		{999, "999ns"},
		{12999, "12us"},
		{850 * NSEC_PER_MSEC, "850ms"},
		{S - 1, "999ms"},
		{S, "1s"},
		{1200 * NSEC_PER_MSEC, "1.2s"},
		{10 * S, "10s"},
		{60 * S - 1, "59.9s"},
		{60 * S, "1m"},
		{590 * S, "9m 50s"},
		{600 * S, "10m"},
		{3600 * S, "1h"},
		{5400 * S, "1h 30m"},
		{86400 * S, "1d"},
		{90000 * S, "1d 1h"},
		{UINT64_MAX, "213503d 23h"},
	};
	char buf[16];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		units_format_span(cases[i].ns, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].text);
	}
}

static void test_format_seconds_and_bytes(void **state)
{
	static const struct {
		uint64_t value;
		const char *seconds, *bytes;
	} cases[] = {
		{0, "0.00s", "0 B"},
		{1023, "0.000s", "1023 B"},
		{1024, "0.000s", "1.0 KB"},
		{1048064, "0.001s", "1.0 MB"},
		{20 * NSEC_PER_MSEC, "0.02s", "19 MB"},
		{9994 * NSEC_PER_MSEC, "9.99s", "9.3 GB"},
		{9996 * NSEC_PER_MSEC, "10.0s", "9.3 GB"},
		{142100 * NSEC_PER_MSEC, "142.1s", "132 GB"},
		{UINT64_MAX, "18446744073.7s", "16 EB"},
	};
	static const struct {
		uint64_t ns;
		const char *text;
	} durations[] = {
		{0, "0ns"},
		{999, "999ns"},
		{1000, "1.00us"},
		{1048576, "1.05ms"},
		{12582912, "12.6ms"},
		{99960000, "100ms"},
		{999499999, "999ms"},
		{999500000, "1.00s"},
		{37 * NSEC_PER_SEC, "37.0s"},
		{142000 * NSEC_PER_MSEC, "142s"},
		{1234567 * NSEC_PER_MSEC, "1235s"},
	};
	char buf[24];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		units_format_seconds(cases[i].value, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].seconds);
		units_format_bytes(cases[i].value, buf, sizeof(buf));
		assert_string_equal(buf, cases[i].bytes);
	}
	for (size_t i = 0; i < ARRAY_SIZE(durations); i++) {
		units_format_duration(durations[i].ns, buf, sizeof(buf));
		assert_string_equal(buf, durations[i].text);
	}
	units_format_bytes(421888, buf, sizeof(buf));
	assert_string_equal(buf, "412 KB");
}

/* A span written by one half is read by the other. */
static void test_span_round_trip(void **state)
{
	static const uint64_t spans[] = {10 * S, 600 * S, 5400 * S, 90000 * S, 7 * 86400 * S};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(spans); i++) {
		uint64_t ns = 0;
		char buf[16];

		units_format_span(spans[i], buf, sizeof(buf));
		assert_int_equal(units_parse_span(buf, &ns), 0);
		assert_int_equal(ns, spans[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_span_accepted),
		cmocka_unit_test(test_span_refused),
		cmocka_unit_test(test_time_utc),
		cmocka_unit_test(test_time_zones),
		cmocka_unit_test(test_yesterday_after_a_change_of_clock),
		cmocka_unit_test(test_time_refused),
		cmocka_unit_test(test_forms_are_accepted),
		cmocka_unit_test(test_format_span),
		cmocka_unit_test(test_format_seconds_and_bytes),
		cmocka_unit_test(test_span_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
