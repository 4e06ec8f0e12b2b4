// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_probe_json.c - a probe's result is JSON whatever stands in it.
 */
#include "capabilities.h"
#include "probe.h"

#include <errno.h>
#include <jansson.h>
#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static json_t *print(const struct probe_result *result)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	json_error_t error;
	json_t *object;
	int r;

	assert_non_null(out);
	r = probe_print(result, out);
	assert_int_equal(fclose(out), 0);
	assert_int_equal(r, 0);
	object = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		fail_msg("%d:%d: %s in %s", error.line, error.column, error.text, text);
	return object;
}

static const char *string(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

static void test_strings(void **state)
{
	struct probe_result result = {
		.release = "6.1 \"quoted\" \\ \t\n\x01\x7f end",
		.build = "caf\xc3\xa9 \xff",
		.n_blockers = 2,
		.blockers = {"first \"one\"", "second"},
		.perf_event_paranoid = PROBE_UNKNOWN,
		.kptr_restrict = 1,
	};
	json_t *object, *blockers;

	(void)state;
	object = print(&result);
	assert_string_equal(string(object, "kernel_release"), result.release);
	assert_string_equal(string(object, "kernel_build"),
			    "caf\xef\xbf\xbd\xef\xbf\xbd \xef\xbf\xbd");
	assert_true(json_is_null(json_object_get(object, "cgroup2")));
	assert_true(json_is_null(json_object_get(object, "perf_event_paranoid")));
	assert_int_equal(json_integer_value(json_object_get(object, "kptr_restrict")), 1);
	blockers = json_object_get(object, "blockers");
	assert_int_equal(json_array_size(blockers), 2);
	assert_string_equal(json_string_value(json_array_get(blockers, 0)), result.blockers[0]);
	assert_string_equal(json_string_value(json_array_get(blockers, 1)), "second");
	json_decref(object);
}

static void test_outcomes(void **state)
{
	struct probe_result result = {.capabilities = CAPABILITY_BIT(CAP_BPF)};
	json_t *object, *event, *entry;
	size_t i, n = 0;

	(void)state;
	result.perf_events[PERF_EVENT_SIDEBAND] = -EACCES;
	object = print(&result);
	event = json_object_get(json_object_get(object, "perf_events"), "cpu_clock");
	assert_true(json_is_true(json_object_get(event, "ok")));
	assert_true(json_is_null(json_object_get(event, "error")));
	event = json_object_get(json_object_get(object, "perf_events"), "sideband");
	assert_true(json_is_false(json_object_get(event, "ok")));
	assert_string_equal(string(event, "error"), strerror(EACCES));
	assert_int_equal(json_array_size(json_object_get(object, "blockers")), 0);
	json_array_foreach(json_object_get(object, "capabilities"), i, entry)
	{
		bool have = json_is_true(json_object_get(entry, "have"));

		assert_non_null(string(entry, "purpose"));
		assert_non_null(string(entry, "cost_if_missing"));
		assert_int_equal(have, strcmp(string(entry, "name"), "CAP_BPF") == 0);
		n += have;
	}
	assert_int_equal(n, 1);
	json_decref(object);
}

static void test_full_disk(void **state)
{
	_cleanup_fclose_ FILE *full = fopen("/dev/full", "we");
	struct probe_result result = {.release = "x"};

	(void)state;
	assert_non_null(full);
	assert_int_equal(probe_print(&result, full), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
