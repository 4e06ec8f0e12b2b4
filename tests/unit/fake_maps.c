// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fake_maps.c - see fake_maps.h.
 */
#include "fake_maps.h"

#include <errno.h>
#include <string.h>

static int slab(void *ctx, uint32_t number, uint64_t **ret_words)
{
	struct fake_maps *maps = ctx;

	if (maps->slab_error)
		return maps->slab_error;
	if (number > maps->n_slabs || number >= UNWIND_SLABS_MAX)
		return -EINVAL;
	if (!maps->slabs[number]) {
		maps->slabs[number] = calloc(UNWIND_SLAB_WORDS, sizeof(uint64_t));
		if (!maps->slabs[number])
			return -ENOMEM;
		maps->n_slabs++;
	}
	*ret_words = maps->slabs[number];
	return 0;
}

struct unwind_process *fake_maps_process(struct fake_maps *maps, uint32_t pid)
{
	for (uint32_t i = 0; i < maps->n_processes; i++)
		if (maps->processes[i].pid == pid)
			return &maps->processes[i].process;
	return NULL;
}

static int set_process(void *ctx, uint32_t pid, const struct unwind_process *process)
{
	struct fake_maps *maps = ctx;
	struct unwind_process *there = fake_maps_process(maps, pid);

	maps->n_set++;
	if (maps->set_error)
		return maps->set_error;
	if (!there && maps->n_processes >= maps->processes_max)
		return -E2BIG;
	if (maps->on_set)
		maps->on_set(maps->on_set_ctx, pid, process);
	if (!there) {
		maps->processes[maps->n_processes].pid = pid;
		there = &maps->processes[maps->n_processes++].process;
	}
	*there = *process;
	return 0;
}

static void remove_process(void *ctx, uint32_t pid)
{
	struct fake_maps *maps = ctx;

	maps->n_removed++;
	for (uint32_t i = 0; i < maps->n_processes; i++)
		if (maps->processes[i].pid == pid)
			maps->processes[i--] = maps->processes[--maps->n_processes];
}

struct fake_maps *fake_maps_new(void)
{
	struct fake_maps *maps = calloc(1, sizeof(*maps));

	if (!maps)
		abort();
	maps->processes_max = FAKE_PROCESSES_MAX;
	maps->backend = (struct unwind_backend){.ctx = maps,
						.files = maps->files,
						.slab = slab,
						.set_process = set_process,
						.remove_process = remove_process};
	return maps;
}

struct fake_maps *fake_maps_free(struct fake_maps *maps)
{
	if (!maps)
		return NULL;
	for (uint32_t i = 0; i < UNWIND_SLABS_MAX; i++)
		free(maps->slabs[i]);
	free(maps);
	return NULL;
}

uint64_t *fake_maps_word(struct fake_maps *maps, uint32_t word)
{
	return maps->slabs[word / UNWIND_SLAB_WORDS] + word % UNWIND_SLAB_WORDS;
}
