/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mappings.h - the executable mappings of a process: address to (mapping, offset in its file).
 */
#ifndef PROFD_MAPPINGS_H
#define PROFD_MAPPINGS_H

#include <stddef.h>
#include <stdint.h>

#define MAPPINGS_MAX	     4096 /* executable ones of a process */
#define MAPPING_BUILD_ID_MAX 20	  /* BUILD_ID_SIZE_MAX, include/linux/buildid.h */

enum mapping_kind {
	MAPPING_FILE,
	MAPPING_ANON, /* memory without a file: JIT code; also memfd and shared memory */
	MAPPING_VDSO,
};

struct mapping {
	uint64_t start, end; /* addresses, end exclusive */
	uint64_t file_offset;
	uint64_t inode; /* 0 = not told: a side-band record has the build ID in its place */
	uint32_t dev_major, dev_minor;
	enum mapping_kind kind;
	uint32_t path;	      /* offset in mappings.paths, 0 = "" */
	uint32_t file;	      /* number of symbolize.h; 0 = not found yet */
	uint8_t build_id_len; /* 0 = not told */
	uint8_t build_id[MAPPING_BUILD_ID_MAX];
};

struct mappings {
	struct mapping *entries; /* by address */
	size_t n, capacity;
	char *paths;
	size_t paths_len, paths_capacity;
	size_t paths_limit; /* of paths_len: above it, what no entry uses is thrown away */
	size_t n_dropped;   /* beyond MAPPINGS_MAX, or lines that do not parse */
};

/*
 * Parses the text of /proc/PID/maps (fs/proc/task_mmu.c, show_map_vma()) and keeps what is
 * executable; " (deleted)" is not part of a path. Pure. Returns 0 or -ENOMEM; `*ret` is for
 * mappings_done() and untouched on failure.
 */
int mappings_parse(const char *text, size_t len, struct mappings *ret);

/*
 * The same from the descriptor of /proc/PID/maps by the PROCMAP_QUERY ioctl (since 6.11,
 * fs/proc/task_mmu.c, do_procmap_query()), which skips what is not executable: 30 us instead of
 * 140 us for a process with 200 mappings. -ENOTTY where the kernel does not know it; -ESRCH when
 * the process is gone; -ENOMEM.
 */
int mappings_query(int maps_fd, struct mappings *ret);
void mappings_done(struct mappings *mappings);

/*
 * Adds the executable mapping that was just made; what it covers of older ones is gone (the kernel
 * says nothing of munmap()). `path` is as the kernel names it and decides the mapping's kind; kind,
 * path and file of `mapping` are ignored. Beyond MAPPINGS_MAX it is counted in n_dropped. Returns 0
 * or -ENOMEM, and then nothing has changed but that older ones may be gone.
 */
int mappings_insert(struct mappings *mappings, const struct mapping *mapping, const char *path);

/* Memory of its arrays. */
size_t mappings_bytes(const struct mappings *mappings);

/* A copy of its own; 0 or -ENOMEM, `*ret` untouched. */
int mappings_copy(const struct mappings *from, struct mappings *ret);

/* The mapping that holds `addr`, or NULL. */
struct mapping *mappings_find(const struct mappings *mappings, uint64_t addr);
const char *mappings_path(const struct mappings *mappings, const struct mapping *mapping);

#endif
