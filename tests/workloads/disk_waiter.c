/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disk_waiter.c - a workload: one thread reads blocks of a file past the page cache, one touches
 * pages of it that are not in memory.
 *
 * Prints as JSON what the threads know of their waits (waited.h).
 *
 * Usage: disk_waiter SECONDS FILE    the file must have 16 MB or more, and be on a disk
 */
#include "waited.h"

#include <sys/mman.h>
#include <sys/stat.h>

#define BLOCK_BYTES 65536
#define PAGE_BYTES  4096

struct reader {
	const char *path;
	uint64_t end_mono_ns;
	struct waited waited;
	pthread_t thread;
};

void wait_disk_read(struct waited_part *part, int fd, void *block, off_t offset);
KEPT_FUNCTION void wait_disk_read(struct waited_part *part, int fd, void *block, off_t offset)
{
	uint64_t since_ns = mono_ns();

	if (pread(fd, block, BLOCK_BYTES, offset) != BLOCK_BYTES)
		abort();
	waited_add(part, "wait_disk_read", since_ns);
}

void wait_page_fault(struct waited_part *part, const volatile char *page);
KEPT_FUNCTION void wait_page_fault(struct waited_part *part, const volatile char *page)
{
	uint64_t since_ns = mono_ns();

	(void)*page;
	waited_add(part, "wait_page_fault", since_ns);
}

static uint64_t size_of(int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < 16 << 20)
		abort();
	return (uint64_t)st.st_size;
}

static void *read_blocks(void *arg)
{
	struct reader *r = arg;
	int fd = open(r->path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	uint64_t n_blocks = size_of(fd) / BLOCK_BYTES, random = 603010;
	void *block = aligned_alloc(PAGE_BYTES, BLOCK_BYTES);

	waited_begin(&r->waited);
	while (mono_ns() < r->end_mono_ns)
		wait_disk_read(&r->waited.parts[0], fd, block,
			       (off_t)(next_random(&random) % n_blocks * BLOCK_BYTES));
	waited_end(&r->waited);
	free(block);
	(void)close(fd);
	return NULL;
}

/* Each page once, and then they are all given up again. */
static void *touch_pages(void *arg)
{
	struct reader *r = arg;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);
	uint64_t size = size_of(fd), at = 0;

	waited_begin(&r->waited);
	while (mono_ns() < r->end_mono_ns) {
		char *map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

		if (map == MAP_FAILED || madvise(map, size, MADV_RANDOM) < 0 ||
		    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED))
			abort();
		for (at = 0; at < size && mono_ns() < r->end_mono_ns; at += PAGE_BYTES)
			wait_page_fault(&r->waited.parts[0], map + at);
		(void)munmap(map, size);
	}
	waited_end(&r->waited);
	(void)close(fd);
	return NULL;
}

int main(int argc, char **argv)
{
	struct reader readers[] = {{.waited.name = "direct"}, {.waited.name = "fault"}};
	void *(*const runs[])(void *) = {read_blocks, touch_pages};

	if (argc != 3) {
		fprintf(stderr, "usage: disk_waiter SECONDS FILE\n");
		return 2;
	}
	for (int i = 0; i < 2; i++) {
		readers[i].path = argv[2];
		readers[i].end_mono_ns = mono_ns() + (uint64_t)(strtod(argv[1], NULL) * 1e9);
		if (pthread_create(&readers[i].thread, NULL, runs[i], &readers[i]))
			return 1;
	}
	printf("{\"pid\":%d,\"threads\":[", getpid());
	for (int i = 0; i < 2; i++) {
		(void)pthread_join(readers[i].thread, NULL);
		if (i)
			printf(",");
		waited_print(&readers[i].waited);
	}
	printf("]}\n");
	return 0;
}
