// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_kernel_version.c - which kernels are refused, by the strings that distributions give them.
 */
#include "kernel_version.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define UBUNTU_V	  "#101~22.04.1-Ubuntu SMP PREEMPT_DYNAMIC Thu Nov 16 14:22:28 UTC 2"
#define PLAIN_V		  "#1 SMP PREEMPT_DYNAMIC Mon Apr 24 13:54:31 UTC 2023"
#define DEBIAN_V(version) "#1 SMP PREEMPT_DYNAMIC Debian " version

struct kernel {
	const char *signature, *uname_v, *uname_r;
	const char *version; /* NULL: none is found */
	bool freezes;
};

static const struct kernel kernels[] = {
	/* Debian: what uname -r says never changes within a release. */
	{NULL, DEBIAN_V("6.1.27-1 (2023-05-08)"), "6.1.0-9-amd64", "6.1.27", true},
	{NULL, DEBIAN_V("6.1.37-1 (2023-07-03)"), "6.1.0-10-amd64", "6.1.37", false},
	{NULL, DEBIAN_V("6.1.176-1 (2026-06-20)"), "6.1.0-50-amd64", "6.1.176", false},
	{NULL, DEBIAN_V("6.1.55-1 (2023-09-29)"), "6.1.0-13-cloud-amd64", "6.1.55", false},
	{NULL, "#1 SMP Debian 5.10.197-1 (2023-09-29)", "5.10.0-26-amd64", "5.10.197", false},
	{NULL, DEBIAN_V("6.12.9-1~bpo12+1 (2025-01-19)"), "6.12.9+bpo-amd64", "6.12.9", false},
	{NULL, DEBIAN_V("6.3.7-1~bpo12+1 (2023-06-12)"), "6.3.0-1-amd64", "6.3.7", true},
	{NULL, DEBIAN_V("6.3~rc7-1~exp1 (2023-04-17)"), "6.3.0-0-amd64", "6.3.0", true},
	{NULL, "#1 SMP PREEMPT Debian 1:6.1.63-1+rpt1 (2023-11-24)", "6.1.0-rpi7-rpi-v8", "6.1.63",
	 false},
	{NULL, "#1 SMP PREEMPT Debian 1:6.1.21-1+rpt1 (2023-04-03)", "6.1.0-rpi1-rpi-v8", "6.1.21",
	 true},
	/* Ubuntu 22.04, GA and HWE, 24.04 and clouds. */
	{"Ubuntu 5.15.0-91.101-generic 5.15.131\n", UBUNTU_V, "5.15.0-91-generic", "5.15.131",
	 false},
	{"Ubuntu 5.19.0-50.50-generic 5.19.17\n", UBUNTU_V, "5.19.0-50-generic", "5.19.17", true},
	{"Ubuntu 6.2.0-39.40~22.04.1-generic 6.2.16\n", UBUNTU_V, "6.2.0-39-generic", "6.2.16",
	 true},
	{"Ubuntu 6.5.0-14.14~22.04.1-generic 6.5.3\n", UBUNTU_V, "6.5.0-14-generic", "6.5.3",
	 false},
	{"Ubuntu 6.8.0-40.40~22.04.3-generic 6.8.12\n", UBUNTU_V, "6.8.0-40-generic", "6.8.12",
	 false},
	{"Ubuntu 6.8.0-31.31-generic 6.8.1\n", UBUNTU_V, "6.8.0-31-generic", "6.8.1", false},
	{"Ubuntu 6.1.0-1033.33-oem 6.1.53\n", UBUNTU_V, "6.1.0-1033-oem", "6.1.53", false},
	{"Ubuntu 6.1.0-1013.13-oem 6.1.25\n", UBUNTU_V, "6.1.0-1013-oem", "6.1.25", true},
	{"Ubuntu 6.2.0-1018.18~22.04.1-azure 6.2.16", UBUNTU_V, "6.2.0-1018-azure", "6.2.16", true},
	{"Ubuntu 5.15.0-1049.57~20.04.1-gcp 5.15.131", UBUNTU_V, "5.15.0-1049-gcp", "5.15.131",
	 false},
	{"Ubuntu 6.5.0-1014.14~22.04.1-aws 6.5.13", UBUNTU_V, "6.5.0-1014-aws", "6.5.13", false},
	/* Those whose uname -r tells. */
	{NULL, PLAIN_V, "5.14.0-362.8.1.el9_3.x86_64", "5.14.0", false},
	{NULL, PLAIN_V, "4.18.0-513.5.1.el8_9.x86_64", "4.18.0", false},
	{NULL, PLAIN_V, "6.12.0-55.9.1.el10_0.x86_64", "6.12.0", false},
	{NULL, PLAIN_V, "5.15.0-200.131.27.el9uek.x86_64", "5.15.0", false},
	{NULL, PLAIN_V, "6.2.9-300.fc38.x86_64", "6.2.9", true},
	{NULL, PLAIN_V, "6.3.8-200.fc38.x86_64", "6.3.8", true},
	{NULL, PLAIN_V, "6.3.12-200.fc38.x86_64", "6.3.12", false},
	{NULL, PLAIN_V, "6.5.6-300.fc39.x86_64", "6.5.6", false},
	{NULL, PLAIN_V, "6.3.1-arch1-1", "6.3.1", true},
	{NULL, PLAIN_V, "6.3.9", "6.3.9", true},
	{NULL, PLAIN_V, "6.3.10", "6.3.10", false},
	{NULL, PLAIN_V, "6.18.1-arch1-1", "6.18.1", false},
	{NULL, PLAIN_V, "6.4.0-150600.21-default", "6.4.0", false},
	{NULL, "#1 SMP PREEMPT_DYNAMIC PVE 6.2.16-3 (2023-06-17T05:58Z)", "6.2.16-3-pve", "6.2.16",
	 true},
	{NULL, "#1 SMP Fri Jan 27 02:56:13 UTC 2023", "5.15.90.1-microsoft-standard-WSL2",
	 "5.15.90", false},
	{NULL, PLAIN_V, "6.1.21.2-microsoft-standard-WSL2", "6.1.21", true},
	{NULL, PLAIN_V, "6.1.29-47.49.amzn2023.x86_64", "6.1.29", true},
	{NULL, PLAIN_V, "6.1.61-85.141.amzn2023.x86_64", "6.1.61", false},
	{NULL, PLAIN_V, "5.10.198-187.748.amzn2.x86_64", "5.10.198", false},
	{NULL, PLAIN_V, "6.1.58+", "6.1.58", false},
	/* Both ends of each range, and release candidates. */
	{NULL, NULL, "5.18.19", "5.18.19", false},
	{NULL, NULL, "5.19.0", "5.19.0", true},
	{NULL, NULL, "5.19.0-rc1", "5.19.0", true},
	{NULL, NULL, "6.0.19", "6.0.19", true},
	{NULL, NULL, "6.1.0", "6.1.0", true},
	{NULL, NULL, "6.1.35", "6.1.35", true},
	{NULL, NULL, "6.1.36", "6.1.36", false},
	{NULL, NULL, "6.2.0-rc3", "6.2.0", true},
	{NULL, NULL, "6.2-rc3", "6.2.0", true},
	{NULL, NULL, "6.2.", "6.2.0", true},
	{NULL, NULL, "6.3.0", "6.3.0", true},
	{NULL, NULL, "6.4.0-rc1", "6.4.0", false},
	{NULL, NULL, "6.20.0", "6.20.0", false},
	{NULL, NULL, "7.2.0", "7.2.0", false},
	{NULL, NULL, "16.2.0", "16.2.0", false},
	/* A source that holds no version is passed over. */
	{"", "", "6.2.1", "6.2.1", true},
	{" \n", "Debian ", "6.2.1", "6.2.1", true},
	{"Ubuntu", DEBIAN_V("sid"), "6.2.1", "6.2.1", true},
	{"6.5.3", DEBIAN_V("6.1.27"), "6.1.0", "6.5.3", false},
	{"Ubuntu 6.5.0 99999999999999999999.1.1", PLAIN_V, "6.5.0", "6.5.0", false},
	{NULL, "#1 SMP NotDebian 6.1.27-1", "6.6.1", "6.6.1", false},
	{NULL, DEBIAN_V("1:"), "6.6.1", "6.6.1", false},
	{NULL, NULL, NULL, NULL, false},
	{"", "", "", NULL, false},
	{"garbage", "Debian", "garbage", NULL, false},
	{NULL, NULL, "6", NULL, false},
	{NULL, NULL, "6.", NULL, false},
	{NULL, NULL, ".2.1", NULL, false},
	{NULL, NULL, "-6.2.1", NULL, false},
	{NULL, NULL, " 6.2.1", NULL, false},
	{NULL, NULL, "v6.2.1", NULL, false},
	/* 2^32 + 6 is not 6. */
	{NULL, NULL, "4294967302.2.1", NULL, false},
	{NULL, NULL, "6.4294967298.1", NULL, false},
	{NULL, NULL, "6.1.18446744073709551616", NULL, false},
	{NULL, NULL, "6.1.99999", "6.1.99999", false},
	{NULL, NULL, "6.1.100000", NULL, false},
};

