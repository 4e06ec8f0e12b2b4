// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_cgroup_path.c - any bytes as a cgroup's path: what comes out are strings, and the unit is
 * one of those on the path.
 */
#include "cgroup_path.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

static bool is_string(const char *buf, size_t size)
{
	return strnlen(buf, size) < size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_free_ char *path = malloc(size + 1);
	struct cgroup_names names;

	if (!path)
		return 0;
	memcpy(path, data, size);
	path[size] = '\0';
	memset(&names, 0xff, sizeof(names));
	cgroup_path_parse(path, &names);
	if (!is_string(names.unit, sizeof(names.unit)) ||
	    !is_string(names.slice, sizeof(names.slice)) ||
	    !is_string(names.session, sizeof(names.session)) ||
	    !is_string(names.container, sizeof(names.container)))
		abort();
	if (names.unit[0] && !cgroup_path_has_unit(path, names.unit))
		abort();
	return 0;
}
