/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared_maps.h - what BPF objects have in common with that of the CPU collector: its ring, its
 * drop counters, and the tables by which user stacks are walked. Skeletons are types of their own,
 * so this is done by macros; `options` has the descriptors and the limits by their names.
 */
#ifndef PROFD_SHARED_MAPS_H
#define PROFD_SHARED_MAPS_H

#include <bpf/libbpf.h>
#include <stddef.h>

/* A map of two objects is one. */
struct shared_map {
	struct bpf_map *map;
	int fd;
};

static inline int share_maps(const struct shared_map *maps, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = bpf_map__reuse_fd(maps[i].map, maps[i].fd);
	return r;
}

/* Each object walks user stacks and fills the ring. */
#define LEND_MAPS(object, options)                                                                 \
	share_maps(                                                                                \
		(const struct shared_map[]){                                                       \
			{(object)->maps.events, (options)->events},                                \
			{(object)->maps.drops, (options)->drops},                                  \
			{(object)->maps.processes_seen, (options)->processes_seen},                \
			{(object)->maps.unwind_slabs, (options)->unwind_slabs},                    \
			{(object)->maps.unwind_files, (options)->unwind_files},                    \
			{(object)->maps.unwind_processes, (options)->unwind_processes},            \
		},                                                                                 \
		6)

#define SET_WALK(object, options)                                                                  \
	do {                                                                                       \
		(object)->rodata->kernel_walk_frames_max = (options)->kernel_frames_max;           \
		(object)->rodata->walk_user_stacks = !(options)->safe_mode;                        \
		(object)->rodata->unwind_with_bpf_loop = !(options)->without_bpf_loop;             \
		if ((options)->user_frames_max &&                                                  \
		    (options)->user_frames_max < WIRE_USER_FRAMES_MAX)                             \
			(object)->rodata->user_frames_max = (options)->user_frames_max;            \
	} while (0)

#endif