static void test_real_strings(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(kernels) / sizeof(kernels[0]); i++) {
		const struct kernel *k = &kernels[i];
		struct kernel_version version = {1, 2, 3, KERNEL_VERSION_RELEASE};
		char text[64] = "none";
		int r = kernel_version_parse(k->signature, k->uname_v, k->uname_r, &version);

		if (r == 0)
			(void)snprintf(text, sizeof(text), "%u.%u.%u", version.major, version.minor,
				       version.patch);
		if (r != (k->version ? 0 : -EINVAL) ||
		    strcmp(text, k->version ? k->version : "none") != 0 ||
		    kernel_version_freezes(&version) != k->freezes)
			fail_msg("'%s' '%s' '%s': returned %d, version %s, refused %d",
				 k->signature ? k->signature : "", k->uname_v ? k->uname_v : "",
				 k->uname_r ? k->uname_r : "", r, text,
				 kernel_version_freezes(&version));
	}
}

static void test_very_long(void **state)
{
	struct kernel_version version;
	char text[4096];

	(void)state;
	memset(text, '9', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(kernel_version_parse(text, text, text, &version), -EINVAL);
	assert_int_equal(version.source, KERNEL_VERSION_UNKNOWN);
	memcpy(text, "6.2.", 4);
	assert_int_equal(kernel_version_parse(NULL, NULL, text, &version), -EINVAL);
	assert_false(kernel_version_freezes(&version));
	memset(text, '.', sizeof(text) - 1);
	assert_int_equal(kernel_version_parse(text, text, text, &version), -EINVAL);
}

static void test_refusal(void **state)
{
	struct kernel_version version;
	char text[512], small[16];

	(void)state;
	assert_int_equal(kernel_version_parse(NULL, DEBIAN_V("6.1.27-1 (2023-05-08)"),
					      "6.1.0-9-amd64", &version),
			 0);
	assert_int_equal(version.source, KERNEL_VERSION_DEBIAN);
	kernel_version_refusal(&version, text, sizeof(text));
	assert_non_null(strstr(text, "Linux 6.1.27 (by uname -v) is refused"));
	assert_non_null(strstr(text, "freeze"));
	assert_non_null(strstr(text, "boot 6.1.36"));
	assert_non_null(strstr(text, "start profd again")); /* the whole sentence has room */
	assert_null(strchr(text, '\n'));
	kernel_version_refusal(&version, small, sizeof(small));
	assert_string_equal(small, "Linux 6.1.27 (b");
	assert_int_equal(
		kernel_version_parse("Ubuntu 6.2.0-39.40-generic 6.2.16\n", NULL, NULL, &version),
		0);
	kernel_version_refusal(&version, text, sizeof(text));
	assert_non_null(strstr(text, "Linux 6.2.16 (by /proc/version_signature) is refused"));
}

/* The kernel that the test runs on has a version. */
static void test_this_kernel(void **state)
{
	struct kernel_version version;

	(void)state;
	assert_int_equal(kernel_version_read(&version), 0);
	assert_true(version.major >= 4);
	assert_int_not_equal(version.source, KERNEL_VERSION_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_real_strings),
		cmocka_unit_test(test_very_long),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_this_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
