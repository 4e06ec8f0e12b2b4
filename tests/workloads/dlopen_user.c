/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dlopen_user.c - a workload: burns in burn_before_dlopen(), loads a library and burns in that.
 *
 * Usage: dlopen_user LIBRARY CPU_MS_EACH [CPU_MS_AFTER]     AFTER the library was loaded
 */
#include "burn.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

DEFINE_BURNER(burn_before_dlopen, 3935559000370003845ull);

static void burn_for(burner burn, uint64_t ns)
{
	uint64_t goal_ns = thread_cpu_ns() + ns;

	while (thread_cpu_ns() < goal_ns)
		(void)burn(300000); /* less than a ms */
}

int main(int argc, char **argv)
{
	uint64_t each_ns = argc >= 3 ? strtoull(argv[2], NULL, 10) * 1000000 : 0;
	uint64_t after_ns = argc == 4 ? strtoull(argv[3], NULL, 10) * 1000000 : each_ns;
	void *library;
	burner burn;

	if (!each_ns) {
		fprintf(stderr, "usage: dlopen_user LIBRARY CPU_MS_EACH [CPU_MS_AFTER]\n");
		return 2;
	}
	burn_for(burn_before_dlopen, each_ns);
	library = dlopen(argv[1], RTLD_NOW);
	if (!library) {
		fprintf(stderr, "dlopen_user: %s\n", dlerror());
		return 1;
	}
	*(void **)&burn = dlsym(library, "burn_in_library");
	if (!burn)
		return 1;
	burn_for(burn, after_ns);
	return 0;
}
