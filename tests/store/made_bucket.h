/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * made_bucket.h - a bucket put together by a test, entry by entry, and a directory for its store.
 * The arrays have fixed room; asking for more fails the test.
 */
#ifndef PROFD_TEST_MADE_BUCKET_H
#define PROFD_TEST_MADE_BUCKET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "store.h"
#include "units.h"

#define MADE_PERIOD_NS (20 * NSEC_PER_MSEC)
#define MADE_BUCKET_NS (10 * NSEC_PER_SEC)
#define MADE_START_S   1700000000ull /* not near midnight, a multiple of 10 */

struct made_bucket {
	struct profile_bucket bucket;
	struct profile_file files[16];
	struct profile_location locations[512];
	struct profile_frame frames[512];
	uint32_t stack_locations[8192];
	struct profile_stack stacks[512];
	struct profile_series series[64];
	struct profile_row rows[1024];
	struct profile_loss losses[8];
	struct profile_held held[64];
	struct profile_ledger ledger[64];
	struct profile_io io[16];
	uint32_t n_frames, n_stack_locations;
};

/* An empty bucket that starts then, all of it covered. */
void made_begin(struct made_bucket *made, uint64_t start_s);

/* Each returns the index of the new entry. */
uint32_t made_file(struct made_bucket *made, enum file_kind kind, const char *path);
/* Without frames when `function` is NULL. */
uint32_t made_location(struct made_bucket *made, enum location_kind kind, uint32_t file,
		       uint64_t offset, const char *function);
/* Another frame of the newest location, which is inlined into what follows. */
void made_frame(struct made_bucket *made, const char *function, const char *source, uint32_t line,
		bool inlined);
/* `n` indices of locations, leaf first. */
uint32_t made_stack(struct made_bucket *made, uint32_t n, ...);
uint32_t made_series(struct made_bucket *made, uint32_t pid, uint32_t tid, const char *comm);
/* `times` samples of the default period; of an other type `value` in total. */
void made_cpu_row(struct made_bucket *made, uint32_t series, uint32_t stack, uint64_t times);
void made_row(struct made_bucket *made, struct profile_row row);
/* A wait of the class that daemons give: it goes on. */
void made_held(struct made_bucket *made, enum sample_type type, uint32_t series, uint32_t stack);
void made_ledger(struct made_bucket *made, struct profile_ledger row);
void made_io(struct made_bucket *made, struct profile_io row);
void made_loss(struct made_bucket *made, const char *name, uint64_t count, uint64_t weight_ns);

/*
 * A bucket of `n` samples that are told apart by `seed`: same seed, same content. Stacks of
 * different seeds share some frames.
 */
void made_fill(struct made_bucket *made, uint64_t start_s, uint32_t seed, uint32_t n);

/* A new empty directory; as root one that uid and gid 65534 may list. */
char *made_directory(void);
/* Removes it with all in it, and frees the name. */
void made_directory_remove(char *dir);
/* dir/name of a directory; to be freed. */
char *made_path(const char *dir, const char *name);
/* The only or the newest partition file in dir; to be freed. */
char *made_partition(const char *dir);

struct store_writer *made_writer(const char *dir, const struct store_options *options);
/* Options of a store that begins at MADE_START_S. */
struct store_options made_options(void);
void made_write(struct store_writer *writer, struct made_bucket *made);

#endif
