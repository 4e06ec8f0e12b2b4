// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_json_text.c - what profd writes as JSON is read back by jansson.
 */
#include "json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <jansson.h>

#include <cmocka.h>

static void test_shape(void **state)
{
	_cleanup_json_ struct json_text json = {};

	(void)state;
	json_open_object(&json, NULL);
	json_put_bool(&json, "ok", true);
	json_open_object(&json, "empty");
	json_close_object(&json);
	json_open_array(&json, "list");
	json_put_uint(&json, NULL, UINT64_MAX);
	json_put_int(&json, NULL, INT64_MIN);
	json_open_object(&json, NULL);
	json_put_null(&json, "n");
	json_close_object(&json);
	json_put_string(&json, NULL, "[");
	json_put_string(&json, NULL, NULL);
	json_open_array(&json, NULL);
	json_close_array(&json);
	json_close_array(&json);
	json_put_bool(&json, "last", false);
	json_close_object(&json);
	assert_string_equal(json_text_end(&json),
			    "{\"ok\":true,\"empty\":{},\"list\":[18446744073709551615,"
			    "-9223372036854775808,{\"n\":null},\"[\",null,[]],\"last\":false}");
}

/* Each string, and what a reader gets. */
static void test_strings(void **state)
{
	static const struct {
		const char *value, *read;
	} cases[] = {
		{"", ""},
		{"plain", "plain"},
		{"\"\\/", "\"\\/"},
		{"a\nb\tc\x01\x1f\x7f", "a\nb\tc\x01\x1f\x7f"},
		{"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
		{"\xe2\x82\xac\xf0\x9f\x98\x80", "\xe2\x82\xac\xf0\x9f\x98\x80"},
		/* Stray, cut, overlong, a surrogate, beyond Unicode. */
		{"a\x80z", "a\xef\xbf\xbdz"},
		{"\xc3", "\xef\xbf\xbd"},
		{"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xe0\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"\xff", "\xef\xbf\xbd"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_json_ struct json_text json = {};
		json_error_t error;
		json_t *root;

		json_open_object(&json, NULL);
		json_put_string(&json, cases[i].value, cases[i].value);
		json_close_object(&json);
		root = json_loads(json_text_end(&json), 0, &error);
		if (!root)
			fail_msg("case %zu: %s: %s", i, error.text, json_text_end(&json));
		assert_string_equal(json_string_value(json_object_get(root, cases[i].read)),
				    cases[i].read);
		json_decref(root);
	}
}

static void test_limit(void **state)
{
	_cleanup_json_ struct json_text fits = {}, too_long = {};
	char value[1024];

	(void)state;
	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 3] = '\0'; /* with its quotes 1023 bytes, and a comma */
	for (size_t len = 1; len + 1024 <= JSON_TEXT_MAX; len += 1024)
		json_put_string(&fits, NULL, value);
	assert_non_null(json_text_end(&fits));
	for (size_t len = 0; len <= JSON_TEXT_MAX; len += 1024)
		json_put_string(&too_long, NULL, value);
	assert_null(json_text_end(&too_long));
	assert_true(too_long.buf.len <= JSON_TEXT_MAX + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shape),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
