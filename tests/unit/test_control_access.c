// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_control_access.c - who may ask profd something, and what the others are told.
 */
#include "control_access.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define GROUP_ID 4242

static void test_access(void **state)
{
	const struct control_rule with_group = {
		.own_uid = 100, .has_group = true, .group = GROUP_ID};
	const struct control_rule without = {.own_uid = 100};
	const struct control_peer root = {.uid = 0, .gid = 5};
	const struct control_peer own = {.uid = 100, .gid = 5};
	const struct control_peer stranger = {.uid = 7, .gid = 5, .n_groups = 1, .groups = {6}};
	const struct control_peer primary = {.uid = 7, .gid = GROUP_ID};
	const struct control_peer member = {
		.uid = 7, .gid = 5, .n_groups = 3, .groups = {5, 0, GROUP_ID}};
	struct control_error error;

	(void)state;
	assert_int_equal(control_access(&with_group, &root, &error), 0);
	assert_int_equal(control_access(&with_group, &own, &error), 0);
	assert_int_equal(control_access(&with_group, &primary, &error), 0);
	assert_int_equal(control_access(&with_group, &member, &error), 0);
	assert_int_equal(control_access(&with_group, &stranger, &error), -EACCES);
	assert_string_equal(error.text, "permission denied; run: sudo usermod -aG profd $USER, and "
					"log in again");
	assert_int_equal(control_access(&without, &root, &error), 0);
	assert_int_equal(control_access(&without, &own, &error), 0);
	/* Group 0 is no group of readers. */
	assert_int_equal(control_access(&without, &member, &error), -EACCES);
	assert_non_null(strstr(error.text, "sudo groupadd --system profd"));
}

static void test_rule(void **state)
{
	struct control_rule rule;

	(void)state;
	control_rule_init(&rule, "no-such-group-as-this");
	assert_false(rule.has_group);
	control_rule_init(&rule, "root");
	assert_true(rule.has_group);
	assert_int_equal(rule.group, 0);
	assert_int_equal(rule.own_uid, geteuid());
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_access),
		cmocka_unit_test(test_rule),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
