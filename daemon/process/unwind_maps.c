// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unwind_maps.c - see unwind_maps.h.
 */
#include "process/unwind_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLAB_BYTES  ((size_t)UNWIND_SLAB_WORDS * sizeof(uint64_t))
#define FILES_BYTES (UNWIND_FILES_MAX * sizeof(struct unwind_file))

/* A slab that is being made. */
struct making {
	pthread_t thread;
	bool started;
	atomic_bool done;
	uint32_t number;
	int slabs_fd;
	int error;
	int fd;
	uint64_t *words;
};

struct unwind_maps {
	struct unwind_backend backend;
	int slabs_fd, processes_fd;
	struct making making;
	uint64_t *slabs[UNWIND_SLABS_MAX]; /* NULL = not there */
	int slab_fds[UNWIND_SLABS_MAX];	   /* held, so that whoever asks sees whose they are */
};

static int make_slab(int slabs_fd, uint32_t number, uint64_t **ret_words, int *ret_fd)
{
	LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
	_cleanup_close_ int fd =
		bpf_map_create(BPF_MAP_TYPE_ARRAY, "unwind_slab", sizeof(uint32_t),
			       UNWIND_CHUNK_WORDS * sizeof(uint64_t), UNWIND_SLAB_CHUNKS, &options);
	void *words;

	if (fd < 0)
		return fd;
	words = mmap(NULL, SLAB_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (words == MAP_FAILED)
		return -errno;
	if (bpf_map_update_elem(slabs_fd, &number, &fd, BPF_ANY) < 0) {
		int r = -errno;

		(void)munmap(words, SLAB_BYTES);
		return r;
	}
	*ret_words = words;
	*ret_fd = take_fd(&fd);
	return 0;
}

static void *make_in_thread(void *ctx)
{
	struct making *making = ctx;

	pthread_setname_np(pthread_self(), "profd-slab");
	making->error = make_slab(making->slabs_fd, making->number, &making->words, &making->fd);
	atomic_store(&making->done, true);
	return NULL;
}

static int begin_to_make(struct unwind_maps *maps, uint32_t number)
{
	struct making *making = &maps->making;
	int r;

	*making = (struct making){.number = number, .slabs_fd = maps->slabs_fd};
	r = -pthread_create(&making->thread, NULL, make_in_thread, making);
	making->started = r == 0;
	return r;
}

/* Waits for the thread; what it made is the slab's. */
static int end_making(struct unwind_maps *maps)
{
	struct making *making = &maps->making;

	(void)pthread_join(making->thread, NULL);
	making->started = false;
	if (making->error == 0) {
		maps->slabs[making->number] = making->words;
		maps->slab_fds[making->number] = making->fd;
	}
	return making->error;
}

static int slab(void *ctx, uint32_t number, uint64_t **ret_words)
{
	struct unwind_maps *maps = ctx;
	int r = 0;

	if (number >= UNWIND_SLABS_MAX)
		return -ENOSPC;
	if (maps->making.started && !atomic_load(&maps->making.done))
		return -EAGAIN;
	if (maps->making.started)
		r = end_making(maps);
	if (r == 0 && !maps->slabs[number]) {
		r = begin_to_make(maps, number);
		return r < 0 ? r : -EAGAIN;
	}
	if (r < 0)
		return r;
	*ret_words = maps->slabs[number];
	return 0;
}

static int set_process(void *ctx, uint32_t pid, const struct unwind_process *process)
{
	const struct unwind_maps *maps = ctx;

	return bpf_map_update_elem(maps->processes_fd, &pid, process, BPF_ANY) < 0 ? -errno : 0;
}

static void remove_process(void *ctx, uint32_t pid)
{
	const struct unwind_maps *maps = ctx;

	(void)bpf_map_delete_elem(maps->processes_fd, &pid);
}

int unwind_maps_new(int slabs_fd, int files_fd, int processes_fd, struct unwind_maps **ret)
{
	_cleanup_(unwind_maps_freep) struct unwind_maps *maps = calloc(1, sizeof(*maps));
	void *files;
	int r;

	if (!maps)
		return -ENOMEM;
	maps->slabs_fd = slabs_fd;
	maps->processes_fd = processes_fd;
	files = mmap(NULL, FILES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, files_fd, 0);
	if (files == MAP_FAILED)
		return -errno;
	maps->backend = (struct unwind_backend){.ctx = maps,
						.files = files,
						.slab = slab,
						.set_process = set_process,
						.remove_process = remove_process};
	r = make_slab(slabs_fd, 0, &maps->slabs[0], &maps->slab_fds[0]);
	if (r < 0)
		return r;
	*ret = take_ptr(maps);
	return 0;
}

struct unwind_maps *unwind_maps_free(struct unwind_maps *maps)
{
	if (!maps)
		return NULL;
	if (maps->making.started)
		(void)end_making(maps);
	for (uint32_t i = 0; i < UNWIND_SLABS_MAX; i++)
		if (maps->slabs[i]) {
			(void)munmap(maps->slabs[i], SLAB_BYTES);
			(void)close(maps->slab_fds[i]);
		}
	if (maps->backend.files)
		(void)munmap(maps->backend.files, FILES_BYTES);
	free(maps);
	return NULL;
}

const struct unwind_backend *unwind_maps_backend(const struct unwind_maps *maps)
{
	return &maps->backend;
}
