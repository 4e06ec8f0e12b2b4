// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_foreign_text.c - names of other people's programs made safe: invalid UTF-8, escape
 * sequences, changes of direction, and cutting to a width.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cleanup.h"
#include "foreign_text.h"

#define BAD "\357\277\275"

static const struct {
	const char *text, *utf8, *printable; /* NULL = as it is */
} cases[] = {
	{"", NULL, NULL},
	{"deflate_slow", NULL, NULL},
	{"gr\303\274n \342\202\254 \360\237\230\200", NULL, NULL},
	{"\033[2J", NULL, BAD "[2J"},
	{"a\nb\tc\177", NULL, "a" BAD "b" BAD "c" BAD},
	/* CSI as one character of Latin 1 (U+009B). */
	{"\302\2332J", NULL, BAD "2J"},
	/* Right-to-left override and an isolate. */
	{"a\342\200\256b\342\201\246", NULL, "a" BAD "b" BAD},
	{"\377x", BAD "x", BAD "x"},
	/* A lone continuation, a cut sequence at the end and before text. */
	{"\200", BAD, BAD},
	{"\303", BAD, BAD},
	{"\342\202x", BAD BAD "x", BAD BAD "x"},
	{"\360\237\230", BAD BAD BAD, BAD BAD BAD},
	/* Overlong '/', a surrogate, beyond U+10FFFF. */
	{"\300\257", BAD BAD, BAD BAD},
	{"\355\240\200", BAD BAD BAD, BAD BAD BAD},
	{"\364\220\200\200", BAD BAD BAD BAD, BAD BAD BAD BAD},
};

static void check(const char *text, const char *expected,
		  const char *(*clean)(const char *, char **))
{
	_cleanup_free_ char *copy = NULL;
	const char *result = clean(text, &copy);

	if (!expected) {
		assert_ptr_equal(result, text);
		assert_null(copy);
		return;
	}
	assert_ptr_equal(result, copy);
	assert_string_equal(result, expected);
}

static void test_clean(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		check(cases[i].text, cases[i].utf8, foreign_text_utf8);
		check(cases[i].text, cases[i].printable, foreign_text_printable);
	}
}

/* What comes out is clean: cleaning it again changes nothing. */
static void test_clean_twice(void **state)
{
	char text[3] = "";

	(void)state;
	for (int a = 1; a < 256; a++) {
		for (int b = 0; b < 256; b++) {
			_cleanup_free_ char *once = NULL, *twice = NULL;
			const char *result;

			text[0] = (char)a;
			text[1] = (char)b;
			result = foreign_text_printable(text, &once);
			assert_non_null(result);
			assert_ptr_equal(foreign_text_printable(result, &twice), result);
		}
	}
}

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(foreign_text_width(""), 0);
	assert_int_equal(foreign_text_width("abc"), 3);
	assert_int_equal(foreign_text_width("gr\303\274n"), 4);
	assert_int_equal(foreign_text_fit("abc", 0), 0);
	assert_int_equal(foreign_text_fit("abc", 2), 2);
	assert_int_equal(foreign_text_fit("abc", 9), 3);
	/* A character is not cut in two. */
	assert_int_equal(foreign_text_fit("gr\303\274n", 3), 4);
	assert_int_equal(foreign_text_fit("gr\303\274n", 2), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_twice),
		cmocka_unit_test(test_width),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
