/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * online_cpus.h - which CPUs are online, as /sys/devices/system/cpu/online says.
 *
 * Read once a second by the event loop; what has events on CPUs (cpu_ticks.h) is then told to
 * follow. Knows no event itself.
 */
#ifndef PROFD_ONLINE_CPUS_H
#define PROFD_ONLINE_CPUS_H

#include "cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ONLINE_CPUS_PATH "/sys/devices/system/cpu/online"
#define CPU_LIST_MAX	 8192 /* NR_CPUS of the largest kernels; no CPU's number reaches it */

struct cpu_list {
	uint64_t bits[CPU_LIST_MAX / 64];
	uint32_t n;
};

/*
 * Parses a list of the kernel's ("0-3,5\n"; empty is none). Returns 0, or -EINVAL for what is none:
 * another character, a range that runs backwards, a CPU from CPU_LIST_MAX on. `*ret` is undefined
 * then. Pure. Source: lib/bitmap-str.c, bitmap_print_to_pagebuf().
 */
int cpu_list_parse(const char *text, size_t len, struct cpu_list *ret);
bool cpu_list_has(const struct cpu_list *list, uint32_t cpu);

struct online_cpus;

/* Opens `path`, which stays open, and reads it. Returns 0 or negative errno: of open(2), of
 * read(2), -EINVAL for a file that is no list of CPUs or an empty one. */
int online_cpus_new(const char *path, struct online_cpus **ret);
struct online_cpus *online_cpus_free(struct online_cpus *online);
DEFINE_CLEANUP(struct online_cpus *, online_cpus_free);

/* Reads again. Returns 1 when something changed, 0 when not, or negative errno as above; the last
 * list that was read stays then. */
int online_cpus_read(struct online_cpus *online);

/* The last list that was read; valid as long as the object. */
const struct cpu_list *online_cpus_list(const struct online_cpus *online);

#endif
