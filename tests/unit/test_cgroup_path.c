// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_cgroup_path.c - cgroup paths as systemd and container runtimes make them, and as nobody
 * should: what they name, and which units a pattern finds in them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "cgroup_path.h"
#include "cleanup.h"

#define ID    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

struct parsed {
	const char *path;
	const char *unit, *slice, *session, *container;
};

static void assert_parsed(const struct parsed *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct parsed *c = &cases[i];
		struct cgroup_names names;

		memset(&names, 0xff, sizeof(names));
		cgroup_path_parse(c->path, &names);
		if (strcmp(names.unit, c->unit) != 0 || strcmp(names.slice, c->slice) != 0 ||
		    strcmp(names.session, c->session) != 0 ||
		    strcmp(names.container, c->container) != 0)
			fail_msg("%s: unit '%s', slice '%s', session '%s', container '%s'", c->path,
				 names.unit, names.slice, names.session, names.container);
	}
}

static void test_units(void **state)
{
	static const struct parsed cases[] = {
		{"", "", "", "", ""},
		{"/", "", "", "", ""},
		{"/init.scope", "init.scope", "", "", ""},
		{"/system.slice", "system.slice", "system.slice", "", ""},
		{"/system.slice/nginx.service", "nginx.service", "system.slice", "", ""},
		{"system.slice//nginx.service/", "nginx.service", "system.slice", "", ""},
		/* A delegated subtree below the unit. */
		{"/system.slice/db.service/workers/7", "db.service", "system.slice", "", ""},
		{"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service",
		 "system-getty.slice", "", ""},
		{"/system.slice/home-a\\x2db.mount", "home-a\\x2db.mount", "system.slice", "", ""},
		{"/system.slice/dev-sda3.swap", "dev-sda3.swap", "system.slice", "", ""},
		{"/system.slice/ssh.socket", "ssh.socket", "system.slice", "", ""},
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-firefox-1.scope",
		 "app-firefox-1.scope", "app.slice", "", ""},
		{"/user.slice/user-1000.slice/user@1000.service/init.scope", "init.scope",
		 "user-1000.slice", "", ""},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

static void test_sessions(void **state)
{
	static const struct parsed cases[] = {
		{"/user.slice/user-1000.slice/session-3.scope", "session-3.scope",
		 "user-1000.slice", "3", ""},
		{"/user.slice/user-119.slice/session-c1.scope", "session-c1.scope",
		 "user-119.slice", "c1", ""},
		/* Not logind's: anybody may name a scope of his own so. */
		{"/user.slice/user-1000.slice/user@1000.service/app.slice/session-3.scope",
		 "session-3.scope", "app.slice", "", ""},
		{"/session-3.scope", "session-3.scope", "", "", ""},
		{"/user-1.slice/session-a-b.scope", "session-a-b.scope", "user-1.slice", "", ""},
		{"/user-1.slice/session-.scope", "session-.scope", "user-1.slice", "", ""},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

static void test_escapes(void **state)
{
	static const struct parsed cases[] = {
		{"/system.slice/_cpu.service", "cpu.service", "system.slice", "", ""},
		{"/system.slice/__x.service", "_x.service", "system.slice", "", ""},
		{"/_cgroup.slice/a.service", "a.service", "cgroup.slice", "", ""},
		{"/system.slice/_.service", "system.slice", "system.slice", "", ""},
		{"/system.slice/_", "system.slice", "system.slice", "", ""},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

static void test_no_units(void **state)
{
	static const struct parsed cases[] = {
		{"/.service", "", "", "", ""},
		{"/nginx", "", "", "", ""},
		{"/nginx.services", "", "", "", ""},
		{"/nginx.service.d", "", "", "", ""},
		{"/@tty1.service", "", "", "", ""},
		{"/getty@.service", "", "", "", ""},
		{"/a b.service", "", "", "", ""},
		{"/a\x1b[31m.service", "", "", "", ""},
		{"/\xff\xfe.service", "", "", "", ""},
		{"/a\n.slice/b\".scope", "", "", "", ""},
		{"/../..", "", "", "", ""},
		{"////", "", "", "", ""},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

static void test_docker_and_kubernetes(void **state)
{
	static const struct parsed cases[] = {
		{"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "system.slice", "",
		 ID},
		{"/docker/" ID, "", "", "", ID},
		{"/docker/" ID "/system.slice/nginx.service", "nginx.service", "system.slice", "",
		 ID},
		/* The outermost: Docker in Docker. */
		{"/docker/" ID "/docker/" OTHER, "", "", "", ID},
		{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/"
		 "cri-containerd-" ID ".scope",
		 "cri-containerd-" ID ".scope", "kubepods-burstable-pod1_2.slice", "", ID},
		{"/kubepods.slice/kubepods-pod1.slice/crio-" ID ".scope", "crio-" ID ".scope",
		 "kubepods-pod1.slice", "", ID},
		{"/kubepods.slice/kubepods-pod1.slice/crio-conmon-" ID ".scope",
		 "crio-conmon-" ID ".scope", "kubepods-pod1.slice", "", ""},
		{"/kubepods/besteffort/pod8e0a-11/" ID, "", "", "", ID},
		{"/kubepods/besteffort/pod8e0a-11/crio-" ID, "", "", "", ID},
		{"/system.slice/kubepods-pod1.slice:cri-containerd:" ID, "system.slice",
		 "system.slice", "", ID},
		/* A pod is no container. */
		{"/kubepods.slice/kubepods-pod1.slice", "kubepods-pod1.slice",
		 "kubepods-pod1.slice", "", ""},
		/* Almost ids. */
		{"/docker/0" ID, "", "", "", ""},
		{"/docker/0123456789ab", "", "", "", ""},
		{"/system.slice/" ID ".service", ID ".service", "system.slice", "", ""},
		{"/system.slice/containerd.service", "containerd.service", "system.slice", "", ""},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

static void test_podman(void **state)
{
	static const struct parsed cases[] = {
		{"/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope",
		 "machine.slice", "", ID},
		{"/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope",
		 "machine.slice", "", ""},
		{"/libpod_parent/libpod-" ID, "", "", "", ID},
		{"/libpod_parent/conmon", "", "", "", ""},
		{"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
		 "libpod-" ID ".scope", "user.slice", "", ID},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

static void test_machines(void **state)
{
	static const struct parsed cases[] = {
		{"/machine.slice/machine-web.scope/payload/system.slice/nginx.service",
		 "nginx.service", "system.slice", "", "web"},
		{"/machine.slice/machine-web\\x2d1.scope/payload", "machine-web\\x2d1.scope",
		 "machine.slice", "", "web-1"},
		{"/machine.slice/machine-qemu\\x2d1\\x2dvm.scope/libvirt/emulator",
		 "machine-qemu\\x2d1\\x2dvm.scope", "machine.slice", "", "qemu-1-vm"},
		/* Nothing invisible comes out of an escape, and half of one is none. */
		{"/machine.slice/machine-a\\x00\\x1b\\x2.scope", "machine-a\\x00\\x1b\\x2.scope",
		 "machine.slice", "", "a\\x00\\x1b\\x2"},
		{"/machine.slice/machine-.scope", "machine-.scope", "machine.slice", "", ""},
		/* A program of that name. */
		{"/system.slice/machine-learning.scope", "machine-learning.scope", "system.slice",
		 "", ""},
		{"/machine.slice/systemd-nspawn@web-1.service/payload",
		 "systemd-nspawn@web-1.service", "machine.slice", "", "web-1"},
		{"/lxc.payload.web/system.slice/nginx.service", "nginx.service", "system.slice", "",
		 "web"},
		{"/lxc.monitor.web", "", "", "", ""},
		{"/lxc/web/init.scope", "init.scope", "", "", "web"},
		{"/lxc", "", "", "", ""},
		{"/lxc.payload.web/docker/" ID, "", "", "", "web"},
	};

	(void)state;
	assert_parsed(cases, ARRAY_SIZE(cases));
}

/* Names of any length fit, or are cut, or are none. */
static void test_lengths(void **state)
{
	(void)state;
	for (size_t len = 1; len < 600; len++) {
		char path[2048], name[600];
		struct cgroup_names names;

		memset(name, 'a', len);
		name[len] = '\0';
		(void)snprintf(path, sizeof(path), "/user-1.slice/session-%s.scope/lxc/%s/%s.slice",
			       name, name, name);
		cgroup_path_parse(path, &names);
		assert_int_equal(strlen(names.container), len < 127 ? len : 127);
		assert_int_equal(strlen(names.session), len + strlen("session-.scope") > 255 ? 0
							: len < 63			     ? len
											     : 63);
		assert_string_equal(names.slice + strlen(names.slice) - 6, ".slice");
		assert_int_equal(strlen(names.slice), len + 6 > 255 ? 12 : len + 6);
	}
}

/* Anything is taken apart, and what comes out are strings. */
static void test_any_bytes(void **state)
{
	static const char *const parts[] = {
		"/",
		"_",
		"\\x2d",
		"\\x",
		".scope",
		".service",
		".slice",
		"machine",
		"-",
		"@",
		"lxc",
		"payload.",
		ID,
		"libpod-",
		"\xff",
		"user-1",
		"session-",
		"machine.slice/",
		"systemd-nspawn@",
		".",
	};

	(void)state;
	srand(1);
	for (int i = 0; i < 20000; i++) {
		char path[512] = "";
		struct cgroup_names names;

		for (int n = rand() % 7; n > 0; n--)
			strcat(path, parts[(size_t)rand() % ARRAY_SIZE(parts)]);
		memset(&names, 0xff, sizeof(names));
		cgroup_path_parse(path, &names);
		assert_true(strnlen(names.unit, sizeof(names.unit)) < sizeof(names.unit));
		assert_true(strnlen(names.slice, sizeof(names.slice)) < sizeof(names.slice));
		assert_true(strnlen(names.session, sizeof(names.session)) < sizeof(names.session));
		assert_true(strnlen(names.container, sizeof(names.container)) <
			    sizeof(names.container));
		assert_null(strchr(names.unit, '/'));
		/* The unit is one that its own pattern finds. */
		if (names.unit[0])
			assert_true(cgroup_path_has_unit(path, names.unit));
	}
}

static void test_patterns(void **state)
{
	static const char app[] =
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-a\\x2db-1.scope";
	static const struct {
		const char *path, *pattern;
		bool found;
	} cases[] = {
		{"/system.slice/nginx.service", "nginx.service", true},
		{"/system.slice/nginx.service", "nginx", true},
		{"/system.slice/nginx.service", "ngin?", true},
		{"/system.slice/nginx.service", "ng*", true},
		{"/system.slice/nginx.service", "[m-n]ginx", true},
		{"/system.slice/nginx.service", "system.slice", true},
		{"/system.slice/nginx.service", "system", false},
		{"/system.slice/nginx.service", "nginx.socket", false},
		{"/system.slice/nginx.service", "nginx.servic", false},
		{"/system.slice/nginx.service", "*.service", true},
		{"/system.slice/nginx.service", "*.scope", false},
		{"/system.slice/nginx.service", "", false},
		{"/system.slice/nginx.socket", "nginx", false},
		{"/system.slice/_cpu.service", "cpu.service", true},
		{"/system.slice/_cpu.service", "_cpu.service", false},
		{"/system.slice/db.service/nginx", "nginx", false},
		{app, "user.slice", true},
		{app, "user@1000.service", true},
		{app, "user@*", true},
		{app, "app.slice", true},
		{app, "app-a\\x2db-1.scope", true},
		{app, "app-a?x2db-*", true},
		{app, "app-a-b-1.scope", false},
		{"/", "*", false},
		{"", "*", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (cgroup_path_has_unit(cases[i].path, cases[i].pattern) != cases[i].found)
			fail_msg("%s in %s", cases[i].pattern, cases[i].path);
	/* A name alone, which has no escape. */
	assert_true(cgroup_unit_matches("_x.service", "_x"));
	assert_false(cgroup_unit_matches("", "nginx"));
	assert_false(cgroup_unit_matches(".service", "*x*"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_no_units),
		cmocka_unit_test(test_docker_and_kubernetes),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_any_bytes),
		cmocka_unit_test(test_patterns),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
